"""The optimiser around the tuned parameters: clipped steps, and a stop when numbers go wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

NO_NUMBER = "The gradient is no number any more."


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
        # One kernel for all moments; the others start two for each of a hundred small tensors.
        self.fused = any(p.is_cuda for p in self.parameters)
        self.optimizer = torch.optim.AdamW(
            self.parameters, rate, betas=(0.9, 0.999), weight_decay=0.0, fused=self.fused or None
        )
        self.rate, self.clip, self.warm_up = rate, clip, warm_up
        self.updates = 0
        self._norms: list[Tensor] = []
        self._before: Tensor | None = None

    def update(self, loss: Tensor) -> None:
        """Backward, clip, step. Raises DivergedError as `apply` does."""
        loss.backward()
        self.apply()

    def apply(self) -> None:
        """Clip the gradients that were accumulated, step and clear them.

        Raises DivergedError when the gradient is not finite: on a CPU before it moves anything, on
        a GPU one update later, or when `norms` are asked for.
        """
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip).detach()
        # A GPU would stand still while its norm is waited for: there it is the one before.
        seen, self._before = (self._before, norm) if norm.is_cuda else (norm, None)
        if seen is not None and not torch.isfinite(seen):
            self.optimizer.zero_grad(set_to_none=True)
            raise DivergedError(NO_NUMBER)
        self.updates += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(1.0, self.updates / max(self.warm_up, 1))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._norms.append(norm)

    def gather(self, tensor: Tensor) -> Tensor:
        """[n, B] of this process's samples to [n, count * B] of the whole batch, in its order."""
        return tensor

    def norms(self) -> list[float]:
        """Gradient norms (before clipping) of the updates since the last call."""
        values = torch.stack(self._norms).tolist() if self._norms else []
        self._norms.clear()
        if not all(map(math.isfinite, values)):
            raise DivergedError(NO_NUMBER)
        return values
