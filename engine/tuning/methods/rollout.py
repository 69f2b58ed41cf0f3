"""Walking a batch without gradients while every step's input is kept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.diffusion.capture import capture
from engine.diffusion.sampler import Guided
from engine.tuning.problem import Problem


class Rollout:
    """Callable that walks trajectories; with `captured`, as one CUDA graph per shape.

    A graph reads weights where they lie, so it stays right while an optimiser moves them in place.
    """

    def __init__(self, captured: bool = False) -> None:
        self.captured = captured
        self._graphs: dict[tuple, Callable[..., Tensor]] = {}

    @torch.no_grad()
    def __call__(
        self, problem: Problem, guided: Guided, noise: Tensor, counted: list[int]
    ) -> tuple[Tensor, Tensor]:
        """x_t and what the reward sees, each [len(counted), B, N, latent_dim], of these steps."""
        # Fresh noise is drawn on the way, which no graph can hold.
        if not self.captured or noise.device.type != "cuda" or guided.fresh is not None:
            x_t, latents = _walk(problem, guided, noise, counted)
            return x_t, latents
        inputs = (noise, *guided.tensors())
        key = (
            id(problem),
            noise.shape,
            guided.condition.tokens.shape,
            guided.guidance_scale,
            tuple(counted),
        )
        if key not in self._graphs:
            self._graphs.clear()

            def run(*held: Tensor) -> Tensor:
                return _walk(problem, guided.holding(held[1:]), held[0], counted)

            self._graphs[key] = capture(run, inputs)
        x_t, latents = self._graphs[key](*inputs)
        return x_t, latents


def _walk(problem: Problem, guided: Guided, noise: Tensor, counted: list[int]) -> Tensor:
    """Both of the above in one tensor [2, len(counted), B, N, latent_dim]."""
    kept, x_t = noise.new_empty(2, len(counted), *noise.shape), noise
    for index in range(counted[-1] + 1):
        step = problem.step(x_t, guided, index)
        if index in counted:
            kept[:, counted.index(index)] = torch.stack([x_t, problem.seen(step)])
        x_t = step.x_prev
    return kept
