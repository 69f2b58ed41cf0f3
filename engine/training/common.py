"""Shared by training scripts: the learning rate's way, averaged weights, captured updates."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import StudioError
from engine.models.processes import Processes

WARM_UP, FLOOR = 0.03, 0.02


def rate_at(done: float, warm_up: float = WARM_UP, floor: float = FLOOR) -> float:
    """Factor on the learning rate at share `done` of a run: up along a line, down a cosine."""
    if done < warm_up:
        return max(done / warm_up, 0.01)
    fall = 0.5 * (1 + math.cos(math.pi * (min(done, 1.0) - warm_up) / (1 - warm_up)))
    return floor + (1 - floor) * fall


class Clock:
    """A time budget: warms the learning rate up, lets it fall along a cosine, then says stop."""

    def __init__(
        self, minutes: float, warm_up: float = WARM_UP, floor: float = FLOOR, spent: float = 0.0
    ) -> None:
        """`spent`: seconds of the budget that an interrupted run has used before."""
        if not 0 < minutes < math.inf:
            raise StudioError(f"{minutes} minutes are no time to train: give a positive number.")
        self.seconds = 60.0 * minutes
        self.warm_up, self.floor = warm_up, floor
        self.started = time.monotonic() - spent

    @property
    def elapsed(self) -> float:
        """Seconds of the budget that are spent."""
        return time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min(self.elapsed / self.seconds, 1.0)

    @property
    def over(self) -> bool:
        return self.progress >= 1.0

    def rate(self) -> float:
        """Factor on the learning rate now."""
        return rate_at(self.progress, self.warm_up, self.floor)


class Average:
    """Exponential moving average of a module's weights; `module` is the averaged copy."""

    def __init__(self, source: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(source).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0
        self._target: list[Tensor] = list(self.module.parameters())
        self._source = list(source.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Follow the source; early on the average is short, to forget the initial weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._target, [p.data for p in self._source], 1 - decay)


class Updater:
    """One optimiser step on a loss; on CUDA it is replayed as graphs.

    Small networks spend most of a step on launching kernels; a replay launches once. There are two
    graphs: loss and gradients (one per shape of the inputs), and clipping and the step. Between
    them the gradients, which lie in one flat buffer, are averaged over all processes.
    """

    def __init__(
        self,
        module: nn.Module,
        terms: Callable[..., Tensor],
        weight_decay: float,
        capture: bool = True,
        processes: Processes | None = None,
        betas: tuple[float, float] = (0.9, 0.99),
        decay_vectors: bool = True,
    ) -> None:
        """`terms(*inputs)` gives loss terms [K]; their sum is minimised.

        Without `decay_vectors` only matrices decay, not biases and gains.
        """
        self.named = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self.parameters = list(self.named.values())
        on_gpu = self.parameters[0].is_cuda
        self.capture = capture and on_gpu
        self.terms, self.processes = terms, processes or Processes()
        rate: Any = torch.zeros((), device=self.parameters[0].device) if on_gpu else 0.0
        plain = [p for p in self.parameters if p.ndim < 2 and not decay_vectors]
        decaying = [p for p in self.parameters if p.ndim >= 2 or decay_vectors]
        groups = [{"params": decaying, "weight_decay": weight_decay}]
        groups += [{"params": plain, "weight_decay": 0.0}] if plain else []
        self.optimizer = torch.optim.AdamW(
            groups, rate, betas=betas, fused=on_gpu or None, capturable=on_gpu
        )
        self.flat = self.parameters[0].new_zeros(sum(p.numel() for p in self.parameters))
        parts = self.flat.split([p.numel() for p in self.parameters])
        self.gradients = [
            part.view_as(parameter) for part, parameter in zip(parts, self.parameters, strict=True)
        ]
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()  # at rate 0: makes the moments, which must stay where they are
        for tensor in self.moments().values():
            tensor.zero_()
        self._losses: dict[tuple[torch.Size, ...], tuple[Any, tuple[Tensor, ...], Tensor]] = {}
        self._step: Any = None

    def moments(self) -> dict[str, Tensor]:
        """The optimiser's own tensors by part and parameter, to be kept or set in place."""
        return {
            f"{part}/{name}": tensor
            for name, parameter in self.named.items()
            for part, tensor in self.optimizer.state[parameter].items()
        }

    def __call__(self, rate: float, *inputs: Tensor) -> Tensor:
        """Update at learning rate `rate`; returns the terms [K], detached, valid until the next.

        The terms are of this process's samples.
        """
        self._set(rate)
        terms = self._replay(inputs) if self.capture else self._backward(inputs)
        self.processes.add_up(self.flat)
        if not self.capture:
            self._apply()
            return terms
        if self._step is None:
            self._step = self._record_step()
            self._set(rate)
        self._step.replay()
        return terms

    def _set(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def _backward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        terms = self.terms(*inputs)
        found = torch.autograd.grad(terms.sum(), self.parameters, materialize_grads=True)
        torch._foreach_copy_(self.gradients, found)
        return terms.detach()

    @torch.no_grad()
    def _apply(self) -> None:
        """Average over processes, clip to norm 1, step."""
        if self.processes.count > 1:
            self.flat /= self.processes.count
        self.flat *= (1.0 / (self.flat.norm() + 1e-6)).clamp(max=1.0)
        self.optimizer.step()

    def _replay(self, inputs: tuple[Tensor, ...]) -> Tensor:
        key = tuple(value.shape for value in inputs)
        if key not in self._losses:
            held = tuple(value.clone() for value in inputs)
            self._backward(held)  # compilation, if any, happens outside the side stream
            self._losses[key] = self._capture(lambda: self._backward(held), held)
        graph, held, terms = self._losses[key]
        for slot, value in zip(held, inputs, strict=True):
            slot.copy_(value)
        graph.replay()
        return terms

    def _record_step(self) -> Any:
        """The step as a graph; trying it out leaves weights, moments and gradients as they are."""
        tensors = [self.flat, *self.moments().values()]
        before = [tensor.clone() for tensor in tensors]
        self._set(0.0)
        graph = self._capture(self._apply, ())[0]
        torch._foreach_copy_(tensors, before)
        return graph

    def _capture(
        self, work: Callable[[], Any], held: tuple[Tensor, ...]
    ) -> tuple[Any, tuple[Tensor, ...], Any]:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                work()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads may go on: one of them watches over what processes send each other.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            made = work()
        return graph, held, made
