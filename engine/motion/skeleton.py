"""The one skeleton everything lives on: SMPL's first 22 joints, HumanML3D's target proportions."""

from __future__ import annotations

import numpy as np

FPS = 20.0
MIN_SECONDS, MAX_SECONDS = 1.0, 9.8
MIN_FRAMES, MAX_FRAMES = 20, 196

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2",
    "left_ankle", "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar",
    "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist",
)  # fmt: skip
JOINTS: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}
N_JOINTS = len(JOINT_NAMES)

PARENTS: tuple[int, ...] = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
)  # fmt: skip

# Kinematic chains in HumanML3D's order: right leg, left leg, trunk, right arm, left arm.
CHAINS: tuple[tuple[int, ...], ...] = (
    (0, 2, 5, 8, 11),
    (0, 1, 4, 7, 10),
    (0, 3, 6, 9, 12, 15),
    (9, 14, 17, 19, 21),
    (9, 13, 16, 18, 20),
)

# Unit bone directions of HumanML3D's zero pose (SMPL rest pose rounded to axes), parent -> joint.
REST_DIRECTIONS: np.ndarray = np.array([
    [0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, -1, 0], [0, 1, 0], [0, -1, 0],
    [0, -1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1],
    [0, -1, 0], [0, -1, 0], [0, -1, 0], [0, -1, 0], [0, -1, 0], [0, -1, 0],
], dtype=np.float64)  # fmt: skip

# Bone lengths in metres of the skeleton HumanML3D retargets everything to, joint to its parent.
BONE_LENGTHS: np.ndarray = np.array([
    0.0, 0.103073968, 0.109883368, 0.131568243, 0.393623201, 0.390188226, 0.143190215,
    0.432433081, 0.425643345, 0.057364735, 0.143381819, 0.149419073, 0.219360053, 0.137486768,
    0.143382833, 0.103039219, 0.13161404, 0.122984378, 0.256840005, 0.263091744, 0.266011722,
    0.269876403,
], dtype=np.float64)  # fmt: skip

# Mirroring swaps left and right joints.
MIRROR: tuple[int, ...] = (
    0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20,
)  # fmt: skip

LEFT_FOOT, RIGHT_FOOT = (7, 10), (8, 11)  # (ankle, toe), the joints whose contact is a feature
FACE_JOINTS = (2, 1, 17, 16)  # right hip, left hip, right shoulder, left shoulder
