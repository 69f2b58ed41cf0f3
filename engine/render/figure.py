"""The mannequin: tapered capsules on bone frames, posed by rigid transforms per bone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from engine.motion.skeleton import BONE_LENGTHS, JOINTS, PARENTS
from engine.render.palette import roles

if TYPE_CHECKING:
    from engine.render.mesh import FigureMesh

# Joints of the data sit inside the foot; the sole is this much below them (metres), so the drawn
# floor is too.
FLOOR_Y = -0.024

Vector = tuple[float, float, float]
_HEAD_TILT = np.deg2rad(27.0)  # neck -> head leans forward by this in an upright head
_SOLE_TILT = np.deg2rad(16.0)  # ankle -> ball of the foot slopes down by this in a flat foot


@dataclass(frozen=True)
class Part:
    """A tapered capsule in the frame of one joint: two centres and two radii, in metres.

    `wide` and `thick` scale the cross-section along `side` and along the third axis.
    """

    frame: str
    start: Vector
    end: Vector
    radii: tuple[float, float]
    role: str
    wide: float = 1.0
    thick: float = 1.0
    side: Vector = (1.0, 0.0, 0.0)

    def mirrored(self) -> Part:
        """The same part on the other side of the body."""
        flip = lambda v: (-v[0], v[1], v[2])  # noqa: E731
        return Part(
            self.frame.replace("left", "right"),
            flip(self.start),
            flip(self.end),
            self.radii,
            self.role.replace("left", "right"),
            self.wide,
            self.thick,
            flip(self.side),
        )


def _trunk(length: np.ndarray) -> list[Part]:
    """Pelvis, belly, chest, neck and head."""
    belly = float(length[JOINTS["spine1"]] + length[JOINTS["spine2"]])
    neck = float(length[JOINTS["head"]])
    return [
        Part("pelvis", (-0.060, -0.042, 0), (0.060, -0.042, 0), (0.086, 0.086), "pelvis"),
        Part("pelvis", (-0.058, -0.068, -0.030), (0.058, -0.068, -0.030), (0.074, 0.074), "pelvis"),
        Part("waist", (0, -0.01, 0), (0, belly - 0.06, 0.002), (0.094, 0.098), "torso",
             wide=1.22, thick=0.90),
        Part("chest", (0, -0.10, 0.004), (0, 0.075, 0.0), (0.101, 0.118), "torso",
             wide=1.28, thick=0.88),
        Part("chest", (0, 0.11, -0.016), (0, 0.205, -0.010), (0.080, 0.050), "torso", wide=1.45),
        Part("neck", (0, -0.03, 0), (0, neck, 0), (0.048, 0.046), "joint"),
        Part("head", (0, 0.098, -0.006), (0, 0.028, 0.018), (0.088, 0.066), "head", wide=0.88),
        Part("head", (0, 0.080, 0.040), (0, 0.020, 0.047), (0.056, 0.044), "visor", wide=1.06),
    ]  # fmt: skip


def _left_arm(length: np.ndarray) -> list[Part]:
    """Collar to fingers of the left arm, which points along +x in its frames."""
    upper, lower = (float(length[JOINTS[name]]) for name in ("left_elbow", "left_wrist"))
    parts = [
        Part("left_shoulder", (-0.085, 0.010, 0), (-0.004, 0.002, 0), (0.062, 0.049), "torso"),
        Part("left_upper_arm", (0, 0, 0), (0.018, 0, 0), (0.061, 0.059), "joint"),
        Part("left_upper_arm", (0.035, 0, 0), (upper - 0.02, 0, 0), (0.055, 0.040), "left"),
        Part("left_forearm", (-0.004, 0, 0), (0.006, 0, 0), (0.042, 0.042), "joint"),
        Part("left_forearm", (0.03, 0, 0), (0.45 * lower, 0, 0), (0.040, 0.040), "left"),
        Part("left_forearm", (0.4 * lower, 0, 0), (lower - 0.015, 0, 0), (0.0405, 0.027), "left"),
        Part("left_hand", (-0.002, 0, 0), (0.004, 0, 0), (0.030, 0.030), "joint"),
        Part("left_hand", (0.028, 0, 0), (0.078, -0.004, 0.001), (0.031, 0.036), "left_hand",
             wide=1.0, thick=0.52, side=(0, 0, 1)),
        Part("left_hand", (0.028, -0.004, 0.022), (0.062, -0.016, 0.048), (0.014, 0.0115),
             "left_hand"),
        Part("left_hand", (0.062, -0.016, 0.048), (0.088, -0.022, 0.052), (0.0115, 0.0095),
             "left_hand"),
    ]  # fmt: skip
    for z, reach in ((0.027, 0.062), (0.0092, 0.072), (-0.0088, 0.067), (-0.026, 0.052)):
        knuckle, middle = (0.098, -0.006, z), (0.098 + 0.55 * reach, -0.014, z * 1.05)
        tip = (0.098 + reach, -0.030, z * 1.02)
        parts.append(Part("left_hand", knuckle, middle, (0.0118, 0.0105), "left_hand"))
        parts.append(Part("left_hand", middle, tip, (0.0105, 0.0085), "left_hand"))
    return parts


def _left_leg(length: np.ndarray) -> list[Part]:
    """Hip to toes of the left leg, which points along -y in its frames."""
    upper, lower = (float(length[JOINTS[name]]) for name in ("left_knee", "left_ankle"))
    foot = float(length[JOINTS["left_foot"]])
    parts = [
        Part("left_thigh", (0, 0.0, 0), (0, -0.02, 0), (0.082, 0.082), "joint"),
        Part("left_thigh", (0, -0.05, 0), (0, -upper + 0.03, 0.004), (0.081, 0.054), "left"),
        Part("left_shin", (0, 0.005, 0.004), (0, -0.008, 0.004), (0.056, 0.055), "joint"),
        Part("left_shin", (0, -0.04, 0), (0, -lower + 0.03, 0), (0.049, 0.034), "left"),
        Part("left_shin", (0, -0.09, -0.016), (0, -0.58 * lower, -0.008), (0.047, 0.036), "left"),
        Part("left_foot", (0, 0.008, 0), (0, 0, 0), (0.038, 0.038), "joint"),
        Part("left_foot", (0, -0.034, -0.038), (0, -0.036, 0.05), (0.034, 0.030), "left_end"),
        Part("left_foot", (0, -0.012, 0.012), (0.002, -0.036, 0.12), (0.036, 0.026), "left_end",
             wide=1.05),
        Part("left_toes", (-0.020, -0.002, 0.002), (0.022, -0.004, -0.008), (0.025, 0.022),
             "left_end"),
        Part("left_foot", (0.006, -0.038, 0.04), (0.014, -0.040, foot - 0.02), (0.027, 0.024),
             "left_end"),
    ]  # fmt: skip
    toes = ((-0.024, 0.062, 0.0150), (-0.0045, 0.064, 0.0115), (0.0115, 0.057, 0.0108),
            (0.0255, 0.047, 0.0102), (0.0375, 0.036, 0.0096))  # fmt: skip
    for x, reach, radius in toes:
        lift = radius + FLOOR_Y - 0.001
        root, tip = (x * 0.85, lift + 0.005, 0.008), (x, lift, reach - 0.004)
        parts.append(Part("left_toes", root, tip, (radius * 1.12, radius), "left_hand"))
    return parts


FRAMES: tuple[str, ...] = (
    "pelvis", "waist", "chest", "neck", "head",
    "left_shoulder", "left_upper_arm", "left_forearm", "left_hand",
    "right_shoulder", "right_upper_arm", "right_forearm", "right_hand",
    "left_thigh", "left_shin", "left_foot", "left_toes",
    "right_thigh", "right_shin", "right_foot", "right_toes",
)  # fmt: skip
_FRAME_INDEX = {name: index for index, name in enumerate(FRAMES)}


@dataclass(frozen=True)
class Pose:
    """Bone frames of one moment: rotations [F,3,3], origins [F,3] and joints [22,3], metres."""

    rotations: np.ndarray
    origins: np.ndarray
    joints: np.ndarray


@dataclass(frozen=True, eq=False)
class Figure:
    """One mannequin: its parts in bone frames and their colours."""

    parts: tuple[Part, ...]
    accent: str = "base"

    @classmethod
    def for_joints(cls, joints: np.ndarray, accent: str = "base") -> Figure:
        """A mannequin with the proportions of a clip: joints [T,22,3] in metres."""
        parents = np.maximum(PARENTS, 0)
        lengths = np.median(np.linalg.norm(joints - joints[:, parents], axis=-1), axis=0)
        # A damaged clip must not turn parts inside out.
        lengths = np.clip(lengths, 0.6 * BONE_LENGTHS, 1.6 * BONE_LENGTHS)
        left = _left_arm(lengths) + _left_leg(lengths)
        parts = _trunk(lengths) + left + [part.mirrored() for part in left]
        return cls(tuple(parts), accent)

    @cached_property
    def frame_index(self) -> np.ndarray:
        """Index into FRAMES for each part, int [P]."""
        return np.array([_FRAME_INDEX[part.frame] for part in self.parts])

    @cached_property
    def starts(self) -> np.ndarray:
        """First centre of each part in its bone frame, [P,3]."""
        return np.array([part.start for part in self.parts], dtype=np.float64)

    @cached_property
    def heights(self) -> np.ndarray:
        """Distance between the two centres of each part, [P]."""
        ends = np.array([part.end for part in self.parts], dtype=np.float64)
        return np.linalg.norm(ends - self.starts, axis=1)

    @cached_property
    def radii(self) -> np.ndarray:
        """Radius at start and end, [P,2]."""
        return np.array([part.radii for part in self.parts], dtype=np.float64)

    @cached_property
    def axes(self) -> np.ndarray:
        """Orthonormal part axes as columns side, third, along: [P,3,3] in the bone frame."""
        ends = np.array([part.end for part in self.parts], dtype=np.float64)
        along = (ends - self.starts) / self.heights[:, None]
        side = np.array([part.side for part in self.parts], dtype=np.float64)
        # A side that runs along the part cannot be its cross-section: take another axis there.
        clash = np.abs((side * along).sum(1)) > 0.9
        side[clash] = np.roll(side[clash], 1, axis=1)
        side = _unit(side - along * (side * along).sum(1, keepdims=True))
        return np.stack([side, np.cross(along, side), along], axis=-1)

    @cached_property
    def scales(self) -> np.ndarray:
        """Scale of each part along its axes, [P,3]; 1 along the part."""
        return np.array([(part.wide, part.thick, 1.0) for part in self.parts])

    @cached_property
    def colours(self) -> np.ndarray:
        """Colour of each part, float32 [P,3] in 0..1."""
        table = roles(self.accent)
        return np.array([table[part.role] for part in self.parts], dtype=np.float32)

    @cached_property
    def mesh(self) -> FigureMesh:
        """All parts merged into one triangle mesh."""
        from engine.render.mesh import FigureMesh

        return FigureMesh.of(self)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _basis(up: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Rotations [...,3,3] whose y is `up` exactly and whose x is as near `left` as possible."""
    y = _unit(up)
    x = _unit(left - y * (left * y).sum(-1, keepdims=True))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _carry(rotation: np.ndarray, axis: Sequence[float], target: np.ndarray) -> np.ndarray:
    """The smallest turn of `rotation` that brings its `axis` onto the direction `target`."""
    source, goal = rotation @ np.asarray(axis, dtype=np.float64), _unit(target)
    v = np.cross(source, goal)
    cosine = (source * goal).sum(-1)
    zero = np.zeros_like(cosine)
    skew = np.stack([
        np.stack([zero, -v[..., 2], v[..., 1]], -1),
        np.stack([v[..., 2], zero, -v[..., 0]], -1),
        np.stack([-v[..., 1], v[..., 0], zero], -1),
    ], -2)  # fmt: skip
    turn = np.eye(3) + skew + skew @ skew / np.maximum(1.0 + cosine, 1e-3)[..., None, None]
    return turn @ rotation


