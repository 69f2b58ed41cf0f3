"""The noise schedule: diffusers' tables, and the coefficients that step-wise tuning needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction", "sample"]


@dataclass(frozen=True)
class ScheduleConfig:
    """Arguments of diffusers' DDIMScheduler, by its own names."""

    prediction_type: Prediction = "v_prediction"
    num_train_timesteps: int = 1000
    beta_schedule: str = "scaled_linear"
    beta_start: float = 0.00085
    beta_end: float = 0.012
    timestep_spacing: str = "trailing"
    steps_offset: int = 0
    set_alpha_to_one: bool = True
    rescale_betas_zero_snr: bool = True

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Schedule:
    """DDIM (eta 0) over a diffusers schedule. x_t = signal(t) * x_0 + noise(t) * eps."""

    stochastic = False

    def __init__(self, config: ScheduleConfig | None = None) -> None:
        from diffusers import DDIMScheduler

        self.config = config or ScheduleConfig()
        if self.config.prediction_type not in get_args(Prediction):
            raise ValueError(f"there is no prediction type {self.config.prediction_type!r}")
        scheduler: Any = DDIMScheduler(clip_sample=False, **self.config.to_dict())
        self.scheduler = scheduler
        self.alphas_cumprod: Tensor = scheduler.alphas_cumprod
        self._tables: dict[torch.device, Tensor] = {}
        self.timesteps(1)  # diffusers looks at the spacing no sooner

    def timesteps(self, steps: int) -> list[int]:
        """The timesteps a trajectory of `steps` steps visits, noisiest first."""
        self.scheduler.set_timesteps(steps)
        return [int(t) for t in self.scheduler.timesteps]

    def previous(self, timesteps: list[int], index: int) -> float:
        """alphas_cumprod after step `index`: of the next timestep visited, or the final one."""
        if index + 1 < len(timesteps):
            return float(self.alphas_cumprod[timesteps[index + 1]])
        return float(self.scheduler.final_alpha_cumprod)

    def coefficients(self, timesteps: list[int], index: int) -> tuple[float, ...]:
        """What `step` needs to know of step `index`: alphas_cumprod before and after it."""
        now = float(self.alphas_cumprod[timesteps[index]])
        return now, self.previous(timesteps, index)

    def mixture(self, timesteps: list[int], index: int) -> tuple[float, float, float, float]:
        """Signal and noise in x_t of step `index`, then in x_prev: their squares add up to 1."""
        now, after = self.coefficients(timesteps, index)
        return now**0.5, (1 - now) ** 0.5, after**0.5, (1 - after) ** 0.5

    def step(
        self, output: Tensor, x_t: Tensor, coefficients: Any, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predicted x_0 and x_prev; coefficients are numbers, or tensors that broadcast.

        Nothing is random in it: `noise` is for schedules in which each step adds fresh noise.
        """
        return self.ddim(output, x_t, *coefficients)

    def level(self, timestep: int) -> float:
        """alphas_cumprod at a timestep: how much signal x_t holds."""
        return float(self.alphas_cumprod[timestep])

    def add_noise(self, x_0: Tensor, eps: Tensor, timestep: Tensor) -> Tensor:
        """Diffuse x_0 [B, N, C] to x_t at timestep [B]."""
        signal, noise = self._scales(x_0, timestep)
        return signal * x_0 + noise * eps

    def target(self, x_0: Tensor, eps: Tensor, timestep: Tensor) -> Tensor:
        """What the network is trained to predict at `timestep`."""
        if self.config.prediction_type == "epsilon":
            return eps
        if self.config.prediction_type == "sample":
            return x_0
        signal, noise = self._scales(x_0, timestep)
        return signal * eps - noise * x_0

    def loss_weight(self, timestep: Tensor, limit: float) -> Tensor:
        """Weights [B] that cap how much an error in x_0 counts at low noise (min-SNR, clipped).

        Against x_0, a velocity error counts SNR + 1 times and a noise error SNR times, over 1000
        at the last steps: detail would drown meaning. The cap is `limit`; 0 means no cap.
        """
        alphas = self._table(timestep.device)[timestep]
        if limit <= 0 or self.config.prediction_type == "sample":
            return torch.ones_like(alphas)
        snr = alphas / (1 - alphas).clamp_min(1e-8)
        if self.config.prediction_type == "epsilon":
            return (limit / snr.clamp_min(1e-8)).clamp_max(1.0)
        return (limit / (snr + 1)).clamp_max(1.0)

    def split(
        self, output: Tensor, x_t: Tensor, alpha_cumprod: float | Tensor
    ) -> tuple[Tensor, Tensor]:
        """Predicted x_0 and eps from a network output at x_t (DDIM, eq. 12).

        `alpha_cumprod` is one number, or a tensor that broadcasts against x_t.
        """
        signal, noise = alpha_cumprod**0.5, (1 - alpha_cumprod) ** 0.5
        if self.config.prediction_type == "epsilon":
            return (x_t - noise * output) / _no_less(signal), output
        if self.config.prediction_type == "sample":
            return output, (x_t - signal * output) / _no_less(noise)
        return signal * x_t - noise * output, signal * output + noise * x_t

    def ddim(
        self,
        output: Tensor,
        x_t: Tensor,
        alpha_cumprod: float | Tensor,
        alpha_previous: float | Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Predicted x_0 and x_prev of one DDIM step with eta 0 (DDIM, eq. 12)."""
        x_0, eps = self.split(output, x_t, alpha_cumprod)
        return x_0, alpha_previous**0.5 * x_0 + (1 - alpha_previous) ** 0.5 * eps

    def _table(self, device: torch.device) -> Tensor:
        """alphas_cumprod on `device`, copied there once."""
        if device not in self._tables:
            self._tables[device] = self.alphas_cumprod.to(device)
        return self._tables[device]

    def _scales(self, like: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor]:
        alphas = self._table(like.device)[timestep]
        alphas = alphas.view(-1, *([1] * (like.dim() - 1))).to(like.dtype)
        return alphas.sqrt(), (1 - alphas).sqrt()


def _no_less(value: float | Tensor, least: float = 1e-4) -> float | Tensor:
    return value.clamp_min(least) if isinstance(value, Tensor) else max(value, least)
