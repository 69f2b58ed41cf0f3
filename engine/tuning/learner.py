"""The optimiser around the tuned parameters: clipped steps, and a stop when numbers go wrong."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class DivergedError(RuntimeError):
    """A loss or gradient is no number any more."""


class Learner:
    """AdamW without decay on the tuned parameters, gradients clipped to norm 1 (method defaults).

    The learning rate warms up over `warm_up` updates and then stays, so that update k is the same
    whether or not a run was interrupted before it.

    Where several processes share a batch, `rank` of `count` is this one: its samples are those at
    the same place of the whole batch. Alone, it has them all.
    """

    rank, count = 0, 1

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float,
        clip: float = 1.0,
        warm_up: int = 10,
    ) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, rate, betas=(0.9, 0.999), weight_decay=0.0
        )
        self.rate, self.clip, self.warm_up = rate, clip, warm_up
        self.updates = 0
        self._norms: list[Tensor] = []

    def update(self, loss: Tensor) -> None:
        """Backward, clip, step. Raises DivergedError when the gradient is not finite."""
        loss.backward()
        self.apply()

    def apply(self) -> None:
        """Clip the gradients that were accumulated, step and clear them."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        if not torch.isfinite(norm):
            self.optimizer.zero_grad(set_to_none=True)
            raise DivergedError("The gradient is no number any more.")
        self.updates += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(1.0, self.updates / max(self.warm_up, 1))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._norms.append(norm.detach())

    def gather(self, tensor: Tensor) -> Tensor:
        """[n, B] of this process's samples to [n, count * B] of the whole batch, in its order."""
        return tensor

    def norms(self) -> list[float]:
        """Gradient norms (before clipping) of the updates since the last call."""
        values = [float(norm) for norm in self._norms]
        self._norms.clear()
        return values
