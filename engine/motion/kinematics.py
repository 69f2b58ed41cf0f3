"""Bones: putting joints on the one skeleton, the last clean-up, and forward kinematics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from engine.errors import StudioError
from engine.motion.feet import raise_feet
from engine.motion.skeleton import BONE_LENGTHS, N_JOINTS, PARENTS, REST_DIRECTIONS
from engine.motion.spikes import remove_spikes

Array = TypeVar("Array")

_SHORTEST = 1e-4  # metres; below this a bone has no direction
_PARENTS = np.array((0, *PARENTS[1:]))


def bone_lengths(joints: np.ndarray) -> np.ndarray:
    """Distance of every joint of [..., 22, 3] to its parent: [..., 22] metres, 0 for the pelvis."""
    return np.linalg.norm(joints - joints[..., _PARENTS, :], axis=-1)


def bone_directions(joints: np.ndarray) -> np.ndarray:
    """Unit parent-to-joint directions [..., 22, 3]; the rest direction for a bone of no length."""
    bones = joints - joints[..., _PARENTS, :]
    lengths = np.linalg.norm(bones, axis=-1, keepdims=True)
    rest = REST_DIRECTIONS.astype(joints.dtype, copy=False)
    return np.where(lengths > _SHORTEST, bones / np.maximum(lengths, _SHORTEST), rest)


def place_bones(root: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Joints [..., 22, 3] from root [..., 3] and unit bone directions [..., 22, 3]."""
    bones = directions * BONE_LENGTHS.astype(directions.dtype, copy=False)[:, None]
    joints = np.empty_like(bones)
    joints[..., 0, :] = root
    for joint in range(1, N_JOINTS):
        joints[..., joint, :] = joints[..., PARENTS[joint], :] + bones[..., joint, :]
    return joints


def to_skeleton(joints: Array) -> Array:
    """Joints [..., 22, 3] with the target bone lengths: root and bone directions stay.

    numpy or torch; differentiable in torch. A bone without length gets its rest direction and
    passes no gradient.
    """
    points: Any = joints
    if isinstance(points, np.ndarray):
        placed: Any = place_bones(points[..., 0, :], bone_directions(points))
        return placed
    return _to_skeleton_torch(points)


@lru_cache(maxsize=8)
def _constants(dtype: Any, device: Any) -> tuple[Any, Any, Any]:
    """Parents, rest directions and bone lengths there: a CUDA graph cannot copy them each time."""
    import torch

    return (
        torch.as_tensor(_PARENTS, device=device),
        torch.as_tensor(REST_DIRECTIONS, dtype=dtype, device=device),
        torch.as_tensor(BONE_LENGTHS, dtype=dtype, device=device),
    )


def _to_skeleton_torch(joints: Any) -> Any:
    import torch

    parents, rest, target = _constants(joints.dtype, joints.device)
    bones = joints - joints.index_select(-2, parents)
    squared = (bones * bones).sum(-1, keepdim=True)
    lengths = squared.clamp_min(_SHORTEST**2).sqrt()  # clamp first: sqrt'(0) is infinite
    directions = torch.where(squared > _SHORTEST**2, bones / lengths, rest)
    bones = directions * target[:, None]
    # Plain additions instead of a matrix product, which autocast or TF32 would round.
    placed = [joints[..., 0, :]]
    for joint in range(1, N_JOINTS):
        placed.append(placed[PARENTS[joint]] + bones[..., joint, :])
    return torch.stack(placed, dim=-2)


def finish(joints: np.ndarray) -> np.ndarray:
    """What every sequence that leaves the engine passes: joints [T, 22, 3] to float32 [T, 22, 3].

    Afterwards the bones have the target lengths, no joint leaps off and back within one frame,
    and ankles and toes are at most 3 cm under the floor y = 0. The root keeps its path on the
    floor. Clean motion on the target skeleton comes out as it went in, to a few micrometres.
    Raises StudioError for a wrong shape or values that are not finite.
    """
    if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3) or len(joints) == 0:
        raise StudioError(f"Expected joints [frames, {N_JOINTS}, 3], not {list(joints.shape)}.")
    points = np.asarray(joints, dtype=np.float64)
    if not np.isfinite(points).all():
        raise StudioError("The motion contains NaN or infinite values.")
    points = to_skeleton(remove_spikes(points))
    # Projection carries one joint's error to those below it, so a spike may only show afterwards.
    for _ in range(3):
        calm = remove_spikes(points)
        if calm is points:
            break
        points = to_skeleton(calm)
    return raise_feet(points).astype(np.float32)


def forward_kinematics(
    rotations: Array, offsets: Array, parents: Sequence[int], root: Array | None = None
) -> tuple[Array, Array]:
    """Positions [..., J, 3] and world rotations [..., J, 3, 3] from local rotations.

    `rotations` [..., J, 3, 3] are relative to the parent, `offsets` [J, 3] or [..., J, 3] are in
    the parent's frame, `root` [..., 3] is where the first joint stands (its offset by default).
    Parents come before their children. numpy or torch.
    """
    local: Any = rotations
    steps: Any = offsets
    if isinstance(local, np.ndarray):
        stack: Any = np.stack
    else:
        import torch

        stack = torch.stack
    world: list[Any] = []
    places: list[Any] = []
    for joint, parent in enumerate(parents):
        step = steps[..., joint, :]
        if parent < 0:
            world.append(local[..., joint, :, :])
            places.append((local[..., joint, :, 0] * 0 + step) if root is None else root)
        else:
            world.append(world[parent] @ local[..., joint, :, :])
            places.append(places[parent] + (world[parent] @ step[..., None])[..., 0])
    return stack(places, -2), stack(world, -3)
