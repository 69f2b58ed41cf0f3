"""Files that are either whole or absent: atomic writes and guarded reads."""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from engine.errors import StudioError

MAX_NPZ_BYTES = 512 * 1024 * 1024
# What zipfile and numpy raise on damaged, encrypted or lying archives and arrays.
DAMAGE = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, MemoryError, SyntaxError,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class WriteError(StudioError):
    """A file could not be written: the disk is full, or the folder is not ours to write."""


@contextmanager
def atomic_write(path: Path | str) -> Iterator[IO[bytes]]:
    """Yield a binary file that replaces `path` only after it was written and synced completely.

    Raises WriteError when the disk is full or the folder cannot be written.
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not mkstemp, whose files nobody else may read, whatever the umask says.
        name = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        with name.open("xb") as file:
            temporary = name
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        _remove(temporary)
        raise WriteError(_explain(error, target)) from error
    except BaseException:
        _remove(temporary)
        raise


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_write(path) as file:
        file.write(data)


def append_bytes(path: Path | str, data: bytes) -> None:
    """Add `data` to the end of a file in one write; WriteError when the disk is full."""
    try:
        with Path(path).open("ab", buffering=0) as file:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, "no space left")
    except OSError as error:
        raise WriteError(_explain(error, Path(path))) from error


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, atomically; NaN is refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path | str) -> Any:
    """Read JSON; raises StudioError naming the file when it is absent or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudioError(f"{path} does not exist.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise StudioError(f"{path} cannot be read as JSON: {error}") from error


def save_npz(path: Path | str, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to a compressed npz without pickle, atomically."""
    write_bytes(path, npz_bytes(arrays))


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of a compressed npz; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def load_npz(
    path: Path | str, max_bytes: int = MAX_NPZ_BYTES, only: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """Read an npz without pickle; refuses damaged files and archives that unpack too large.

    With `only`, no other arrays are looked at.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > max_bytes:
            raise StudioError(f"{path} unpacks to {unpacked:,} bytes; {max_bytes:,} are allowed.")
        with np.load(path, allow_pickle=False) as archive:
            wanted = [name for name in archive.files if only is None or name in only]
            return {name: archive[name] for name in wanted}
    except FileNotFoundError as error:
        raise StudioError(f"{path} does not exist.") from error
    except DAMAGE as error:
        raise StudioError(f"{path} is not a readable npz file: {_first_line(error)}") from error


def make_folder(folder: Path | str) -> None:
    """Create `folder` and make sure that files can be written to it; StudioError otherwise."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WriteError(_explain(error, Path(folder))) from error


def _remove(path: Path | None) -> None:
    if path is not None:
        path.unlink(missing_ok=True)


def _explain(error: OSError, target: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {target} was not written. Free some space and try again."
    return f"{target} cannot be written ({error.strerror}). Choose another folder."


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]
