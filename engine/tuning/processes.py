"""One process or several: who leads, who takes which samples, and means over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import StudioError
from engine.tuning.learner import Learner
from engine.tuning.problem import Batch


class Processes:
    """Processes started by `accelerate launch`; a single one without it."""

    def __init__(self, rank: int = 0, count: int = 1, device: torch.device | None = None) -> None:
        self.rank, self.count, self.device = rank, count, device

    @classmethod
    def start(cls, device: str | None) -> Processes:
        """Join the others if there are any; `device` decides between CPU and GPUs."""
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        from accelerate import PartialState

        state = PartialState(cpu=device == "cpu" or not torch.cuda.is_available())
        return cls(state.process_index, state.num_processes, state.device)

    @property
    def main(self) -> bool:
        """Whether this process writes the folder and decides."""
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """This process's part of a batch; StudioError when it cannot be shared out evenly."""
        if self.count == 1:
            return batch
        if len(batch) % self.count:
            raise StudioError(
                f"A batch of {len(batch)} cannot be shared by {self.count} processes: "
                f"choose a multiple of {self.count}."
            )
        size = len(batch) // self.count
        return batch.rows(torch.arange(self.rank * size, (self.rank + 1) * size))

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their means over all processes, in place."""
        if self.count == 1:
            return
        held = list(tensors)
        flat = torch.cat([tensor.detach().flatten() for tensor in held])
        torch.distributed.all_reduce(flat)
        flat /= self.count
        for tensor, part in zip(held, flat.split([t.numel() for t in held]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over all processes, as a tensor of its own."""
        if self.count == 1:
            return tensor
        there = tensor.detach().to(self.device or "cpu").clone()
        self.average([there])
        return there.to(tensor)

    def gather(self, tensor: Tensor) -> Tensor:
        """[n, B] of every process side by side: [n, count * B], on the tensor's device."""
        if self.count == 1:
            return tensor
        there = tensor.detach().to(self.device or "cpu").contiguous()
        parts = [torch.empty_like(there) for _ in range(self.count)]
        torch.distributed.all_gather(parts, there)
        return torch.cat(parts, dim=1).to(tensor)

    def told(self, value: Any) -> Any:
        """What the leading process has, in every process."""
        if self.count == 1:
            return value
        box = [value]
        torch.distributed.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def finish(self) -> None:
        """Leave the group."""
        if self.count > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


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
