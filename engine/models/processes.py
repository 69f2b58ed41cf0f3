"""One process or several: who leads, who takes which samples, and sums over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from engine.errors import StudioError


class Rows(Protocol):
    """Samples of which some can be taken."""

    def __len__(self) -> int: ...

    def rows(self, index: Tensor, /) -> Any:
        """The samples at these places."""


Samples = TypeVar("Samples", bound=Rows)


class Processes:
    """Processes started by `accelerate launch`; a single one without it."""

    def __init__(self, rank: int = 0, count: int = 1, device: torch.device | None = None) -> None:
        self.rank, self.count, self.device = rank, count, device
        self.draws_for = (rank,)  # whose random numbers this process draws; see models.draw

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

    def part(self, size: int) -> int:
        """This process's part of a batch of `size`; StudioError when it is not a whole number."""
        if size % self.count:
            raise StudioError(
                f"A batch of {size} cannot be shared by {self.count} processes: "
                f"choose a multiple of {self.count}."
            )
        return size // self.count

    def share(self, batch: Samples) -> Samples:
        """This process's part of a batch; StudioError when it cannot be shared out evenly."""
        if self.count == 1:
            return batch
        size = self.part(len(batch))
        return batch.rows(torch.arange(self.rank * size, (self.rank + 1) * size))

    def add_up(self, tensor: Tensor) -> None:
        """Replace a tensor on this process's device by its sum over all processes."""
        if self.count > 1:
            torch.distributed.all_reduce(tensor)

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

    def gather(self, tensor: Tensor, dim: int = 1) -> Tensor:
        """[n, B] of every process side by side: [n, count * B], on the tensor's device."""
        if self.count == 1:
            return tensor
        there = tensor.detach().to(self.device or "cpu").contiguous()
        parts = [torch.empty_like(there) for _ in range(self.count)]
        torch.distributed.all_gather(parts, there)
        return torch.cat(parts, dim=dim).to(tensor)

    def whole(self, rows: Tensor) -> Tensor:
        """[B, ...] of every process as [count * B, ...], for losses that compare all samples.

        Every process computes such a loss from the same rows. Its gradient then reaches this
        process's own rows times `count`, so that the mean of all gradients is the loss's gradient.
        """
        return rows if self.count == 1 else _Whole.apply(rows, self)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def same(self, module: nn.Module) -> None:
        """Give every process the leading one's weights and buffers."""
        if self.count > 1:
            for tensor in module.state_dict().values():
                torch.distributed.broadcast(tensor, src=0)

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


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, processes: Processes) -> Tensor:
        ctx.size, ctx.processes = len(rows), processes
        return processes.gather(rows, dim=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        first = ctx.processes.rank * ctx.size
        return gradients[0][first : first + ctx.size] * ctx.processes.count, None
