"""Lanes, command lines, error sentences, example packs, thumbnails, visits, start-up options."""

from __future__ import annotations

import base64
import errno
import json
import logging
import shlex
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import errors, scene
from app.commands import generate_line
from app.engine_access import Engine
from app.generate_work import GenerateWork
from app.inputs import Wish
from app.lanes import CANCELLED, DONE, FAILED, Lane
from app.prompts import example_packs
from app.settings import ROOT, parse_arguments
from app.visits import MOST_RESULTS, Visit, Visits
from engine.errors import StudioError
from engine.motion.motion import Motion
from tests.app.fake_engine import FakeEngine
from tests.app.walking import walking

WISH = Wish("a person waves", 2.0, 7, 2, 3.0, 10, "base")


def motions():
    return [Motion(walking(2.0, seed), WISH.prompt, seed, "base") for seed in WISH.seeds]


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_command_line_survives_a_shell(prompt):
    words = shlex.split(generate_line(Wish(prompt, 1.25, 0, 1, 3.5, 10, "my model")))
    assert prompt in words
    assert words[words.index("--seconds") + 1] == "1.25"
    assert words[words.index("--model") + 1] == "my model"


def test_a_prompt_that_looks_like_an_option_comes_last():
    words = shlex.split(generate_line(Wish("--help", 1.0, 0, 1, 3.0, 10, "base")))
    assert words[-2:] == ["--", "--help"]


def test_lane_takes_turns_and_tells_positions():
    lane, gate, order = Lane("test"), threading.Event(), []
    first = lane.submit(lambda job: gate.wait(10) and order.append(1))
    others = [lane.submit(lambda job, n=n: order.append(n)) for n in (2, 3)]
    assert [lane.ahead(job) for job in (first, *others)] == [0, 1, 2]
    assert lane.load == 3
    gate.set()
    assert others[-1].wait(10)
    assert order == [1, 2, 3]
    assert lane.load == 0


def test_cancelled_jobs_never_run_and_failed_ones_do_not_stop_the_lane():
    lane, gate, ran = Lane("test"), threading.Event(), []
    blocker = lane.submit(lambda job: gate.wait(10))
    waiting = lane.submit(lambda job: ran.append("waiting"))
    waiting.cancel()
    assert waiting.ended
    assert waiting.state == CANCELLED
    broken = lane.submit(lambda job: 1 / 0)
    fine = lane.submit(lambda job: "fine")
    gate.set()
    assert fine.wait(10)
    assert (blocker.state, broken.state, fine.state) == (DONE, FAILED, DONE)
    assert isinstance(broken.error, ZeroDivisionError)
    assert ran == []


def test_a_video_that_finds_no_place_in_the_queue_says_so(tmp_path):
    full = Lane("test", most_waiting=-1)
    work = GenerateWork(FakeEngine(), Visits(tmp_path), full, full)
    work.parts = SimpleNamespace(film_notice="notice", again="again")
    visit = work.visits.of("me")
    visit.to_film = visit.add(WISH, motions()).id
    *_, last = work.film(SimpleNamespace(session_hash="me"))
    assert "waiting already" in last["notice"]["text"]
    assert last["again"]["visible"] is True


def test_a_full_lane_says_so():
    lane, gate = Lane("test", most_waiting=2), threading.Event()
    for _ in range(3):
        lane.submit(lambda job: gate.wait(10))
    with pytest.raises(StudioError, match="waiting already"):
        lane.submit(lambda job: None)
    gate.set()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StudioError("Do this."), "Do this."),
        (OSError(errno.ENOSPC, "no space"), "disk is full"),
        (MemoryError(), "out of memory"),
        (KeyError("/secret/path"), "Something went wrong"),
    ],
)
def test_error_sentences(error, words, caplog):
    with caplog.at_level(logging.ERROR, logger="easytune.page"):
        text = errors.sentence(error)
    assert words in text
    assert "secret" not in text
    assert bool(caplog.records) == (not isinstance(error, StudioError))


