"""Generation seen from inside: every denoising step of a batch of prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engine.diffusion.sampler import Guided, Step, trajectory
from engine.models.device import exact_convolutions
from engine.tuning.problem import Batch

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline


@dataclass(frozen=True)
class Walk:
    """Prompts with their noise, and the denoising steps from it, noisiest first."""

    batch: Batch
    lengths: tuple[int, ...]
    timesteps: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def latents(self) -> Tensor:
        """What the last step left, [B, N, latent_dim]."""
        return self.steps[-1].x_prev


@torch.no_grad()
def walk(
    pipeline: MotionPipeline,
    prompts: Sequence[str],
    frames: Sequence[int],
    seeds: Sequence[int],
    guidance: float,
    steps: int,
    cancel: Callable[[], bool] | None = None,
) -> Walk:
    """The motions a call of the pipeline would make, step by step, and not yet decoded.

    Raises Cancelled when `cancel` says so between two steps.
    """
    from engine.pipeline import Cancelled

    model = pipeline.model
    noise, mask, states, text_mask = pipeline.prepare(prompts, frames, seeds)
    lengths = pipeline.lengths(frames)
    fresh = pipeline.fresh(noise, seeds)
    guided = Guided.make(model.denoiser, states, text_mask, lengths, mask, guidance, fresh)
    with exact_convolutions():
        done = tuple(trajectory(model.denoiser, model.schedule, noise, guided, steps, cancel))
    if len(done) < steps:
        raise Cancelled("Cancelled.")
    batch = Batch(tuple(prompts), states, text_mask, lengths, mask, noise, fresh)
    return Walk(batch, tuple(frames), tuple(model.schedule.timesteps(steps)), done)


def decoded_steps(pipeline: MotionPipeline, walked: Walk, sample: int = 0) -> np.ndarray:
    """Predicted x_0 of one sample at every step as joints [steps, T, 22, 3], metres."""
    x_0 = torch.cat([step.x_0[sample : sample + 1] for step in walked.steps])
    mask = walked.batch.mask[sample : sample + 1].expand(len(x_0), -1)
    return np.stack(pipeline.joints(x_0, mask, [walked.lengths[sample]] * len(x_0)))
