"""A blind pair tells nothing before the vote: payloads, labels, file names, the vote itself."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from app import compare_scene
from app.ballot import ANSWERS, Ballot
from app.body import PageBody
from app.compare_inputs import CompareWish, SideWish
from engine.errors import StudioError
from tests.app.fake_engine import FakeEngine

SECRETS = ("zq-feet", "base", "tuned", "0f1e2d3c")


@pytest.fixture(scope="module")
def pair():
    engine = FakeEngine(delay=0.0, adapters="zq-feet")
    engine.start()
    wish = CompareWish("walk", 2.0, 7, SideWish(), SideWish((("zq-feet", 0.7),), 5.0))
    return engine.compare(wish, lambda: False)


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return PageBody(None, tmp_path_factory.mktemp("body"))


def sent(ballot, body=None):
    """Everything the page gets of a ballot."""
    return {
        "pair": compare_scene.pair_value(ballot, body),
        "numbers": compare_scene.numbers_value(ballot),
        "vote": compare_scene.vote_value(ballot),
    }


def test_both_orders_look_the_same_but_for_how_they_move(pair, body):
    one, two = (sent(Ballot(pair, blind=True, swapped=s, id="same"), body) for s in (False, True))
    for kind in ("joints", "turns"):  # positions, and the same as rotations of a body
        moves = [[m.pop(kind) for m in value["pair"]["motions"]] for value in (one, two)]
        assert moves[0] == moves[1][::-1]
        assert moves[0] != moves[1]
        assert len({len(text) for text in moves[0]}) == 1
    assert json.dumps(one) == json.dumps(two)
    assert not any(secret in json.dumps(one) for secret in SECRETS)


def test_names_numbers_and_steps_come_with_the_vote_and_on_the_right_sides(pair):
    ballot = Ballot(pair, blind=True, swapped=True)
    ballot.vote("left")
    value = sent(ballot)
    assert [m["label"] for m in value["pair"]["motions"]] == [
        "zq-feet × 0.7, guidance 5", "base",
    ]  # fmt: skip
    assert [m["accent"] for m in value["pair"]["motions"]] == ["tuned", "base"]
    assert all("steps" in motion and "pull" in motion for motion in value["pair"]["motions"])
    follows = next(row for row in value["numbers"]["rows"] if row["name"] == "Follows the text")
    assert follows["cells"] == ["0.67", "0.60"]
    assert follows["better"] == 0
    assert "Left was zq-feet × 0.7, guidance 5, right was base." in value["vote"]["text"]


def test_the_coin_falls_on_both_sides_and_only_when_blind(pair):
    assert {Ballot.of(pair, blind=True).swapped for _ in range(64)} == {False, True}
    assert not any(Ballot.of(pair, blind=False).swapped for _ in range(64))


@pytest.mark.parametrize("swapped", [False, True])
def test_a_vote_holds_the_sides_as_they_were_shown(pair, swapped):
    ballot, kept = Ballot(pair, blind=True, swapped=swapped), []
    given = ballot.vote("right", kept.append)
    assert kept == [given]
    expected = pair.sides[::-1] if swapped else pair.sides
    assert (given.left, given.right) == expected
    assert (given.prompt, given.seconds, given.seed, given.answer, given.blind) == (
        "walk", 2.0, 7, "right", True,
    )  # fmt: skip
    assert given.id == ballot.id


def test_a_vote_counts_once_even_when_clicked_twenty_times_at_once(pair):
    ballot, kept, refused = Ballot(pair), [], []

    def click(answer):
        try:
            ballot.vote(answer, kept.append)
        except StudioError as error:
            refused.append(str(error))

    clicks = [threading.Thread(target=click, args=(ANSWERS[k % 4],)) for k in range(20)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert len(kept) == 1
    assert kept[0].answer == ballot.answer
    assert len(refused) == 19
    with pytest.raises(StudioError, match="left, right, tie"):
        Ballot(pair).vote("upper")


def test_a_vote_that_could_not_be_kept_tells_nothing_and_can_be_given_again(pair):
    ballot = Ballot(pair, blind=True)

    def full(vote):
        raise OSError(28, "no space")

    with pytest.raises(OSError, match="no space"):
        ballot.vote("left", full)
    assert ballot.hidden
    assert not any(secret in json.dumps(sent(ballot)) for secret in SECRETS)
    assert ballot.vote("tie").answer == "tie"


def test_same_accents_are_told_apart_when_nothing_is_hidden(pair):
    same = type(pair)(pair.prompt, pair.seconds, pair.seed, pair.right, pair.right)
    assert Ballot(same).accents == ("tuned", "other")
    assert Ballot(pair).accents == ("base", "tuned")
    assert Path(pair.right.choice.adapters[0][0]).name == "zq-feet"
