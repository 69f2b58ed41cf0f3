"""Who works on a run's folder: one live process at a time, and what a killed one left behind."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import read_json, write_bytes

LOCK = "lock.json"
SILENCE = 600.0  # seconds after which a process of another machine counts as gone
# What may be half-written in a run's folder; not the lock and control files of others.
_UNFINISHED = (
    ".adapter.*", ".config.json.*", ".report.json.*", ".reserve.bin.*", "checkpoint/.*",
    "previews/.*",
)  # fmt: skip


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep the folder for this process; StudioError when a live one has it."""
    _take_lock(folder)
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed process left half-written; an adapter that was moved aside comes back.

    Only for whoever holds the folder.
    """
    old, adapter = folder / ".adapter.old", folder / "adapter"
    if old.is_dir() and not adapter.exists():
        old.rename(adapter)
    for path in folder.glob(f".*{LOCK}.*"):
        if path.stat().st_mtime < time.time() - SILENCE:  # a younger one may be somebody's try
            path.unlink(missing_ok=True)
    for pattern in _UNFINISHED:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def live(folder: Path | str) -> bool:
    """Whether a process that runs right now holds the folder.

    Of another machine (or container) only this can be seen: whether the folder was written to in
    the last minutes.
    """
    folder = Path(folder)
    return _lives(folder / LOCK, folder)


def beat(folder: Path) -> None:
    """A sign of life while nothing else is written."""
    with suppress(OSError):
        os.utime(folder / LOCK)


def _lives(path: Path, folder: Path) -> bool:
    """Whether the process that wrote the lock at `path` is there; a damaged one has none."""
    try:
        held = read_json(path)
        if str(held["host"]) == socket.gethostname():
            return process_start(held["pid"]) == held["started"] != ""
    except (StudioError, KeyError, TypeError):
        return False
    written = [one.stat().st_mtime for one in folder.glob("*") if one.is_file()]
    return max(written, default=0.0) > time.time() - SILENCE


def process_start(pid: Any) -> str:
    """When a process started, as a word that no later process of that number shares; "" if gone."""
    if isinstance(pid, bool) or not isinstance(pid, int) or pid < 1:
        return ""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def check_free(folder: Path) -> None:
    """StudioError when a live process has the folder."""
    if live(folder):
        held = read_json(folder / LOCK)
        raise StudioError(
            f"The run in {folder} is being worked on by process {held.get('pid')} on "
            f"{held.get('host')}. Stop it first, or watch it."
        )


def _take_lock(folder: Path) -> None:
    """Make lock.json; that of a dead process is moved away first, which only one can do."""
    path = folder / LOCK
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "started": process_start(os.getpid())}
    fresh = folder / f".{LOCK}.{secrets.token_hex(6)}"
    write_bytes(fresh, (json.dumps(mine) + "\n").encode())
    try:
        for _ in range(3):
            try:
                os.link(fresh, path)  # unlike a rename, this fails where there is one already
                return
            except FileExistsError:
                check_free(folder)
                dead = folder / f".{LOCK}.{secrets.token_hex(6)}"
                try:
                    path.rename(dead)
                    _check_dead(dead, path, folder)
                except FileNotFoundError:
                    continue
        raise StudioError(f"The run in {folder} is being taken by another process.")
    except OSError as error:
        raise StudioError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        fresh.unlink(missing_ok=True)


def _check_dead(moved: Path, path: Path, folder: Path) -> None:
    """Delete a lock that was moved away; StudioError if it turns out to be somebody's new one."""
    try:
        if _lives(moved, folder):
            os.link(moved, path)
            raise StudioError(f"The run in {folder} is being taken by another process.")
    finally:
        moved.unlink(missing_ok=True)
