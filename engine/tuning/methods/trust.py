"""The trust region: how far the tuned network's output has drifted from the base's."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.diffusion.sampler import Guided
from engine.errors import StudioError
from engine.tuning.problem import Problem


def drift(
    problem: Problem, output: Tensor, x_t: Tensor, guided: Guided, steps: int | Tensor
) -> Tensor:
    """Mean squared distance [B] between output [B, N, latent_dim] and the base's at the same x_t.

    Over real tokens and channels. Up to a factor per step, this is the KL divergence between the
    step's two Gaussians (EasyTune, Eq. S2). Raises StudioError when the problem has no base.
    """
    if isinstance(steps, int):
        steps = torch.full((len(x_t),), steps)
    return distance(output, base_output(problem, x_t, guided, steps), guided.mask)


@torch.no_grad()
def base_output(problem: Problem, x_t: Tensor, guided: Guided, steps: Tensor) -> Tensor:
    """The base's guided output at x_t [B, N, latent_dim], row i at step `steps[i]` (CPU, [B])."""
    if problem.base is None:
        raise StudioError("A trust region needs the base model: tune an adapter, or set trust 0.")
    with problem.base():
        return problem.predict_mixed(x_t.detach(), guided, steps)


def distance(output: Tensor, base: Tensor, mask: Tensor | None) -> Tensor:
    """Mean square [B] of a difference [B, N, latent_dim] over channels and real tokens.

    `mask` may have further rows, as guided conditions have.
    """
    square = (output - base).square().mean(-1)
    if mask is None:
        return square.mean(-1)
    real = mask[: len(output)].to(square.dtype)
    return (square * real).sum(-1) / real.sum(-1).clamp_min(1.0)
