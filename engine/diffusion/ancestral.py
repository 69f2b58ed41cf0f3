"""DDPM's ancestral sampling as MDM uses it: cosine noise, respaced steps, fresh noise in each."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import StudioError


@dataclass(frozen=True)
class AncestralConfig:
    """A cosine schedule of `num_train_timesteps` steps, whose network predicts x_0."""

    num_train_timesteps: int = 50

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "ancestral", **asdict(self)}


@dataclass(frozen=True)
class Tables:
    """float64 tables of a chain: everything the posterior q(x_{t-1} | x_t, x_0) needs [T]."""

    betas: np.ndarray
    alphas_cumprod: np.ndarray
    posterior_log_variance_clipped: np.ndarray
    posterior_mean_coef1: np.ndarray
    posterior_mean_coef2: np.ndarray

    @classmethod
    def of(cls, betas: np.ndarray) -> Tables:
        """From betas [T] (DDPM, eq. 6-7)."""
        cumprod = np.cumprod(1.0 - betas)
        before = np.append(1.0, cumprod[:-1])
        variance = betas * (1.0 - before) / (1.0 - cumprod)
        # Entry 0 is a variance of zero; its logarithm is never used, but the tables have one.
        clipped = np.log(np.append(variance[1] if len(betas) > 1 else betas[0], variance[1:]))
        return cls(
            betas, cumprod, clipped,
            betas * np.sqrt(before) / (1.0 - cumprod),
            (1.0 - before) * np.sqrt(1.0 - betas) / (1.0 - cumprod),
        )  # fmt: skip


def cosine_betas(steps: int) -> np.ndarray:
    """Betas [steps] of the cosine schedule (Nichol and Dhariwal, eq. 17), at most 0.999."""

    def signal(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    return np.array(
        [min(1 - signal((i + 1) / steps) / signal(i / steps), 0.999) for i in range(steps)]
    )


def respaced(steps: int, kept: int) -> list[int]:
    """`kept` of `steps` timesteps, evenly spread, first and last included, rising."""
    if not 1 <= kept <= steps:
        raise StudioError(f"This model has {steps} steps: choose 1 to {steps} of them, not {kept}.")
    stride = (steps - 1) / (kept - 1) if kept > 1 else 1.0
    places: list[int] = []
    place = 0.0
    for _ in range(kept):  # summed up like the original, to round like it
        places.append(round(place))
        place += stride
    return places


class AncestralSchedule:
    """p(x_{t-1} | x_t): the posterior mean at the predicted x_0, plus fresh noise.

    Timesteps are those that the network was trained with; the posterior is that of the chain of
    kept steps alone.
    """

    stochastic = True

    def __init__(self, config: AncestralConfig | None = None) -> None:
        self.config = config or AncestralConfig()
        if not 1 <= self.config.num_train_timesteps <= 10_000:
            raise ValueError(f"{self.config.num_train_timesteps} timesteps make no schedule")
        self.whole = Tables.of(cosine_betas(self.config.num_train_timesteps))
        self.alphas_cumprod: Tensor = torch.from_numpy(self.whole.alphas_cumprod)
        self._chains: dict[tuple[int, ...], Tables] = {}

    def timesteps(self, steps: int) -> list[int]:
        """The timesteps a trajectory of `steps` steps visits, noisiest first."""
        return respaced(self.config.num_train_timesteps, steps)[::-1]

    def tables(self, timesteps: list[int]) -> Tables:
        """Tables of the chain that visits only these timesteps, noisiest first."""
        key = tuple(timesteps)
        if key not in self._chains:
            cumprod = self.whole.alphas_cumprod[timesteps[::-1]]
            self._chains[key] = Tables.of(1.0 - cumprod / np.append(1.0, cumprod[:-1]))
        return self._chains[key]

    def coefficients(self, timesteps: list[int], index: int) -> tuple[float, ...]:
        """Factors of x_0, of x_t and of the noise in step `index`; no noise in the last."""
        tables, place = self.tables(timesteps), len(timesteps) - 1 - index
        noise = math.exp(0.5 * tables.posterior_log_variance_clipped[place]) if place else 0.0
        return (
            float(tables.posterior_mean_coef1[place]),
            float(tables.posterior_mean_coef2[place]),
            noise,
        )

    def mixture(self, timesteps: list[int], index: int) -> tuple[float, float, float, float]:
        """Signal and noise in x_t of step `index`, then in x_prev."""
        now = self.level(timesteps[index])
        after = self.level(timesteps[index + 1]) if index + 1 < len(timesteps) else 1.0
        return now**0.5, (1 - now) ** 0.5, after**0.5, (1 - after) ** 0.5

    def step(
        self, output: Tensor, x_t: Tensor, coefficients: Any, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predicted x_0 and x_prev from the network's output; without `noise`, the mean."""
        of_x_0, of_x_t, of_noise = coefficients
        mean = of_x_0 * output + of_x_t * x_t
        return output, mean if noise is None else mean + of_noise * noise

    def level(self, timestep: int) -> float:
        """alphas_cumprod at a timestep: how much signal x_t holds."""
        return float(self.alphas_cumprod[timestep])
