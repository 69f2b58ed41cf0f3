"""Shared by training scripts: a clock that ends the run, averaged weights, captured updates."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import StudioError


class Clock:
    """A time budget: warms the learning rate up, lets it fall along a cosine, then says stop."""

    def __init__(self, minutes: float, warm_up: float = 0.03, floor: float = 0.02) -> None:
        if not 0 < minutes < math.inf:
            raise StudioError(f"{minutes} minutes are no time to train: give a positive number.")
        self.seconds = 60.0 * minutes
        self.warm_up = warm_up
        self.floor = floor
        self.started = time.monotonic()

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return min((time.monotonic() - self.started) / self.seconds, 1.0)

    @property
    def over(self) -> bool:
        return self.progress >= 1.0

    def rate(self) -> float:
        """Factor on the learning rate now."""
        done = self.progress
        if done < self.warm_up:
            return max(done / self.warm_up, 0.01)
        fall = 0.5 * (1 + math.cos(math.pi * (done - self.warm_up) / (1 - self.warm_up)))
        return self.floor + (1 - self.floor) * fall


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
    """One optimiser step on a loss; on CUDA the whole step is replayed as a graph per shape.

    Small networks spend most of a step on launching kernels; a replay launches once.
    """

    def __init__(
        self,
        module: nn.Module,
        terms: Callable[..., Tensor],
        weight_decay: float,
        capture: bool = True,
    ) -> None:
        """`terms(*inputs)` gives loss terms [K]; their sum is minimised."""
        on_gpu = next(module.parameters()).is_cuda
        self.capture = capture and on_gpu
        self.module, self.terms = module, terms
        rate: Any = torch.zeros((), device="cuda") if on_gpu else 0.0
        self.optimizer = torch.optim.AdamW(
            module.parameters(), rate, betas=(0.9, 0.99), weight_decay=weight_decay,
            fused=on_gpu or None, capturable=on_gpu,
        )  # fmt: skip
        self._graphs: dict[tuple[torch.Size, ...], tuple[Any, tuple[Tensor, ...], Tensor]] = {}

    def __call__(self, rate: float, *inputs: Tensor) -> Tensor:
        """Update at learning rate `rate`; returns the terms [K], detached, valid until the next."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        if not self.capture:
            return self._step(inputs)
        key = tuple(value.shape for value in inputs)
        if key not in self._graphs:
            self._graphs[key] = self._record(inputs)
        graph, held, terms = self._graphs[key]
        for slot, value in zip(held, inputs, strict=True):
            slot.copy_(value)
        graph.replay()
        return terms

    def _step(self, inputs: tuple[Tensor, ...]) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        terms = self.terms(*inputs)
        terms.sum().backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        return terms.detach()

    def _record(self, inputs: tuple[Tensor, ...]) -> tuple[Any, tuple[Tensor, ...], Tensor]:
        held = tuple(value.clone() for value in inputs)
        self._step(held)  # compilation, if any, happens outside the side stream
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self._step(held)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            terms = self._step(held)
        return graph, held, terms
