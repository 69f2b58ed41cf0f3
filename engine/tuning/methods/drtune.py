"""DRTune: deep supervision of evenly spaced steps whose network inputs are cut off."""

from __future__ import annotations

import torch

from engine.tuning.methods.trajectory import EndReward, Plan, draw


class DRTune(EndReward):
    """K evenly spaced trained steps, stopped gradients at the network's input, early stop.

    (Wu et al., "Deep reward supervisions for tuning text-to-image diffusion models".) Only the
    sampler's linear path connects trained steps to the end. The trajectory ends at one of the last
    fifth of the steps, where x_0 is predicted.
    """

    name = "drtune"

    def __init__(
        self, k: int | None = None, seed: int = 0, trust: float = 0.0, checkpoint: bool = False
    ) -> None:
        """`k` trained steps per trajectory (default 5)."""
        super().__init__(seed, trust, checkpoint)
        self.k = k

    def plan(self, steps: int, generator: torch.Generator) -> Plan:
        """Steps s, s + steps // k, ... and a stop that is drawn, not before the first of them."""
        k = min(self.k or 5, steps)
        apart = steps // k
        start = draw(0, steps - k * apart, generator)
        stop = max(start, draw(steps - max(1, steps // 5), steps - 1, generator))
        trained = frozenset(i for i in range(start, start + k * apart, apart) if i <= stop)
        return Plan(trained, stop, cut=True)
