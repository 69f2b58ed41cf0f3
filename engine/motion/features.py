"""The HumanML3D feature vectors of a motion, and the way back.

A row holds, for J joints: half the yaw change [1, negative for a left turn], root velocity on the
floor [2] and root height [1], joint positions in the root frame [3(J-1)], joint rotations as 6-d
vectors [6(J-1)], joint velocities in the root frame [3J], contacts of left ankle and toe, right
ankle and toe [4]. 22 joints give 263 numbers, KIT's 21 joints 251. T frames of joints give T - 1
rows.

The published features have habits that are no part of any definition; where this module follows
one of them for the sake of equal numbers, the comment starts with "Quirk".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import StudioError
from engine.motion.rotation import (
    matrix_to_rot6d,
    quat_between,
    quat_inv,
    quat_mul,
    quat_rotate,
    quat_to_matrix,
)
from engine.motion.skeleton import CHAINS, FACE_JOINTS, LEFT_FOOT, REST_DIRECTIONS, RIGHT_FOOT

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Layout:
    """Which joints a skeleton has, as far as the features depend on them.

    `face` is (right hip, left hip, right shoulder, left shoulder); `contact_limit` is the
    squared displacement per frame below which a foot counts as planted, in the joints' unit.
    """

    name: str
    joints: int
    chains: tuple[tuple[int, ...], ...]
    rest: np.ndarray
    face: tuple[int, int, int, int]
    left_foot: tuple[int, int]
    right_foot: tuple[int, int]
    contact_limit: float
    fps: float

    @property
    def size(self) -> int:
        """Length of one feature row."""
        return 12 * self.joints - 1

    @property
    def parts(self) -> dict[str, slice]:
        """Where each part lies in a row: yaw, velocity, height, ric, rot6d, speed, contact."""
        ends = np.cumsum(
            [1, 2, 1, 3 * (self.joints - 1), 6 * (self.joints - 1), 3 * self.joints, 4]
        )
        names = ("yaw", "velocity", "height", "ric", "rot6d", "speed", "contact")
        starts = (0, *ends[:-1])
        return {
            name: slice(int(start), int(end))
            for name, start, end in zip(names, starts, ends, strict=True)
        }


HUMANML3D = Layout(
    "humanml3d", 22, CHAINS, REST_DIRECTIONS, FACE_JOINTS, LEFT_FOOT, RIGHT_FOOT, 0.002, 20.0
)
KIT = Layout(
    name="kit-ml",
    joints=21,
    chains=((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7),
            (3, 8, 9, 10)),
    # Quirk: right limbs (5, 11) rest along +X here, although right is -X in the frames.
    rest=np.array([
        [0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0], [0, -1, 0], [0, -1, 0],
        [-1, 0, 0], [0, -1, 0], [0, -1, 0], [1, 0, 0], [0, -1, 0], [0, -1, 0], [0, 0, 1],
        [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, -1, 0], [0, 0, 1], [0, 0, 1],
    ], dtype=np.float64),
    face=(11, 16, 5, 8),
    left_foot=(19, 20),
    right_foot=(14, 15),
    contact_limit=0.05,
    fps=12.5,
)  # fmt: skip

SMOOTHING = 20.0  # frames, sigma of the Gaussian over the facing direction
TAIL = 80  # frames at which that Gaussian is cut off


def joints_to_features(
    joints: np.ndarray, upstream_sign_fault: bool = False, layout: Layout = HUMANML3D
) -> np.ndarray:
    """Joints [T, J, 3] (metres, Y up, canonical) to features float32 [T - 1, 12 J - 1].

    The joints are taken as they are: pass canonical ones, because row 0 is facing +Z by
    definition. Computed in float64. `upstream_sign_fault` keeps the published features' fault in
    the yaw velocity, see `_yaw_velocity`. Raises StudioError for wrong shapes, fewer than two
    frames, or values that are not finite.
    """
    if joints.ndim != 3 or joints.shape[1:] != (layout.joints, 3) or len(joints) < 2:
        wanted = f"[frames >= 2, {layout.joints}, 3]"
        raise StudioError(f"Features need joints of shape {wanted}, not {list(joints.shape)}.")
    points = np.asarray(joints, dtype=np.float64)
    if not np.isfinite(points).all():
        raise StudioError("The joints contain NaN or infinite values.")
    root_turn = _root_turn(points, layout)
    steps = points[1:] - points[:-1]
    root_step = quat_rotate(root_turn[1:], steps[:, 0])
    # Quirk: local velocity is turned by this frame's facing, root velocity by the next frame's.
    local_steps = quat_rotate(root_turn[:-1, None], steps)
    local = points.copy()
    local[..., 0::2] -= points[:, :1, 0::2]  # the root's height is kept
    local = quat_rotate(root_turn[:, None], local)
    moved = (steps**2).sum(-1)
    # Quirk: contact looks at speed only; a foot that hangs still in the air is "planted".
    feet = moved[:, [*layout.left_foot, *layout.right_foot]] < layout.contact_limit
    rows = len(steps)
    parts = (
        _yaw_velocity(root_turn, upstream_sign_fault),
        root_step[:, 0::2],
        local[:-1, 0, 1:2],
        local[:-1, 1:].reshape(rows, -1),
        _rot6d(points, root_turn, layout)[:-1, 1:].reshape(rows, -1),
        local_steps.reshape(rows, -1),
        feet,
    )
    return np.concatenate(parts, axis=-1).astype(np.float32)


def features_to_joints(features: torch.Tensor, layout: Layout = HUMANML3D) -> torch.Tensor:
    """Features [..., T, 12 J - 1] to joints [..., T, J, 3], batched and differentiable.

    Uses the root part and the positions, so bone lengths are whatever the positions say; put the
    result through `kinematics.to_skeleton` when they matter. Give float32 or float64: a sum over
    196 frames in half precision drifts by decimetres.
    """
    import torch

    parts = layout.parts
    half_turn = features[..., parts["yaw"]][..., 0]
    # Row t holds the change from frame t to t + 1, so frame 0 stands at 0 and the sums lag by one.
    half_angle = torch.cumsum(half_turn, dim=-1) - half_turn
    cosine, sine = torch.cos(2 * half_angle), torch.sin(2 * half_angle)

    def to_world(x: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        c, s = (part.reshape(*part.shape, *([1] * (x.ndim - part.ndim))) for part in (cosine, sine))
        return c * x - s * z, s * x + c * z

    # The velocity in row t is in the frame of row t + 1 and leads from t to t + 1.
    step = features[..., parts["velocity"]]
    lagged = torch.cat((torch.zeros_like(step[..., :1, :]), step[..., :-1, :]), dim=-2)
    root_x, root_z = (torch.cumsum(part, -1) for part in to_world(lagged[..., 0], lagged[..., 1]))
    height = features[..., parts["height"]][..., 0]
    local = features[..., parts["ric"]].unflatten(-1, (layout.joints - 1, 3))
    x, z = to_world(local[..., 0], local[..., 2])
    limbs = torch.stack((x + root_x[..., None], local[..., 1], z + root_z[..., None]), dim=-1)
    root = torch.stack((root_x, height, root_z), dim=-1)
    return torch.cat((root[..., None, :], limbs), dim=-2)


def repair_sign_fault(features: np.ndarray) -> np.ndarray:
    """Published features [T, 263 or 251] with wrongly signed yaw velocities turned right.

    See `_yaw_velocity`: a single row that turns exactly against its two neighbours. Without the
    repair `features_to_joints` leaves the published path from that row on.
    """
    yaw = features[:, 0]
    if len(yaw) < 3:
        return features
    expected = 0.5 * (yaw[:-2] + yaw[2:])
    steady = (yaw[:-2] * yaw[2:] > 0) & (np.abs(expected) > 1e-3)
    faulty = steady & (np.abs(yaw[1:-1] + expected) < 0.2 * np.abs(expected))
    repaired = features.copy()
    repaired[1:-1, 0] = np.where(faulty, -yaw[1:-1], yaw[1:-1])
    return repaired


def smooth_facing(forward: np.ndarray, sigma: float = SMOOTHING) -> np.ndarray:
    """Directions [T, 3] smoothed over time by a Gaussian, ends repeated; not renormalised."""
    radius = int(4.0 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(forward, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in range(3)], axis=-1)


def _root_turn(points: np.ndarray, layout: Layout) -> np.ndarray:
    """Quaternions [T, 4] about Y that turn each frame's smoothed facing to +Z."""
    right_hip, left_hip, right_shoulder, left_shoulder = layout.face
    # Quirk: the published code takes the four joints in another order than it is given them, so
    # the hips enter with the opposite sign to the shoulders. Mostly the shoulders win, being wider.
    across = (points[:, left_hip] - points[:, right_hip]) + (
        points[:, right_shoulder] - points[:, left_shoulder]
    )
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-12)
    forward = np.stack((across[:, 2], np.zeros(len(across)), -across[:, 0]), axis=-1)
    # Quirk: smoothed so strongly that cutting a clip changes up to 80 frames next to the cut.
    forward = smooth_facing(forward)
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-12)
    ahead = np.broadcast_to(np.array([0.0, 0.0, 1.0]), forward.shape)
    turn = quat_between(forward, ahead)
    # Quirk: frame 0 is set to "facing +Z" whatever its smoothed direction is, so the first yaw
    # velocity holds the jump between the two.
    turn[0] = (1.0, 0.0, 0.0, 0.0)
    return turn


