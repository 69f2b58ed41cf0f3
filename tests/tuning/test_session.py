"""The session folder: who holds it, what it says, and folders that are no runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from engine.errors import StudioError
from engine.tuning import session as sessions
from engine.tuning.lock import process_start
from engine.tuning.session import Session, list_sessions, newest, read_events, status


@pytest.fixture
def begun(tmp_path):
    """A run with a config and a start, that nobody holds."""
    session = Session.create(tmp_path / "runs" / "one")
    with session.held():
        session.event("start", resumed=False)
        session.write_config({"id": "one", "name": "one"})
    return session


def test_a_folder_is_held_by_one_process(begun):
    other = Session.open(begun.folder)
    with begun.held():
        assert sessions.live(begun.folder)
        with (
            pytest.raises(StudioError, match=rf"worked on by process {os.getpid()} "),
            other.held(),
        ):
            pass
    assert not sessions.live(begun.folder)
    with other.held():
        pass


def test_the_lock_of_a_dead_process_is_taken(begun):
    script = (
        "import sys, os; from engine.tuning.session import Session;"
        "held = Session.open(sys.argv[1]).held(); held.__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(begun.folder)], check=False)
    lock = json.loads((begun.folder / "lock.json").read_text())
    assert lock["pid"] != os.getpid()
    assert not sessions.live(begun.folder)
    with begun.held():
        assert sessions.live(begun.folder)
    assert not (begun.folder / "lock.json").exists()


def test_a_process_number_that_was_given_away_is_not_the_holder(begun):
    path = begun.folder / "lock.json"
    lock = {"pid": os.getpid(), "host": os.uname().nodename, "started": "1"}
    path.write_text(json.dumps(lock))
    assert not sessions.live(begun.folder)
    path.write_text(json.dumps({**lock, "started": process_start(os.getpid())}))
    assert sessions.live(begun.folder)


def test_another_machine_holds_a_folder_as_long_as_it_writes(begun):
    (begun.folder / "lock.json").write_text('{"pid": 1, "host": "elsewhere", "started": "1"}')
    assert sessions.live(begun.folder)
    for path in begun.folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    assert not sessions.live(begun.folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": true}', '{"started": ""}'])
def test_a_damaged_lock_holds_nothing(begun, text):
    (begun.folder / "lock.json").write_text(text)
    assert not sessions.live(begun.folder)
    with begun.held():
        assert sessions.live(begun.folder)


def test_what_a_killed_process_left_is_swept(begun):
    folder = begun.folder
    for name in ("checkpoint/.state.safetensors.ab", "previews/.000001.npz.cd", ".report.json.ef"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("half")
    (folder / ".adapter.old").mkdir()
    (folder / ".adapter.old" / "kept").write_text("whole")
    (folder / ".adapter.xyz").mkdir()
    (folder / "control.json").write_text('{"command": "stop"}')
    (folder / ".control.json.123").write_text("somebody is writing this")
    with begun.held():
        assert begun.command() is None
    assert [one.name for one in folder.rglob(".*")] == [".control.json.123"]
    assert (folder / "adapter" / "kept").read_text() == "whole"


def test_torn_and_foreign_lines_are_left_out(begun):
    with (begun.folder / "events.jsonl").open("ab") as file:
        file.write(b'\xff\n[1]\n{"kind": 3}\n' + b"[" * 100_000 + b'\n{"kind": "pass", "pa')
    assert [event["kind"] for event in read_events(begun.folder)] == ["start"]
    with begun.held():
        begun.event("pass", reward=float("nan"), per_step=[1.0, float("inf")])
    last = read_events(begun.folder)[-1]
    assert (last["kind"], last["reward"], last["per_step"]) == ("pass", None, [1.0, None])


def test_the_state_of_a_run(begun):
    def after(kind):
        begun.event(kind)
        return status(begun.folder)

    with begun.held():
        found = [after(kind) for kind in ("pass", "paused", "resumed", "stopped")]
    assert found == ["running", "paused", "running", "running"]
    assert status(begun.folder) == "finished"
    begun.event("start")
    assert status(begun.folder) == "interrupted"
    begun.event("error", message="no")
    assert status(begun.folder) == "failed"


def test_folders_that_hold_no_run_to_go_on_with(begun, tmp_path):
    with pytest.raises(StudioError, match="There is no run in"):
        Session.open(tmp_path / "nowhere")
    half = Session.create(tmp_path / "half")
    half.event("stage", words="Starting")
    with pytest.raises(StudioError, match="ended before it began"):
        Session.open(half.folder)
    Session.create(half.folder)  # but it can be started anew
    config = begun.folder / "config.json"
    for text, words in (
        ('{"format": "easytune-session", "version": 2}', "is of version 2; this program reads"),
        ('{"format": "else"}', "does not describe a tuning run"),
        ("{", "cannot be read as JSON"),
    ):
        config.write_text(text)
        with pytest.raises(StudioError, match=words):
            Session.open(begun.folder)
        with pytest.raises(StudioError, match="holds a run already"):
            Session.create(begun.folder)


def test_other_peoples_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(StudioError, match=r"holds other files \(thesis.doc\)"):
        Session.create(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.doc"]


def test_runs_are_listed_newest_first(begun):
    runs = begun.folder.parent
    assert newest(runs) == begun.folder
    (runs / "no-run").mkdir()
    (runs / ".launched").mkdir()
    later = Session.create(runs / "a-later-one")
    later.write_config({})
    later.event("start")
    later.event("stopped")
    assert list_sessions(runs) == [later.folder, begun.folder]
    assert newest(runs) == begun.folder
    begun.event("stopped")
    with pytest.raises(StudioError, match="no interrupted run"):
        newest(runs)
    assert list_sessions(runs / "none") == []


def test_commands_are_read_once(begun):
    sessions.send_command(begun.folder, "pause")
    assert [begun.command(), begun.command()] == ["pause", None]
    (begun.folder / "control.json").write_text('{"command": "rm -rf"}')
    assert begun.command() is None
    (begun.folder / "control.json").write_text("{")
    assert begun.command() is None
    assert not (begun.folder / "control.json").exists()
    with pytest.raises(StudioError, match="no command 'explode'"):
        sessions.send_command(begun.folder, "explode")
