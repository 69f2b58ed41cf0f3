"""AlignProp: backpropagation through a random number of last steps."""

from __future__ import annotations

import torch

from engine.tuning.methods.trajectory import EndReward, Plan, draw


class AlignProp(EndReward):
    """Randomised truncation (Prabhudesai et al.): K ~ U{1..most} anew for each trajectory.

    `most` is all steps by default, as published. K = 0, which would train nothing, is not drawn.
    """

    name = "alignprop"

    def __init__(
        self, most: int | None = None, seed: int = 0, trust: float = 0.0, checkpoint: bool = False
    ) -> None:
        super().__init__(seed, trust, checkpoint)
        self.most = most

    def plan(self, steps: int, generator: torch.Generator) -> Plan:
        """The last K steps, with the whole chain between them."""
        k = draw(1, min(self.most or steps, steps), generator)
        return Plan(frozenset(range(steps - k, steps)), steps - 1)
