"""Several processes tune as one: gradients are means over all of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.models.processes import Processes
from engine.tuning.learner import Learner


class SharedLearner(Learner):
    """A learner whose gradients are the mean over all processes."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], rate: float, processes: Processes
    ) -> None:
        super().__init__(parameters, rate)
        self.processes = processes
        self.rank, self.count = processes.rank, processes.count

    def gather(self, tensor: Tensor) -> Tensor:
        """[n, B] of this process's samples to [n, count * B] of the whole batch, in its order."""
        return self.processes.gather(tensor)

    def apply(self) -> None:
        """Average the gradients, then clip and step as everybody else does."""
        if self.processes.count > 1:
            for parameter in self.parameters:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            self.processes.average(
                parameter.grad for parameter in self.parameters if parameter.grad is not None
            )
        super().apply()
