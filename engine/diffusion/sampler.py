"""The one place that walks denoising steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.models.backbone import Network, Sampling
from engine.models.denoiser import Condition


@dataclass(frozen=True)
class Step:
    """One denoising step as tuning methods and viewers see it; tensors are [B, N, latent_dim]."""

    index: int
    timestep: int
    x_t: Tensor
    x_0: Tensor
    x_prev: Tensor


@dataclass(frozen=True)
class FreshNoise:
    """The noise that a stochastic sampler adds in each step: drawn from each sample's own seed.

    Made when it is asked for, so that a thousand steps take no memory. `longest` rows are drawn
    and `tokens` kept, so that what else is in a batch cannot matter. The device draws it: on a CPU
    the noise of fifty steps over frames would take longer than the network on a GPU.
    """

    seeds: tuple[int, ...]
    longest: int
    tokens: int
    channels: int
    device: torch.device

    def at(self, index: int) -> Tensor:
        """Noise [B, tokens, channels] of step `index`."""
        rows = []
        for seed in self.seeds:
            mixed = (seed * 1_000_003 + index + 1) % 2**63
            generator = torch.Generator(self.device).manual_seed(mixed)
            size = (self.longest, self.channels)
            rows.append(torch.randn(size, generator=generator, device=self.device))
        return torch.stack(rows)[:, : self.tokens]

    def rows(self, index: Tensor) -> FreshNoise:
        """The same for some of the samples."""
        return replace(self, seeds=tuple(self.seeds[row] for row in index.tolist()))


@dataclass(frozen=True)
class Guided:
    """A prompt with and without its words, stacked so that both take one pass of the network.

    `fresh` is there for stochastic samplers only.
    """

    condition: Condition
    frames: Tensor
    mask: Tensor | None
    guidance_scale: float
    fresh: FreshNoise | None = None

    @classmethod
    def make(
        cls,
        denoiser: Network,
        states: Tensor,
        text_mask: Tensor,
        frames: Tensor,
        mask: Tensor | None,
        guidance_scale: float,
        fresh: FreshNoise | None = None,
    ) -> Guided:
        """From token states [B, L, text_dim]; a scale of 1 needs no unconditional half.

        Nor does a network that takes the scale as an input.
        """
        if denoiser.takes_guidance:
            condition = denoiser.with_guidance(denoiser.text(states, text_mask), guidance_scale)
            return cls(condition, frames, mask, 1.0, fresh)
        if guidance_scale == 1.0:
            condition = denoiser.text(states, text_mask)
            return cls(condition, frames, mask, guidance_scale, fresh)
        kept = torch.zeros(len(states), dtype=torch.bool, device=states.device)
        dropped = torch.cat([kept, ~kept])
        condition = denoiser.text(states.repeat(2, 1, 1), text_mask.repeat(2, 1), dropped)
        twice = None if mask is None else mask.repeat(2, 1)
        return cls(condition, frames.repeat(2), twice, guidance_scale, fresh)

    def rows(self, index: Tensor) -> Guided:
        """The same for some of the samples: `index` [b] into the B samples."""
        halves = 1 if self.guidance_scale == 1.0 else 2
        count = self.frames.shape[0] // halves
        both = torch.cat([index + half * count for half in range(halves)])
        words = self.condition
        condition = Condition(words.tokens[both], words.mask[both], words.pooled[both])
        mask = None if self.mask is None else self.mask[both]
        fresh = None if self.fresh is None else self.fresh.rows(index)
        return Guided(condition, self.frames[both], mask, self.guidance_scale, fresh)

    def tensors(self) -> tuple[Tensor, ...]:
        """All that changes from call to call, for graphs; there must be a mask."""
        assert self.mask is not None
        words = self.condition
        return words.tokens, words.mask, words.pooled, self.frames, self.mask

    def holding(self, held: Sequence[Tensor]) -> Guided:
        """The same with others in the places of `tensors`."""
        return replace(self, condition=Condition(*held[:3]), frames=held[3], mask=held[4])

    def noise(self, index: int) -> Tensor | None:
        """Fresh noise [B, N, latent_dim] of step `index`, where the sampler adds any."""
        return None if self.fresh is None else self.fresh.at(index)

    def predict(self, denoiser: Network, x_t: Tensor, timestep: int | Tensor) -> Tensor:
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
    denoiser: Network,
    schedule: Sampling,
    noise: Tensor,
    guided: Guided,
    steps: int,
    cancel: Callable[[], bool] | None = None,
    hold: Callable[[Step], Tensor] | None = None,
) -> Iterator[Step]:
    """From `noise` [B, N, latent_dim] to the end; stops early when `cancel` says so.

    `hold(step)` gives the x_prev that a step ends at instead, where something is given.
    """
    x_t = noise
    timesteps = schedule.timesteps(steps)
    for index in range(len(timesteps)):
        if cancel is not None and cancel():
            return
        step = take_step(denoiser, schedule, x_t, guided, timesteps, index)
        if hold is not None:
            step = replace(step, x_prev=hold(step))
        yield step
        x_t = step.x_prev


def take_step(
    denoiser: Network,
    schedule: Sampling,
    x_t: Tensor,
    guided: Guided,
    timesteps: list[int],
    index: int,
) -> Step:
    """Step `index` of a trajectory over `timesteps`, from x_t [B, N, latent_dim]."""
    output = guided.predict(denoiser, x_t, timesteps[index])
    return finish_step(schedule, output, x_t, timesteps, index, guided.noise(index))


def finish_step(
    schedule: Sampling,
    output: Tensor,
    x_t: Tensor,
    timesteps: list[int],
    index: int,
    noise: Tensor | None = None,
) -> Step:
    """The rest of step `index` once the guided network output at x_t is there."""
    x_0, x_prev = schedule.step(output, x_t, schedule.coefficients(timesteps, index), noise)
    return Step(index, timesteps[index], x_t, x_0, x_prev)


def sample(
    denoiser: Network,
    schedule: Sampling,
    noise: Tensor,
    guided: Guided,
    steps: int,
    cancel: Callable[[], bool] | None = None,
    hold: Callable[[Step], Tensor] | None = None,
) -> Tensor | None:
    """Latents [B, N, latent_dim] at the end of the trajectory, or None when cancelled."""
    done = 0
    latents = noise
    for step in trajectory(denoiser, schedule, noise, guided, steps, cancel, hold):
        latents, done = step.x_prev, done + 1
    return latents if done == steps else None
