"""Changing the frame rate of a motion."""

from __future__ import annotations

import numpy as np

from engine.errors import StudioError


def resample(positions: np.ndarray, fps_in: float, fps_out: float) -> np.ndarray:
    """Positions [T, ...] at `fps_in` read at `fps_out`, from the same first moment on.

    Cubic splines through the frames: linear interpolation at a non-integer step (30 to 20 fps)
    would smooth every other frame. Nothing is extrapolated, so the result has
    floor((T - 1) * fps_out / fps_in) + 1 frames. Integer steps just pick frames.
    Raises StudioError for rates or lengths that make no sense.
    """
    if not (np.isfinite([fps_in, fps_out]).all() and fps_in > 0 and fps_out > 0):
        raise StudioError(f"Cannot resample from {fps_in} to {fps_out} frames per second.")
    frames = len(positions)
    if frames == 0:
        raise StudioError("Cannot resample a motion without frames.")
    step = fps_in / fps_out
    if abs(step - round(step)) < 1e-4 * step:  # a BVH frame time of 0.0083333 means 120 fps
        return positions[:: round(step)].copy()
    count = int(np.floor((frames - 1) / step + 1e-6)) + 1
    times = np.minimum(np.arange(count) * step, frames - 1)
    if frames < 4:
        return _linear(positions, times)
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(np.arange(frames), positions, axis=0)
    return spline(times).astype(positions.dtype, copy=False)


def _linear(positions: np.ndarray, times: np.ndarray) -> np.ndarray:
    low = np.minimum(times.astype(int), max(len(positions) - 2, 0))
    high = np.minimum(low + 1, len(positions) - 1)
    weight = (times - low).reshape(-1, *([1] * (positions.ndim - 1)))
    mixed = positions[low] * (1 - weight) + positions[high] * weight
    return mixed.astype(positions.dtype, copy=False)
