"""Which pairs a person asked to vote on, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.compare_inputs import MAX_STRENGTH, SideWish
from app.inputs import check_number
from app.preferences_poll import Question
from engine.errors import StudioError
from engine.tuning.prompts import load_prompts, pack_names

SOURCES = {
    "seeds": "Two takes of the base",
    "base-tuned": "Base against a tuned model",
    "strengths": "Two strengths of a tuned model",
}
BASE = SideWish()


def make_question(
    source: Any, model: Any, low: Any, high: Any, pack: Any, adapters: Sequence[str]
) -> Question:
    """Check every field; StudioError says the first thing to change."""
    if source not in SOURCES:
        raise StudioError("Choose a kind of pairs from the list.")
    prompts = load_prompts([check_pack(pack)])
    if source == "seeds":
        return Question(source, BASE, BASE, prompts.tuned)
    if model not in adapters:
        raise StudioError("Choose a tuned model. If there is none yet, tune one first.")
    # Prompts that no tuning on this pack saw: what is won there is not learned by heart.
    judged = prompts.validation
    if source == "base-tuned":
        return Question(source, BASE, SideWish(((model, 1.0),)), judged)
    one, other = (check_number(value, "strength", 0.0, MAX_STRENGTH) for value in (low, high))
    if one == other:
        raise StudioError("Choose two different strengths.")
    return Question(source, SideWish(((model, one),)), SideWish(((model, other),)), judged)


def check_pack(name: Any) -> str:
    """The name of a pack there is; StudioError otherwise."""
    if name not in pack_names():
        raise StudioError("Choose a pack of prompts from the list.")
    return str(name)
