"""Checkpoints of others are pickles: they are read by a process of their own, tensors only."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from engine.backbones import isolated_reader
from engine.errors import StudioError

if TYPE_CHECKING:
    from torch import Tensor

TIMEOUT_SECONDS = 600
MOST_BYTES = 8 * 2**30
SPARE_BYTES = 3 * 2**30  # what torch itself takes
_ZIP_SLACK = 64 * 2**20  # torch stores tensors as they are: an archive that unpacks larger lies


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """float32 tensors of a .ckpt, .pt, .pth, .tar or .safetensors file, by their path in it.

    Nested dictionaries are joined by slashes: "state_dict/vae.encoder.norm.weight". StudioError
    for files that are absent, damaged, too large, or hold more than tensors and plain values.
    """
    path = Path(path)
    _check_size(path)
    if path.suffix == ".safetensors":
        from engine.models.weights import read_tensors

        return read_tensors(path, "Fetch the file again.")
    with tempfile.TemporaryDirectory(prefix="easytune-import-") as folder:
        target = Path(folder) / "tensors.safetensors"
        _run(path, target, folder)
        from engine.models.weights import read_tensors

        return read_tensors(target, "Fetch the checkpoint again.")


def _run(path: Path, target: Path, folder: str) -> None:
    memory = SPARE_BYTES + 8 * max(path.stat().st_size, 2**26)
    command = [
        sys.executable, "-I", str(Path(isolated_reader.__file__)), str(path.resolve()),
        str(target), str(memory),
    ]  # fmt: skip
    needed = ("SYSTEMROOT", "LD_LIBRARY_PATH", "LANG")
    kept = {name: value for name, value in os.environ.items() if name in needed}
    alone = {**kept, "OMP_NUM_THREADS": "1", "HOME": folder, "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", cwd=folder, env=alone,
            timeout=TIMEOUT_SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise StudioError(
            f"{path} was not read within {TIMEOUT_SECONDS} seconds. Is it a checkpoint?"
        ) from error
    if done.returncode == 0 and target.is_file():
        return
    reason = " ".join((done.stderr.strip() or "no reason given").split())
    raise StudioError(_explain(path, done.returncode, reason))


def _explain(path: Path, status: int, reason: str) -> str:
    if status == isolated_reader.REFUSED:
        return (
            f"{path} is refused: it holds more than tensors and plain values, so reading it could "
            f"run code ({_short(reason)}). Nothing of it was executed."
        )
    if status == isolated_reader.EMPTY:
        return f"{path} holds no tensors. Is it the checkpoint?"
    if status == isolated_reader.TOO_LARGE or status < 0 or "MemoryError" in reason:
        return f"{path} unpacks to more than its size allows; it is damaged or made to harm."
    return f"{path} is no readable checkpoint ({_short(reason)}). Fetch it again."


def _short(reason: str) -> str:
    return reason[:160].rstrip(". ")


def _check_size(path: Path) -> None:
    """StudioError for what is no file, or too large before or after unpacking."""
    try:
        if not path.is_file():
            raise StudioError(f"{path} does not exist, or is no file.")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise StudioError(f"{path} cannot be read ({error}).") from error
    if size > MOST_BYTES:
        raise StudioError(f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read.")
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise StudioError(f"{path} is damaged ({error}). Fetch it again.") from error
    if unpacked > size + _ZIP_SLACK:
        raise StudioError(
            f"{path} unpacks to {unpacked:,} bytes from {size:,}, which no checkpoint does. "
            "It is refused."
        )
