"""Simple motions made of arithmetic, whose facts are known by construction."""

from __future__ import annotations

import numpy as np

from engine.motion.skeleton import BONE_LENGTHS, JOINTS, PARENTS, REST_DIRECTIONS

FPS = 20.0


def standing(frames=60):
    """A figure standing at the origin, arms hanging, facing +Z: [frames,22,3]."""
    pose = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            direction = REST_DIRECTIONS[joint].astype(float)
            pose[joint] = pose[parent] + BONE_LENGTHS[joint] * direction
    pose[:, 1] -= pose[:, 1].min()
    return np.repeat(pose[None], frames, axis=0)


def place_arm(joints, side, direction):
    """Stretch one arm along `direction` [T,3] or [3] from its shoulder."""
    joints = joints.copy()
    direction = np.broadcast_to(np.asarray(direction, float), (len(joints), 3))
    direction = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    shoulder, elbow, wrist = (JOINTS[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist"))
    joints[:, elbow] = joints[:, shoulder] + BONE_LENGTHS[elbow] * direction
    joints[:, wrist] = joints[:, elbow] + BONE_LENGTHS[wrist] * direction
    return joints


def move(joints, metres_left=0.0, metres_forward=0.0):
    """Slide the whole figure evenly over the clip."""
    along = np.linspace(0, 1, len(joints))
    return joints + np.stack(
        [along * metres_left, 0 * along, along * metres_forward], axis=-1
    )[:, None]  # fmt: skip


def rotate(joints, degrees):
    """Turn about the vertical axis through the origin; degrees [T] or one number, left > 0."""
    angle = np.broadcast_to(np.radians(degrees), (len(joints),))
    sin, cos = np.sin(angle)[:, None], np.cos(angle)[:, None]
    turned = joints.copy()
    turned[..., 0] = cos * joints[..., 0] + sin * joints[..., 2]
    turned[..., 2] = -sin * joints[..., 0] + cos * joints[..., 2]
    return turned


def walk(frames=80, speed=1.2, cadence=2.0):
    """A walk of sliding shins: feet pass each other `cadence` times a second."""
    joints = move(standing(frames), metres_forward=speed * frames / FPS)
    phase = np.sin(np.pi * cadence * np.arange(frames) / FPS)[:, None] * 0.25
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name in ("ankle", "foot"):
            joints[:, JOINTS[f"{side}_{name}"], 2] += sign * phase[:, 0]
    return joints


def pitch(joints, degrees):
    """Bend everything above the pelvis forward by `degrees` [T]."""
    angle = np.broadcast_to(np.radians(degrees), (len(joints),))[:, None]
    bent = joints.copy()
    legs = [JOINTS[f"{side}_{part}"] for side in ("left", "right")
            for part in ("hip", "knee", "ankle", "foot")]  # fmt: skip
    upper = [j for j in range(1, 22) if j not in legs]
    rel = joints[:, upper] - joints[:, :1]
    sin, cos = np.sin(angle), np.cos(angle)
    bent[:, upper, 1] = joints[:, :1, 1] + cos * rel[..., 1] - sin * rel[..., 2]
    bent[:, upper, 2] = joints[:, :1, 2] + sin * rel[..., 1] + cos * rel[..., 2]
    return bent
