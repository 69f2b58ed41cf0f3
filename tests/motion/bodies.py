"""Made-up bodies for tests: a standing, a walking and a waving figure on the target skeleton."""

from __future__ import annotations

import numpy as np

from engine.motion.canonical import canonicalize, rotate_yaw
from engine.motion.kinematics import place_bones
from engine.motion.rotation import axis_matrix, normalize
from engine.motion.skeleton import FPS, JOINTS, REST_DIRECTIONS


def directions(frames: int) -> np.ndarray:
    """Bone directions [frames, 22, 3] of somebody standing upright, arms down."""
    pose = REST_DIRECTIONS.copy()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[JOINTS[f"{side}_hip"]] = (0.45 * sign, -0.89, 0.0)
        pose[JOINTS[f"{side}_collar"]] = (0.5 * sign, 0.85, 0.0)
        pose[JOINTS[f"{side}_shoulder"]] = (sign, -0.1, 0.0)
        pose[JOINTS[f"{side}_elbow"]] = (0.25 * sign, -1.0, 0.0)
        pose[JOINTS[f"{side}_wrist"]] = (0.1 * sign, -1.0, 0.2)
        pose[JOINTS[f"{side}_knee"]] = (0.0, -1.0, 0.20)
        pose[JOINTS[f"{side}_ankle"]] = (0.0, -1.0, -0.15)
        pose[JOINTS[f"{side}_foot"]] = (0.2 * sign, -0.3, 1.0)
    pose[JOINTS["head"]] = (0.0, 1.0, 0.4)
    return np.repeat(normalize(pose)[None], frames, axis=0)


def swing(bones: np.ndarray, names: tuple[str, ...], angle: np.ndarray) -> None:
    """Turn the named bones about X by `angle` [frames] radians, in place."""
    turn = axis_matrix("X", angle)
    for name in names:
        bones[:, JOINTS[name]] = (turn @ bones[:, JOINTS[name], :, None])[..., 0]


def settle(bones: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Joints of these bones with the lowest foot of every frame on the floor."""
    joints = place_bones(root, bones)
    joints[..., 1] -= joints[:, [7, 8, 10, 11], 1].min(axis=1)[:, None]
    return joints


def stand(frames: int = 60) -> np.ndarray:
    """Somebody standing still, [frames, 22, 3] float64, canonical."""
    return canonicalize(settle(directions(frames), np.zeros((frames, 3))))


def walk(frames: int = 60, speed: float = 1.2, turn: float = 0.0, phase: float = 0.0) -> np.ndarray:
    """Somebody walking at `speed` m/s along a curve of `turn` rad/s, float64, canonical."""
    time = np.arange(frames) / FPS
    swinging = 0.45 * np.sin(2 * np.pi * 0.9 * time + phase)
    bones = directions(frames)
    swing(bones, ("left_knee", "left_ankle"), -swinging)
    swing(bones, ("right_knee", "right_ankle"), swinging)
    swing(bones, ("left_elbow", "left_wrist"), 0.6 * swinging)
    swing(bones, ("right_elbow", "right_wrist"), -0.6 * swinging)
    yaw = turn * time
    bones = rotate_yaw(bones, yaw[:, None])
    step = speed / FPS * np.stack((np.sin(yaw), np.zeros(frames), np.cos(yaw)), axis=-1)
    return canonicalize(settle(bones, np.cumsum(step, axis=0) - step[0]))


def wave(frames: int = 60, side: str = "left") -> np.ndarray:
    """Somebody standing who raises one arm and waves, float64, canonical."""
    time = np.arange(frames) / FPS
    raised = 2.8 * np.clip(time / 0.8, 0.0, 1.0) * np.clip((time[-1] - time) / 0.8, 0.0, 1.0)
    bones = directions(frames)
    swing(bones, (f"{side}_elbow",), -raised)
    swing(bones, (f"{side}_wrist",), -raised + 0.4 * np.sin(2 * np.pi * time))
    return canonicalize(settle(bones, np.zeros((frames, 3))))
