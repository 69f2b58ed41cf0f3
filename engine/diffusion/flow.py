"""Rectified flow (Liu et al., 2023; Lipman et al., 2023): straight paths, walked by Euler steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from engine.errors import StudioError


@dataclass(frozen=True)
class FlowConfig:
    """How finely time is cut; timestep t of T stands for the noise share s = (t + 1) / T."""

    num_train_timesteps: int = 1000

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "flow", **asdict(self)}


class FlowSchedule:
    """x_t = (1 - s) x_0 + s eps, and a network that predicts the velocity eps - x_0.

    Training draws s uniformly and caps what an error in x_0 counts at little noise, as for
    diffusion. A logit-normal s (Esser et al., 2024) would favour the middle as well, but it never
    shows the network pure noise, and with a handful of steps the first one decides most.
    """

    stochastic = False

    def __init__(self, config: FlowConfig | None = None) -> None:
        self.config = config or FlowConfig()
        count = self.config.num_train_timesteps
        if not 1 <= count <= 10_000:
            raise ValueError(f"{count} timesteps make no schedule")
        self.shares: Tensor = torch.arange(1, count + 1, dtype=torch.float64) / count
        # Divided by its own scale, x_t is what a variance-preserving noise makes at this level.
        self.scales: Tensor = ((1 - self.shares).square() + self.shares.square()).sqrt()
        self.alphas_cumprod: Tensor = ((1 - self.shares) / self.scales).square()
        self._tables: dict[torch.device, Tensor] = {}

    def timesteps(self, steps: int) -> list[int]:
        """The timesteps of `steps` steps of equal length, pure noise first."""
        count = self.config.num_train_timesteps
        if not 1 <= steps <= count:
            raise StudioError(f"This model walks 1 to {count} steps, not {steps}.")
        return [round(count * (steps - index) / steps) - 1 for index in range(steps)]

    def coefficients(self, timesteps: list[int], index: int) -> tuple[float, ...]:
        """What `step` needs to know of step `index`: the share of noise before and after it."""
        last = index + 1 == len(timesteps)
        after = 0.0 if last else float(self.shares[timesteps[index + 1]])
        return float(self.shares[timesteps[index]]), after

    def mixture(self, timesteps: list[int], index: int) -> tuple[float, float, float, float]:
        """Signal and noise in x_t of step `index`, then in x_prev: they add up to 1."""
        now, after = self.coefficients(timesteps, index)
        return 1 - now, now, 1 - after, after

    def step(
        self, output: Tensor, x_t: Tensor, coefficients: Any, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predicted x_0 and x_prev of an Euler step; coefficients are numbers, or broadcast."""
        now, after = coefficients
        return x_t - now * output, x_t + (after - now) * output

    def add_noise(self, x_0: Tensor, eps: Tensor, timestep: Tensor) -> Tensor:
        """x_t [B, N, C] on the straight line from x_0 to eps at timestep [B]."""
        share = self._shares(timestep).view(-1, *([1] * (x_0.dim() - 1))).to(x_0.dtype)
        return (1 - share) * x_0 + share * eps

    def target(self, x_0: Tensor, eps: Tensor, timestep: Tensor) -> Tensor:
        """What the network is trained to predict: the same velocity at every timestep."""
        return eps - x_0

    def loss_weight(self, timestep: Tensor, limit: float) -> Tensor:
        """Weights [B] that cap how much an error in x_0 counts at low noise; 0 means no cap.

        Against x_0, a velocity error counts 1 / s^2 times: see `Schedule.loss_weight`.
        """
        share = self._shares(timestep)
        return (limit * share.square()).clamp_max(1.0) if limit > 0 else torch.ones_like(share)

    def _shares(self, timestep: Tensor) -> Tensor:
        """Noise shares [B], from a table that is copied to a device once."""
        if timestep.device not in self._tables:
            self._tables[timestep.device] = self.shares.float().to(timestep.device)
        return self._tables[timestep.device][timestep]
