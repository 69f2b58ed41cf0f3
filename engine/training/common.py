"""Shared by training scripts: a clock that ends the run, averaged weights, a caption table."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.models.text import TextEncoder

MAX_CAPTION_TOKENS = 40


class Clock:
    """A time budget: warms the learning rate up, lets it fall along a cosine, then says stop."""

    def __init__(self, minutes: float, warm_up: float = 0.03, floor: float = 0.02) -> None:
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
        self._target = list(self.module.parameters())
        self._source = list(source.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Follow the source; early on the average is short, to forget the initial weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._target, [p.data for p in self._source], 1 - decay)


@dataclass
class CaptionTable:
    """Token states of many sentences on one device: states [R, L, dim] half, lengths [R]."""

    states: Tensor
    lengths: Tensor

    @classmethod
    @torch.no_grad()
    def build(
        cls, texts: Sequence[str], encoder: TextEncoder, device: torch.device, batch: int = 512
    ) -> CaptionTable:
        """Encode `texts`, short ones together; sentences are cut at MAX_CAPTION_TOKENS tokens."""
        order = np.argsort([len(text) for text in texts])
        lengths = torch.zeros(len(texts), dtype=torch.long, device=device)
        states = torch.zeros(
            len(texts), MAX_CAPTION_TOKENS, encoder.dim, dtype=torch.float16, device=device
        )
        for start in range(0, len(texts), batch):
            rows = order[start : start + batch]
            encoded, mask = encoder.encode([texts[i] for i in rows])
            length = min(encoded.shape[1], MAX_CAPTION_TOKENS)
            where = torch.as_tensor(rows, device=device)
            states[where, :length] = encoded[:, :length].half().to(device)
            lengths[where] = mask[:, :length].sum(1).to(device)
        return cls(states, lengths)

    def rows(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Float states [B, L, dim] and mask [B, L] of the given rows; L is the same every time."""
        positions = torch.arange(self.states.shape[1], device=index.device)
        return self.states[index].float(), positions[None] < self.lengths[index, None]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate
