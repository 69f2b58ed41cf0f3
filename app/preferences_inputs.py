"""Which pairs a person asked to vote on, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.compare_inputs import MAX_STRENGTH, SideWish
from app.inputs import check_number
from app.preferences_poll import Question
from engine.errors import StudioError
from engine.tuning.prompts import Prompt, load_prompts, pack_names

if TYPE_CHECKING:
    from engine.motion.motion import Motion

SOURCES = {
    "seeds": "Two takes of the base",
    "base-tuned": "Base against a tuned model",
    "strengths": "Two strengths of a tuned model",
}
BASE = SideWish()
MINE = "mine"  # the pack of prompts that this visitor gave true motions of
MOST_TRUE = 50


def make_question(
    source: Any, model: Any, low: Any, high: Any, pack: Any, adapters: Sequence[str],
    truths: Mapping[str, Motion] | None = None,
) -> Question:  # fmt: skip
    """Check every field; StudioError says the first thing to change.

    `truths` are true motions by prompt; their prompts are the pack called MINE.
    """
    if source not in SOURCES:
        raise StudioError("Choose a kind of pairs from the list.")
    if pack == MINE and truths:
        asked = judged = tuple(Prompt(text, one.frames) for text, one in truths.items())
    else:
        prompts = load_prompts([check_pack(pack)])
        # Prompts that no tuning on this pack saw: what is won there is not learned by heart.
        asked, judged = prompts.tuned, prompts.validation
    if source == "seeds":
        return Question(source, BASE, BASE, asked)
    if model not in adapters:
        raise StudioError("Choose a tuned model. If there is none yet, tune one first.")
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
