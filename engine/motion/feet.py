"""Feet and floor: keeping feet above it, and holding planted feet still."""

from __future__ import annotations

import numpy as np

from engine.motion.legs import ANKLES, TOES, move_ankles, tilt_feet

SOFT_DEPTH = 0.02  # metres a foot may sink at most where legs can do something about it
DEEPEST = 0.027  # metres; the promise is 3 cm, whatever it takes
SLOW = 10  # frames to each side in which a body must be too low before it is lifted as a whole


def raise_feet(joints: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] whose ankles and toes are at most 3 cm under the floor y = 0.

    A standing body that is too low for a while is lifted slowly as a whole; a foot that dips,
    or the feet of somebody lying, are raised by bending the leg, so that a lying body does not
    float. What is above the floor is not touched, the path on the floor never.
    """
    if joints[:, [*ANKLES, *TOES], 1].min() >= 0.0:
        return joints
    raised = _lift(joints, _slow_depth(joints))
    ankles = raised[:, ANKLES].copy()
    ankles[..., 1] = _soft_floor(ankles[..., 1])
    raised = move_ankles(raised, ankles)
    raised = tilt_feet(raised, _soft_floor(raised[:, TOES, 1]))
    left_over = np.maximum(-DEEPEST - raised[:, [*ANKLES, *TOES], 1].min(axis=1), 0.0)
    if left_over.max() > 0.0:
        raised = _lift(raised, _cover(left_over, 4))
    return raised


def _lift(joints: np.ndarray, height: np.ndarray) -> np.ndarray:
    lifted = joints.copy()
    lifted[..., 1] += height[:, None]
    return lifted


def _soft_floor(height: np.ndarray) -> np.ndarray:
    """Heights with what is below 0 pressed into 0..-SOFT_DEPTH; smooth where it begins."""
    return np.where(height < 0, SOFT_DEPTH * np.expm1(np.minimum(height, 0) / SOFT_DEPTH), height)


def _slow_depth(joints: np.ndarray) -> np.ndarray:
    """How far the lowest foot is under the floor for longer than a moment, smoothed, [T]."""
    depth = np.maximum(-joints[:, [*ANKLES, *TOES], 1].min(axis=1), 0.0)
    upright = np.clip((joints[:, 0, 1] - 0.40) / 0.25, 0.0, 1.0)
    windows = _windows(depth * upright, SLOW)
    return _smooth(np.quantile(windows, 0.3, axis=1), SLOW / 2)


def _cover(need: np.ndarray, radius: int) -> np.ndarray:
    """A smooth curve [T] that is nowhere below `need` [T]."""
    widest = _windows(need, radius).max(axis=1)
    return _windows(widest, radius).mean(axis=1)


def _windows(values: np.ndarray, radius: int) -> np.ndarray:
    padded = np.pad(values, radius, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1)


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing over the first axis, ends repeated."""
    radius = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values, [(radius, radius)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    return windows @ kernel
