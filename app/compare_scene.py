"""What the comparing player, the table and the vote are sent: nothing that a blind vote hides."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.ballot import Ballot
from app.scene import encode
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from app.body import PageBody
    from engine.compare.pair import Side

MOST_STEPS = 20  # denoising steps the page gets to scrub through, evenly picked
NO_VOTE: dict[str, Any] = {"state": "none"}
NO_NUMBERS: dict[str, Any] = {"rows": []}
_WORDS = {"left": "Left is better.", "right": "Right is better.", "tie": "A tie.",
          "bad": "Both are bad."}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """How a number is told: `sign` +1 where more is better, -1 where less is, 0 where neither."""

    name: str
    tip: str
    sign: int
    scale: float = 1.0
    digits: int = 2
    unit: str = ""


ROWS: dict[str, Row] = {
    "reward": Row("Reward", "what tuning raises: text alignment of the finished latents", 1),
    "similarity": Row(
        "Follows the text",
        "cosine of text and motion by the evaluator, which no tuning ever sees",
        1,
    ),
    "foot_skate": Row(
        "Feet slide", "foot skate: share of frames in which a planted toe slides", -1, 100, 0, " %"
    ),
    "penetration_mm": Row(
        "Sinks into the floor", "mean depth of the lowest foot joint under the floor", -1, 1, 1,
        " mm",
    ),
    "float_share": Row("Hovers", "share of frames with nothing near the floor", -1, 100, 0, " %"),
    "jerk": Row("Jerk", "mean third derivative of the joints in m/s³; lively motion has more", 0, 1,
                0),
    "spikes": Row("Spikes", "one-frame leaps of a joint over 8 cm", -1, 1, 0),
}  # fmt: skip


def pair_value(ballot: Ballot, body: PageBody | None = None) -> dict[str, Any]:
    """JSON for the player: two motions; their steps and the reward's pull only when names are.

    With a body also where its skin is, and each motion's rotations.
    """
    pulls = [side.pull for side in ballot.sides if side.pull is not None]
    most = max((float(np.quantile(pull, 0.99)) for pull in pulls), default=0.0)
    shown = zip(ballot.sides, ballot.names, ballot.accents, strict=True)
    return {
        "id": ballot.id,
        "fps": FPS,
        "hidden": ballot.hidden,
        "live": ballot.live,
        "body": "" if body is None else body.address,
        "motions": [
            _motion(side, name, accent, ballot, most, body) for side, name, accent in shown
        ],
    }


def _motion(
    side: Side, name: str, accent: str, ballot: Ballot, most: float, body: PageBody | None
) -> dict[str, Any]:
    joints = side.motion.joints
    value: dict[str, Any] = {
        "label": name,
        "accent": accent,
        "frames": len(joints),
        "joints": encode(joints),
        "turns": "" if body is None else body.turns(side.motion),
    }
    if ballot.hidden:
        return value
    if side.steps is not None:
        picked = _picked(len(side.steps.joints))
        rewards = side.steps.rewards
        value["steps"] = {
            "joints": [encode(side.steps.joints[k]) for k in picked],
            "turns": [] if body is None else [body.turns(side.at_step(k)) for k in picked],
            "timesteps": [int(side.steps.timesteps[k]) for k in picked],
            "rewards": None if rewards is None else [round(float(rewards[k]), 4) for k in picked],
        }
    if side.pull is not None and most > 0:
        shares = np.clip(side.pull / most, 0, 1)
        value["pull"] = base64.b64encode(np.rint(255 * shares).astype(np.uint8).tobytes()).decode()
    return value


def _picked(count: int) -> list[int]:
    """At most MOST_STEPS of `count` indices, first and last among them."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, MOST_STEPS))})


def numbers_value(ballot: Ballot) -> dict[str, Any]:
    """The table of both sides' numbers; empty while names are hidden, for they could tell."""
    if ballot.hidden:
        return {"rows": [], "note": "Names and numbers come after your vote."}
    left, right = (side.numbers for side in ballot.sides)
    columns = [
        {"name": name, "accent": accent}
        for name, accent in zip(ballot.names, ballot.accents, strict=True)
    ]
    rows = [_row(ROWS[key], left[key], right[key]) for key in ROWS if key in left and key in right]
    return {"columns": columns, "rows": rows}


def _row(row: Row, left: float, right: float) -> dict[str, Any]:
    cells = [f"{row.scale * value:.{row.digits}f}{row.unit}" for value in (left, right)]
    better = -1
    if row.sign and cells[0] != cells[1]:  # what prints alike is alike
        better = int(row.sign * (right - left) > 0)
    return {"name": row.name, "tip": row.tip, "cells": cells, "better": better}


def vote_value(ballot: Ballot) -> dict[str, Any]:
    """State of the vote; after a blind one, who was who."""
    if not ballot.answer:
        return {"state": "open", "text": "Which is better?"}
    left, right = ballot.names
    reveal = f" Left was {left}, right was {right}." if ballot.blind else ""
    text = f"{_WORDS[ballot.answer]}{reveal}"
    return {"state": "closed", "answer": ballot.answer, "text": text}
