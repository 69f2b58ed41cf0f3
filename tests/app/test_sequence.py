"""The Sequence tab without a browser: what the timeline may send, and what comes of it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.body import PageBody
from app.context import Context
from app.sequence import FILES, Parts, SequenceWork, read_timeline, terminal_line
from app.visits import Visits
from engine.commands.sequence import parse
from engine.edit.parts import Part
from engine.errors import StudioError
from engine.motion.motion import Motion
from tests.app.fake_engine import FakeEngine

ASKER: Any = SimpleNamespace(session_hash="somebody")


@pytest.fixture
def work(tmp_path: Path) -> SequenceWork:
    engine = FakeEngine(delay=0.02)
    engine.start()
    context = Context(engine, Visits(tmp_path / "results"))
    context.body = PageBody(None, tmp_path / "body")
    files: Any = {name: name for name in FILES}
    parts: Any = Parts("go", "notice", "player", files, "line")  # type: ignore[arg-type]
    return SequenceWork(context, parts)


def sent(*parts: tuple[str, float]) -> str:
    return json.dumps([{"text": text, "seconds": seconds} for text, seconds in parts])


def test_a_timeline_becomes_one_motion_with_files(work):
    *_, last = work.make(sent(("walk", 4.0), ("jump\n high", 2.6)), 7, ASKER)
    assert last["notice"]["state"] == "done", last["notice"]
    assert "4.0 s “jump high”" in last["notice"]["text"]
    (motion,) = last["player"]["motions"]
    assert motion["frames"] == 132
    assert motion["turns"]
    loaded = Motion.load(last["npz"]["value"], longest=1200)
    assert loaded.frames == 132
    assert all(Path(last[name]["value"]).stat().st_size > 1000 for name in FILES)
    words = shlex.split(last["line"]["value"])
    assert [parse(word) for word in words[4:6]] == [Part("walk", 4.0), Part("jump high", 2.6)]
    kept = work.context.visits.of("somebody").kept["sequence"]
    *_, last = work.make(sent(("walk", 2.0)), 7, ASKER)
    assert sorted(path.name for path in kept.folder.iterdir()) == [
        "sequence.bvh", "sequence.glb", "sequence.npz",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "timeline",
    [None, 5, "", "{", "[]", "[1]", '[{"text": "walk"}]', '[{"text": "a", "seconds": "x"}]',
     sent(("", 4.0)), sent(*[("walk", 1.0)] * 61), "[" * 50_000],
)  # fmt: skip
def test_what_is_no_timeline_is_a_sentence(work, timeline):
    *_, last = work.make(timeline, 7, ASKER)
    assert last["notice"]["state"] == "failed"
    assert last["notice"]["text"].endswith(".")


@pytest.mark.parametrize("seconds", [0.2, 9.0, 1e9, -1.0])
def test_lengths_out_of_range_are_refused_by_the_engine(work, seconds):
    *_, last = work.make(sent(("walk", seconds)), 7, ASKER)
    assert last["notice"]["state"] == "failed"
    assert "1 to 8.2 seconds" in last["notice"]["text"]


def test_seeds_are_checked(work):
    for seed in (None, -1, 0.5, "x", 2**60, float("nan")):
        *_, last = work.make(sent(("walk", 2.0)), seed, ASKER)
        assert "seed must be" in last["notice"]["text"]


def test_cancel_is_said(work):
    work.context.engine.delay = 5.0
    steps = work.make(sent(("walk", 2.0)), 7, ASKER)
    next(steps)
    work.cancel(ASKER)
    *_, last = steps
    assert last["notice"]["state"] == "cancelled"


def test_control_characters_do_not_reach_the_terminal_line():
    line = terminal_line([Part("walk; rm -rf /\x00'", 4.0)], 1)
    assert shlex.split(line)[4].startswith("4: walk; rm -rf /")


def test_seconds_that_are_no_number_are_refused():
    with pytest.raises(StudioError, match="could not be read"):
        read_timeline('[{"text": "walk", "seconds": null}]')


def test_the_longest_is_sixty_seconds(work):
    *_, last = work.make(sent(*[("walk", 8.0)] * 8), 7, ASKER)
    assert "at most 60 can be made" in last["notice"]["text"]
