"""KIT-ML's 21 joints, millimetres at 12.5 fps, brought onto our skeleton at 20 fps."""

from __future__ import annotations

import numpy as np

from engine.motion.features import KIT
from engine.motion.formats.joints import World
from engine.motion.kinematics import to_skeleton
from engine.motion.resample import resample
from engine.motion.retarget import Foot, Frame, Rig, retarget
from engine.motion.skeleton import FPS

# Which side is which follows the published feature code, whose "face" joints are (right hip 11,
# left hip 16, right shoulder 5, left shoulder 8). The files hold positions only.
JOINTS = (
    "root", "belly", "thorax", "neck", "head",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "right_middle_foot", "right_toe",
    "left_hip", "left_knee", "left_ankle", "left_middle_foot", "left_toe",
)  # fmt: skip

# Turned parts are made of positions (see `with_frames`), with x to the left, y up, z forward.
RIG = Rig(
    unit=0.001,
    points={
        f"{side}_{point}": f"{side}_{point}"
        for side in ("left", "right")
        for point in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    },
    pelvis=Frame("root"),
    chest=Frame("thorax"),
    neck=Frame("head"),
    feet={side: Foot(f"{side}_ankle") for side in ("left", "right")},
)


def kit_to_skeleton(joints: np.ndarray) -> np.ndarray:
    """[T, 21, 3] in millimetres at 12.5 fps to [T', 22, 3], metres, 20 fps, floor at 0."""
    target = to_skeleton(resample(retarget(with_frames(joints), RIG), KIT.fps, FPS))
    target[..., 1] -= target[..., 1].min()
    return target


def with_frames(joints: np.ndarray) -> World:
    """Published joints [T, 21, 3] with the rotations of pelvis, chest, head and feet they show."""
    point = {name: joints[:, index].astype(np.float64) for index, name in enumerate(JOINTS)}
    hips = point["left_hip"] - point["right_hip"]
    shoulders = point["left_shoulder"] - point["right_shoulder"]
    rotations = np.broadcast_to(np.eye(3), (*joints.shape[:2], 3, 3)).copy()
    frames = {
        "root": _frame(hips, point["thorax"] - point["root"]),
        "thorax": _frame(shoulders, point["neck"] - point["thorax"]),
        "head": _frame(shoulders, point["head"] - point["neck"]),
    }
    for side in ("left", "right"):
        frames[f"{side}_ankle"] = _frame(point[f"{side}_toe"] - point[f"{side}_ankle"], hips)
    for name, frame in frames.items():
        rotations[:, JOINTS.index(name)] = frame
    return World(JOINTS, np.stack(list(point.values()), axis=1), rotations, KIT.fps)


def _frame(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] whose first column is along `x`, whose second lies towards `y`."""
    x = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    z = np.cross(x, y)
    z /= np.maximum(np.linalg.norm(z, axis=-1, keepdims=True), 1e-9)
    return np.stack([x, np.cross(z, x), z], axis=-1)
