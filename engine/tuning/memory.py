"""How many bytes autograd keeps for the backward pass, on any device."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

import torch
from torch import Tensor


class SavedBytes:
    """While entered, `peak` is the most bytes that graphs held at once for their backward pass.

    A storage saved by several operations counts once; storages of `resting` tensors (parameters,
    buffers) not at all, since they are there anyway.
    """

    def __init__(self, resting: Iterable[Tensor] = ()) -> None:
        self.now, self.peak = 0, 0
        self._resting = {tensor.untyped_storage().data_ptr() for tensor in resting}
        self._holders: dict[int, int] = {}
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, _unpack)

    def __enter__(self) -> SavedBytes:
        self._hooks.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hooks.__exit__(kind, error, trace)

    def _pack(self, tensor: Tensor) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() in self._resting:
            return tensor
        return _Held(self, tensor, storage.data_ptr(), storage.nbytes())

    def take(self, key: int, size: int) -> None:
        """A graph starts to hold the storage at address `key`."""
        holders = self._holders.get(key, 0)
        self._holders[key] = holders + 1
        if holders == 0:
            self.now += size
            self.peak = max(self.peak, self.now)

    def release(self, key: int, size: int) -> None:
        """One holder less; the last one frees the storage."""
        self._holders[key] -= 1
        if self._holders[key] == 0:
            del self._holders[key]
            self.now -= size


class _Held:
    """A saved tensor that tells its counter when the graph lets go of it."""

    def __init__(self, counter: SavedBytes, tensor: Tensor, key: int, size: int) -> None:
        self.tensor = tensor
        self._release = (counter, key, size)
        counter.take(key, size)

    def __del__(self) -> None:
        counter, key, size = self._release
        counter.release(key, size)


def _unpack(held: Any) -> Tensor:
    return held.tensor if isinstance(held, _Held) else held
