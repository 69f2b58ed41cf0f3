"""Feet and floor: keeping feet above it, and holding planted feet still."""

from __future__ import annotations

import numpy as np

from engine.errors import StudioError
from engine.motion.legs import ANKLES, TOES, move_ankles, tilt_feet
from engine.motion.skeleton import FPS

SOFT_DEPTH = 0.02  # metres a foot may sink at most where legs can do something about it
DEEPEST = 0.027  # metres; the promise is 3 cm, whatever it takes
SLOW = 10  # frames to each side in which a body must be too low before it is lifted as a whole

# A planted foot: real stance feet move under 0.2 m/s (ankles at 7-10 cm, toes at 1-3 cm).
LOW = np.array([0.12, 0.055])  # metres, ankle and toe
SLOWEST_STEP = 0.6  # m/s
SHORTEST_STEP = 3  # frames
BLEND = 5  # frames from a held foot to a free one


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
    return smooth(np.quantile(windows, 0.3, axis=1), SLOW / 2)


def _cover(need: np.ndarray, radius: int) -> np.ndarray:
    """A smooth curve [T] that is nowhere below `need` [T]."""
    widest = _windows(need, radius).max(axis=1)
    return _windows(widest, radius).mean(axis=1)


def _windows(values: np.ndarray, radius: int) -> np.ndarray:
    padded = np.pad(values, radius, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing over the first axis, ends repeated."""
    radius = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values, [(radius, radius)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    return windows @ kernel


def lock_feet(joints: np.ndarray, contacts: np.ndarray | None = None) -> np.ndarray:
    """Joints [T, 22, 3] with planted feet held still: removes skating, keeps bone lengths.

    While a toe is planted it is pinned to one place on the floor; while only the ankle is, the
    ankle. The leg follows by inverse kinematics (hips stay, knees bend as they did), with smooth
    blending before and after. `contacts` [T or T - 1, 4] says what is planted, in the order of
    the features (left ankle, left toe, right ankle, right toe; over 0.5 is planted); without it
    low and slow joints are. Optional: real motion slides a little too.
    """
    planted = planted_feet(joints) if contacts is None else _given(contacts, len(joints))
    return pin_feet(joints, planted)


def pin_feet(
    joints: np.ndarray, planted: np.ndarray, window: np.ndarray | None = None
) -> np.ndarray:
    """`lock_feet` for known `planted` [T, 2, 2]; only steps that touch `window` [T] are held."""
    points = np.asarray(joints, dtype=np.float64)
    everywhere = np.ones(len(points), dtype=bool) if window is None else window
    ankles = points[:, ANKLES].copy()
    for side in range(2):
        toe, ankle = planted[:, side, 1], planted[:, side, 0] & ~planted[:, side, 1]
        shift = _pinning(points[:, TOES[side]][:, 0::2], toe, everywhere)
        shift += _pinning(points[:, ANKLES[side]][:, 0::2], ankle, everywhere)
        ankles[:, side, 0::2] += shift
    return move_ankles(points, ankles).astype(joints.dtype, copy=False)


def planted_feet(joints: np.ndarray) -> np.ndarray:
    """Which feet of joints [T, 22, 3] stand, low and slow: bool [T, 2 sides, (ankle, toe)]."""
    feet = joints[:, np.stack((ANKLES, TOES), axis=-1)]
    velocity = np.gradient(feet[..., 0::2], axis=0) * FPS
    speed = np.linalg.norm(velocity, axis=-1)
    return (feet[..., 1] < LOW) & (speed < SLOWEST_STEP)


def _given(contacts: np.ndarray, frames: int) -> np.ndarray:
    """Contacts of the features as bool [T, 2, 2]; the last row counts for the last frame too."""
    if contacts.ndim != 2 or contacts.shape[1] != 4 or len(contacts) not in (frames - 1, frames):
        raise StudioError(f"Contacts must be [{frames}, 4], not {list(contacts.shape)}.")
    planted = contacts > 0.5
    if len(planted) < frames:
        planted = np.concatenate((planted, planted[-1:]))
    return planted.reshape(frames, 2, 2)


def _pinning(places: np.ndarray, planted: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Shift on the floor [T, 2] that holds `places` [T, 2] still while `planted` [T]."""
    frames = len(places)
    shift, weight = np.zeros_like(places), np.zeros(frames)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], planted, [False])).astype(int)))
    time = np.arange(frames)
    for start, end in edges.reshape(-1, 2):
        if end - start < SHORTEST_STEP or not window[start:end].any():
            continue
        pin = np.median(places[start:end], axis=0)
        held = np.clip(time, start, end - 1)
        outside = np.abs(time - held)
        fade = 0.5 + 0.5 * np.cos(np.pi * np.minimum(outside / BLEND, 1.0))
        shift += fade[:, None] * (pin - places[held])
        weight += fade
    return smooth(shift / np.maximum(weight, 1.0)[:, None], 1.0)
