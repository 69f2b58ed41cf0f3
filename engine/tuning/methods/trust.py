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
    if problem.base is None:
        raise StudioError("A trust region needs the base model: tune an adapter, or set trust 0.")
    if isinstance(steps, int):
        steps = torch.full((len(x_t),), steps)
    with torch.no_grad(), problem.base():
        base = problem.predict_mixed(x_t.detach(), guided, steps)
    square = (output - base).square().mean(-1)
    if guided.mask is None:
        return square.mean(-1)
    mask = guided.mask[: len(x_t)].to(square.dtype)
    return (square * mask).sum(-1) / mask.sum(-1).clamp_min(1.0)
