"""What the player and the history thumbnails are sent: compact numbers, no HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from app.visits import Result
from engine.motion.skeleton import FPS, JOINT_NAMES, PARENTS

if TYPE_CHECKING:
    from app.body import PageBody
    from engine.motion.motion import Motion

THUMBNAIL = 48.0  # side of the square the small figure is drawn in
_YAW = np.deg2rad(25.0)  # the small figure is seen a little from the side


def player_value(
    result: Result, accent: str = "base", body: PageBody | None = None
) -> dict[str, Any]:
    """JSON for the player: per motion a label and float32 joints [T, 22, 3] in base64.

    With a body also where its skin is, and each motion's rotations.
    """
    return {
        "id": result.id,
        "fps": FPS,
        "body": "" if body is None else body.address,
        "motions": [
            {
                "label": label,
                "accent": accent,
                "frames": len(motion.joints),
                "joints": encode(motion.joints),
                "turns": "" if body is None else body.turns(motion),
            }
            for motion, label in zip(result.motions, labels(result), strict=True)
        ],
    }


def labels(result: Result) -> list[str]:
    """Caption of each sample, in player and video alike."""
    seeds = result.wish.seeds
    if result.source:
        return [result.source]
    if len(seeds) == 1:
        return [f"Seed {seeds[0]}"]
    return [f"Sample {k + 1}, seed {seed}" for k, seed in enumerate(seeds)]


def encode(joints: np.ndarray) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(np.ascontiguousarray(joints, dtype="<f4").tobytes()).decode("ascii")


def history_value(results: Sequence[Result], current: str) -> dict[str, Any]:
    """Newest first, each with a small figure taken from the middle of its first motion."""
    return {
        "current": current,
        "items": [
            {
                "id": result.id,
                "prompt": result.wish.prompt,
                "details": details(result),
                "bones": thumbnail(result.motions[0]),
            }
            for result in reversed(results)
        ],
    }


def details(result: Result) -> str:
    """Length, seed and number of samples in a few characters."""
    wish = result.wish
    if result.source:
        return f"{wish.seconds:g} s · opened"
    count = "" if wish.samples == 1 else f" · {wish.samples}×"
    return f"{wish.seconds:g} s · seed {wish.seed}{count}"


def thumbnail(motion: Motion) -> list[list[float | str]]:
    """Bones [x1, y1, x2, y2, side] of the liveliest pose, in a 48 x 48 box."""
    joints = np.asarray(motion.joints, dtype=np.float64)
    centred = joints - joints[:, :1]
    pose = joints[int(np.argmax(np.abs(centred - centred.mean(axis=0)).sum(axis=(1, 2))))]
    right = pose[:, 0] * np.cos(_YAW) - pose[:, 2] * np.sin(_YAW)
    flat = np.stack([right, -pose[:, 1]], axis=1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = (THUMBNAIL - 8) / max(float((high - low).max()), 1e-6)
    points = (flat - (low + high) / 2) * scale + THUMBNAIL / 2
    return [
        [*(round(float(v), 1) for v in (*points[parent], *points[joint])), _side(joint)]
        for joint, parent in enumerate(PARENTS)
        if parent >= 0
    ]


def _side(joint: int) -> str:
    name = JOINT_NAMES[joint]
    if "collar" in name:
        return "body"
    return next((side for side in ("left", "right") if name.startswith(side)), "body")
