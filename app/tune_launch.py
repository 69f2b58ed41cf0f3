"""Small things about processes: who may start one, how it is told apart, what it said last."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("easytune.page")

NICENESS = 10  # on a CPU, generating comes first
LOG_TAIL = 4000


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether no other page of this project starts tunings right now; none does inside."""
    try:
        import fcntl
    except ImportError:  # there, the pages must not share a project
        yield True
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def same(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether two commands ask for the same, whatever they call it."""
    return _without(ours, "--name") == _without(theirs, "--name")


def _without(words: Sequence[str], option: str) -> list[str]:
    found = list(words)
    if option in found:
        at = found.index(option)
        del found[at : at + 2]
    return found


def option(words: Sequence[str], option: str) -> str | None:
    found = list(words)
    return found[found.index(option) + 1] if option in found[:-1] else None


def plain(device: str | None) -> str:
    """A device's name in full: "cuda:0" for "cuda", and the default where none is named."""
    if not device:
        from engine.models.device import pick_device

        device = str(pick_device(None))
    return "cuda:0" if device == "cuda" else device


def yield_to_others(pid: int) -> None:
    set_priority: Callable[..., None] | None = getattr(os, "setpriority", None)
    if set_priority is None:
        return
    try:
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        set_priority(
            os.PRIO_PROCESS, pid, min(19, ours + NICENESS)
        )  # before it has started a second thread
    except OSError as error:
        log.info("priority of process %s: %s", pid, error)


def last_words(path: Path) -> str:
    """What a process said before it ended: its error, else its last line."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    lines = [line.strip() for line in lines if line.strip()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    if errors:
        return errors[-1]
    return (
        f"The process ended before it began. It said: {lines[-1]}"
        if lines
        else ("The process ended before it began, without a word.")
    )
