"""Angles about an axis over time: measured, blended where they are unsure, and limited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.motion.rotation import axis_angle_to_matrix, cross

_STIFFNESS = 6.0  # how much neighbouring frames hold together, against a sure hint's 1
_SELDOM, _NEVER = np.radians((110.0, 160.0))
_SETTLE = 1.0  # frames, sigma of the last smoothing


def signed_angle(source: np.ndarray, target: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Angle in radians [T] that turns `source` to `target` [T, 3] about unit `axis` [T, 3]."""
    along = (source * axis).sum(-1) * (target * axis).sum(-1)
    return np.arctan2((cross(source, target) * axis).sum(-1), (source * target).sum(-1) - along)


def about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] by `angle` [T] radians about unit `axis` [T, 3]."""
    return axis_angle_to_matrix(axis * angle[:, None])


def blend_angles(hints: Sequence[tuple[np.ndarray, np.ndarray]], rest_pull: float) -> np.ndarray:
    """One smooth angle [T] from several (angle [T], weight [T]); towards 0 where none is sure.

    Least squares: sum w |x - angle|^2 + rest_pull |x|^2 + stiffness |x_t - x_(t-1)|^2. Limbs do
    not turn half way round: a hint near +-pi, which may as well be the one as the other, is not
    believed, so the answer never winds up and never crosses from one to the other.
    """
    from scipy.linalg import solveh_banded

    frames = len(hints[0][0])
    weight = np.full(frames, rest_pull)
    goal = np.zeros(frames)
    for angle, sure in hints:
        believed = sure * np.clip((_NEVER - np.abs(angle)) / (_NEVER - _SELDOM), 0.0, 1.0)
        weight += believed
        goal += believed * angle
    if frames == 1:
        return goal / weight
    links = np.full(frames, 2.0)
    links[[0, -1]] -= 1.0
    band = np.zeros((2, frames))  # the upper triangle of the symmetric system, by diagonals
    band[0, 1:] = -_STIFFNESS
    band[1] = weight + _STIFFNESS * links
    return settle(solveh_banded(band, goal))


def soft_limit(angle: np.ndarray, limit: float) -> np.ndarray:
    """Angles unchanged up to half of `limit`, then bent smoothly so that none passes it."""
    half = 0.5 * limit
    beyond = np.maximum(np.abs(angle) - half, 0.0)
    return np.sign(angle) * (np.minimum(np.abs(angle), half) + half * np.tanh(beyond / half))


def settle(values: np.ndarray) -> np.ndarray:
    """Values [T] smoothed over time by a narrow Gaussian, ends repeated."""
    radius = int(4 * _SETTLE)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / _SETTLE) ** 2)
    return np.convolve(np.pad(values, radius, mode="edge"), kernel / kernel.sum(), "valid")
