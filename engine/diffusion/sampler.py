"""The one place that walks denoising steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.diffusion.schedule import Schedule
from engine.models.denoiser import Condition, Denoiser


@dataclass(frozen=True)
class Step:
    """One denoising step as tuning methods and viewers see it; tensors are [B, N, latent_dim]."""

    index: int
    timestep: int
    x_t: Tensor
    x_0: Tensor
    x_prev: Tensor


@dataclass(frozen=True)
class Guided:
    """A prompt with and without its words, stacked so that both take one pass of the network."""

    condition: Condition
    frames: Tensor
    mask: Tensor | None
    guidance_scale: float

    @classmethod
    def make(
        cls,
        denoiser: Denoiser,
        states: Tensor,
        text_mask: Tensor,
        frames: Tensor,
        mask: Tensor | None,
        guidance_scale: float,
    ) -> Guided:
        """From token states [B, L, text_dim]; a scale of 1 needs no unconditional half."""
        if guidance_scale == 1.0:
            condition = denoiser.text(states, text_mask)
            return cls(condition, frames, mask, guidance_scale)
        kept = torch.zeros(len(states), dtype=torch.bool, device=states.device)
        dropped = torch.cat([kept, ~kept])
        condition = denoiser.text(states.repeat(2, 1, 1), text_mask.repeat(2, 1), dropped)
        twice = None if mask is None else mask.repeat(2, 1)
        return cls(condition, frames.repeat(2), twice, guidance_scale)

    def rows(self, index: Tensor) -> Guided:
        """The same for some of the samples: `index` [b] into the B samples."""
        halves = 1 if self.guidance_scale == 1.0 else 2
        count = self.frames.shape[0] // halves
        both = torch.cat([index + half * count for half in range(halves)])
        words = self.condition
        condition = Condition(words.tokens[both], words.mask[both], words.pooled[both])
        mask = None if self.mask is None else self.mask[both]
        return Guided(condition, self.frames[both], mask, self.guidance_scale)

    def predict(self, denoiser: Denoiser, x_t: Tensor, timestep: int | Tensor) -> Tensor:
        """Classifier-free guided network output at x_t [B, N, latent_dim]; timestep one or [B]."""
        halves = self.frames.shape[0] // x_t.shape[0]
        x = x_t.repeat(halves, 1, 1)
        if isinstance(timestep, Tensor):
            t = timestep.repeat(halves)
        else:
            t = torch.full((len(x),), timestep, device=x.device)
        output = denoiser(x, t, self.condition, self.frames, self.mask)
        if halves == 1:
            return output
        conditional, unconditional = output.chunk(2)
        return unconditional + self.guidance_scale * (conditional - unconditional)


def trajectory(
    denoiser: Denoiser,
    schedule: Schedule,
    noise: Tensor,
    guided: Guided,
    steps: int,
    cancel: Callable[[], bool] | None = None,
) -> Iterator[Step]:
    """DDIM with eta 0 from `noise` [B, N, latent_dim]; stops early when `cancel` says so."""
    x_t = noise
    timesteps = schedule.timesteps(steps)
    for index in range(len(timesteps)):
        if cancel is not None and cancel():
            return
        step = take_step(denoiser, schedule, x_t, guided, timesteps, index)
        yield step
        x_t = step.x_prev


def take_step(
    denoiser: Denoiser,
    schedule: Schedule,
    x_t: Tensor,
    guided: Guided,
    timesteps: list[int],
    index: int,
) -> Step:
    """Step `index` of a trajectory over `timesteps`, from x_t [B, N, latent_dim]."""
    output = guided.predict(denoiser, x_t, timesteps[index])
    return finish_step(schedule, output, x_t, timesteps, index)


def finish_step(
    schedule: Schedule, output: Tensor, x_t: Tensor, timesteps: list[int], index: int
) -> Step:
    """The rest of step `index` once the guided network output at x_t is there."""
    timestep = timesteps[index]
    alpha = float(schedule.alphas_cumprod[timestep])
    x_0, x_prev = schedule.ddim(output, x_t, alpha, schedule.previous(timesteps, index))
    return Step(index, timestep, x_t, x_0, x_prev)


def sample(
    denoiser: Denoiser,
    schedule: Schedule,
    noise: Tensor,
    guided: Guided,
    steps: int,
    cancel: Callable[[], bool] | None = None,
) -> Tensor | None:
    """Latents [B, N, latent_dim] at the end of the trajectory, or None when cancelled."""
    done = 0
    latents = noise
    for step in trajectory(denoiser, schedule, noise, guided, steps, cancel):
        latents, done = step.x_prev, done + 1
    return latents if done == steps else None