def _pitch(angle: float) -> np.ndarray:
    """Turn about x: positive brings +z towards -y (nose down)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def pose_all(joints: np.ndarray) -> list[Pose]:
    """Bone frames for every moment of a clip: joints [T,22,3] in metres, Y up -> T poses."""
    points = np.asarray(joints, dtype=np.float64)
    at = {name: points[:, index] for name, index in JOINTS.items()}
    frames: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    hips = at["left_hip"] - at["right_hip"]
    shoulders = at["left_shoulder"] - at["right_shoulder"]
    pelvis = _basis(at["spine1"] - at["pelvis"], hips)
    chest = _basis(at["neck"] - at["spine2"], shoulders)
    frames["pelvis"] = pelvis, at["pelvis"]
    frames["waist"] = (
        _basis(at["spine2"] - at["pelvis"], _unit(hips) + _unit(shoulders)),
        at["pelvis"],
    )
    frames["chest"] = chest, at["spine3"]
    neck = _basis(at["head"] - at["neck"], shoulders)
    frames["neck"] = neck, at["neck"]
    frames["head"] = neck @ _pitch(-_HEAD_TILT), at["head"]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _arm_frames(frames, at, chest, side, sign)
        _leg_frames(frames, at, pelvis, side)
    rotations = np.stack([frames[name][0] for name in FRAMES], axis=1)
    origins = np.stack([frames[name][1] for name in FRAMES], axis=1)
    return [Pose(rotations[t], origins[t], points[t]) for t in range(len(points))]


def _arm_frames(
    frames: dict[str, tuple[np.ndarray, np.ndarray]],
    at: dict[str, np.ndarray],
    chest: np.ndarray,
    side: str,
    sign: float,
) -> None:
    """Shoulder to hand, carried from a T pose, where the thumbs point forward."""
    collar, shoulder, elbow, wrist = (
        at[f"{side}_{name}"] for name in ("collar", "shoulder", "elbow", "wrist")
    )
    out = (sign, 0.0, 0.0)
    upper = _carry(chest, out, elbow - shoulder)
    lower = _carry(upper, out, wrist - elbow)
    frames[f"{side}_shoulder"] = _carry(chest, out, shoulder - collar), shoulder
    frames[f"{side}_upper_arm"] = upper, shoulder
    frames[f"{side}_forearm"] = lower, elbow
    frames[f"{side}_hand"] = lower, wrist


def _leg_frames(
    frames: dict[str, tuple[np.ndarray, np.ndarray]],
    at: dict[str, np.ndarray],
    pelvis: np.ndarray,
    side: str,
) -> None:
    """Thigh to toes; toes stay flat on the floor while the heel lifts."""
    hip, knee, ankle, ball = (at[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot"))
    thigh = _carry(pelvis, (0.0, -1.0, 0.0), knee - hip)
    shin = _carry(thigh, (0.0, -1.0, 0.0), ankle - knee)
    forward = _unit(ball - ankle)
    # The foot's own left, steadied by the shin's where foot and shin line up (pointed toes).
    left = _unit(np.cross(knee - ankle, forward)) + 0.15 * shin[..., 0]
    up = np.cross(forward, left)
    foot = _basis(up, left) @ _pitch(-_SOLE_TILT)
    sole = foot[..., 2]
    drop = np.clip(-sole[:, 1], 0.0, 1.0)
    near_floor = np.clip((0.10 - ball[:, 1]) / 0.06, 0.0, 1.0)
    bend = np.minimum(np.arcsin(drop), np.deg2rad(55.0)) * near_floor
    toes = np.stack([rotation @ _pitch(-angle) for rotation, angle in zip(foot, bend, strict=True)])
    frames[f"{side}_thigh"], frames[f"{side}_shin"] = (thigh, hip), (shin, knee)
    frames[f"{side}_foot"], frames[f"{side}_toes"] = (foot, ankle), (toes, ball)
