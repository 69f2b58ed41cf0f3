"""The Preferences tab without a browser: blind pairs, kept votes, learning, and the rematch."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from app.ballot import Ballot
from app.compare_inputs import CompareWish, SideWish
from app.compare_scene import pair_value
from app.preferences_engine import Keeper, source_of
from app.preferences_inputs import make_question
from app.preferences_learn import Lessons, curve
from app.preferences_poll import EACH, Poll, Question
from app.preferences_scene import board_value, facts, rate_value, vote_value
from app.settings import ROOT
from engine.errors import StudioError
from engine.files import write_json
from engine.tuning.prompts import Prompt
from tests.app.fake_engine import FakeEngine

PROMPTS = tuple(Prompt.make(f"a person walks {k}", 2.0) for k in range(5))
BASE, FEET = SideWish(), SideWish((("feet", 1.0),))
SEEDS = Question("seeds", BASE, BASE, PROMPTS)
REMATCH = Question("base-tuned", BASE, FEET, PROMPTS)


@pytest.fixture
def keeper(tmp_path, monkeypatch) -> Keeper:
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path))
    return Keeper()


@pytest.fixture
def takes():
    engine = FakeEngine(delay=0)
    engine._warm()
    return lambda side, prompt, seconds, seeds: engine.takes(
        side, prompt, seconds, seeds, lambda: False
    )


def put_up(poll: Poll, question: Question, takes, keeper: Keeper) -> Ballot:
    poll.shown = poll.next(question, takes, keeper)
    return poll.shown.ballot


def test_nothing_that_is_sent_before_the_vote_tells_the_sides_apart(takes, keeper):
    poll, tuned_left = Poll(), 0
    for _ in range(30):
        ballot = put_up(poll, REMATCH, takes, keeper)
        sent = {"player": pair_value(ballot), "vote": vote_value(ballot)}
        sent["rate"] = rate_value(keeper.store.votes(), "feet")
        left, right = sent["player"]["motions"]
        assert {**left, "joints": "", "label": ""} == {**right, "joints": "", "label": ""}
        assert (left["label"], right["label"]) == ("Left", "Right")
        text = json.dumps({**sent, "player": {**sent["player"], "motions": []}})
        assert "feet" not in text and "base" not in text and "seed" not in text
        tuned_left += bool(ballot.sides[0].choice.adapters)
    assert 4 < tuned_left < 26


@pytest.mark.parametrize("swapped", [False, True])
def test_the_side_that_was_pressed_wins(takes, keeper, swapped):
    poll = Poll()
    ballot = put_up(poll, REMATCH, takes, keeper)
    ballot.swapped = swapped
    poll.voted("left", ["feet slide"], keeper)
    (vote,) = keeper.store.votes()
    shown = ballot.sides[0]
    assert np.array_equal(keeper.store.motion(vote.winner).joints, shown.motion.joints)
    labels = {vote.pair.first: vote.pair.first_label, vote.pair.second: vote.pair.second_label}
    assert labels[vote.winner].startswith("feet" if swapped else "base")
    assert (vote.reasons, vote.voter, vote.blind) == (("feet slide",), poll.voter, True)
    assert vote.pair.source == "base-tuned"
    told = vote_value(ballot)
    assert told["state"] == "closed" and "feet, seed" in told["text"]


def test_a_vote_that_could_not_be_kept_stays_open(takes, keeper, monkeypatch):
    poll = Poll()
    ballot = put_up(poll, SEEDS, takes, keeper)

    def full(_):
        raise StudioError("The disk is full")

    monkeypatch.setattr(keeper.store, "add", full)
    with pytest.raises(StudioError, match="disk is full"):
        poll.voted("left", [], keeper)
    assert ballot.hidden and poll.pairs == []
    monkeypatch.undo()
    poll.voted("left", [], keeper)
    assert not ballot.hidden and len(keeper.store.votes()) == 1
    with pytest.raises(StudioError, match="have voted"):
        poll.voted("right", [], keeper)
    assert len(keeper.store.votes()) == 1


def test_a_vote_is_taken_back_and_given_anew_but_not_blind(takes, keeper):
    poll = Poll()
    ballot = put_up(poll, SEEDS, takes, keeper)
    with pytest.raises(StudioError, match="no vote to take back"):
        poll.undo(keeper)
    poll.voted("left", [], keeper)
    poll.undo(keeper)
    assert keeper.store.votes() == [] and poll.pairs == [] and not ballot.hidden
    assert poll.proposer is not None and poll.proposer.asked == []
    assert "have seen" in vote_value(ballot)["text"]
    poll.voted("right", [], keeper)
    (vote,) = keeper.store.votes()
    assert (vote.choice, vote.blind) == ("right", False)


def test_prompts_join_as_votes_are_cast_and_the_voter_is_foretold(takes, keeper):
    poll = Poll()
    for _ in range(18):
        ballot = put_up(poll, SEEDS, takes, keeper)
        # Likes high hands.
        heights = [side.motion.joints[:, 20:22, 1].mean() for side in ballot.sides]
        poll.voted("left" if heights[0] > heights[1] else "right", [], keeper)
    assert len(poll.prompts) == len(PROMPTS)
    assert len(poll.sides) >= EACH * len(PROMPTS)
    told = [one for one in poll.foretold if one is not None]
    assert len(told) >= 10 and sum(told) / len(told) > 0.6
    names = [fact["name"] for fact in facts(poll, 18)]
    assert names[0] == "Votes" and "Same answer again" in names
    assert poll.consistent[0] == poll.consistent[1] > 0
    # Another visit knows all of it.
    other = Poll()
    put_up(other, SEEDS, takes, keeper)
    assert other.proposer is not None and len(other.proposer.asked) == 18


def test_votes_of_the_compare_tab_are_kept(keeper):
    engine = FakeEngine(delay=0)
    engine._warm()
    for right, source in ((FEET, "base-tuned"), (BASE, "other")):
        wish = CompareWish("a person walks", 2.0, 5, BASE, right)
        pair = engine.compare(wish, lambda: False)
        assert source_of(pair) == source
    pair = engine.compare(CompareWish("a person walks", 2.0, 5, BASE, FEET), lambda: False)
    ballot = Ballot.of(pair, blind=True)
    ballot.vote("tie", keeper.keep_compared, "visit-1")
    (vote,) = keeper.store.votes()
    assert (vote.choice, vote.key, vote.pair.source) == ("tie", ballot.id, "base-tuned")
    assert vote.voter == "visit-1"


def test_the_rematch_counts_blind_votes_on_that_model(takes, keeper):
    poll = Poll()
    assert rate_value([], "feet")["sides"] == []
    for wins in (True, True, True, False, None):
        ballot = put_up(poll, REMATCH, takes, keeper)
        tuned = "left" if ballot.sides[0].choice.adapters else "right"
        other = "right" if tuned == "left" else "left"
        poll.voted("tie" if wins is None else tuned if wins else other, [], keeper)
    rate = rate_value(keeper.store.votes(), "feet")
    assert [side["share"] for side in rate["sides"]] == [0.2, 0.6]
    assert "feet wins 3 of 4 decided pairs: 75% (95 %: 30% to 95%), 1 without" in rate["text"]
    assert "no clear win" in rate["text"]
    assert rate_value(keeper.store.votes(), "text")["sides"] == []


LESSON = """
import sys, time
from pathlib import Path
from engine.files import write_json
from engine.tuning.session import Session
words = sys.argv[1:]
output = Path(words[words.index("--output") + 1])
session = Session.create(output / "session")
with session.held():
    session.write_config({"task": "spl"})
    session.event("start", seconds_planned=2.0, values={"agreement": 0.5})
    session.event("check", values={"agreement": 0.8})
    session.event("warning", code="data", message="No corpus.")
    write_json(output / "session" / "report.json", {"words": ["It agrees.", "Few votes."]})
    session.event("stopped", reason="finished", message="", update=1)
    session.event("report", file="report.json", words=[])
