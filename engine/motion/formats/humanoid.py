"""Any humanoid skeleton that was read from a file, put onto the engine's joints by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import StudioError
from engine.motion.formats.joints import World
from engine.motion.formats.names import find_joints
from engine.motion.formats.smpl_pose import Z_UP
from engine.motion.kinematics import bone_lengths
from engine.motion.retarget import POINTS, SIDES, TARGET_LEG, Foot, Frame, Rig, retarget
from engine.motion.skeleton import BONE_LENGTHS, JOINT_NAMES

NEEDED = ("pelvis", *(f"{side}_{point}" for side in SIDES for point in POINTS))
# Ankle to toe of a standing foot in the T pose, left side.
_TOE = (0.16, -0.284, 0.945)
_UNITS = (1.0, 100.0, 1000.0, 1.0 / 0.0254)  # metres, centimetres, millimetres, inches
_SAME = 0.02  # share by which the bones of one and the same skeleton may differ


@dataclass(frozen=True)
class Rigged:
    """A moving skeleton and its rest pose, `rest` having one frame; units and frame the file's."""

    world: World
    rest: World


def humanoid_joints(rigged: Rigged) -> np.ndarray:
    """Joints [T, 22, 3] in metres, Y up, on the target skeleton, at the file's frame rate.

    Joints are found by SMPL's, Mixamo's or Unreal's names. A skeleton with the target's 22 joints
    and proportions keeps its joints as they are; any other is retargeted, which needs an upright
    rest pose (T or A). Raises StudioError when joints are missing or the rest pose is no such.
    """
    found = find_joints(rigged.world.names)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        have = ", ".join(rigged.world.names[:12])
        raise StudioError(
            f"This is no human skeleton that is known: {len(missing)} joints were not found, "
            f"such as {missing[0]!r}. It has: {have[:300]}."
        )
    world, rest = _renamed(rigged.world, found), _renamed(rigged.rest, found)
    same = _same_skeleton(world)
    if same is not None:
        return same
    body = _body_axes(rest)
    if body[2, 1] > 0.9:  # the file is Z up
        world, rest, body = _turned(world), _turned(rest), Z_UP.T @ body
    # Rotations from the rest pose on, with axes left, up and forward of the body.
    frames = world.rotations @ rest.rotations.swapaxes(-1, -2) @ body
    return retarget(World(world.names, world.positions, frames, world.fps), _rig(world))


def _renamed(world: World, found: dict[str, int]) -> World:
    """Only the joints that are SMPL's, under SMPL's names."""
    columns = list(found.values())
    return World(tuple(found), world.positions[:, columns], world.rotations[:, columns], world.fps)


def _same_skeleton(world: World) -> np.ndarray | None:
    """The joints in metres where they are the target skeleton's in some unit."""
    if any(name not in world.names for name in JOINT_NAMES):
        return None
    joints = world.positions[:, [world.index(name) for name in JOINT_NAMES]]
    ratio = np.median(bone_lengths(joints), axis=0)[1:] / BONE_LENGTHS[1:]
    for unit in _UNITS:
        if np.abs(ratio / unit - 1.0).max() < _SAME:
            return joints / unit
    return None


def _body_axes(rest: World) -> np.ndarray:
    """Left, up and forward of the rest pose as columns [3, 3]; up is one of the file's axes."""
    points = dict(zip(rest.names, rest.positions[0], strict=True))
    hips = 0.5 * (points["left_hip"] + points["right_hip"])
    trunk = 0.5 * (points["left_shoulder"] + points["right_shoulder"]) - hips
    legs = 0.5 * (points["left_ankle"] + points["right_ankle"]) - hips
    axis = int(np.abs(trunk).argmax())
    up = np.eye(3)[axis] * np.sign(trunk[axis])
    left = points["left_hip"] - points["right_hip"]
    left = left - (left @ up) * up
    lengths = [float(np.linalg.norm(vector)) for vector in (trunk, legs, left)]
    if min(lengths) < 1e-6 or trunk @ up < 0.8 * lengths[0] or -legs @ up < 0.8 * lengths[1]:
        raise StudioError(
            "The skeleton's rest pose is not a person standing upright (T or A pose), so its "
            "rotations cannot be read. Export it again with such a rest pose."
        )
    left = left / lengths[2]
    return np.stack((left, up, np.cross(left, up)), axis=1)


def _turned(world: World) -> World:
    """Z up to Y up."""
    turn = Z_UP.T
    return World(world.names, world.positions @ turn.T, turn @ world.rotations, world.fps)


def _rig(world: World) -> Rig:
    """How the renamed joints become the target's, with whatever of the trunk there is."""
    spine = [name for name in ("spine1", "spine2", "spine3") if name in world.names]
    chest = spine[-1] if spine else "pelvis"
    neck = next((name for name in ("neck", "head") if name in world.names), chest)
    hip, knee, ankle = (
        world.positions[:, world.index(f"right_{name}")] for name in ("hip", "knee", "ankle")
    )
    leg = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
    length = float(np.median(leg))
    if not length > 1e-6:
        raise StudioError("The skeleton's legs have no length.")
    x, y, z = _TOE
    return Rig(
        unit=TARGET_LEG / length,
        points={name: name for name in NEEDED if name != "pelvis"},
        pelvis=Frame("pelvis"),
        spine=Frame(spine[-2]) if len(spine) > 1 else None,
        chest=Frame(chest),
        neck=Frame(neck),
        feet={
            "left": Foot("left_ankle", (x, y, z)),
            "right": Foot("right_ankle", (-x, y, z)),
        },
    )
