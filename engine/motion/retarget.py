"""Puts motion of any humanoid rig onto the target skeleton; a rig is a table, not code.

Limb bones take their direction from two points of the source. Hips, trunk, neck and collars are
virtual: rigs place those joints very differently (HumanML3D's hip bones drop by 60 degrees, most
rigs' are level), so their directions come from a source ROTATION, made comparable between rigs by
one constant calibration per rotation, and from the mean pose of HumanML3D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.errors import StudioError
from engine.motion.formats.joints import World
from engine.motion.kinematics import place_bones
from engine.motion.rotation import normalize, quat_to_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINTS, N_JOINTS

# Unit bone directions of HumanML3D's mean pose (its Mean vector's positions, left and right
# averaged), parent -> joint, facing +Z. Only hips, trunk, neck, head, collars, shoulders are used.
MEAN_DIRECTIONS: np.ndarray = np.array([
    [0, 0, 0], [0.437526, -0.897327, -0.058095], [-0.437526, -0.897327, -0.058095],
    [0, 0.917725, -0.397216], [0.192725, -0.967453, 0.163984], [-0.192725, -0.967453, 0.163984],
    [0, 0.970714, 0.240238], [-0.050377, -0.972949, -0.225461], [0.050377, -0.972949, -0.225461],
    [0, 0.949098, 0.314980], [0.378804, -0.451133, 0.808076], [-0.378804, -0.451133, 0.808076],
    [0, 0.999544, 0.030187], [0.489106, 0.872046, -0.017620], [-0.489106, 0.872046, -0.017620],
    [0, 0.447941, 0.894063], [0.997075, -0.074972, 0.014827], [-0.997075, -0.074972, 0.014827],
    [0.259892, -0.962231, -0.081037], [-0.259892, -0.962231, -0.081037],
    [0.086407, -0.767448, 0.635262], [-0.086407, -0.767448, 0.635262],
])  # fmt: skip

TARGET_FOOT_SLOPE = -16.5  # degrees, ankle -> toe of HumanML3D's standing foot
# The leg HumanML3D measures when it scales a skeleton is the right one.
TARGET_LEG = float(BONE_LENGTHS[5] + BONE_LENGTHS[8])
SIDES = ("left", "right")
LIMBS = ("knee", "ankle", "elbow", "wrist")
POINTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")

Quaternion = tuple[float, float, float, float]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Frame:
    """A body part's frame: rotation of source joint `joint` times constant `calibration` (w,x,y,z).

    After calibration the axes mean: x = to the left, y = up, z = forward.
    """

    joint: str
    calibration: Quaternion = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Foot:
    """A toe direction: constant unit `vector` in the frame of source joint `joint`."""

    joint: str
    vector: Vector = (1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Rig:
    """How a source's joints become SMPL's.

    `points` names the source point of "left_hip" ... "right_wrist" (see POINTS). `pelvis`,
    `spine`, `chest`, `neck` are the frames that turn hips and spine1, spine2, spine3 with neck
    and collars, and head; without `spine` it lies half way between pelvis and chest. Shoulders
    shrug where `shoulder_origin` names the source point from which they are measured and
    `shoulder_rest` their rest offset from it (metres on the target, calibrated chest frame).
    `unit` is the file's unit in metres.
    """

    unit: float
    points: Mapping[str, str]
    pelvis: Frame
    chest: Frame
    neck: Frame
    feet: Mapping[str, Foot]
    spine: Frame | None = None
    shoulder_origin: str | None = None
    shoulder_rest: Mapping[str, Vector] = field(default_factory=dict)


def retarget(world: World, rig: Rig) -> np.ndarray:
    """Source pose -> joints [T, 22, 3] in metres on the target bone lengths, at the source's fps.

    Heading and place are the source's (scaled by the ratio of the legs); see canonicalize.
    Raises StudioError when the source lacks a joint the rig names.
    """
    directions = bone_directions(world, rig)
    bones = directions * BONE_LENGTHS[:, None]
    hips = point(world, rig, "left_hip") + point(world, rig, "right_hip")
    drop = bones[:, JOINTS["left_hip"]] + bones[:, JOINTS["right_hip"]]
    return place_bones(0.5 * (rig.unit * leg_scale(world, rig) * hips - drop), directions)


def leg_scale(world: World, rig: Rig) -> float:
    """Length of the target's (right) leg over the mean of the source's legs, both in metres."""
    length = 0.5 * rig.unit * sum(_leg(world, rig, side) for side in SIDES)
    if not 0.05 < length < 50.0:
        raise StudioError(f"The source's leg is {length:.3f} m long; its unit must be wrong.")
    return TARGET_LEG / length


def _leg(world: World, rig: Rig, side: str) -> float:
    hip, knee, ankle = (point(world, rig, f"{side}_{name}") for name in ("hip", "knee", "ankle"))
    leg = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
    return float(np.median(leg))


def bone_directions(world: World, rig: Rig) -> np.ndarray:
    """Unit direction of every target bone, parent -> joint, [T, 22, 3] (zero for the pelvis)."""
    directions = np.zeros((len(world.positions), N_JOINTS, 3))
    pelvis, chest = frame(world, rig.pelvis), frame(world, rig.chest)
    spine = half_way(pelvis, chest) if rig.spine is None else frame(world, rig.spine)
    turned = (
        (pelvis, ("left_hip", "right_hip", "spine1")),
        (spine, ("spine2",)),
        (chest, ("spine3", "neck", "left_collar", "right_collar")),
        (frame(world, rig.neck), ("head",)),
    )
    for rotation, names in turned:
        for name in names:
            directions[:, JOINTS[name]] = rotation @ MEAN_DIRECTIONS[JOINTS[name]]
    for side in SIDES:
        directions[:, JOINTS[f"{side}_shoulder"]] = _shoulder(world, rig, side, chest)
        for limb in LIMBS:
            name = f"{side}_{limb}"
            before = POINTS[POINTS.index(limb) - 1]
            bone = point(world, rig, name) - point(world, rig, f"{side}_{before}")
            directions[:, JOINTS[name]] = normalize(bone)
        foot = rig.feet[side]
        directions[:, JOINTS[f"{side}_foot"]] = world.rotation(foot.joint) @ np.array(foot.vector)
    return normalize(directions)


def frame(world: World, part: Frame) -> np.ndarray:
    """Calibrated rotation of a body part, [T, 3, 3]."""
    return world.rotation(part.joint) @ quat_to_matrix(np.array(part.calibration))


def half_way(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The rotation half way between two, [T, 3, 3] each (their sum, made orthonormal)."""
    return nearest_rotation(first + second)


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The rotation matrix nearest to [..., 3, 3] matrices."""
    left, _, right = np.linalg.svd(matrix)
    sign = np.sign(np.linalg.det(left @ right))
    left[..., :, 2] *= sign[..., None]
    return left @ right


def shoulder_offset(world: World, rig: Rig, side: str) -> np.ndarray:
    """Shoulder from the rig's shoulder origin, [T, 3] target metres in the chest's frame."""
    if rig.shoulder_origin is None:
        raise StudioError("This rig has no shoulder origin.")
    offset = point(world, rig, f"{side}_shoulder") - world.point(rig.shoulder_origin)
    local = np.einsum("tba,tb->ta", frame(world, rig.chest), offset)
    return local * rig.unit * leg_scale(world, rig)


def _shoulder(world: World, rig: Rig, side: str, chest: np.ndarray) -> np.ndarray:
    joint = JOINTS[f"{side}_shoulder"]
    bone = np.broadcast_to(
        MEAN_DIRECTIONS[joint] * BONE_LENGTHS[joint], (len(world.positions), 3)
    ).copy()
    if rig.shoulder_origin is not None:
        bone += shoulder_offset(world, rig, side) - np.array(rig.shoulder_rest[side])
    return normalize((chest @ bone[..., None])[..., 0])


def point(world: World, rig: Rig, name: str) -> np.ndarray:
    """Source point of an SMPL joint, [T, 3] in the file's unit."""
    return world.point(rig.points[name])