"""


def stub(folder: Path, text: str) -> str:
    """A program that stands in for Python's `-m engine spl`."""
    script = folder / "lesson.py"
    script.write_text(text)
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {script} "$@"\n')
    program.chmod(0o755)
    return str(program)


def wait(lessons: Lessons, *states: str):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        lesson = lessons.latest()
        if lesson is not None and lesson.state in states:
            return lesson
        assert lesson is None or lesson.state != "failed", lesson
        time.sleep(0.05)
    raise AssertionError(lessons.latest())


def test_learning_is_a_process_that_a_new_page_finds(tmp_path, keeper):
    lessons = Lessons("cpu", python=stub(tmp_path, LESSON))
    assert lessons.latest() is None
    name = lessons.launch()
    lesson = wait(lessons, "finished")
    assert lesson.name == name and lesson.report is not None
    again = Lessons("cpu").latest()
    assert again is not None and (again.name, again.state) == (name, "finished")
    assert curve(lesson.events, "agreement")[1] == [0.5, 0.8]
    value = board_value(Poll(), 3, lesson)
    assert value["text"] == "It agrees." and value["warnings"] == ["Few votes.", "No corpus."]
    assert value["charts"][0]["curves"][0]["y"] == [0.5, 0.8]


def test_learning_that_cannot_start_says_why(tmp_path, keeper):
    lessons = Lessons("cpu", python=stub(tmp_path, "raise SystemExit('Error: no reward here')"))
    lessons.launch()
    lesson = wait(lessons, "failed")
    assert board_value(Poll(), 3, lesson)["text"] == "no reward here"
    with pytest.raises(StudioError, match="Nothing is learned"):
        lessons.stop()


