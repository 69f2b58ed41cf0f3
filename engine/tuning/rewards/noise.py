"""What our reward is told of latents whose noise is not that of the model it was trained beside."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.diffusion.flow import FlowSchedule
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.tuning.rewards.base import Seen


class FlowNoise:
    """x_t of a flow as the same latents under the reward's variance-preserving noise.

    A mixture (1 - s) x_0 + s eps, divided by its scale, is what the reward's own schedule makes at
    the timestep of the same signal. Neither the motion nor its share of noise changes, so nothing
    has to be trained for it. Timestep 0 stays what carries no noise.
    """

    def __init__(
        self, flow: FlowSchedule, theirs: dict[str, Any] | None, device: torch.device | str
    ) -> None:
        """`theirs`: the schedule in the reward's config.json."""
        levels = Schedule(ScheduleConfig(**(theirs or {}))).alphas_cumprod.double()
        apart = (flow.alphas_cumprod[:, None] - levels[None]).abs()
        # On the device from the start: a graph could not fetch them.
        self.times = apart.argmin(1).clamp_min(1).to(device)
        self.factors = (1 / flow.scales).float().to(device)
        self.times[0], self.factors[0] = 0, 1.0
        self._told = list(zip(self.times.tolist(), self.factors.tolist(), strict=True))

    def __call__(self, seen: Seen) -> Seen:
        """The same sample, as the reward knows it."""
        if not isinstance(seen.timestep, Tensor):
            time, factor = self._told[seen.timestep]
            return Seen(factor * seen.latents, time, seen.batch)
        factors = self.factors[seen.timestep].to(seen.latents.dtype)
        return Seen(factors[:, None, None] * seen.latents, self.times[seen.timestep], seen.batch)
