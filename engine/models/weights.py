"""Weights on disk: safetensors only, written whole, every name and shape checked when read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import StudioError
from engine.files import atomic_write, write_json

if TYPE_CHECKING:
    from torch import Tensor, nn

COPY_MODEL = "Copy the model folder again."


def save_weights(module: nn.Module, path: Path, half: bool, exact: Collection[str] = ()) -> None:
    """Write a module's tensors as safetensors, atomically.

    `half` stores floats as float16, all but the tensors named in `exact`.
    """
    tensors = {
        name: value.half() if half and value.is_floating_point() and name not in exact else value
        for name, value in module.state_dict().items()
    }
    with atomic_write(path) as file:
        file.write(tensor_bytes(tensors))


def tensor_bytes(tensors: Mapping[str, Tensor], notes: dict[str, str] | None = None) -> bytes:
    """The content of a safetensors file; `notes` go into its header."""
    from safetensors.torch import save

    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return save(held, notes)


def read_tensors(path: Path, advice: str = COPY_MODEL) -> dict[str, Tensor]:
    """Float32 tensors of a safetensors file; StudioError when it is absent or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise StudioError(f"{path} is missing. {advice}") from error
    except (SafetensorError, OSError) as error:
        raise StudioError(f"{path} is damaged ({error}). {advice}") from error
    if not all(bool(value.isfinite().all()) for value in tensors.values()):
        raise StudioError(f"{path} is damaged (it holds values that are no numbers). {advice}")
    return {name: value.float() for name, value in tensors.items()}


def load_weights(module: nn.Module, path: Path) -> None:
    """Read safetensors into a module; StudioError says which file is absent, damaged or unfit."""
    tensors = read_tensors(path)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).split("\n\t")[1 if "\n\t" in str(error) else 0][:200]
        raise StudioError(f"{path} does not fit its config.json: {reason}") from error


def write_manifest(folder: Path) -> None:
    """Write sha256.json with the hash of each weights file and config, for `doctor` to compare."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix == ".safetensors")
    hashes = {name: file_sha256(folder / name) for name in ("config.json", *names)}
    write_json(folder / "sha256.json", hashes)


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
