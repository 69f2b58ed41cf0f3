"""What every tuning method works on: a model, a reward, and batches of prompts with their noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import FreshNoise, Guided, Step, finish_step
from engine.models.text import TextEncoder
from engine.motion.skeleton import MAX_FRAMES
from engine.tuning.rewards.base import Reward, Scored, Seen


@dataclass(frozen=True)
class Batch:
    """Prompts of one update with their starting noise.

    states [B, L, text_dim] and text_mask [B, L] of the frozen encoder, frames [B],
    mask [B, N] of real tokens, noise [B, N, latent_dim]; `fresh` is what a stochastic sampler
    adds in each step. `embedded` [B, D]: the reward's vectors of the texts, where they are known.
    """

    texts: tuple[str, ...]
    states: Tensor
    text_mask: Tensor
    frames: Tensor
    mask: Tensor
    noise: Tensor
    fresh: FreshNoise | None = None
    embedded: Tensor | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, index: Tensor) -> Batch:
        """Some of the samples, in any order and number: `index` [b], on the CPU."""
        texts = tuple(self.texts[row] for row in index.tolist())
        there = index.to(self.noise.device)
        return Batch(
            texts, self.states[there], self.text_mask[there], self.frames[there],
            self.mask[there], self.noise[there],
            None if self.fresh is None else self.fresh.rows(index),
            None if self.embedded is None else self.embedded[there],
        )  # fmt: skip


@dataclass
class Problem:
    """A model to tune, the reward to raise, and how trajectories are walked.

    Only parameters of `model.denoiser` that require gradients are ever moved; the text head, the
    VAE and the reward stay as they are. Inside the context that `base` makes, `model.denoiser`
    computes what it did before tuning; only a trust region needs it.
    """

    model: MotionModel
    reward: Reward
    steps: int
    guidance_scale: float
    base: Callable[[], AbstractContextManager[object]] | None = None
    _timesteps: list[int] = field(init=False)
    _after: list[int] = field(init=False)
    _coefficients: Tensor = field(init=False)

    def __post_init__(self) -> None:
        schedule = self.model.schedule
        self._timesteps = schedule.timesteps(self.steps)
        # 0 means no noise at all to a reward, also where a chain's own last timestep is 0.
        self._after = [*(max(timestep, 1) for timestep in self._timesteps[1:]), 0]
        rows = [schedule.coefficients(self._timesteps, index) for index in range(self.steps)]
        self._coefficients = torch.tensor(rows, dtype=torch.float64).T

    @property
    def timesteps(self) -> list[int]:
        """Visited timesteps, noisiest first."""
        return self._timesteps

    def alpha(self, index: int) -> float:
        """alphas_cumprod of x_t in step `index`."""
        return float(self.model.schedule.alphas_cumprod[self._timesteps[index]])

    @torch.no_grad()
    def guided(self, batch: Batch) -> Guided:
        """The prompts as the denoiser reads them; the text head is not tuned, so no gradient."""
        return Guided.make(
            self.model.denoiser, batch.states, batch.text_mask, batch.frames, batch.mask,
            self.guidance_scale, batch.fresh,
        )  # fmt: skip

    def predict(self, x_t: Tensor, guided: Guided, index: int) -> Tensor:
        """Guided network output [B, N, latent_dim] of step `index` at x_t."""
        return guided.predict(self.model.denoiser, x_t, self._timesteps[index])

    def finish(self, output: Tensor, x_t: Tensor, index: int, guided: Guided | None = None) -> Step:
        """What step `index` makes of x_t and the network's output, differentiable in both.

        Without `guided`, a stochastic sampler adds no noise: x_prev is its mean.
        """
        noise = None if guided is None else guided.noise(index)
        return finish_step(self.model.schedule, output, x_t, self._timesteps, index, noise)

    def step(self, x_t: Tensor, guided: Guided, index: int) -> Step:
        """Denoising step `index` from x_t [B, N, latent_dim], differentiable in both."""
        return self.finish(self.predict(x_t, guided, index), x_t, index, guided)

    def predict_mixed(self, x_t: Tensor, guided: Guided, steps: Tensor) -> Tensor:
        """Guided network output at x_t [b, N, latent_dim], row i at step `steps[i]` (CPU, [b])."""
        timesteps = torch.tensor(self._timesteps)[steps].to(x_t.device)
        return guided.predict(self.model.denoiser, x_t, timesteps)

    def seen(self, step: Step) -> Tensor:
        """The latents of a step that the reward wants: predicted x_0, or x_prev."""
        return step.x_0 if self.reward.form == "x_0" else step.x_prev

    def seen_mixed(self, output: Tensor, x_t: Tensor, steps: Tensor) -> Tensor:
        """The same from outputs [b, N, latent_dim], row i at step `steps[i]` (CPU, [b]).

        Of a stochastic sampler's x_prev, the mean: the noise in it does not depend on the output.
        """
        rows = tuple(row[steps].to(x_t)[:, None, None] for row in self._coefficients)
        x_0, x_prev = self.model.schedule.step(output, x_t, rows)
        return x_0 if self.reward.form == "x_0" else x_prev

    def slopes(self) -> Tensor:
        """How much what the reward sees moves with the network's output, per step [steps].

        A step is affine in the output, so this is one number per step:
        d x_0 / d output or d x_prev / d output.
        """
        one, steps = torch.ones(self.steps, 1, 1), torch.arange(self.steps)
        return self.seen_mixed(one, torch.zeros_like(one), steps)[:, 0, 0]

    def score_step(self, step: Step, batch: Batch) -> Scored:
        """The step's own reward: on predicted x_0, or on x_prev with its own timestep."""
        after = 0 if self.reward.form == "x_0" else self.timestep_after(step.index)
        return self.reward(Seen(self.seen(step), after, batch))

    def score_mixed(self, latents: Tensor, steps: Tensor, batch: Batch) -> Scored:
        """Step rewards of latents as `seen_mixed` gives them, row i of step `steps[i]`."""
        if self.reward.form == "x_0":
            return self.reward(Seen(latents, 0, batch))
        first = int(steps[0])
        if bool((steps == first).all()):  # one number tells the reward more than a tensor
            return self.reward(Seen(latents, self.timestep_after(first), batch))
        after = torch.tensor(self._after)[steps].to(latents.device)
        return self.reward(Seen(latents, after, batch))

    def score_end(self, x_0: Tensor, batch: Batch) -> Scored:
        """The reward of finished latents x_0 [B, N, latent_dim] (timestep 0)."""
        return self.reward(Seen(x_0, 0, batch))

    def timestep_after(self, index: int) -> int:
        """The timestep whose noise x_prev of step `index` carries; 0 after the last."""
        return self._after[index]


