"""Builds small data sets in the layout HumanML3D and KIT-ML are published in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.motion.skeleton import BONE_LENGTHS, N_JOINTS, PARENTS, REST_DIRECTIONS

TEXT = "a person stands#a/DET person/NOUN stand/VERB#0.0#0.0\n"


def standing(frames: int, sway: float = 0.05) -> np.ndarray:
    """[T, 22, 3] on the skeleton: stands facing +Z and leans from side to side, feet at 0."""
    rest = np.zeros((N_JOINTS, 3))
    for joint in range(1, N_JOINTS):
        rest[joint] = rest[PARENTS[joint]] + REST_DIRECTIONS[joint] * BONE_LENGTHS[joint]
    rest[:, 1] -= rest[:, 1].min()
    moving = np.repeat(rest[None], frames, axis=0)
    moving[:, :, 0] += sway * np.sin(np.arange(frames) / 10)[:, None]
    return moving.astype(np.float32)


def kit_standing(frames: int, lift: int = 0) -> np.ndarray:
    """[T, 21, 3] millimetres: a body one metre tall facing +Z, arms hanging.

    `lift` frames from the start the LEFT hand is over the head.
    """
    up = np.zeros((21, 3))
    up[:5] = [(0, 550, 0), (0, 600, 0), (0, 700, 0), (0, 850, 0), (0, 950, 30)]
    for side, arm, leg in ((-1, 5, 11), (1, 8, 16)):  # right is -X, left +X
        up[arm : arm + 3] = [(side * 100, 820, 0), (side * 100, 680, 0), (side * 100, 560, 20)]
        up[leg : leg + 5] = [
            (side * 50, 530, 0), (side * 50, 290, 10), (side * 50, 50, 0),
            (side * 50, 10, 50), (side * 50, 10, 90),
        ]  # fmt: skip
    body = np.repeat(up[None], frames, axis=0)
    if lift:
        body[lift:, 9:11] = [(100, 950, 0), (100, 1080, 0)]
    return body


def write(
    root: Path,
    joints: dict[str, np.ndarray],
    features: dict[str, np.ndarray] | None = None,
    texts: dict[str, str] | None = None,
    lists: dict[str, list[str]] | None = None,
) -> Path:
    """Write new_joints/, new_joint_vecs/, texts/ and the split lists; returns `root`."""
    for folder in ("new_joints", "new_joint_vecs", "texts"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, array in joints.items():
        np.save(root / "new_joints" / f"{name}.npy", array)
    for name, array in (features or {}).items():
        np.save(root / "new_joint_vecs" / f"{name}.npy", array)
    names = [*joints, *(name for name in features or {} if name not in joints)]
    for name in names:
        (root / "texts" / f"{name}.txt").write_text((texts or {}).get(name, TEXT))
    for name, ids in (lists or {"train": names}).items():
        (root / f"{name}.txt").write_text("\n".join(ids) + "\n")
    return root
