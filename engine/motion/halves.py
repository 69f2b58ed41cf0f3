"""Two halves of a body: which joints they are, and one motion's half on another's."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from engine.motion.canonical import rotate_yaw
from engine.motion.feet import smooth
from engine.motion.skeleton import JOINT_NAMES, JOINTS, N_JOINTS

Half = Literal["upper", "lower"]
HALVES: tuple[Half, ...] = get_args(Half)
LEGS = tuple(
    JOINTS[name] for name in JOINT_NAMES if name.endswith(("hip", "knee", "ankle", "foot"))
)
LOWER = (JOINTS["pelvis"], *LEGS)  # the root goes with the legs
UPPER = tuple(joint for joint in range(N_JOINTS) if joint not in LOWER)
STEADY = 8.0  # frames, sigma of the heading: steps turn the hips to and fro, a turn takes longer


def heading(joints: np.ndarray) -> np.ndarray:
    """Where the hips of joints [T, 22, 3] face, without the steps' to and fro: radians [T]."""
    across = joints[:, JOINTS["right_hip"]] - joints[:, JOINTS["left_hip"]]
    # Directions are averaged, not angles: they count by how level the hips are, and never wrap.
    calm = smooth(np.asarray(across, dtype=np.float64), STEADY)
    return np.arctan2(calm[:, 2], -calm[:, 0])


def combine(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Pelvis and legs of `lower` under the upper body of `upper`: joints float32 [T, 22, 3].

    Both are [T, 22, 3]. Pelvis and legs are those of `lower` to the last bit. The upper body is
    moved onto its pelvis and turned with its heading in every frame, and is otherwise as it was.
    """
    turn = heading(lower) - heading(upper)
    root = np.asarray(upper[:, :1], dtype=np.float64)
    placed = rotate_yaw(upper - root, turn[:, None]) + lower[:, :1]
    joints = np.asarray(lower, dtype=np.float32).copy()
    joints[:, UPPER] = placed[:, UPPER].astype(np.float32)
    return joints
