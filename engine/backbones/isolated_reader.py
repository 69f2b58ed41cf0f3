"""Run by path in a process of its own: the tensors of a pickled checkpoint, as safetensors.

Imports nothing of this project. The pickle is read by torch's weights-only unpickler, which calls
none of the file's code; this process has limited memory and time all the same.

    python -I isolated_reader.py CHECKPOINT OUTPUT MEMORY_BYTES
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

REFUSED, DAMAGED, EMPTY, TOO_LARGE = 3, 4, 5, 6
CPU_SECONDS = 300
# Training state beside the weights, several times their size.
LEFT_OUT = {"optimizer_states", "lr_schedulers", "callbacks", "loops", "optimizer", "opt"}
DEPTH = 4
# Settings that trainers store beside the weights. Their classes are not loaded: what the file says
# of them is poured into an empty one.
TRAINERS = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "torchmetrics.",
            "argparse.", "typing.", "pathlib.")  # fmt: skip


class Inert:
    """Stands for any class of a trainer; keeps nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __hash__(self) -> int:
        return 0


def limit(memory: int) -> None:
    """Bound this process, where the system can."""
    try:
        import resource
    except ImportError:  # no limits on this system; the time limit of the parent remains
        return
    wanted = {
        resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_DATA: memory, resource.RLIMIT_CORE: 0,
    }  # fmt: skip
    for kind, most in wanted.items():
        with suppress(ValueError, OSError):  # a lower limit may hold already
            resource.setrlimit(kind, (most, most))


def tensors(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every tensor of nested dictionaries, named by its path with slashes."""
    import torch

    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict) and depth < DEPTH:
        for key, inner in value.items():
            if depth == 0 and key in LEFT_OUT:
                continue
            yield from tensors(inner, f"{path}/{key}" if path else str(key), depth + 1)


def main(source: str, target: str, memory: int) -> int:
    """Exit status 0, or why not; the reason is on standard error."""
    limit(memory)
    import pickle

    import torch
    from safetensors.torch import save_file

    try:
        with torch.serialization.safe_globals([*_numpy_globals(), *_inert_globals(source)]):
            loaded = torch.load(source, map_location="cpu", weights_only=True)
        total, found = 0, {}
        for name, tensor in tensors(loaded):
            if tensor.is_sparse or tensor.is_quantized or not tensor.dtype.is_floating_point:
                continue
            total += 4 * tensor.numel()
            if total > memory // 3:
                print("its tensors are larger than the file", file=sys.stderr)
                return TOO_LARGE
            found[name] = tensor.detach().float().contiguous().clone()
    except pickle.UnpicklingError as error:
        wanted = re.search(r"(?:GLOBAL|global|class)[: ]+([\w]+(?:\.[\w]+)+)", str(error))
        print(f"it asks for {wanted[1]}" if wanted else "it is no such pickle", file=sys.stderr)
        return REFUSED if wanted else DAMAGED
    except MemoryError:
        return TOO_LARGE
    except Exception as error:  # anything a damaged file can raise inside torch
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return TOO_LARGE if "alloc" in str(error) else DAMAGED
    if not found:
        return EMPTY
    save_file(found, target)
    return 0


def _inert_globals(source: str) -> list[Any]:
    """Empty classes for those of trainers that the file names."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(source)
    except Exception:  # not an archive, or a damaged one: loading says what is wrong
        return []
    return [(Inert, name) for name in names if name.startswith(TRAINERS)]


def _numpy_globals() -> list[Any]:
    """Numbers of numpy, which some trainers store: data, and calling nothing."""
    import numpy as np

    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]
    kinds = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    old = [(scalar, "numpy.core.multiarray.scalar"), scalar]
    return [*old, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
