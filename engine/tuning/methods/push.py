"""Gradients through the denoiser alone: constant pulls on its output, on CUDA as one graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from engine.diffusion.sampler import Guided
from engine.models.denoiser import Condition
from engine.tuning.methods.trust import distance
from engine.tuning.problem import Problem


@dataclass(frozen=True)
class Pulls:
    """What moves the network's output at x_t [b, N, latent_dim].

    pull [b, N, latent_dim]: minus the loss's gradient in the guided output; timesteps [b]; `words`
    of the b samples. With a trust region also the base's outputs and the weight of each
    pair's distance to them [b].
    """

    x_t: Tensor
    pull: Tensor
    timesteps: Tensor
    words: Guided
    base: Tensor | None = None
    trust: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes from call to call, by name."""
        words = self.words
        found = {
            "tokens": words.condition.tokens, "words": words.condition.mask,
            "pooled": words.condition.pooled, "frames": words.frames, "mask": words.mask,
            **{one.name: getattr(self, one.name) for one in fields(self) if one.name != "words"},
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def holding(self, held: dict[str, Tensor]) -> Pulls:
        """The same with other tensors in the places of its own."""
        words = Guided(
            Condition(held["tokens"], held["words"], held["pooled"]), held["frames"],
            held.get("mask"), self.words.guidance_scale,
        )  # fmt: skip
        return Pulls(
            held["x_t"], held["pull"], held["timesteps"], words, held.get("base"), held.get("trust")
        )


class Push:
    """Callable that adds d loss / d parameters to `grad`: loss = -sum(pull * output) + trust.

    With `captured`, forward and backward are one CUDA graph per shape, in TF32; it reads weights
    where they lie, so it stays right while an optimiser moves them in place. Its gradients come as
    one flat tensor: a hundred small copies would take longer than the graph.
    """

    def __init__(self, captured: bool = False) -> None:
        self.captured = captured
        self._graphs: dict[tuple, Callable[[Pulls], Tensor]] = {}
        self._flat: Tensor | None = None  # what the parameters' `grad` are views of

    def __call__(self, problem: Problem, parameters: Sequence[nn.Parameter], given: Pulls) -> None:
        if self.captured and given.x_t.is_cuda:
            key = (id(problem), *(value.shape for value in given.tensors().values()))
            if key not in self._graphs:
                self._graphs[key] = _captured(problem, parameters, given)
            self._add(parameters, self._graphs[key](given))
            return
        found = _gradients(problem, parameters, given)
        for parameter, gradient in zip(parameters, found, strict=True):
            if gradient is None:
                continue
            if parameter.grad is None:
                parameter.grad = gradient.clone()
            else:
                parameter.grad += gradient

    def _add(self, parameters: Sequence[nn.Parameter], flat: Tensor) -> None:
        """Add gradients that lie one after the other to those of the parameters."""
        if self._flat is not None and parameters[0].grad is not None:
            self._flat += flat
            return
        self._flat = flat.clone()
        parts = self._flat.split([one.numel() for one in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)


def _gradients(
    problem: Problem, parameters: Sequence[nn.Parameter], given: Pulls
) -> Sequence[Tensor | None]:
    output = given.words.predict(problem.model.denoiser, given.x_t, given.timesteps)
    loss = -(given.pull * output).sum()
    if given.base is not None and given.trust is not None:
        apart = distance(output, given.base, given.words.mask)
        loss = loss + (given.trust * apart).sum()
    return torch.autograd.grad(loss, list(parameters), allow_unused=True)


def _captured(
    problem: Problem, parameters: Sequence[nn.Parameter], given: Pulls
) -> Callable[[Pulls], Tensor]:
    held = {name: value.clone() for name, value in given.tensors().items()}
    slots = given.holding(held)
    with _tf32():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                _gradients(problem, parameters, slots)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            parts = zip(_gradients(problem, parameters, slots), parameters, strict=True)
            found = torch.cat([
                (torch.zeros_like(one) if part is None else part).flatten() for part, one in parts
            ])  # fmt: skip

    def replay(values: Pulls) -> Tensor:
        for name, value in values.tensors().items():
            held[name].copy_(value)
        graph.replay()
        return found

    return replay


@contextmanager
def _tf32() -> Iterator[None]:
    """Matrix products in TF32: a gradient's third digit is not worth half the time."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
