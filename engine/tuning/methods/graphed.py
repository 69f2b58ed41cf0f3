"""A whole differentiable trajectory as two CUDA graphs, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.diffusion.sampler import Guided
from engine.tuning.methods.trajectory import Plan, walk
from engine.tuning.problem import Problem


class _Walk(nn.Module):
    """The finished latents of a plan's trajectory, as a module of tensors alone."""

    def __init__(self, problem: Problem, guided: Guided, plan: Plan) -> None:
        super().__init__()
        self.denoiser = problem.model.denoiser  # its tuned weights get the gradients
        self.problem, self.guided, self.plan = problem, guided, plan

    def forward(self, noise: Tensor, *held: Tensor) -> Tensor:
        return walk(self.problem, self.guided.holding(held), noise, self.plan)[-1].x_prev


class GraphedWalk:
    """Callable: finished latents [B, N, latent_dim] with a gradient into the tuned weights.

    Recorded once per shape and plan. All activations of the trajectory stay allocated between
    calls, and each call must be differentiated before the next.
    """

    def __init__(self) -> None:
        self._graphs: dict[tuple, Callable[..., Tensor]] = {}

    @staticmethod
    def fits(guided: Guided, noise: Tensor) -> bool:
        """Graphs are for CUDA; fresh noise is drawn on the way, which none can hold."""
        return noise.is_cuda and guided.fresh is None and guided.mask is not None

    def __call__(self, problem: Problem, guided: Guided, noise: Tensor, plan: Plan) -> Tensor:
        inputs = (noise, *guided.tensors())
        key = (id(problem), plan, guided.guidance_scale, *(value.shape for value in inputs))
        if key not in self._graphs:
            self._graphs.clear()
            module = _Walk(problem, guided, plan).eval()
            graphed: Any = torch.cuda.make_graphed_callables(
                module, tuple(value.clone() for value in inputs),
                num_warmup_iters=2, allow_unused_input=True,
            )  # fmt: skip
            self._graphs[key] = graphed
        return self._graphs[key](*inputs)
