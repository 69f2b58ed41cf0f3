"""What can be done with an opened motion, without a browser: measured, compared, voted on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.ballot import Ballot
from app.compare_engine import run
from app.compare_inputs import BASE, NONE, CompareWish, SideWish, make_pack_wish, make_side
from app.context import Context
from app.given import FILE, MOST, Given, Shelf, shelf_of
from app.inputs import Wish
from app.preferences_engine import Keeper, label, source_of
from app.preferences_inputs import MINE, make_question
from app.preferences_poll import Poll
from app.use_motion import Use, UseWork, fit_text
from app.visits import Visits
from engine.compare.choice import ModelChoice
from engine.compare.judge import Judge
from engine.compare.pair import Pair, Side
from engine.errors import StudioError
from engine.motion.motion import Motion
from engine.preference.judged import gather
from engine.preference.motions import content_hash
from tests.app.fake_engine import FakeEngine
from tests.app.walking import walking

ASKER: Any = SimpleNamespace(session_hash="somebody")
BUTTONS = ("fit", "compare", "true", "redo")


def motion(seconds: float, seed: int = 1) -> Motion:
    return Motion(walking(seconds, seed), "")


@pytest.fixture
def use(tmp_path: Path) -> UseWork:
    engine = FakeEngine(delay=0)
    engine._warm()
    context = Context(engine, Visits(tmp_path / "results"), "tabs")
    names = ("model", "second")
    left, right = (SimpleNamespace(**{n: f"{side} {n}" for n in names}) for side in "lr")
    context.compare = (SimpleNamespace(left=left, right=right, prompt="prompt", blind="blind"), 0)
    votes: Any = SimpleNamespace(
        parts=SimpleNamespace(pack="pack", source="source", notice="pref notice")
    )
    parts: Any = Use("sample", "text", {}, "notice")  # type: ignore[arg-type]
    work = UseWork(context, parts, None, votes)  # type: ignore[arg-type]
    visit = context.visits.of("somebody")
    wish = Wish("take.bvh", 3.0, 0, 1, 3.0, 10, "base")
    visit.add(wish, [motion(3.0)], source="take.bvh")
    return work


def test_the_reward_is_asked_and_called_an_opinion(use):
    told = use.fit(0, "a person  walks", ASKER)["notice"]
    assert told["state"] == "done"
    assert "“a person walks”, from -1 to 1: reward 0.25, evaluator 0.50." in told["text"]
    assert "opinion" in told["text"]
    with pytest.raises(StudioError, match="no reward here to ask"):
        fit_text({}, "walk")


def test_bad_input_is_a_sentence(use):
    for act in (use.fit, use.compare, use.true):
        for sample, text in ((0, ""), (1, "walk"), ("0", "walk"), (True, "walk"), (None, "walk")):
            assert act(sample, text, ASKER)["notice"]["state"] == "failed"
    nobody: Any = SimpleNamespace(session_hash="somebody else")
    assert use.redo(0, "walk", nobody)["notice"]["state"] == "failed"


def test_compare_is_opened_with_the_motion_on_the_left(use):
    told = use.compare(0, "walk", ASKER)
    value = told["l model"]["value"]
    assert value.startswith(FILE)
    assert ("Motion: take.bvh", value) in told["l model"]["choices"]
    assert (told["r model"]["value"], told["prompt"], told["blind"]) == (BASE, "walk", False)
    assert make_side([value, 1.0, NONE, 0.5, 3.0], 3.0) == SideWish(given=value)
    assert value in shelf_of(use.context.visits.of("somebody")).items


def test_sides_that_are_no_models():
    side = [FILE + "1", 1.0, NONE, 0.5, 3.0]
    with pytest.raises(StudioError, match="Nothing can be blended"):
        make_side([FILE + "1", 1.0, "feet", 0.5, 3.0], 3.0)
    with pytest.raises(StudioError, match="needs a model on both sides"):
        make_pack_wish("everyday", 1, side, [BASE, 1.0, NONE, 0.5, 3.0], 3.0)


def test_both_sides_are_as_long_as_the_shorter_motion(tmp_path):
    shelf = {FILE + "1": Given("a", motion(3.0)), FILE + "2": Given("b", motion(2.0, 2))}
    sides = [SideWish(given=value) for value in shelf]
    pipeline: Any = SimpleNamespace(model=SimpleNamespace(own=False, steps=5))
    wish = CompareWish("walk", 9.0, 7, *sides)
    pair = run(pipeline, Judge(), wish, lambda: False, shelf=shelf)
    assert [side.motion.frames for side in pair.sides] == [40, 40]
    assert pair.seconds == 2.0
    assert np.array_equal(pair.left.motion.joints, shelf[FILE + "1"].motion.joints[:40])
    with pytest.raises(StudioError, match="no longer kept"):
        run(pipeline, Judge(), wish, lambda: False, shelf={})


def test_a_vote_on_a_file_counts_for_no_model():
    file = Side(ModelChoice(given="1", title="take.bvh"), motion(2.0), {})
    for adapters in ((), ((Path("feet"), 1.0),)):
        other = Side(ModelChoice(adapters), Motion(walking(2.0, 3), "walk", 3), {})
        assert source_of(Pair("walk", 2.0, 3, file, other)) == "other"
    assert label(file) == "take.bvh"


def test_the_true_motion_is_stored_and_wins_over_both_bad(use, tmp_path, monkeypatch):
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path))
    told = use.true(0, "a person walks", ASKER)
    assert told["pack"]["value"] == MINE
    poll = use.context.visits.of("somebody").kept["preferences"]
    assert isinstance(poll, Poll)
    question = make_question("seeds", None, 0, 0, MINE, [], poll.truths)
    assert [(one.text, one.seconds) for one in question.prompts] == [("a person walks", 3.0)]
    engine, keeper = use.context.engine, Keeper()

    def takes(side, text, seconds, seeds):
        return engine.takes(side, text, seconds, seeds, lambda: False)

    poll.shown = poll.next(question, takes, keeper)
    assert isinstance(poll.shown.ballot, Ballot)
    poll.voted("bad", [], keeper)
    (vote,) = keeper.store.votes()
    truth = use.context.visits.of("somebody").results.popitem()[1].motions[0]
    assert vote.pair.real == content_hash(truth.joints)
    judged = gather(keeper.store, [vote])
    assert judged.unused == 0
    assert len(judged.comparisons) == 2


def test_my_own_prompts_need_a_true_motion():
    with pytest.raises(StudioError, match="Choose a pack"):
        make_question("seeds", None, 0, 0, MINE, [], {})


def test_the_shelf_forgets_the_oldest_and_holds_a_motion_once():
    shelf = Shelf()
    for seed in range(MOST + 3):
        shelf.add(f"take {seed}", motion(1.0, seed))
    last = shelf.add("again", motion(1.0, MOST + 2))
    assert len(shelf.items) == MOST
    assert next(iter(shelf.choices())) == ("Motion: again", last)