def test_example_packs_skip_what_is_damaged(tmp_path):
    good = {"text": "a person waves", "seconds": 3.0}
    bad = ["walk", {"text": ""}, {"text": "run", "seconds": 99}, {"seconds": 3}, None]
    for name, value in {
        "a": {"name": "Sport", "prompts": [good, *bad]},
        "b": {"name": "Everyday", "prompts": [good]},
        "c": {"name": "None", "prompts": bad}, "d": 3, "e": {"prompts": "walk"},
    }.items():  # fmt: skip
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    (tmp_path / "f.json").write_text("{")
    assert example_packs(tmp_path)["packs"] == [
        {"name": "Everyday", "prompts": [good]},
        {"name": "Sport", "prompts": [good]},
    ]


def test_shipped_packs_are_read():
    packs = example_packs()["packs"]
    assert packs[0]["name"] == "Everyday"
    assert all(len(pack["prompts"]) >= 4 for pack in packs)


def test_joints_reach_the_player_exactly(tmp_path):
    result = Visit(tmp_path).add(WISH, motions())
    sent = scene.player_value(result)
    assert [motion["label"] for motion in sent["motions"]] == [
        "Sample 1, seed 7", "Sample 2, seed 8",
    ]  # fmt: skip
    for motion, packed in zip(result.motions, sent["motions"], strict=True):
        joints = np.frombuffer(base64.b64decode(packed["joints"]), "<f4").reshape(-1, 22, 3)
        assert np.array_equal(joints, motion.joints)
        assert packed["frames"] == 40


def test_thumbnail_fits_its_box_and_knows_sides():
    bones = scene.thumbnail(motions()[0])
    points = np.array([bone[:4] for bone in bones])
    assert len(bones) == 21
    assert points.min() >= 0
    assert points.max() <= scene.THUMBNAIL
    assert [bone[4] for bone in bones].count("left") == [bone[4] for bone in bones].count("right")


def test_visits_keep_few_results_and_leave_nothing_behind(tmp_path):
    visits = Visits(tmp_path)
    visit = visits.of("someone")
    first = visit.add(WISH, motions())
    for _ in range(MOST_RESULTS):
        visit.add(WISH, motions())
    assert not first.folder.exists()
    with pytest.raises(StudioError, match="no longer kept"):
        visit.get(first.id)
    assert visits.of("someone") is visit
    assert visits.of("someone else") is not visit
    visits.end("someone")
    assert list(tmp_path.rglob("*.npz")) == []


@pytest.mark.parametrize("name", ["../secrets", "/etc", "..", "a/b", ""])
def test_a_visitor_cannot_name_a_path_as_model(tmp_path, name):
    engine = Engine(checkpoints=tmp_path)
    engine._settled.set()
    wish = Wish("walk", 1.0, 0, 1, 3.0, 10, name)
    with pytest.raises(StudioError, match="There is no model called"):
        engine.generate(wish, lambda: False)


def test_missing_checkpoint_fails_the_warm_up_with_a_sentence(tmp_path):
    engine = Engine(checkpoints=tmp_path)
    engine.start()
    with pytest.raises(StudioError, match=r"config\.json is missing"):
        engine.wait(lambda: False)
    assert engine.status.state == "failed"


def test_help_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys, runpy; sys.argv = ['app.py', '--help']\n"
        "try: runpy.run_path('app.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'gradio', 'torch', 'numpy', 'transformers'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout
    for option in ("--host", "--port", "--model", "--device", "--renderer", "--open-browser"):
        assert option in done.stdout


def test_arguments():
    assert parse_arguments([]).host == "127.0.0.1"
    assert parse_arguments(["--port", "80"]).port == 80
    for bad in ("0", "99999", "x"):
        with pytest.raises(SystemExit):
            parse_arguments(["--port", bad])
