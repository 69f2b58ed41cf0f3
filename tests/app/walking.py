"""A figure that walks, for stand-ins that need a motion and no model."""

from __future__ import annotations

import numpy as np

from engine.motion.skeleton import BONE_LENGTHS, FPS, JOINTS, PARENTS, REST_DIRECTIONS


def walking(seconds: float, seed: int) -> np.ndarray:
    """Joints float32 [T, 22, 3] of a figure that strides forward; the seed sets speed and arms."""
    rng = np.random.default_rng(seed)
    speed, lift = rng.uniform(0.8, 1.4), rng.uniform(0.2, 0.7)
    frames = round(seconds * FPS)
    joints = np.zeros((frames, len(PARENTS), 3))
    for frame in range(frames):
        phase = 2 * np.pi * frame / FPS * speed
        swing = {
            "left_knee": 0.5 * np.sin(phase), "right_knee": -0.5 * np.sin(phase),
            "left_ankle": 0.5 * np.sin(phase) - 0.35 * (1 + np.cos(phase)),
            "right_ankle": -0.5 * np.sin(phase) - 0.35 * (1 - np.cos(phase)),
            "left_elbow": -lift * np.sin(phase), "right_elbow": lift * np.sin(phase),
            "left_wrist": -lift * np.sin(phase) + 0.4, "right_wrist": lift * np.sin(phase) + 0.4,
        }  # fmt: skip
        joints[frame, 0] = 0.0, 0.93 + 0.02 * np.cos(2 * phase), speed * frame / FPS
        for joint in range(1, len(PARENTS)):
            direction = REST_DIRECTIONS[joint].copy()
            for name, angle in swing.items():
                if JOINTS[name] == joint:
                    direction = np.array([0.0, -np.cos(angle), np.sin(angle)])
            if joint in (JOINTS["head"],):
                direction = np.array([0.0, 0.95, 0.3])
            joints[frame, joint] = joints[frame, PARENTS[joint]] + direction * BONE_LENGTHS[joint]
    joints[..., 2] -= joints[0, 0, 2]
    return joints.astype(np.float32)
