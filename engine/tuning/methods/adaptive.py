"""Adaptive step weights: each step counts by what it is expected to do for the finished motion."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.tuning.methods.weights import step_weights

DECAY = 0.9  # of the running moments, per pass
FLOOR = 0.1  # no step's share falls below this: what is not trained cannot prove itself again
PRIOR = 4.0  # passes that the early-heavy prior is worth
RIDGE = 0.1  # of the end's variance, added to each step's: few samples make steep slopes


class Adaptive:
    """Weights by the expected gain at the end of the trajectory (a schedule of this project).

    Moving the network's output at step t by a small unit along its reward gradient raises the
    step's reward by pull_t = |d r_t / d output|. A step's reward only stands in for the reward of
    the finished motion; how well, the samples of every batch tell: slope_t, the regression of the
    last step's reward on step t's. The gain to expect is slope_t * pull_t, and steps are weighted
    by it. Both are running means that cost nothing beyond the pass itself.
    """

    adapts = True

    def __init__(self, steps: int) -> None:
        self.prior = step_weights("linear", steps)
        self.passes = 0
        self.moments = torch.zeros(3, steps)  # covariance with the end, variance, pull

    def weights(self) -> Tensor:
        """The prior at first, then more and more what was measured."""
        if self.passes == 0:
            return self.prior
        covariance, variance, pull = self.moments
        slope = covariance / (variance + RIDGE * variance[-1]).clamp_min(1e-12)
        gain = slope.clamp_min(0.0) * pull
        measured = gain / gain.mean().clamp_min(1e-12)
        trust = self.passes / (self.passes + PRIOR)
        mixed = (1 - trust) * self.prior + trust * measured
        weights = FLOOR + (1 - FLOOR) * mixed
        return weights / weights.mean()

    def observe(self, rewards: Tensor, pull: Tensor) -> None:
        """Rewards [steps, B] of one batch along its trajectories, and their pull [steps]."""
        apart = (rewards - rewards.mean(1, keepdim=True)).float().cpu()
        new = torch.stack([
            (apart * apart[-1:]).mean(1), apart.square().mean(1), pull.float().cpu()
        ])  # fmt: skip
        if not torch.isfinite(new).all():
            return
        self.passes += 1
        share = max(1.0 - DECAY, 1.0 / self.passes)
        self.moments = (1 - share) * self.moments + share * new

    def state(self) -> dict[str, Any]:
        """The running moments."""
        return {"passes": self.passes, "moments": self.moments.tolist()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.passes = int(state["passes"])
        self.moments = torch.tensor(state["moments"], dtype=torch.float32)
