"""Few-step sampling of a latent consistency model (Luo et al., 2023), as MotionLCM uses it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.errors import StudioError

SIGMA_DATA = 0.5
TIMESTEP_SCALING = 10.0
VISITED = {1: [799], 2: [699, 299], 4: [699, 399, 299, 299]}
GUIDANCE = {1: 8.0, 2: 12.5, 4: 13.5}  # published for these numbers of steps


@dataclass(frozen=True)
class ConsistencyConfig:
    """The noise the student was distilled with; it predicts epsilon."""

    num_train_timesteps: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "consistency", **asdict(self)}


class ConsistencySchedule:
    """Each step jumps to the end, f(x_t) = c_skip x_t + c_out x_0, then adds fresh noise again."""

    stochastic = True

    def __init__(self, config: ConsistencyConfig | None = None) -> None:
        self.config = config or ConsistencyConfig()
        noise = ScheduleConfig(
            prediction_type="epsilon", timestep_spacing="leading", steps_offset=1,
            set_alpha_to_one=False, rescale_betas_zero_snr=False, **asdict(self.config),
        )  # fmt: skip
        self.alphas_cumprod: Tensor = Schedule(noise).alphas_cumprod

    def timesteps(self, steps: int) -> list[int]:
        """The published timesteps of 1, 2 or 4 steps; StudioError for other numbers."""
        if steps not in VISITED:
            raise StudioError(f"This model makes 1, 2 or 4 steps, not {steps}.")
        return list(VISITED[steps])

    def coefficients(self, timesteps: list[int], index: int) -> tuple[float, ...]:
        """Signal and noise in x_t, c_skip, c_out, then signal and noise of x_prev."""
        now = float(self.alphas_cumprod[timesteps[index]])
        last = index + 1 == len(timesteps)
        after = 1.0 if last else float(self.alphas_cumprod[timesteps[index + 1]])
        scaled = timesteps[index] * TIMESTEP_SCALING
        variance = SIGMA_DATA**2
        skip, out = variance / (scaled**2 + variance), scaled / (scaled**2 + variance) ** 0.5
        return now**0.5, (1 - now) ** 0.5, skip, out, after**0.5, (1 - after) ** 0.5

    def mixture(self, timesteps: list[int], index: int) -> tuple[float, float, float, float]:
        """Signal and noise in x_t of step `index`, then in x_prev."""
        signal, noisy, _, _, signal_after, noise_after = self.coefficients(timesteps, index)
        return signal, noisy, signal_after, noise_after

    def step(
        self, output: Tensor, x_t: Tensor, coefficients: Any, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The jump's end and x_prev from predicted noise; without `noise`, x_prev's mean."""
        signal, noisy, skip, out, signal_after, noise_after = coefficients
        end = out * ((x_t - noisy * output) / signal) + skip * x_t
        mean = signal_after * end
        return end, mean if noise is None else mean + noise_after * noise

    def level(self, timestep: int) -> float:
        """alphas_cumprod at a timestep: how much signal x_t holds."""
        return float(self.alphas_cumprod[timestep])
