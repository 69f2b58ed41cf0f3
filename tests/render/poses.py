"""Poses made from angles alone, so that the look tests need no data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.motion.skeleton import BONE_LENGTHS, FPS, JOINTS, PARENTS

# Directions of an upright standing body with hanging arms; x is the body's left, z its front.
_STANDING: dict[str, tuple[float, float, float]] = {
    "left_hip": (0.6, -0.8, 0), "right_hip": (-0.6, -0.8, 0), "spine1": (0, 1, -0.1),
    "left_knee": (0.05, -1, 0.02), "right_knee": (-0.05, -1, 0.02), "spine2": (0, 1, 0.05),
    "left_ankle": (0.02, -1, -0.08), "right_ankle": (-0.02, -1, -0.08), "spine3": (0, 1, 0.1),
    "left_foot": (0.2, -0.3, 1), "right_foot": (-0.2, -0.3, 1), "neck": (0, 1, -0.1),
    "left_collar": (0.6, 0.8, 0), "right_collar": (-0.6, 0.8, 0), "head": (0, 0.88, 0.45),
    "left_shoulder": (1, -0.25, 0), "right_shoulder": (-1, -0.25, 0),
    "left_elbow": (0.2, -1, -0.1), "right_elbow": (-0.2, -1, -0.1),
    "left_wrist": (0.1, -1, 0.3), "right_wrist": (-0.1, -1, 0.3),
}  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """The least that the renderer asks of a motion."""

    joints: np.ndarray
    fps: float = FPS


def body(tilt: float = 0.0, **directions: tuple[float, float, float]) -> np.ndarray:
    """Joints [22,3] on the target skeleton, lowest joint at y = 0; `tilt` pitches the whole body
    forward by degrees."""
    joints = np.zeros((22, 3))
    table = {**_STANDING, **directions}
    for name, index in JOINTS.items():
        if index:
            direction = np.array(table[name], dtype=float)
            step = direction / np.linalg.norm(direction) * BONE_LENGTHS[index]
            joints[index] = joints[PARENTS[index]] + step
    angle = np.deg2rad(tilt)
    turn = np.array([
        [1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)],
    ])  # fmt: skip
    joints = joints @ turn.T
    joints[:, 1] -= joints[:, 1].min()
    return joints


POSES: dict[str, np.ndarray] = {
    "standing": body(),
    "stride": body(
        left_knee=(0.05, -1, 0.55), left_ankle=(0.02, -1, -0.1), left_foot=(0.1, 0.05, 1),
        right_knee=(-0.05, -1, -0.3), right_ankle=(-0.02, -0.8, -0.75),
        right_foot=(-0.1, -0.9, 0.5), left_elbow=(0.2, -1, -0.5), right_elbow=(-0.2, -1, 0.4),
        right_wrist=(0, -0.4, 1),
    ),
    "wave": body(
        right_elbow=(-0.8, 0.5, 0.1), right_wrist=(0.1, 1, 0.1),
        left_elbow=(0.3, -1, 0.2), left_wrist=(-0.7, 0.1, 0.7),
    ),
    "squat": body(
        left_knee=(0.5, -0.2, 1), right_knee=(-0.5, -0.2, 1), left_ankle=(0.1, -1, -0.5),
        right_ankle=(-0.1, -1, -0.5), spine1=(0, 1, 0.5), spine2=(0, 1, 0.5), spine3=(0, 1, 0.5),
        left_elbow=(0.1, 0, 1), right_elbow=(-0.1, 0, 1), left_wrist=(0, 0.1, 1),
        right_wrist=(0, 0.1, 1),
    ),
    "lying": body(tilt=-90.0, left_elbow=(1, -0.2, 0), left_wrist=(1, 0.2, 0)),
}  # fmt: skip


def mirrored(joints: np.ndarray) -> np.ndarray:
    """The pose with its limbs exchanged: same outline seen from the front, other colours."""
    from engine.motion.skeleton import MIRROR

    return joints[list(MIRROR)] * np.array([-1.0, 1.0, 1.0])


def walk(frames: int = 24) -> Clip:
    """A made-up walk along +z with swinging arms."""
    clip = []
    for frame in range(frames):
        swing = 0.6 * np.sin(frame * 0.45)
        pose = body(
            left_knee=(0.05, -1, swing), right_knee=(-0.05, -1, -swing),
            left_elbow=(0.2, -1, -swing), right_elbow=(-0.2, -1, swing),
        )  # fmt: skip
        clip.append(pose + np.array([0.0, 0.0, 0.05 * frame]))
    return Clip(np.stack(clip))
