"""Prompts and sides: which hand is named, whether it goes up, whether the path may bend."""

from __future__ import annotations

import pytest

from engine.data.captions import swap_left_right
from engine.data.captions.lexicon import corrected
from engine.tuning.rewards.sides import Hands, hands_of, may_bend

RAISED = {
    "a person waves the right hand": "right",
    "Left hand waving hello.": "left",
    "raise your left hand": "left",
    "somone rases there left arm": "left",
    "the guy sticks his rigth hand in the air": "right",
    "a right-handed wave": "right",
    "turning left on her walk, she waves her right hand": "right",
    "kicks with the right leg, then raises the left arm": "left",
    "reach up and take a book from a shelf with the right hand": "right",
    "HANDS UP": "both",
    "he waves with both of his hands": "both",
    "a goodbye wave with two hands": "both",
    "raises the left and right hands": "both",
    "after waving with both hands she walks off and turns right": "both",
}
BUSY = {
    "put the box on the floor with your right hand": "right",
    "a hard left-handed punch": "left",
    "picks up a ball with the left hand": "left",
    "chop down with a sword held in both hands": "both",
    "lowers the right arm": "right",
}
NOBODY = (
    "a person walks forward",
    "turn left while walking",
    "walks diagonally to the right",
    "kick with the left foot",
    "right now wave",
    "bring left elbow and right knee together",
    "waves the left hand, then raises the right hand",
    "waves both hands and then the left hand",
    "wave, but not with the left hand",
    "don't raise the right arm",
    "he goes on hands and knees",
    "waves with one hand",
    "",
)


@pytest.mark.parametrize(("text", "side"), RAISED.items())
def test_hands_that_go_up(text, side):
    assert hands_of(text) == Hands(side, raised=True)


@pytest.mark.parametrize(("text", "side"), BUSY.items())
def test_hands_that_are_busy(text, side):
    assert hands_of(text) == Hands(side, raised=False)


@pytest.mark.parametrize("text", NOBODY)
def test_nothing_is_guessed(text):
    assert hands_of(text) is None


@pytest.mark.parametrize("text", [*RAISED, *BUSY, *NOBODY])
def test_mirrored_prompts_name_the_other_hand(text):
    other = {"left": "right", "right": "left", "both": "both"}
    hands, mirrored = hands_of(text), hands_of(swap_left_right(corrected(text)))
    if hands is None:
        assert mirrored is None
    else:
        assert mirrored == Hands(other[hands.side], hands.raised)


@pytest.mark.parametrize(
    ("text", "bends"),
    [
        ("a person walks forward", False),
        ("walk and turn left", True),
        ("trun left while walkin", True),
        ("hang a right", True),
        ("make a u-turn", True),
        ("he walks away and comes back", True),
        ("run in a circle", True),
        ("dance with me", True),
        ("walk backwards", False),
        ("walks diagonally to the left", False),
        ("walk while waving the left hand", False),
        ("kick with the right leg and walk on", False),
    ],
)
def test_paths_that_may_bend(text, bends):
    assert may_bend(text) is bends
