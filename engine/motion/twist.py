"""Angles about an axis over time: measured, blended where they are unsure, and limited."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.motion.rotation import axis_angle_to_matrix, cross

_STIFFNESS = 6.0  # how much neighbouring frames hold together, against a sure hint's 1
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

    Least squares on the unit circle, where +pi and -pi are the same:
    sum w |z - e^(i angle)|^2 + rest_pull |z - 1|^2 + stiffness |z_t - z_(t-1)|^2.
    """
    frames = len(hints[0][0])
    weight = np.full(frames, rest_pull) + sum(w for _, w in hints)
    goal = np.full(frames, rest_pull, dtype=np.complex128)
    for angle, sure in hints:
        goal += sure * np.exp(1j * angle)
    system = np.diag(weight)
    pairs = np.arange(frames - 1)
    system[pairs, pairs] += _STIFFNESS
    system[pairs + 1, pairs + 1] += _STIFFNESS
    system[pairs, pairs + 1] -= _STIFFNESS
    system[pairs + 1, pairs] -= _STIFFNESS
    angle = np.unwrap(np.angle(np.linalg.solve(system, goal)))
    return _settle(angle - 2 * np.pi * np.round(np.median(angle) / (2 * np.pi)))


def soft_limit(angle: np.ndarray, limit: float) -> np.ndarray:
    """Angles unchanged up to half of `limit`, then bent smoothly so that none passes it."""
    half = 0.5 * limit
    beyond = np.maximum(np.abs(angle) - half, 0.0)
    return np.sign(angle) * (np.minimum(np.abs(angle), half) + half * np.tanh(beyond / half))


def _settle(values: np.ndarray) -> np.ndarray:
    """Values [T] smoothed by a narrow Gaussian, ends repeated."""
    radius = int(4 * _SETTLE)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / _SETTLE) ** 2)
    return np.convolve(np.pad(values, radius, mode="edge"), kernel / kernel.sum(), "valid")
