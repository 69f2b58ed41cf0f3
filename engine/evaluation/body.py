"""A motion seen from the body: facing, heights, trunk, joints in the walker's own frame."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from engine.errors import StudioError
from engine.motion.skeleton import FPS, JOINTS, N_JOINTS

UP = np.array([0.0, 1.0, 0.0])
FEET = tuple(JOINTS[name] for name in ("left_ankle", "right_ankle", "left_foot", "right_foot"))


class Body:
    """Derived quantities of one motion, computed once and only when asked for.

    joints: [T,22,3] metres, Y up, +Z forward at frame 0, left = +X. Raises StudioError when the
    array has another shape, fewer than 4 frames or values that are not finite.
    """

    def __init__(self, joints: np.ndarray, fps: float = FPS) -> None:
        array = np.asarray(joints, dtype=np.float64)
        if array.ndim != 3 or array.shape[1:] != (N_JOINTS, 3):
            raise StudioError(f"A motion has shape [frames, 22, 3], not {list(array.shape)}.")
        if len(array) < 4:
            raise StudioError(f"At least 4 frames are needed to judge a motion, not {len(array)}.")
        if not np.isfinite(array).all():
            raise StudioError("The motion holds values that are not numbers.")
        self.joints, self.fps = array, fps

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.joints) / self.fps

    def __getitem__(self, name: str) -> np.ndarray:
        """World positions [T,3] of the named joint."""
        return self.joints[:, JOINTS[name]]

    def own(self, name: str) -> np.ndarray:
        """Positions [T,3] in the body's frame: x left, y height, z forward, root at x = z = 0."""
        return self.local[:, JOINTS[name]]

    @cached_property
    def across(self) -> np.ndarray:
        """Unit vectors [T,3] from the right side of the body to the left."""
        hips = self["left_hip"] - self["right_hip"]
        shoulders = self["left_shoulder"] - self["right_shoulder"]
        vector = hips + shoulders
        return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)

    @cached_property
    def yaw(self) -> np.ndarray:
        """Facing angle [T] in radians, unwrapped, positive to the left, 0 = +Z."""
        forward = np.cross(self.across, UP)
        flat = forward[:, [0, 2]]
        # Lying on a side or upside down has no facing: hold the last known one there.
        known = np.linalg.norm(flat, axis=-1) > 0.4
        if not known.any():
            return np.zeros(len(flat))
        index = np.maximum.accumulate(np.where(known, np.arange(len(flat)), 0))
        index[: int(np.argmax(known))] = int(np.argmax(known))
        angle = np.unwrap(np.arctan2(flat[index, 0], flat[index, 1]))
        return smooth(angle, 0.15 * self.fps)

    @cached_property
    def local(self) -> np.ndarray:
        """Joints [T,22,3] seen by the body: root over the origin, facing +Z, heights kept."""
        moved = self.joints.copy()
        moved[..., [0, 2]] -= self.joints[:, :1, [0, 2]]
        sin, cos = np.sin(self.yaw)[:, None], np.cos(self.yaw)[:, None]
        x, z = moved[..., 0].copy(), moved[..., 2].copy()
        moved[..., 0], moved[..., 2] = cos * x - sin * z, sin * x + cos * z
        return moved

    @cached_property
    def root_path(self) -> np.ndarray:
        """Root on the ground [T,2] (x, z), sway of single steps smoothed away."""
        return smooth(self["pelvis"][:, [0, 2]], 0.15 * self.fps)

    @cached_property
    def travel(self) -> np.ndarray:
        """Root steps [T-1,2] in metres along the body's own left and forward."""
        step = np.diff(self.root_path, axis=0)
        yaw = (self.yaw[1:] + self.yaw[:-1]) / 2
        sin, cos = np.sin(yaw), np.cos(yaw)
        return np.stack([cos * step[:, 0] - sin * step[:, 1],
                         sin * step[:, 0] + cos * step[:, 1]], axis=-1)  # fmt: skip

    @cached_property
    def trunk(self) -> np.ndarray:
        """Unit vectors [T,3] from the pelvis to the neck, in the body's frame."""
        vector = self.own("neck") - self.own("pelvis")
        return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)

    @cached_property
    def pitch(self) -> np.ndarray:
        """Forward lean [T] of the trunk in degrees, 0 = upright, negative = backward."""
        return np.degrees(np.arctan2(self.trunk[:, 2], self.trunk[:, 1]))

    @cached_property
    def tilt(self) -> np.ndarray:
        """Angle [T] of the trunk to the vertical in degrees, whichever way it leans."""
        return np.degrees(np.arccos(np.clip(self.trunk[:, 1], -1.0, 1.0)))

    @cached_property
    def floor(self) -> float:
        """Height the feet stand on: a low quantile, so that one bad frame does not move it."""
        return float(np.quantile(self.joints[:, FEET, 1].min(axis=1), 0.05))

    @cached_property
    def clearance(self) -> np.ndarray:
        """Height [T] of the lowest of all joints above the floor the feet stand on."""
        return self.joints[..., 1].min(axis=1) - self.floor

    @cached_property
    def root_height(self) -> np.ndarray:
        """Pelvis height [T] above the floor, metres."""
        return self["pelvis"][:, 1] - self.floor

    def knee_bend(self, side: str) -> np.ndarray:
        """Knee flexion [T] in degrees of side 'left' or 'right'; 0 = straight."""
        thigh = self[f"{side}_knee"] - self[f"{side}_hip"]
        shin = self[f"{side}_ankle"] - self[f"{side}_knee"]
        cosine = (thigh * shin).sum(-1) / np.maximum(
            np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shin, axis=-1), 1e-9
        )
        return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))

    def end(self, series: np.ndarray, seconds: float = 0.4) -> float:
        """Mean of the last `seconds` of a per-frame series [T]."""
        return float(series[-max(1, round(seconds * self.fps)) :].mean())

    def start(self, series: np.ndarray, seconds: float = 0.4) -> float:
        """Mean of the first `seconds` of a per-frame series [T]."""
        return float(series[: max(1, round(seconds * self.fps))].mean())


def smooth(series: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average of `series` [T,...] over time, sigma in frames.

    The ends are continued by point reflection, so that a steady motion stays a steady motion.
    """
    radius = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(sigma, 1e-6)) ** 2)
    kernel /= kernel.sum()
    flat = np.asarray(series, dtype=np.float64).reshape(len(series), -1)
    padded = np.pad(flat, ((radius, radius), (0, 0)), mode="reflect", reflect_type="odd")
    columns = [np.convolve(column, kernel, mode="valid") for column in padded.T]
    return np.stack(columns, axis=-1).reshape(np.shape(series))


def swings(series: np.ndarray, amplitude: float) -> int:
    """How often `series` [T] goes up or down by at least `amplitude` before it turns back."""
    count, direction = 0, 0
    low = high = peak = float(series[0]) if len(series) else 0.0
    for value in map(float, series):
        if direction == 0:
            low, high, peak = min(low, value), max(high, value), value
            direction = int(value - low >= amplitude) - int(high - value >= amplitude)
            count = abs(direction)
        elif (value - peak) * direction >= 0:
            peak = value
        elif abs(value - peak) >= amplitude:
            count, direction, peak = count + 1, -direction, value
    return count


def runs(flags: np.ndarray, shortest: int = 1) -> list[tuple[int, int]]:
    """Half-open frame ranges of consecutive True in `flags` [T], at least `shortest` long."""
    padded = np.concatenate([[False], np.asarray(flags, dtype=bool), [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)
            if b - a >= shortest]  # fmt: skip
