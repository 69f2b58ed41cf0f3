"""A calm camera: one heading and one distance per clip, following the walker smoothly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.motion.skeleton import JOINTS, N_JOINTS

FIELD_OF_VIEW = 28.0  # degrees, vertical: a long lens keeps proportions honest
PITCH = 13.0  # degrees the camera looks down
# Metres around each joint that the drawn body fills: hands and head reach far beyond theirs.
_REACH = np.full(N_JOINTS, 0.10)
_REACH[[JOINTS[name] for name in ("left_wrist", "right_wrist", "head")]] = 0.19
_REACH[[JOINTS[name] for name in ("left_ankle", "right_ankle")]] = 0.06
_FOLLOW_SECONDS = 0.3  # width of the smoothing of the followed path
_SAFE = (0.055, 0.90, 0.125)  # shares of the picture kept free: top, width used, bottom (caption)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without roll. `rotation` columns: right, up, forward (world space)."""

    position: np.ndarray
    rotation: np.ndarray
    width: int
    height: int
    focal: float  # pixels

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points [...,3] -> pixel x, pixel y, depth in metres [...,3]."""
        local = (points - self.position) @ self.rotation
        depth = np.maximum(local[..., 2], 1e-3)
        x = local[..., 0] / depth * self.focal + self.width / 2
        y = -local[..., 1] / depth * self.focal + self.height / 2
        return np.stack([x, y, depth], axis=-1)


def heading(clips: Sequence[np.ndarray]) -> float:
    """Degrees from the facing direction to the camera: frontal on the spot, more from the side
    when the clips (joints [T,22,3]) travel, so that the gait can be read."""
    travel = max(float(np.linalg.norm(np.ptp(clip[:, 0, ::2], axis=0))) for clip in clips)
    return 28.0 + 24.0 * float(np.clip((travel - 0.6) / 1.6, 0.0, 1.0))


def follow_path(joints: np.ndarray, fps: float) -> np.ndarray:
    """Smoothed XZ of the body's centre, [T,2]: a Gaussian over time, ends held."""
    centre = joints.mean(axis=1)[:, ::2].astype(np.float64)
    sigma = _FOLLOW_SECONDS * fps
    reach = int(3 * sigma) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(centre, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], axis=1)


def cameras_for(
    clips: Sequence[np.ndarray],
    size: tuple[int, int],
    fps: float = 20.0,
    azimuth: float | None = None,
) -> list[list[Camera]]:
    """One camera per frame for each clip (joints [T,22,3]); all clips share heading and distance,
    so that bodies side by side appear at the same size. `size` is width, height of one view."""
    width, height = size
    yaw = np.deg2rad(heading(clips) if azimuth is None else azimuth)
    pitch = np.deg2rad(PITCH)
    back = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    forward = -back
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(right, forward), forward], axis=1)
    half = np.tan(np.deg2rad(FIELD_OF_VIEW) / 2)
    focal = height / 2 / half
    middle = _vertical_middle(clips)
    paths = [follow_path(clip, fps) for clip in clips]
    top, across, bottom = _SAFE
    usable = (1.0 - top - bottom) * half
    distance = 2.4
    for clip, path in zip(clips, paths, strict=True):
        target = np.stack([path[:, 0], np.full(len(path), middle), path[:, 1]], axis=1)
        local = (clip - target[:, None]) @ rotation
        near = -local[..., 2]
        needed_x = (np.abs(local[..., 0]) + _REACH) / (half * width / height * across) + near
        needed_y = (np.abs(local[..., 1]) + _REACH) / usable + near
        distance = max(distance, float(needed_x.max()), float(needed_y.max()))
    lift = (bottom - top) * half * distance  # centre the body between caption and top
    return [
        [
            Camera(np.array([x, middle, z]) + back * distance - rotation[:, 1] * lift,
                   rotation, width, height, focal)
            for x, z in path
        ]
        for path in paths
    ]  # fmt: skip


def _vertical_middle(clips: Sequence[np.ndarray]) -> float:
    highest = max(float(clip[..., 1].max()) for clip in clips)
    return (max(highest, 1.0) + 0.12) / 2
