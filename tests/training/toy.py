"""A prepared dataset of made-up walks and waves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.data.clip import Clip
from engine.data.dataset import MotionDataset, write_index, write_motion
from tests.motion.bodies import walk, wave


def clip(number: int, content: str, split: str, frames: int, style: str = "neutral") -> Clip:
    """One clip record of the toy source."""
    return Clip(
        id=f"{content}-{number}", source="toy", take=f"{number}", group=f"{content}-{number}",
        actor="nobody", content=content, style=style, captions=(), frames=frames, split=split,
        licence="none",
    )  # fmt: skip


def toy_dataset(folder: Path) -> MotionDataset:
    """Ten walks and four waves to train on, one of each to validate, one to test."""
    rng = np.random.default_rng(0)
    clips = []
    splits = {"walk": ["train"] * 10 + ["val", "test", "unseen"],
              "wave-left-hand": ["train"] * 4 + ["val"]}  # fmt: skip
    for content, given in splits.items():
        for number, split in enumerate(given):
            frames = int(rng.integers(60, 120))
            style = "tired" if content == "walk" and number % 2 else "neutral"
            clips.append(clip(number, content, split, frames, style))
            speed = 0.7 if style == "tired" else 1.3
            joints = walk(frames, speed, phase=number) if content == "walk" else wave(frames)
            write_motion(folder, "toy", clips[-1].id, joints)
    write_index(folder, clips, [], {})
    return MotionDataset.open(folder)
