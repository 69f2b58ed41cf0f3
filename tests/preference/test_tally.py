"""Votes counted for tuned models, whatever those are called by now."""

from __future__ import annotations

from engine.preference.records import Pair, Vote
from engine.preference.tally import Tally, tally

FEET, TEXT = "0123456789ab", "ba9876543210"
MODELS = {
    "base": "base@aaaaaaaaaaaa",
    "feet": f"base@aaaaaaaaaaaa+feet@{FEET}x1",
    "weak": f"base@aaaaaaaaaaaa+renamed@{FEET}x0.5",
    "text": f"base@aaaaaaaaaaaa+text@{TEXT}x1.5",
}


def vote(first: str, second: str, choice: str, **how: bool) -> Vote:
    return Vote(Pair("walk", first, second), choice, **how)


def test_wins_losses_and_ties_against_others():
    votes = [
        vote("base", "feet", "right"), vote("feet", "base", "left"), vote("feet", "base", "right"),
        vote("feet", "base", "left", swapped=True), vote("base", "weak", "tie"),
        vote("feet", "text", "left"), vote("text", "base", "bad"),
    ]  # fmt: skip
    assert tally(votes, MODELS) == {FEET: Tally(3, 2, 1), TEXT: Tally(0, 1, 1)}
    assert Tally(3, 2, 1).words == "won 3 of 5 blind, 1 without a winner"


def test_what_says_nothing_of_a_model_is_not_counted():
    votes = [
        vote("feet", "weak", "left"), vote("base", "other", "left"),
        vote("base", "feet", "right", blind=False),
    ]  # fmt: skip
    assert tally(votes, MODELS) == {}
