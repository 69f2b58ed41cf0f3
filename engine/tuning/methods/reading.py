"""The reward of a step's latents and its gradient in them, through frozen networks only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.diffusion.capture import capture
from engine.tuning.problem import Batch, Problem
from engine.tuning.rewards.base import Scored
from engine.tuning.rewards.total import WeightedSum


@dataclass(frozen=True)
class Read:
    """gradient [b, N, latent_dim] of the summed totals; total [b] and terms [b], without graph."""

    gradient: Tensor
    total: Tensor
    terms: dict[str, Tensor]


class Reading:
    """Callable that scores latents of b (step, sample) pairs and differentiates the score.

    With `captured`, rewards of predicted x_0 whose texts can be put as tensors are one CUDA graph
    per shape: a reward is hundreds of small kernels, which take longer to start than to run.
    """

    def __init__(self, captured: bool = False) -> None:
        self.captured = captured
        self._graphs: dict[tuple, tuple[Callable[..., Tensor], list[str]]] = {}

    def __call__(self, problem: Problem, latents: Tensor, steps: Tensor, batch: Batch) -> Read:
        """`latents` [b, N, latent_dim] of steps [b] (CPU), row i for row i of `batch`."""
        reward = problem.reward
        if self.captured and latents.is_cuda and isinstance(reward, WeightedSum):
            worded = reward.worded(batch) if reward.form == "x_0" else None
            if worded is not None:
                return self._replayed(problem, latents, steps, worded)
        gradient, scored = _scored(problem, latents, steps, batch)
        return Read(
            gradient, scored.total.detach(), {k: v.detach() for k, v in scored.terms.items()}
        )

    def _replayed(self, problem: Problem, latents: Tensor, steps: Tensor, batch: Batch) -> Read:
        words = () if batch.embedded is None else (batch.embedded,)
        inputs = (latents, batch.mask, batch.frames, *words)
        key = (id(problem), *(value.shape for value in inputs))
        if key not in self._graphs:
            names: list[str] = []

            def run(leaf: Tensor, mask: Tensor, frames: Tensor, *words: Tensor) -> Tensor:
                seen = replace(
                    batch, mask=mask, frames=frames, embedded=words[0] if words else None
                )
                gradient, scored = _scored(problem, leaf, steps, seen)
                names[:] = scored.terms
                columns = [scored.total, *scored.terms.values()]
                return torch.cat([gradient.flatten(1), torch.stack(columns, 1).detach()], dim=1)

            self._graphs[key] = capture(run, inputs), names
        replay, names = self._graphs[key]
        found = replay(*inputs)
        width = latents[0].numel()
        columns = found[:, width:].unbind(1)
        return Read(
            found[:, :width].view_as(latents), columns[0],
            dict(zip(names, columns[1:], strict=True)),
        )  # fmt: skip


def _scored(
    problem: Problem, latents: Tensor, steps: Tensor, batch: Batch
) -> tuple[Tensor, Scored]:
    """The gradient of the summed totals in the latents, and the scores."""
    leaf = latents.detach().requires_grad_()
    scored = problem.score_mixed(leaf, steps, batch)
    (gradient,) = torch.autograd.grad(scored.total.sum(), leaf)
    return gradient, scored