class PromptBank:
    """Prompts encoded once; batches that depend on nothing but the seed and their number."""

    def __init__(
        self,
        texts: Sequence[str],
        frames: Sequence[int],
        encoder: TextEncoder,
        model: MotionModel,
        device: torch.device,
    ) -> None:
        """`frames` per prompt, at 20 fps. The encoder may go afterwards."""
        model.meet(encoder)
        self.texts = tuple(texts)
        states, mask = encoder.encode(list(texts))
        self.states, self.text_mask = states.float().to(device), mask.to(device)
        self.frames = torch.tensor([model.vae.own_frames(count) for count in frames])
        self.model, self.device = model, device

    def __len__(self) -> int:
        return len(self.texts)

    def draw(self, size: int, seed: int, number: int) -> Batch:
        """Batch `number` of a run with `seed`: prompts without repeats until all were shown."""
        start = number * size
        rows: list[int] = []
        while len(rows) < size:
            epoch, place = divmod(start + len(rows), len(self))
            generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
            order = torch.randperm(len(self), generator=generator).tolist()
            rows += order[place : place + size - len(rows)]
        return self.batch(rows, noise_seed=(seed + 1) * 7_919_417 + number)

    def batch(self, rows: Sequence[int], noise_seed: int) -> Batch:
        """The prompts of `rows` with noise drawn (on the CPU) from one seed.

        On a GPU every batch has one shape, which graphs need; elsewhere padding would cost time.
        """
        vae = self.model.vae
        generator = torch.Generator().manual_seed(noise_seed)
        longest = vae.n_tokens(MAX_FRAMES)
        noise = torch.randn(len(rows), longest, vae.config.latent_dim, generator=generator)
        frames = self.frames[list(rows)]
        tokens = torch.tensor([vae.n_tokens(count) for count in frames.tolist()])
        width = longest if self.device.type == "cuda" else int(tokens.max())
        mask = torch.arange(width)[None] < tokens[:, None]
        seeds = tuple(noise_seed * 131_071 + place for place in range(len(rows)))
        fresh = FreshNoise(seeds, longest, width, noise.shape[-1], self.device)
        index = torch.tensor(list(rows), device=self.device)
        return Batch(
            tuple(self.texts[row] for row in rows),
            self.states[index],
            self.text_mask[index],
            frames.to(self.device),
            mask.to(self.device),
            noise[:, :width].to(self.device),
            fresh if self.model.schedule.stochastic else None,
        )
