"""What a comparison gives: both motions, the way to each, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.compare.choice import ModelChoice
from engine.motion.motion import Motion


@dataclass(frozen=True)
class Steps:
    """The way to a motion: x_0 as joints [S, T, 22, 3] in metres, timesteps, rewards [S]."""

    joints: np.ndarray
    timesteps: tuple[int, ...]
    rewards: np.ndarray | None = None


@dataclass(frozen=True)
class Side:
    """One model's answer. `pull` [T, 22] in metres: where the reward would move the body."""

    choice: ModelChoice
    motion: Motion
    numbers: dict[str, float]
    steps: Steps | None = None
    pull: np.ndarray | None = None

    def at_step(self, index: int) -> Motion:
        """What the model took the motion to be at a denoising step; only where there are steps."""
        assert self.steps is not None
        return replace(self.motion, joints=self.steps.joints[index])


@dataclass(frozen=True)
class Pair:
    """Both answers to one prompt, from the same noise."""

    prompt: str
    seconds: float
    seed: int
    left: Side
    right: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Left, right."""
        return self.left, self.right
