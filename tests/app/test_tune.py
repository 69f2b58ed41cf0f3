"""Tuning as the page sees it: goals, commands, processes that outlive it, and what is shown."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time

import pytest

from app import tune_goals, tune_scene
from app.tune_inputs import METHODS, WEIGHTINGS, make_tune_wish, own_list
from app.tune_preview import value as preview_value
from app.tune_process import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    Run,
    Tuner,
)
from app.tune_words import sentence
from app.tune_work import RESUME
from engine.errors import StudioError
from engine.files import append_bytes, read_json
from engine.tuning import presets, session
from engine.tuning.guard import Values, judge
from engine.tuning.methods.registry import METHODS as KNOWN_METHODS
from engine.tuning.methods.registry import WEIGHTINGS as KNOWN_WEIGHTINGS
from engine.tuning.presets import Limits
from engine.tuning.prompts import load_prompts
from engine.tuning.rewards.registry import NAMES
from engine.tuning.settings import Settings
from engine.tuning.watch import Watch, bounds
from tests.app.fake_tune import BASE, FAILING_SEED, write_python

START = ["python", "-m", "engine", "tune", "--prompts", "everyday", "--reward", "feet=1"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tuner(tmp_path):
    """A tuner whose processes are quick stand-ins; whatever they are, they end with the test."""
    made = Tuner("cpu", str(write_python(tmp_path)))
    yield made
    for run in made.runs():
        pid = (read_json(run.folder / "lock.json") if session.live(run.folder) else {}).get("pid")
        if pid:
            os.kill(pid, signal.SIGKILL)


def until(tuner, name, *states, more=lambda run: True):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        run = tuner.run(name)
        if run.state in states and more(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"{name} is {run.state}: {sentence(run)}")


def launch(tuner, name, *extra):
    return tuner.launch(name, [*START, *extra, "--name", name])


def wish(values=None, seconds_of=None, taken=lambda name: False):
    usual = {
        "weights": {"feet": 1.0, "floor": 0.5}, "packs": ["everyday"], "own": "", "preset": "quick",
        "start": "base", "name": "", "method": "easytune-batched", "weighting": "linear",
        "trust": presets.TRUST, "minutes": 0, "batch": 0, "rate": presets.RATE_LORA,
        "rank": 8, "seed": 0, "model": "base", "device": None,
    }  # fmt: skip
    return make_tune_wish({**usual, **(values or {})}, seconds_of or {}, taken)


def test_the_usual_wish_is_a_short_command_that_the_engine_takes():
    made = wish()
    assert made.line == (
        "python -m engine tune --prompts everyday --reward feet=1,floor=0.5 --name feet-1"
    )
    assert wish(taken={"feet-1"}.__contains__).name == "feet-2"
    assert made.settings == Settings(prompts=("everyday",), reward={"feet": 1.0, "floor": 0.5})


def test_own_prompts_become_a_file_only_when_the_tuning_starts(home):
    text = "  a person waves \n\na person waves\na person `$(reboot)`; walks"
    made = wish({"own": text, "packs": []}, {"a person waves": 6.0})
    assert [(one.text, one.seconds) for one in made.own] == [
        ("a person waves", 6.0), ("a person `$(reboot)`; walks", 4.0),
    ]  # fmt: skip
    assert not home.exists()
    made.write_list()
    words = shlex.split(made.line)
    path = words[words.index("--prompts") + 1]
    assert path == str(own_list(made.own))
    assert [one.text for one in load_prompts([path]).tuned] == [one.text for one in made.own]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weights": {"feet": 0.0}}, "at least one goal"),
        ({"weights": {"faster": 1.0, "slower": 1.0}}, "pull against each other"),
        ({"weights": {"feet": float("nan")}}, "must be a number"),
        ({"packs": []}, "Choose a pack"),
        ({"packs": ["../../etc/passwd"]}, "Choose a pack"),
        ({"own": "ok\n" + "x" * 600}, "line 2"),
        ({"name": "a/b"}, "cannot name a folder"),
        ({"name": "base"}, "cannot be used"),
        ({"name": "--help"}, "cannot be used"),
        ({"start": "gone"}, "no tuned model called"),
        ({"method": "magic"}, "Choose a method"),
        ({"preset": "forever"}, "Choose an effort"),
        ({"batch": 2.5}, "whole number"),
        ({"minutes": 1e9}, "must be a number"),
    ],
)
def test_wishes_that_cannot_be(values, words):
    with pytest.raises(StudioError, match=words):
        wish(values)


def test_the_lists_of_the_page_are_those_of_the_engine():
    assert set(METHODS) == set(KNOWN_METHODS)
    assert set(WEIGHTINGS) == set(KNOWN_WEIGHTINGS) - {"window"}  # which needs two more numbers
    assert set(tune_goals.available()) <= set(NAMES)
    assert tune_goals.weights_of(["feet", "smooth"])["floor"] == 0.5


def test_gauges_are_drawn_where_the_guard_stops():
    base = Values(**BASE)
    for name, bound in bounds(BASE).items():
        for step, bad in ((-1e-4, not bound.at_most), (1e-4, bound.at_most)):
            now = Values(**{**BASE, name: bound.value + step})
            assert bool(judge(now, base, Limits())) == bad, name


def test_many_clicks_are_one_tuning_and_others_wait_their_turn(tuner, home):
    names = {launch(tuner, f"feet-{k}") for k in range(1, 21)}
    assert names == {"feet-1"}
    launch(tuner, "other", "--seed", "1")
    launch(tuner, "third", "--seed", "2")
    run = until(tuner, "feet-1", RUNNING, more=lambda one: len(one.watch.seen.passes) > 3)
    assert [(one.name, one.state) for one in tuner.runs()] == [
        ("feet-1", RUNNING), ("other", QUEUED), ("third", QUEUED),
    ]  # fmt: skip
    assert "feet-1 is at work, 1 more before it" in sentence(tuner.run("third"))
    for stranger in ("../../x", "no-such-run"):
        with pytest.raises(StudioError):
            tuner.launch(stranger, [*RESUME, stranger], again=True)
    with pytest.raises(StudioError, match="called feet-1 already"):
        launch(tuner, "feet-1", "--seed", "3")
    tuner.forget("third")
    with pytest.raises(StudioError, match="has begun"):
        tuner.forget("feet-1")
    tuner.tell("feet-1", "stop")
    until(tuner, "feet-1", FINISHED)
    until(tuner, "other", RUNNING, more=lambda one: one.watch.seen.passes)
    assert not (home / "runs" / "third").exists()
    assert tune_scene.has_adapter(tuner.run("feet-1"))
    assert run.words[-2:] == ["--name", "feet-1"]
    other = read_json(home / "runs" / "other" / "lock.json")["pid"]
    assert os.getpriority(os.PRIO_PROCESS, other) > os.getpriority(os.PRIO_PROCESS, 0)


def test_pause_sample_resume_and_what_is_said_meanwhile(tuner):
    launch(tuner, "feet-1")
    until(tuner, "feet-1", RUNNING, more=lambda one: one.watch.seen.passes)
    tuner.tell("feet-1", "pause")
    run = until(tuner, "feet-1", PAUSED)
    assert "Paused after" in sentence(run)
    assert tune_scene.board_value(run)["actions"][0]["name"] == "resume"
    count = len(run.watch.seen.passes)
    tuner.tell("feet-1", "resume")
    until(tuner, "feet-1", RUNNING, more=lambda one: len(one.watch.seen.passes) > count)
    with pytest.raises(StudioError, match="does not run"):
        launch(tuner, "later", "--seed", "1")
        tuner.tell("later", "pause")


def test_a_killed_run_is_noticed_by_the_next_page_too_and_goes_on(tuner, tmp_path):
    launch(tuner, "feet-1")
    until(tuner, "feet-1", RUNNING, more=lambda one: len(one.watch.seen.passes) > 45)
    again = Tuner("cpu", str(tmp_path / "python"))  # the page was restarted
    run = until(again, "feet-1", RUNNING)
    os.kill(read_json(run.folder / "lock.json")["pid"], signal.SIGKILL)
    run = until(again, "feet-1", INTERRUPTED)
    assert "was killed" in sentence(run)
    board = tune_scene.board_value(run)
    assert (board["actions"][0]["name"], board["actions"][0]["enabled"]) == ("again", True)
    assert again.launch("feet-1", [*RESUME, "feet-1"], again=True) == "feet-1"
    run = until(again, "feet-1", RUNNING, more=lambda one: one.watch.seen.start.get("resumed"))
    until(again, "feet-1", RUNNING, more=lambda one: len(one.watch.seen.passes) > 41)
    passes = [one["pass"] for one in run.watch.seen.passes]
    assert passes == sorted(set(passes)), "passes that the crash made void are gone"


def test_a_run_that_cannot_start_says_why_and_can_be_removed(tuner):
    launch(tuner, "feet-1", "--seed", FAILING_SEED)
    run = until(tuner, "feet-1", FAILED)
    assert sentence(run) == "The device 'moon' cannot be used here."
    assert tune_scene.board_value(run)["actions"][3]["name"] == "forget"
    launch(tuner, "next", "--seed", "1")
    until(tuner, "next", RUNNING)
    tuner.forget("feet-1")
    assert [one.name for one in tuner.runs()] == ["next"]


def test_the_board_of_a_whole_run(tuner):
    launch(tuner, "feet-1")
    run = until(tuner, "feet-1", RUNNING, more=lambda one: len(one.watch.seen.passes) > 6)
    board = tune_scene.board_value(run)
    json.dumps(board, allow_nan=False)
    assert board["goal"] == "feet stay planted"
    assert 0 < board["progress"] < 1
    assert "left" in board["text"]
    assert [len(row) for row in board["heat"]["rows"]] == [len(board["heat"]["x"])] * 3
    assert {one["name"] for one in board["gauges"]} == {
        "drift", "diversity", "foot_skate", "jerk", "floor",
    }  # fmt: skip
    assert not any(one["bad"] for one in board["gauges"])
    shown = preview_value(run, 0, None)
    assert [one["accent"] for one in shown["motions"]] == ["base", "tuned"]
    assert shown["at"] == shown["moments"][-1] > 0
    assert preview_value(run, 0, 0)["motions"][1]["joints"] == shown["motions"][0]["joints"]
    tuner.tell("feet-1", "stop")
    board = tune_scene.board_value(until(tuner, "feet-1", FINISHED))
    assert board["report"]["lines"] == [
        {"title": "follows the text better", "answer": "yes (+0.02, 95 %: 0.01 to 0.03)",
         "verdict": "better"},
    ]  # fmt: skip
    assert board["actions"][3] == {
        "name": "compare", "label": "Compare with the base", "enabled": True, "primary": True,
    }  # fmt: skip


def test_a_watch_says_what_the_session_says_and_skips_what_is_broken(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    watch, events = Watch(folder), folder / "events.jsonl"
    assert not watch.look()
    lines = [
        {"kind": "start", "pass": 0}, {"kind": "pass", "pass": 1}, {"kind": "pass", "pass": 2},
        {"kind": "error", "message": "Boom."},
    ]  # fmt: skip
    for line in lines:
        append_bytes(events, json.dumps(line).encode() + b"\n")
        assert watch.look()
        assert watch.state == session.status(folder)
    append_bytes(events, b'\xff\n[1]\n{"kind": "pass", "pa')
    watch.look()
    append_bytes(events, b'ss": 3}\n{"kind": "start", "pass": 1, "resumed": true}\n')
    watch.look()
    assert [one["pass"] for one in watch.seen.passes] == [1]
    assert (watch.state, watch.seen.error) == ("interrupted", "")
    events.write_bytes(b'{"kind": "start", "pass": 0}\n')
    watch.look()
    assert watch.seen.passes == []


def test_estimates_come_from_the_last_run_like_it(home):
    from engine.tuning.estimate import about

    settings = Settings(prompts=("everyday",), reward={"feet": 1.0}, batch=4)
    assert not about(settings, home / "runs").measured
    run = home / "runs" / "feet-1"
    run.mkdir(parents=True)
    told = {"settings": settings.to_dict(),
            "predicted": {"memory_bytes": 5e9, "seconds": 100.0, "disk_bytes": 2e6}}  # fmt: skip
    (run / "config.json").write_text(json.dumps(told))
    longer = Settings(prompts=("everyday",), reward={"feet": 1.0}, batch=4, minutes=3.0)
    found = about(longer, home / "runs")
    assert (found.seconds, found.memory_bytes, found.measured) == (256.0, 5e9, True)
    assert "4 minutes in all, 5.0 GB" in found.in_words()
    assert not about(Settings(prompts=("everyday",), batch=8), home / "runs").measured


@pytest.mark.parametrize(
    ("reason", "word", "words"),
    [
        ("finished", "done", "The new adapter is called run"),
        ("collapsed", "stopped early", "Stopped before it got worse. Feet slide. The last good"),
        ("signal", "done", "was not compared"),
    ],
)
def test_how_a_run_ended_is_said(tmp_path, reason, word, words):
    folder = tmp_path / "run"
    folder.mkdir()
    ends = [
        {"kind": "start", "pass": 0},
        {"kind": "stopped", "reason": reason, "message": "Feet slide.", "restored": True},
        {"kind": "report", "words": []},
    ][: 2 if reason == "signal" else 3]
    for line in ends:
        append_bytes(folder / "events.jsonl", json.dumps(line).encode() + b"\n")
    watch = Watch(folder)
    watch.look()
    run = Run("run", folder, watch.state, watch)
    board = tune_scene.board_value(run)
    assert (board["state"], board["word"]) == (FINISHED, word)
    assert words in board["text"]
    assert board["early"] == (reason == "collapsed")
