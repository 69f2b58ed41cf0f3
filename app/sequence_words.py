"""What the timeline sends, read with care, and what the Sequence tab says of a motion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.given import Given
from app.inputs import check_number, check_prompt
from engine.edit.parts import MAX_PARTS, Part, Recipe, Redo, longest_part
from engine.errors import StudioError
from engine.motion.motion import LONGEST_SECONDS
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from engine.edit.sequence import LongMotion

FIRST = (("a person walks forward", 4.0), ("a person kicks with the right leg", 3.0),
         ("a person walks backwards", 4.0))  # fmt: skip
NO_SEQUENCE: dict[str, Any] = {"empty": "Press Make the sequence: it will walk in here."}
PER_TOKEN = 4  # frames of a latent of the shipped model
_MOST_LETTERS = 40_000  # of what the timeline sends


def timeline_value(ends: Mapping[str, Given]) -> dict[str, Any]:
    """What the timeline shows: its first parts, and the motions given at its ends."""
    return {
        "parts": [{"text": text, "seconds": seconds} for text, seconds in FIRST],
        "longest": longest_part(PER_TOKEN),
        "longestLast": longest_part(PER_TOKEN, arrives="after" in ends),
        "total": LONGEST_SECONDS,
        **{
            name: {
                "text": one.title,
                "seconds": one.motion.frames // PER_TOKEN * PER_TOKEN / FPS,
            }
            for name, one in ends.items()
        },
    }  # fmt: skip


def read_timeline(value: Any) -> list[Part]:
    """Parts of what the browser sent, whatever it is; StudioError when it is no timeline."""
    text = value if isinstance(value, str) else ""
    try:
        rows = json.loads(text[:_MOST_LETTERS])
        parts = [Part(str(row["text"]), float(row["seconds"])) for row in rows]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise StudioError("The timeline could not be read. Reload the page.") from error
    if not 1 <= len(parts) <= MAX_PARTS:
        raise StudioError(f"A sequence has 1 to {MAX_PARTS} parts, not {len(parts)}.")
    for number, part in enumerate(parts, start=1):
        if not part.prompt.strip():
            raise StudioError(f"Say what the person does in part {number}.")
    return [Part(check_prompt(part.prompt), part.seconds) for part in parts]


def read_span(half: str, first: Any, last: Any, seconds: float) -> tuple[float, float] | None:
    """From when to when is made anew; None: all along, which the whole body cannot be.

    An empty field, or 0, is the motion's own beginning or end.
    """
    if not first and not last:
        if half == "whole":
            raise StudioError("Say from which second to which the whole body is made anew.")
        return None
    start = 0.0 if not first else check_number(first, "first second", 0.0, seconds)
    return start, seconds if not last else check_number(last, "last second", start, seconds)


def told(recipe: Recipe, made: LongMotion, ends: Mapping[str, Given], by: str = "") -> str:
    """How long it is, when each part begins, its ends; `by` which model, if not the page's."""
    fps = made.motion.fps
    rows = [
        (start, f"“{part.prompt}”") for part, start in zip(recipe.parts, made.starts, strict=False)
    ]
    if rows and "before" in ends:
        rows.insert(0, (0, f"{ends['before'].title} as it was given"))
    said = f"{made.motion.seconds:.1f} seconds in one motion"
    said += f" by {by}" if by else ""
    said += ": " * bool(rows) + ", ".join(f"{start / fps:.1f} s {text}" for start, text in rows)
    if rows and "after" in ends:
        said += f", then {ends['after'].title}"
    return said + "".join(f". {redone_text(one)}" for one in recipe.redone)


def redone_text(one: Redo, by: str = "") -> str:
    """What was made anew, and by which model, if not by the one before."""
    when = "" if one.span is None else f", {one.span[0]:g} to {one.span[1]:g} s"
    return f"{one.half.capitalize()} body{when}: “{one.prompt}”" + (f" by {by}" if by else "")
