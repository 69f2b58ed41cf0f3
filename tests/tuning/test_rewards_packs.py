"""The prompt packs for tuning: readable, varied, and apart from all that models are judged by."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.checks import check_prompt, check_seconds
from engine.data.captions.lexicon import corrected
from engine.evaluation.kinematic_suite import load_suite
from engine.tuning.rewards.sides import hands_of

FOLDER = Path(__file__).parents[2] / "assets" / "prompts" / "tuning"
PACKS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def plain(text: str) -> str:
    """Without spelling, capitals, punctuation and articles: what makes two prompts the same."""
    return " ".join(re.sub(r"[^\w\s]|\b(?:an?|the)\b", " ", corrected(text)).split())


def texts(part: str) -> list[str]:
    return [plain(prompt["text"]) for pack in PACKS.values() for prompt in pack[part]]


def test_the_packs_are_there():
    assert set(PACKS) == {"everyday", "styles", "sequences", "hands", "new-combinations"}
    assert 55 <= len(PACKS["everyday"]["prompts"]) <= 65
    assert all(len(pack["prompts"]) >= 40 for pack in PACKS.values())
    assert all(len(pack["validation"]) >= 8 for pack in PACKS.values())


@pytest.mark.parametrize("name", PACKS)
def test_every_prompt_can_be_generated(name):
    pack = PACKS[name]
    assert pack["name"].lower().replace(" ", "-") == name
    for prompt in (*pack["prompts"], *pack["validation"]):
        assert set(prompt) == {"text", "seconds"}
        assert check_prompt(prompt["text"]) == prompt["text"]
        assert check_seconds(prompt["seconds"]) >= 40


def test_no_prompt_comes_twice():
    everything = texts("prompts") + texts("validation")
    assert len(everything) == len(set(everything))


def test_no_tuning_reads_what_models_are_judged_by():
    suite = {plain(text) for case in load_suite() for text in (case.prompt, case.than) if text}
    assert not suite & set(texts("prompts"))
    assert not suite & set(texts("validation"))


def test_validation_is_worded_differently():
    """No validation prompt is a tuned one with a word exchanged."""
    tuned = [set(text.split()) for text in texts("prompts")]
    for text in texts("validation"):
        words = set(text.split())
        assert all(len(words ^ other) > 1 for other in tuned), text


def test_hands_come_in_both_sides():
    sides = [hands_of(prompt["text"]) for prompt in PACKS["hands"]["prompts"]]
    assert None not in sides
    left, right, both = (sum(h.side == side for h in sides) for side in ("left", "right", "both"))
    assert left == right and both >= 10