def _yaw_velocity(root_turn: np.ndarray, upstream_sign_fault: bool) -> np.ndarray:
    """HALF the yaw change per frame in radians, negative for a left turn, [T - 1, 1]."""
    change = quat_mul(root_turn[1:], quat_inv(root_turn[:-1]))
    if not upstream_sign_fault:
        # The quaternion of the facing changes sign where it crosses +-180 degrees. The published
        # features take the arcsin as it comes: that frame then turns the wrong way and recovery
        # is off by up to 25 cm. q and -q are the same rotation, so make w positive first.
        change = np.where(change[:, :1] < 0, -change, change)
    return np.arcsin(np.clip(change[:, 2:3], -1.0, 1.0))


def _rot6d(points: np.ndarray, root_turn: np.ndarray, layout: Layout) -> np.ndarray:
    """Rotation of every joint relative to the one before it in its chain, as 6-d, [T, J, 6]."""
    local = np.zeros((len(points), layout.joints, 4))
    local[:, 0] = root_turn
    for chain in layout.chains:
        # Quirk: every chain starts from the root's rotation, also the arms that start at the
        # chest, and that rotation is the one INTO the root frame, not out of it.
        before = root_turn
        for parent, joint in pairwise(chain):
            bone = points[:, joint] - points[:, parent]
            length = np.linalg.norm(bone, axis=-1, keepdims=True)
            rest = np.broadcast_to(layout.rest[joint], bone.shape)
            direction = np.where(length > 1e-8, bone / np.maximum(length, 1e-8), rest)
            world = quat_between(rest, direction)
            local[:, joint] = quat_mul(quat_inv(before), world)
            before = world
    # Quirk: the 6 numbers are the first two columns one after the other, not two rows.
    return matrix_to_rot6d(quat_to_matrix(local))
