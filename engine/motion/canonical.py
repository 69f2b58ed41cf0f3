"""Where a body stands and looks: facing, yaw rotation, and the canonical start of a clip."""

from __future__ import annotations

import numpy as np

from engine.motion.skeleton import FACE_JOINTS


def facing(joints: np.ndarray) -> np.ndarray:
    """Unit facing direction on the floor of joints [..., 22, 3]: [..., 2] as (x, z).

    It is up x (right hip - left hip + right shoulder - left shoulder). Where that has no
    horizontal part (a body lying on its side) it is +Z.
    """
    right_hip, left_hip, right_shoulder, left_shoulder = FACE_JOINTS
    across = (
        joints[..., right_hip, :]
        - joints[..., left_hip, :]
        + joints[..., right_shoulder, :]
        - joints[..., left_shoulder, :]
    )
    forward = np.stack((across[..., 2], -across[..., 0]), axis=-1)
    length = np.linalg.norm(forward, axis=-1, keepdims=True)
    ahead = np.broadcast_to(np.array([0.0, 1.0], dtype=forward.dtype), forward.shape)
    return np.where(length > 1e-6, forward / np.maximum(length, 1e-12), ahead)


def facing_yaw(joints: np.ndarray) -> np.ndarray:
    """Facing of joints [..., 22, 3] as an angle [...] in radians: 0 is +Z, positive turns left."""
    direction = facing(joints)
    return np.arctan2(direction[..., 0], direction[..., 1])


def rotate_yaw(points: np.ndarray, angle: float | np.ndarray) -> np.ndarray:
    """Turn points [..., 3] about the Y axis by `angle` radians (positive: +Z towards +X, left).

    `angle` is a number or broadcasts against [...].
    """
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    turned = np.stack(np.broadcast_arrays(c * x + s * z, y, c * z - s * x), axis=-1)
    return turned.astype(points.dtype, copy=False)


def canonicalize(joints: np.ndarray, floor: float | None = None) -> np.ndarray:
    """Joints [T, 22, 3] moved so that the floor is y = 0 and frame 0 stands at the origin.

    The first root gets x = z = 0 and the first facing becomes +Z. `floor` is the height of the
    floor in the given joints; without it the lowest joint of the clip is taken, as HumanML3D
    does (wrong for clips that start in the air or climb: pass the take's floor there).
    Works in float64, returns the dtype it was given.
    """
    moved = np.asarray(joints, dtype=np.float64)
    height = float(moved[..., 1].min()) if floor is None else floor
    start = np.array([moved[0, 0, 0], height, moved[0, 0, 2]])
    return rotate_yaw(moved - start, -facing_yaw(moved[0])).astype(joints.dtype, copy=False)
