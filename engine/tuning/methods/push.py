"""Gradients through the denoiser alone: constant pulls on its output, on CUDA as one graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.diffusion.capture import capture
from engine.diffusion.sampler import Guided
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

    def tensors(self) -> tuple[Tensor, ...]:
        """Everything that changes from call to call, the words' part first."""
        own = (self.x_t, self.pull, self.timesteps, self.base, self.trust)
        return (*self.words.tensors(), *(value for value in own if value is not None))

    def holding(self, held: Sequence[Tensor]) -> Pulls:
        """The same with other tensors in the places of its own."""
        count = len(self.words.tensors())
        x_t, pull, timesteps, *trust = held[count:]
        return Pulls(x_t, pull, timesteps, self.words.holding(held[:count]), *trust)


class Push:
    """Callable that adds d loss / d parameters to `grad`: loss = -sum(pull * output) + trust.

    With `captured`, forward and backward are one CUDA graph per shape, in TF32; it reads weights
    where they lie, so it stays right while an optimiser moves them in place. Its gradients come as
    one flat tensor: a hundred small copies would take longer than the graph.
    """

    def __init__(self, captured: bool = False) -> None:
        self.captured = captured
        self._graphs: dict[tuple, Callable[..., Tensor]] = {}
        self._flat: Tensor | None = None  # what the parameters' `grad` are views of

    def __call__(self, problem: Problem, parameters: Sequence[nn.Parameter], given: Pulls) -> None:
        if self.captured and given.x_t.is_cuda:
            self._add(parameters, self._replayed(problem, parameters, given))
            return
        found = _gradients(problem, parameters, given)
        for parameter, gradient in zip(parameters, found, strict=True):
            if gradient is None:
                continue
            if parameter.grad is None:
                parameter.grad = gradient.clone()
            else:
                parameter.grad += gradient

    def _replayed(
        self, problem: Problem, parameters: Sequence[nn.Parameter], given: Pulls
    ) -> Tensor:
        inputs = given.tensors()
        key = (id(problem), *(value.shape for value in inputs))
        if key not in self._graphs:
            with _tf32():
                self._graphs[key] = capture(
                    lambda *held: _flat(problem, parameters, given.holding(held)), inputs
                )
        return self._graphs[key](*inputs)

    def _add(self, parameters: Sequence[nn.Parameter], flat: Tensor) -> None:
        """Add gradients that lie one after the other to those of the parameters."""
        if self._flat is not None and parameters[0].grad is not None:
            self._flat += flat
            return
        self._flat = flat
        parts = flat.split([one.numel() for one in parameters])
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


def _flat(problem: Problem, parameters: Sequence[nn.Parameter], given: Pulls) -> Tensor:
    """All gradients one after the other; zeros for parameters that were not used."""
    parts = zip(_gradients(problem, parameters, given), parameters, strict=True)
    return torch.cat([
        (torch.zeros_like(one) if part is None else part).flatten() for part, one in parts
    ])  # fmt: skip


@contextmanager
def _tf32() -> Iterator[None]:
    """Matrix products in TF32: a gradient's third digit is not worth half the time."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
