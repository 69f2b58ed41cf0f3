"""The mannequin and its poses: one rigid frame per bone, found from joint positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from engine.motion.skeleton import JOINTS, PARENTS
from engine.render.palette import roles
from engine.render.parts import Part, build_parts, build_sticks

if TYPE_CHECKING:
    from engine.render.mesh import FigureMesh

_HEAD_TILT = np.deg2rad(27.0)  # neck -> head leans forward by this in an upright head
_SOLE_TILT = np.deg2rad(16.0)  # ankle -> ball of the foot slopes down by this in a flat foot


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
    def for_joints(cls, joints: np.ndarray, accent: str = "base", sticks: bool = False) -> Figure:
        """A figure with the proportions of a clip: joints [T,22,3] in metres; `sticks` makes it
        thin enough to stand inside a body."""
        parents = np.maximum(PARENTS, 0)
        lengths = np.median(np.linalg.norm(joints - joints[:, parents], axis=-1), axis=0)
        return cls(build_sticks(lengths) if sticks else build_parts(lengths), accent)

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
