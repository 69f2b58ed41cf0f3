"""The state of a run in one safetensors file: whole or absent, and never unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.errors import StudioError
from engine.files import write_bytes
from engine.models.weights import tensor_bytes

VERSION = 1


@dataclass
class State:
    """Tensors on the CPU, and `notes`: where the run is, elapsed seconds ..."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]


def save(state: State, path: Path, kind: str) -> None:
    """Write a state; StudioError when the disk is full, and then the file before stays."""
    header = {"format": kind, "version": str(VERSION), "notes": json.dumps(state.notes)}
    write_bytes(path, tensor_bytes(state.tensors, header))


def load(path: Path, kind: str) -> State:
    """Read a state; StudioError when it is damaged, of another kind or from a newer version."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise StudioError(f"{path} is damaged ({error}). Start the run anew.") from error
    if header.get("format") != kind or header.get("version") != str(VERSION):
        raise StudioError(
            f"{path} is of version {header.get('version')}; this program reads version {VERSION}."
        )
    try:
        return State(tensors, dict(json.loads(header["notes"])))
    except (KeyError, ValueError, TypeError) as error:
        raise StudioError(f"{path} is damaged ({error}). Start the run anew.") from error
