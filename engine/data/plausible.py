"""Whether a composed motion could be a person's: speed, trunk, hands against the body."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.motion.rotation import normalize
from engine.motion.skeleton import JOINTS

# Metres per frame and per frame squared that any lively clip shows; more only where a part does.
CALM_STEP, CALM_BEND = 0.20, 0.10
MARGIN = 1.25
# Axis (from, to) and radius in metres of the capsules hands must stay out of.
BODY = (
    ("pelvis", "neck", 0.12),
    ("left_hip", "left_knee", 0.07),
    ("right_hip", "right_knee", 0.07),
)
HANDS = [JOINTS[name] for name in ("left_wrist", "right_wrist", "left_elbow", "right_elbow")]
DEEPER = 0.03  # metres a hand may be deeper in the body than it was


def trunk_direction(joints: np.ndarray) -> np.ndarray:
    """Unit direction [..., 3] from pelvis to neck."""
    return normalize(joints[..., JOINTS["neck"], :] - joints[..., JOINTS["pelvis"], :])


def trunk_tilt(joints: np.ndarray) -> np.ndarray:
    """Angle [...] in radians between the trunk and the vertical."""
    return np.arccos(np.clip(trunk_direction(joints)[..., 1], -1.0, 1.0))


def moves_like_parts(joints: np.ndarray, parts: Sequence[np.ndarray]) -> bool:
    """Whether no joint is faster or turns more sharply than in `parts` (or any lively clip)."""
    for order, calm in ((1, CALM_STEP), (2, CALM_BEND)):
        allowed = max(calm, *(MARGIN * _fastest(part, order) for part in parts))
        if _fastest(joints, order) > allowed:
            return False
    return True


def reaches_into_body(joints: np.ndarray, source: np.ndarray) -> bool:
    """Whether hands or elbows are deeper in trunk or thighs than ever in `source` [T, 22, 3]."""
    return any(
        _depth(joints, start, end, radius) > _depth(source, start, end, radius) + DEEPER
        for start, end, radius in BODY
    )


def _fastest(joints: np.ndarray, order: int) -> float:
    if len(joints) <= order:
        return 0.0
    return float(np.linalg.norm(np.diff(joints, n=order, axis=0), axis=-1).max())


def _depth(joints: np.ndarray, start: str, end: str, radius: float) -> float:
    """Greatest depth in metres of a hand or elbow inside a capsule over the clip."""
    base = joints[:, None, JOINTS[start]]
    axis = joints[:, None, JOINTS[end]] - base
    hands = joints[:, HANDS] - base
    along = np.clip((hands * axis).sum(-1) / np.maximum((axis**2).sum(-1), 1e-9), 0.0, 1.0)
    distance = np.linalg.norm(hands - along[..., None] * axis, axis=-1)
    return float(np.maximum(radius - distance, 0.0).max())
