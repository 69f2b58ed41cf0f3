"""Denoising with some of a motion given: the rest is made to fit it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.diffusion.sampler import Guided, Step, sample
from engine.errors import StudioError
from engine.models.device import exact_convolutions
from engine.pipeline import Cancelled, MotionPipeline


@torch.no_grad()
def inpaint(
    pipeline: MotionPipeline,
    texts: Sequence[str],
    frames: Sequence[int],
    seeds: Sequence[int],
    known: Tensor,
    keep: Tensor,
    *,
    guidance: float,
    steps: int,
    cancel: Callable[[], bool] | None = None,
    correct: Callable[[int, Tensor], Tensor] | None = None,
) -> Tensor:
    """Latents [B, N, latent_dim] whose tokens `keep` [B, N] are exactly those of `known`.

    After each step the given tokens are put back, noised as far as the others are by the sample's
    own noise, so that the network sees them in every step (RePaint, eq. 8, without going back).
    `correct(index, x_0)` is what step `index` goes on from instead of its predicted x_0
    [B, N, latent_dim]. Raises StudioError for models whose tokens are not in the order of time.
    """
    check_tokens_in_time(pipeline)
    schedule, denoiser = pipeline.model.schedule, pipeline.model.denoiser
    with exact_convolutions():
        noise, mask, states, text_mask = pipeline.prepare(texts, frames, seeds)
        if known.shape != noise.shape or keep.shape != mask.shape:
            raise StudioError("The tokens to keep do not fit the motion that is to be made.")
        lengths = pipeline.lengths(frames)
        guided = Guided.make(denoiser, states, text_mask, lengths, mask, guidance)
        timesteps = schedule.timesteps(steps)
        given, place = known.to(noise), keep[..., None].to(noise.device)

        def hold(step: Step) -> Tensor:
            signal, noisy, kept, left = schedule.mixture(timesteps, step.index)
            free = step.x_prev
            if correct is not None:
                x_0 = correct(step.index, step.x_0)
                eps = (step.x_t - signal * step.x_0) / noisy
                free = kept * x_0 + left * eps
            return torch.where(place, kept * given + left * noise, free)

        latents = sample(denoiser, schedule, noise, guided, steps, cancel, hold)
    if latents is None:
        raise Cancelled("Cancelled.")
    return latents


def check_tokens_in_time(pipeline: MotionPipeline) -> None:
    """Raise StudioError unless token k of the model's latents is about frames k f to (k + 1) f."""
    if not pipeline.model.own:
        raise StudioError(
            "Editing and longer motions need a model whose latents follow time; published models "
            "have one latent for the whole motion. Use the base model or one tuned from it."
        )