def test_a_second_press_does_not_learn_twice(tmp_path, keeper):
    lessons = Lessons("cpu", python=stub(tmp_path, "import time; time.sleep(60)"))
    try:
        assert lessons.launch() == lessons.launch()
        assert lessons.latest().state == "starting"
    finally:
        lessons._child.kill()


def test_the_command_is_one_that_the_terminal_takes(keeper):
    from typer.testing import CliRunner

    from engine.cli import app

    words = Lessons("cpu").command("mine", 1.0, "base")
    assert words[:4] == ["python", "-m", "engine", "spl"]
    told = CliRunner().invoke(app, [*words[3:], "--help"])
    assert told.exit_code == 0
    known = CliRunner().invoke(app, ["spl", "--help"]).output
    assert all(word in known for word in words if word.startswith("--"))


def test_what_was_learned_is_offered_for_tuning(tmp_path, keeper):
    from app import tune_goals

    assert "votes" not in tune_goals.available() and tune_goals.learned() == ""
    for name in ("old", "new"):
        write_json(tmp_path / "rewards" / name / "taste.json", {})
        time.sleep(0.02)
    assert "votes" in tune_goals.available() and tune_goals.learned() == "new"
    assert tune_goals.weights_of(["votes"])["votes"] == 0.3


def test_one_click_tunes_by_what_was_learned_last(tmp_path, keeper):
    from typer.testing import CliRunner

    from app.preferences_work import PreferenceWork
    from engine.cli import app

    launched: list[tuple[str, list[str]]] = []
    tuner = SimpleNamespace(launch=lambda name, words: launched.append((name, words)))
    parts = SimpleNamespace(pack="pack", notice="notice")
    context = SimpleNamespace(engine=FakeEngine())
    work = PreferenceWork(context, parts, keeper, Lessons("cpu"), tuner)  # type: ignore[arg-type]
    assert "Learn from your votes first" in work.tune({"pack": "everyday"})["notice"]["text"]
    write_json(tmp_path / "rewards" / "mine" / "taste.json", {})
    assert work.tune({"pack": "everyday"})["notice"]["state"] == "done"
    ((name, words),) = launched
    assert name == "votes-tuned-1"
    assert words[words.index("--reward") + 1] == "follow=1,votes=0.3"
    assert words[words.index("--reward-model") + 1] == "mine"
    assert CliRunner().invoke(app, [*words[3:], "--help"]).exit_code == 0
    known = CliRunner().invoke(app, ["tune", "--help"], env={"COLUMNS": "200"}).output
    assert all(word in known for word in words if word.startswith("--"))


@pytest.mark.parametrize(
    ("given", "words"),
    [(("seeds", None, 0, 0, "nothing"), "pack of prompts"),
     (("dreams", None, 0, 0, "everyday"), "kind of pairs"),
     (("base-tuned", "../x", 0, 0, "everyday"), "Choose a tuned model"),
     (("strengths", "feet", 1.0, 1.0, "everyday"), "two different strengths"),
     (("strengths", "feet", 1.0, float("nan"), "everyday"), "strength")],
)  # fmt: skip
def test_questions_that_cannot_be_asked_are_told(given, words):
    with pytest.raises(StudioError, match=words):
        make_question(*given, adapters=["feet"])


def test_the_rematch_is_on_prompts_that_tuning_does_not_see():
    asked = make_question("base-tuned", "feet", 0, 0, "everyday", ["feet"])
    tuned = make_question("seeds", None, 0, 0, "everyday", [])
    assert asked.prompts and not set(asked.prompts) & set(tuned.prompts)
