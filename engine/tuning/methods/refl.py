"""ReFL: the reward of a prediction from one late step."""

from __future__ import annotations

import math

import torch

from engine.tuning.methods.trajectory import EndReward, Plan, draw


class ReFL(EndReward):
    """Walk to a random late step without gradients, predict x_0 there with them (ImageReward).

    The step is drawn from the last `last` steps (published: 10 of 40, so a quarter by default).
    ImageReward adds its pre-training loss as an anchor; there is no training data here, so the
    trust region takes that place, where wanted.
    """

    name = "refl"

    def __init__(
        self, last: int | None = None, seed: int = 0, trust: float = 0.0, checkpoint: bool = False
    ) -> None:
        super().__init__(seed, trust, checkpoint)
        self.last = last

    def plan(self, steps: int, generator: torch.Generator) -> Plan:
        """One trained step, which is also the last one walked."""
        last = min(self.last or math.ceil(steps / 4), steps)
        stop = draw(steps - last, steps - 1, generator)
        return Plan(frozenset([stop]), stop)
