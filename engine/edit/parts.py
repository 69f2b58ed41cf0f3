"""What a longer motion is made of, and whether it can be made. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.checks import check_prompt
from engine.errors import StudioError
from engine.motion.halves import HALVES, Half
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS, MAX_FRAMES, MIN_SECONDS

CONTEXT = 8  # tokens of what came before that a part begins with: 1.6 seconds
MAX_PARTS = 60


Whole = Literal["whole"]
BODIES: tuple[Half | Whole, ...] = (*HALVES, "whole")  # what of a body can be made anew


@dataclass(frozen=True)
class Part:
    """What the person does for how many seconds."""

    prompt: str
    seconds: float


@dataclass(frozen=True)
class Redo:
    """Which half of the body is made anew, by which prompt, from when to when (None: all along).

    The whole body can be made anew for a while only.
    """

    half: Half | Whole
    prompt: str
    seed: int
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Recipe:
    """All that an edited motion is made of: the same recipe and model give the same motion.

    `before` is gone on from and `after` arrived at; without parts, `before` is the motion itself.
    Then halves are made anew, one after the other. None: what the model was judged best at.
    """

    parts: tuple[Part, ...]
    seed: int = 0
    before: Motion | None = None
    after: Motion | None = None
    redone: tuple[Redo, ...] = ()
    guidance: float | None = None
    steps: int | None = None


def longest_part(per_token: int, arrives: bool = False) -> float:
    """Seconds that a part may have; one that `arrives` also holds the beginning of what follows."""
    return (MAX_FRAMES - (2 if arrives else 1) * CONTEXT * per_token) / FPS


def check_span(change: Redo, frames: int, per_token: int) -> tuple[int, int]:
    """First frame that is made anew and the first after it; StudioError for what cannot be made."""
    if change.half not in BODIES:
        raise StudioError(f"There is no {change.half!r} of a body; choose {', '.join(BODIES)}.")
    if change.span is None:
        raise StudioError("Say from when to when the whole body is made anew: --from 2 --to 5.")
    longest = longest_part(per_token, arrives=True)
    seconds, (first, last) = frames / FPS, change.span
    if not (0 <= first < last <= seconds + 0.5 / FPS):
        raise StudioError(f"{first:g} to {last:g} is not within the motion's {seconds:g} seconds.")
    start, end = round(first * FPS), min(frames, round(last * FPS))
    if not round(MIN_SECONDS * FPS) <= end - start <= round(longest * FPS):
        raise StudioError(
            f"From {MIN_SECONDS:g} to {longest:g} seconds can be made anew at once, not "
            f"{last - first:g}. Make longer ones in several pieces."
        )
    return start, end


def check_parts(
    parts: Sequence[Part], per_token: int, before: int = 0, after: int = 0
) -> list[tuple[str, int]]:
    """Prompts and whole numbers of tokens; StudioError for what cannot be made.

    `before` and `after` are the tokens of the motions at both ends.
    """
    if not 1 <= len(parts) <= MAX_PARTS:
        raise StudioError(f"A sequence has 1 to {MAX_PARTS} parts, not {len(parts)}.")
    checked = []
    for number, part in enumerate(parts, start=1):
        prompt = check_prompt(part.prompt)
        longest = longest_part(per_token, arrives=bool(after) and number == len(parts))
        if not MIN_SECONDS <= part.seconds <= longest:
            raise StudioError(
                f"A part of a sequence has {MIN_SECONDS:g} to {longest:g} seconds, not "
                f"{part.seconds:g}."
            )
        checked.append((prompt, round(part.seconds * FPS / per_token)))
    total = (sum(count for _, count in checked) + before + after) * per_token / FPS
    if total > LONGEST_SECONDS:
        raise StudioError(
            f"The sequence has {total:.1f} seconds; at most {LONGEST_SECONDS:g} can be made."
        )
    return checked
