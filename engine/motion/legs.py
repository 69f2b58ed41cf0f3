"""Moving ankles while hips stay: two-bone inverse kinematics of both legs at once."""

from __future__ import annotations

import numpy as np

from engine.motion.canonical import facing
from engine.motion.rotation import normalize, quat_between, quat_rotate
from engine.motion.skeleton import BONE_LENGTHS

# (hip, knee, ankle, toe), left then right.
LEGS = np.array([(1, 4, 7, 10), (2, 5, 8, 11)])
HIPS, KNEES, ANKLES, TOES = LEGS.T
THIGH, SHIN, FOOT = (BONE_LENGTHS[part] for part in (KNEES, ANKLES, TOES))
# Above this share of its length a leg straightens so fast that the knee snaps.
STRAIGHTEST, MOST_FOLDED = 0.995, 0.30
_BIAS = 0.03  # metres of knee offset below which its direction is mostly noise


def move_ankles(joints: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] with the ankles at `ankles` [T, 2, 3] (left, right), lengths kept.

    Hips stay, feet keep their direction, knees keep bending to the side they bend to; a knee
    that is nearly straight is led forward. A target out of reach is approached as far as the
    leg goes without snapping straight. Where the target is the present ankle nothing changes.
    """
    moved = joints.copy()
    hip, knee, ankle, toe = (joints[:, part] for part in (HIPS, KNEES, ANKLES, TOES))
    now, reach = _split(ankle - hip)
    aim, distance = _split(ankles - hip)
    longest = np.maximum(reach, STRAIGHTEST * (THIGH + SHIN)[:, None])
    shortest = np.minimum(reach, MOST_FOLDED * (THIGH + SHIN)[:, None])
    distance = np.clip(distance, shortest, longest)
    # Law of cosines: how far along the hip-ankle line the knee's foot point lies.
    along = (distance**2 + (THIGH**2 - SHIN**2)[:, None]) / (2 * distance)
    offset = np.sqrt(np.maximum((THIGH**2)[:, None] - along**2, 0.0))
    side = knee - hip
    side = side - (side * now).sum(-1, keepdims=True) * now
    change = np.linalg.norm(ankles - ankle, axis=-1, keepdims=True)
    pole = quat_rotate(quat_between(now, aim), side)
    pole = pole + _forward(joints, aim) * np.minimum(change, _BIAS)
    pole = normalize(pole - (pole * aim).sum(-1, keepdims=True) * aim)
    touched = change > 1e-9
    new_ankle = np.where(touched, hip + aim * distance, ankle)
    moved[:, KNEES] = np.where(touched, hip + aim * along + pole * offset, knee)
    moved[:, ANKLES] = new_ankle
    moved[:, TOES] = new_ankle + (toe - ankle)
    return moved


def tilt_feet(joints: np.ndarray, toe_heights: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] with the toes at `toe_heights` [T, 2], turned about the ankle.

    A foot keeps its heading and its length; heights it cannot reach are approached.
    """
    moved = joints.copy()
    ankle, toe = joints[:, ANKLES], joints[:, TOES]
    foot = toe - ankle
    rise = np.clip(toe_heights - ankle[..., 1], -FOOT, FOOT)
    level = foot[..., 0::2]
    length = np.linalg.norm(level, axis=-1, keepdims=True)
    heading = np.where(length > 1e-3, level / np.maximum(length, 1e-3), facing(joints)[:, None])
    run = np.sqrt(np.maximum(FOOT**2 - rise**2, 0.0))
    turned = np.stack((heading[..., 0] * run, rise, heading[..., 1] * run), axis=-1)
    touched = np.abs(toe_heights - toe[..., 1]) > 1e-9
    moved[:, TOES] = ankle + np.where(touched[..., None], turned, foot)
    return moved


def _split(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Direction and length (kept as a last axis of 1) of [..., 3] vectors."""
    length = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return vectors / length, length


def _forward(joints: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """Unit direction [T, 2, 3] the knees may bend to: the body's facing, square to the leg."""
    ahead = facing(joints)
    forward = np.stack((ahead[:, 0], np.zeros(len(ahead)), ahead[:, 1]), axis=-1)[:, None]
    return normalize(forward - (forward * aim).sum(-1, keepdims=True) * aim)
