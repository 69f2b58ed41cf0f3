"""The Sequence tab without a browser: what the timeline may send, and what comes of it."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.body import PageBody
from app.context import Context
from app.sequence_parts import FILES, Parts
from app.sequence_words import read_timeline
from app.sequence_work import MOST_REDONE, SequenceWork
from app.visits import Visits
from engine.commands.sequence import parse
from engine.edit.parts import Part
from engine.errors import StudioError
from engine.motion.motion import Motion
from tests.app.fake_engine import FakeEngine
from tests.app.walking import walking

BASE = ("base", 1.0)  # model and strength
ALL = (None, None)  # from and to
ASKER: Any = SimpleNamespace(session_hash="somebody")


@pytest.fixture
def work(tmp_path: Path) -> SequenceWork:
    engine = FakeEngine(delay=0.02)
    engine.start()
    context = Context(engine, Visits(tmp_path / "results"))
    context.body = PageBody(None, tmp_path / "body")
    files: Any = {name: name for name in FILES}
    names = ("timeline", "model", "strength", "go", "notice", "player", "panel", "half", "text",
             "redo", "undo", "film_notice", "video", "film")  # fmt: skip
    parts: Any = Parts(*names, files, "line")  # type: ignore[arg-type]
    return SequenceWork(context, parts)


def sent(*parts: tuple[str, float]) -> str:
    return json.dumps([{"text": text, "seconds": seconds} for text, seconds in parts])


def test_a_timeline_becomes_one_motion_with_files(work):
    *_, last = work.make(sent(("walk", 4.0), ("jump\n high", 2.6)), 7, *BASE, ASKER)
    assert last["notice"]["state"] == "done", last["notice"]
    assert "4.0 s “jump high”" in last["notice"]["text"]
    (motion,) = last["player"]["motions"]
    assert motion["frames"] == 132
    assert motion["turns"]
    loaded = Motion.load(last["npz"]["value"], longest=1200)
    assert loaded.frames == 132
    assert all(Path(last[n]["value"]).stat().st_size > 1000 for n in ("bvh", "glb", "zip"))
    words = shlex.split(last["line"])
    assert [parse(word) for word in words[4:6]] == [Part("walk", 4.0), Part("jump high", 2.6)]
    kept = work.context.visits.of("somebody").kept["sequence"]
    *_, last = work.make(sent(("walk", 2.0)), 7, *BASE, ASKER)
    (folder,) = kept.folder.iterdir()  # one sequence a visitor
    assert sorted(path.name for path in folder.iterdir()) == [
        "receipt.json", "sequence.bvh", "sequence.glb", "sequence.npz", "sequence.zip",
    ]  # fmt: skip


def test_a_half_is_redone_and_taken_back(work):
    *_, last = work.redo("upper", "wave", *ALL, 7, *BASE, ASKER)
    assert "Make a sequence first" in last["notice"]["text"]
    *_, first = work.make(sent(("walk", 4.0)), 7, *BASE, ASKER)
    assert first["undo"]["visible"] is False
    *_, last = work.redo("upper", "wave\x00 hello", *ALL, 8, *BASE, ASKER)
    assert last["notice"]["text"].endswith("“walk”. Upper body: “wave hello”")
    assert last["undo"]["visible"] is True
    assert last["player"]["motions"] != first["player"]["motions"]
    *_, again = work.redo("lower", "jump", *ALL, 9, *BASE, ASKER)
    assert again["line"].count("engine redo") == 2
    assert "--half lower --seed 9" in again["line"]
    back = work.undo(ASKER)
    assert back["notice"] == last["notice"]
    assert Path(back["npz"]["value"]).is_file()
    back = work.undo(ASKER)
    assert back["player"]["motions"] == first["player"]["motions"]
    assert back["undo"]["visible"] is False
    for half, text, seed in (("left", "x", 1), ("upper", "", 1), ("upper", "x", -1)):
        *_, last = work.redo(half, text, *ALL, seed, *BASE, ASKER)
        assert last["notice"]["state"] == "failed"
    for _ in range(MOST_REDONE):
        *_, last = work.redo("upper", "wave", *ALL, 7, *BASE, ASKER)
    *_, last = work.redo("upper", "wave", *ALL, 7, *BASE, ASKER)
    assert "take some back" in last["notice"]["text"]


def test_some_seconds_are_redone(work):
    work.context.engine.delay = 0.0
    *_, made = work.make(sent(("walk", 4.0)), 7, *BASE, ASKER)
    for half, span, sentence in (
        ("whole", ALL, "from which second"), ("whole", (3.0, 2.0), "last second"),
        ("upper", (-1.0, None), "first second"), ("upper", ("x", None), "first second"),
        ("whole", (0.0, 99.0), "last second"), (["whole"], ALL, "Choose the upper"),
    ):  # fmt: skip
        *_, last = work.redo(half, "jump", *span, 7, *BASE, ASKER)
        assert sentence in last["notice"]["text"]
    *_, last = work.redo("whole", "jump", 1.5, 3, 7, *BASE, ASKER)
    assert last["notice"]["text"] == made["notice"]["text"] + ". Whole body, 1.5 to 3 s: “jump”"
    assert "--half whole" in last["line"]
    assert "--from 1.5 --to 3" in last["line"]
    *_, last = work.redo("lower", "jump", 2, None, 7, *BASE, ASKER)
    assert "--from 2 --to 4" in last["line"]


def test_a_motion_of_another_tab_is_redone(work):
    motion = Motion(walking(3.0, 1), "walk", 1)
    shown = work.take(motion, ASKER)
    assert shown["player"]["motions"][0]["frames"] == 60
    *_, last = work.redo("lower", "jump", *ALL, 3, *BASE, ASKER)
    assert last["notice"]["text"] == "3.0 seconds in one motion. Lower body: “jump”"
    with zipfile.ZipFile(last["zip"]["value"]) as archive:
        kept = Motion.load(io.BytesIO(archive.read("before.npz")))
    assert np.array_equal(kept.joints, motion.joints)


def dropped(end: Any) -> Any:
    return SimpleNamespace(_data={"end": end})


def test_motions_at_the_ends_are_gone_on_from_and_arrived_at(work):
    first, last = (Motion(walking(seconds, 1), "walk", 1) for seconds in (3.1, 2.0))
    work.give("before", "<b>one</b>", first, "base", ASKER)
    shown = work.give("after", "other", last, "gone", ASKER)
    assert shown["timeline"]["before"] == {"text": "<b>one</b>", "seconds": 3.0}  # whole tokens
    assert shown["timeline"]["longestLast"] == pytest.approx(6.6)
    assert shown["model"]["value"] == "base"
    *_, made = work.make(sent(("jump", 2.0)), 7, *BASE, ASKER)
    assert made["player"]["motions"][0]["frames"] == 60 + 40 + 40
    assert made["notice"]["text"] == (
        "7.0 seconds in one motion: 0.0 s <b>one</b> as it was given, 3.0 s “jump”, then other"
    )
    assert "--before before.npz --after after.npz" in made["line"]
    with zipfile.ZipFile(made["zip"]["value"]) as archive:
        kept = Motion.load(io.BytesIO(archive.read("after.npz")))
    assert np.array_equal(kept.joints, last.joints)
    *_, made = work.make(sent(("jump", 8.0)), 7, *BASE, ASKER)
    assert "1 to 6.6 seconds" in made["notice"]["text"]
    assert set(work.drop(dropped("after"), ASKER)) == {"parts", "longest", "longestLast", "total",
                                                       "before"}  # fmt: skip
    work.drop(dropped(["before"]), ASKER)
    work.drop(dropped("before"), ASKER)
    *_, made = work.make(sent(("jump", 8.0)), 7, *BASE, ASKER)
    assert "--before" not in made["line"]
    with pytest.raises(StudioError):
        work.give("before", "short", Motion(walking(0.5, 1)), "base", ASKER)


def test_the_chosen_model_makes_it_and_another_redoes_it(work):
    *_, made = work.make(sent(("walk", 2.0)), 7, "tuned:feet", 0.8, ASKER)
    assert made["notice"]["text"] == "2.0 seconds in one motion by feet × 0.8: 0.0 s “walk”"
    assert "--adapter feet --strength 0.8" in made["line"]
    *_, same = work.redo("upper", "wave", *ALL, 7, "tuned:feet", 0.8, ASKER)
    assert same["line"].count("--adapter feet --strength 0.8") == 2
    *_, other = work.redo("upper", "clap", *ALL, 7, *BASE, ASKER)
    assert other["notice"]["text"] == same["notice"]["text"] + ". Upper body: “clap”"
    # One receipt names one model: what the tuned one made is given to the other.
    assert other["line"].startswith("python -m engine redo before.npz")
    assert "--adapter" not in other["line"]
    with zipfile.ZipFile(other["zip"]["value"]) as archive:
        given = Motion.load(io.BytesIO(archive.read("before.npz")))
    assert np.array_equal(given.joints, Motion.load(same["npz"]["value"]).joints)
    *_, none = work.make(sent(("walk", 2.0)), 7, "tuned:feet", 0.0, ASKER)
    assert "--adapter" not in none["line"]
    for model, strength in (("tuned:../x", 1.0), ("/etc", 1.0), (["base"], 1.0), (None, 1.0),
                            ("tuned:feet", 2.0), ("tuned:feet", "x")):  # fmt: skip
        *_, last = work.make(sent(("walk", 2.0)), 7, model, strength, ASKER)
        assert last["notice"]["state"] == "failed"


def test_the_video_and_the_zip_with_it(work):
    work.make(sent(("walk", 1.0)), 7, *BASE, ASKER)
    *_, first = work.make(sent(("walk", 1.0)), 7, *BASE, ASKER)
    assert first["mp4"]["visible"] is False
    *_, last = work.film(ASKER)
    assert Path(last["video"]["value"]).stat().st_size > 1000
    with zipfile.ZipFile(first["zip"]["value"]) as archive:
        assert {"motion.mp4", "motion.bvh", "receipt.json"} <= set(archive.namelist())
    *_, last = work.redo("upper", "wave", *ALL, 7, *BASE, ASKER)
    assert last["video"]["visible"] is False  # it shows the motion before


@pytest.mark.parametrize(
    "timeline",
    [None, 5, "", "{", "[]", "[1]", '[{"text": "walk"}]', '[{"text": "a", "seconds": "x"}]',
     sent(("", 4.0)), sent(*[("walk", 1.0)] * 61), "[" * 50_000],
)  # fmt: skip
def test_what_is_no_timeline_is_a_sentence(work, timeline):
    *_, last = work.make(timeline, 7, *BASE, ASKER)
    assert last["notice"]["state"] == "failed"
    assert last["notice"]["text"].endswith(".")


@pytest.mark.parametrize("seconds", [0.2, 9.0, 1e9, -1.0])
def test_lengths_out_of_range_are_refused_by_the_engine(work, seconds):
    *_, last = work.make(sent(("walk", seconds)), 7, *BASE, ASKER)
    assert last["notice"]["state"] == "failed"
    assert "1 to 8.2 seconds" in last["notice"]["text"]


def test_seeds_are_checked(work):
    for seed in (None, -1, 0.5, "x", 2**60, float("nan")):
        *_, last = work.make(sent(("walk", 2.0)), seed, *BASE, ASKER)
        assert "seed must be" in last["notice"]["text"]


def test_cancel_is_said(work):
    work.context.engine.delay = 5.0
    steps = work.make(sent(("walk", 2.0)), 7, *BASE, ASKER)
    next(steps)
    work.cancel(ASKER)
    *_, last = steps
    assert last["notice"]["state"] == "cancelled"


def test_control_characters_do_not_reach_the_terminal_line(work):
    *_, last = work.make(sent(("walk; rm -rf /\x00'", 4.0)), 1, *BASE, ASKER)
    assert shlex.split(last["line"])[4] == "4: walk; rm -rf / '"


def test_seconds_that_are_no_number_are_refused():
    with pytest.raises(StudioError, match="could not be read"):
        read_timeline('[{"text": "walk", "seconds": null}]')


def test_the_longest_is_sixty_seconds(work):
    *_, last = work.make(sent(*[("walk", 8.0)] * 8), 7, *BASE, ASKER)
    assert "at most 60 can be made" in last["notice"]["text"]
