"""Passes over batches, in parts small enough for the memory there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from engine.errors import StudioError
from engine.tuning.assemble import Workshop
from engine.tuning.learner import DivergedError
from engine.tuning.methods.base import Pass
from engine.tuning.problem import Batch

Warn = Callable[[str, str], None]


class Passes:
    """The tuning method at work. Pass `number` depends on nothing but its number and the state."""

    def __init__(self, shop: Workshop, warn: Warn) -> None:
        self.shop, self.warn = shop, warn
        self.method = shop.method()
        self._split = 1  # parts that a batch is cut into, for methods without micro-batches

    def __call__(self, number: int) -> Pass:
        """Pass `number`; what it saw is the mean over all processes. Raises DivergedError."""
        shop = self.shop
        # Methods draw from generators of their own; whatever else draws is resumed as well.
        torch.manual_seed(shop.settings.seed * 1_000_003 + number)
        batch = shop.processes.share(shop.bank.draw(shop.batch, shop.settings.seed, number))
        seen = self._together(self._attempt(batch, number))
        if not torch.isfinite(torch.tensor(seen.reward)):
            raise DivergedError("The reward is no number any more.")
        return seen

    def _together(self, seen: Pass) -> Pass:
        names = list(seen.terms)
        mean = self.shop.processes.mean(
            torch.cat([seen.per_step.float(), torch.tensor([seen.terms[n] for n in names])])
        )
        terms = mean[len(seen.per_step) :].tolist()
        return Pass(mean[: len(seen.per_step)], dict(zip(names, terms, strict=True)))

    def _attempt(self, batch: Batch, number: int) -> Pass:
        """One pass; where GPU memory runs out, smaller parts, for the rest of the run."""
        problem, learner = self.shop.problem, self.shop.learner
        while True:
            try:
                if self._split == 1:
                    return self.method(problem, learner, batch, number)
                parts = torch.arange(len(batch)).tensor_split(self._split)
                return [self.method(problem, learner, batch.rows(p), number) for p in parts][-1]
            except torch.OutOfMemoryError as error:
                self._halve(len(batch), error)

    def _halve(self, size: int, error: torch.OutOfMemoryError) -> None:
        shop = self.shop
        shop.learner.optimizer.zero_grad(set_to_none=True)
        if shop.processes.count > 1:
            raise StudioError(
                "A GPU ran out of memory. Choose a smaller --batch; what was saved stays."
            ) from error
        if shop.settings.method == "easytune-batched":
            now = shop.method_config.micro_batch or size
            smaller = now // 2
            shop.method_config = replace(shop.method_config, micro_batch=max(smaller, 1))
            learned = self.method.state()
            self.method = shop.method()
            self.method.load_state(learned)
        else:
            now = -(-size // self._split)
            smaller = now // 2
            self._split = min(2 * self._split, size)
        if smaller < 1:
            raise StudioError(
                "There is not enough GPU memory for a single motion. Close other programs that "
                "use the GPU, or tune with --device cpu."
            ) from error
        if shop.device.type == "cuda":
            torch.cuda.empty_cache()
        self.warn(
            "out_of_memory",
            f"The GPU ran out of memory: the micro-batch is now {smaller} instead of {now}.",
        )
