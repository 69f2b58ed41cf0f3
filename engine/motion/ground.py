"""Put a motion that slowly rises off the floor back on it."""

from __future__ import annotations

import numpy as np

from engine.motion.feet import smooth
from engine.motion.skeleton import FPS

WINDOW_SECONDS = 1.3  # longer than any jump: its lowest moment is on the ground
CLIMB = 0.25  # metres; who gets higher than this climbs something, and is left alone


def settle(joints: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] (metres, Y up) without a slow rise of the support; others unchanged.

    Some captured walks rise by 10 cm in 4 m, because the capture was calibrated on a tilted floor,
    and a model learns that. What is taken off is the lower envelope of the lowest joint, so jumps
    stay jumps and no joint is pushed under the floor.
    """
    settled = joints
    for _ in range(2):  # the running minimum lags behind a steady rise; twice leaves nothing
        lowest = settled[..., 1].min(axis=1).astype(np.float64)
        support = lower_envelope(lowest - lowest.min(), round(WINDOW_SECONDS * FPS))
        if support.max() < 0.01 or support.max() > CLIMB:
            break
        settled = settled.copy()
        settled[..., 1] -= (lowest.min() + support).astype(joints.dtype)[:, None]
    return settled


def lower_envelope(height: np.ndarray, window: int) -> np.ndarray:
    """A smooth curve [T] under `height` [T]: the running minimum over `window` frames, smoothed."""
    half = max(window // 2, 1)
    padded = np.pad(height, half, mode="edge")
    low = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).min(axis=-1)
    curve = smooth(low, half / 2)
    return curve - max(float((curve - height).max()), 0.0)
