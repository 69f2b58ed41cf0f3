"""What a person asked to compare, checked before it reaches the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.given import FILE
from app.inputs import (
    MAX_GUIDANCE,
    MAX_SEED,
    MIN_GUIDANCE,
    check_number,
    check_prompt,
    check_seconds,
    check_whole,
)
from engine.errors import StudioError

BASE = "base"
NONE = "none"
MAX_STRENGTH = 1.5
MOST_PACK = 1000  # prompts in a pack, each with a seed of its own


@dataclass(frozen=True)
class SideWish:
    """One side: adapters by name with their strengths (none: the base), and the guidance.

    `guidance` None means what the model was judged best at. `given` is the value of a motion of
    the visitor's shelf, in place of a model.
    """

    adapters: tuple[tuple[str, float], ...] = ()
    guidance: float | None = None
    given: str = ""


@dataclass(frozen=True)
class CompareWish:
    """One valid request to compare."""

    prompt: str
    seconds: float
    seed: int
    left: SideWish
    right: SideWish


def make_compare_wish(
    prompt: Any, seconds: Any, seed: Any, left: Sequence[Any], right: Sequence[Any], usual: float
) -> CompareWish:
    """Check every field; `left` and `right` are the values of a side's controls, in their order.

    `usual` is the guidance that counts as not chosen. StudioError says the first thing to change.
    """
    return CompareWish(
        check_prompt(prompt),
        check_seconds(seconds),
        check_whole(seed, "seed", 0, MAX_SEED),
        make_side(left, usual),
        make_side(right, usual),
    )


@dataclass(frozen=True)
class PackWish:
    """One valid request to compare two models on a whole pack."""

    pack: str
    seed: int
    left: SideWish
    right: SideWish


def make_pack_wish(
    pack: Any, seed: Any, left: Sequence[Any], right: Sequence[Any], usual: float
) -> PackWish:
    """Check every field, and that there is something to compare."""
    sides = make_side(left, usual), make_side(right, usual)
    check_differ(*sides)
    if any(side.given for side in sides):
        raise StudioError("A whole pack needs a model on both sides. Choose models, not a motion.")
    return PackWish(str(pack or ""), check_whole(seed, "seed", 0, MAX_SEED - MOST_PACK), *sides)


def check_differ(left: SideWish, right: SideWish) -> None:
    """StudioError when both sides would be the same motion."""
    if left == right:
        raise StudioError(
            "Both sides are the same model or motion. Choose another one on one side, or another "
            "strength or guidance."
        )


def make_side(values: Sequence[Any], usual: float) -> SideWish:
    """A side from model, strength, a second model to blend in, its strength, and guidance."""
    model, strength, second, second_strength, guidance = values
    if str(model).startswith(FILE):
        if second not in (NONE, None, ""):
            raise StudioError("Nothing can be blended into a motion. Blend into a model.")
        return SideWish(given=str(model))
    chosen = []
    for name, share in ((model, strength), (second, second_strength)):
        if name in (BASE, NONE, None, ""):
            continue
        chosen.append((str(name), check_number(share, "strength", 0.0, MAX_STRENGTH)))
    if len(chosen) == 2 and chosen[0][0] == chosen[1][0]:
        raise StudioError("A model cannot be blended with itself. Choose another one to blend in.")
    scale = check_number(guidance, "guidance", MIN_GUIDANCE, MAX_GUIDANCE)
    return SideWish(tuple(chosen), None if abs(scale - usual) < 1e-6 else scale)
