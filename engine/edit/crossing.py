"""From a motion that is given to one that was made, and back: placed, led, joined smoothly."""

from __future__ import annotations

import numpy as np

from engine.motion.canonical import canonicalize, facing_yaw, rotate_yaw
from engine.motion.kinematics import bone_lengths, to_skeleton
from engine.motion.skeleton import BONE_LENGTHS

CROSS = 16  # frames in which a made motion gives up where the given one was
NOTHING = 1e-3  # metres; what is less off is left as it is


def place(made: np.ndarray, frame: int, like: np.ndarray) -> np.ndarray:
    """`made` [T, 22, 3] moved and turned so that its `frame` stands and faces as `like` [22, 3]."""
    root = made[frame, 0] * (1.0, 0.0, 1.0)
    turned = rotate_yaw(made - root, float(facing_yaw(like) - facing_yaw(made[frame])))
    return np.asarray(turned + like[0] * (1.0, 0.0, 1.0))


def lead(made: np.ndarray, first: int, last: int, like: np.ndarray) -> np.ndarray:
    """`made` [T, 22, 3] led between two frames so that `last` stands and faces as `like` [22, 3].

    Steps are turned little by little with the body that takes them; what then is left of the way
    is added to them. Frames to `first` stay, those after `last` come along.
    """
    share = ease(np.arange(len(made)), first, last)
    turn = float(facing_yaw(like) - facing_yaw(made[last]))
    angle = share * float(np.arctan2(np.sin(turn), np.cos(turn)))
    root = made[:, 0] * (1.0, 0.0, 1.0)
    steps = rotate_yaw(np.diff(root, axis=0, prepend=root[:1]), angle)
    path = root[0] + np.cumsum(steps, axis=0)
    left = (like[0] - path[last]) * (1.0, 0.0, 1.0)
    path = path + share[:, None] * left
    body = rotate_yaw(made - root[:, None], angle[:, None])
    return np.asarray(body + path[:, None])


def join(given: np.ndarray, made: np.ndarray, cross: int = CROSS) -> np.ndarray:
    """`made` [T, 22, 3] that begins where `given` [S, 22, 3] ends, S from 2: on the skeleton.

    How far it is from where `given` would go on, and how much faster, is taken off it and given
    back over `cross` frames.
    """
    cross = min(cross, len(made) - 1)
    if cross < 2:
        return made
    speed = given[-1] - given[-2]
    off = given[-1] + speed - made[0]
    faster = speed - (made[1] - made[0])
    u = np.clip(np.arange(len(made)) / cross, 0.0, 1.0)[:, None, None]
    # Quintic: position and speed as given at first, nothing left in the end, no jolt at either.
    stay = 1 - 10 * u**3 + 15 * u**4 - 6 * u**5
    slope = u - 6 * u**3 + 8 * u**4 - 3 * u**5
    return np.asarray(to_skeleton(made + off * stay + cross * faster * slope))


def on_skeleton(joints: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] with the engine's bone lengths, untouched where they have them already."""
    off = np.abs(bone_lengths(joints)[:, 1:] - BONE_LENGTHS[1:]).max()
    return joints if off < NOTHING else to_skeleton(joints)


def standing(joints: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] that start at the origin facing +Z, untouched where they do already."""
    moved = canonicalize(joints, floor=0.0)
    return joints if np.abs(moved - joints).max() < NOTHING else moved


def ease(frames: np.ndarray, first: int, last: int) -> np.ndarray:
    """0 up to `first`, 1 from `last` on, in between without a jolt."""
    u = np.clip((frames - first) / max(1, last - first), 0.0, 1.0)
    return np.asarray(u**3 * (10 - 15 * u + 6 * u**2))
