"""A tuning run as a folder: config, events, control, lock; see docs/tuning.md. Loads no torch."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import append_bytes, make_folder, read_json, write_json
from engine.tuning import lock
from engine.tuning.lock import LOCK, live, process_start

FORMAT = "easytune-session"
VERSION = 1
CONFIG, EVENTS, CONTROL = "config.json", "events.jsonl", "control.json"
REPORT = "report.json"
__all__ = ["live", "process_start"]  # who reads a run's folder needs them as well
COMMANDS = ("pause", "resume", "stop", "preview")
_ENDS = {"stopped": "finished", "report": "finished", "error": "failed"}


class Session:
    """One run's folder. `held()` while it is worked on, so that nobody else does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()

    @classmethod
    def create(cls, folder: Path | str) -> Session:
        """An empty session; StudioError when the folder holds something already."""
        folder = Path(folder)
        make_folder(folder)
        found = sorted(one.name for one in folder.iterdir() if one.suffix != ".log")
        if CONFIG in found:
            raise StudioError(
                f"{folder} holds a run already. Go on with --resume, or choose another --name."
            )
        lock.check_free(folder)  # what never got as far as its config may be started anew
        found = [name for name in found if name not in (LOCK, EVENTS, CONTROL)]
        if found:
            raise StudioError(
                f"{folder} holds other files ({', '.join(found[:3])}). Choose an empty folder."
            )
        return cls(folder)

    @classmethod
    def open(cls, folder: Path | str) -> Session:
        """A session there is; StudioError when it is none, half-written or from a newer version."""
        session = cls(Path(folder))
        if not session.folder.is_dir():
            raise StudioError(f"There is no run in {folder}.")
        if not (session.folder / CONFIG).is_file():
            raise StudioError(
                f"{folder} holds no run that could go on ({CONFIG} is missing: it ended before it "
                "began). Start it anew in another folder."
            )
        session.config()
        return session

    def config(self) -> dict[str, Any]:
        """config.json; StudioError when it is damaged or from a newer version."""
        value = read_json(self.folder / CONFIG)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise StudioError(f"{self.folder / CONFIG} does not describe a tuning run.")
        if value.get("version") != VERSION:
            raise StudioError(
                f"The run in {self.folder} is of version {value.get('version')}; this program "
                f"reads version {VERSION}. Update the program."
            )
        return value

    def write_config(self, config: dict[str, Any]) -> None:
        """Write config.json; from then on the run can be resumed."""
        write_json(self.folder / CONFIG, {"format": FORMAT, "version": VERSION, **config})

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process; StudioError when a live one has it.

        What a killed process left half-written goes first.
        """
        with lock.held(self.folder):
            _end_line(self.folder / EVENTS)
            lock.sweep(self.folder)
            (self.folder / CONTROL).unlink(missing_ok=True)  # nobody was there to obey it
            yield

    def discard(self) -> bool:
        """Remove a folder in which nothing was begun; whether it was such a one."""
        if any(one.name not in (EVENTS, LOCK) for one in self.folder.iterdir()):
            return False
        (self.folder / EVENTS).unlink(missing_ok=True)
        with suppress(OSError):
            (self.folder / LOCK).unlink(missing_ok=True)
            self.folder.rmdir()
        return True

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Append an event; StudioError when the disk is full. Returns it."""
        entry = {"kind": kind, "time": time.time(), "elapsed": self.clock.elapsed(), **fields}
        entry = _plain(entry)
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"
        append_bytes(self.folder / EVENTS, line.encode())
        return entry

    def command(self) -> str | None:
        """The command that was left in control.json, if any, which is then gone."""
        path = self.folder / CONTROL
        if not path.is_file():
            return None
        try:
            value = read_json(path).get("command")
        except (StudioError, AttributeError):
            value = None
        path.unlink(missing_ok=True)
        return value if value in COMMANDS else None


class Clock:
    """Seconds tuned: pauses do not count, and a resumed run goes on from what it had."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    def start(self, before: float) -> None:
        """Run, `before` seconds being over already."""
        self._before, self._since = before, time.monotonic()

    def pause(self) -> None:
        """Stand still until `go_on`."""
        self._before, self._since = self.elapsed(), None

    def go_on(self) -> None:
        """End of a pause."""
        self._since = time.monotonic()

    def elapsed(self) -> float:
        """Seconds so far."""
        return self._before + (0.0 if self._since is None else time.monotonic() - self._since)


def send_command(folder: Path | str, command: str) -> None:
    """Tell the run in `folder` to pause, resume, stop or make a preview."""
    if command not in COMMANDS:
        raise StudioError(f"There is no command {command!r}; choose from {', '.join(COMMANDS)}.")
    write_json(Path(folder) / CONTROL, {"command": command})


def read_events(folder: Path | str) -> list[dict[str, Any]]:
    """All events that are whole; none where nothing was written yet."""
    try:
        lines = (Path(folder) / EVENTS).read_bytes().split(b"\n")
    except OSError:
        return []
    found = []
    for line in lines[:-1]:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(entry.get("kind"), str):
            found.append(entry)
    return found


def status(folder: Path | str) -> str:
    """running, paused, finished, failed or interrupted."""
    kinds = [entry["kind"] for entry in read_events(folder)]
    if live(folder):
        turning = [kind for kind in kinds if kind in ("start", "paused", "resumed", "stopped")]
        return "paused" if turning and turning[-1] == "paused" else "running"
    last = [kind for kind in kinds if kind in ("start", *_ENDS)]
    return _ENDS.get(last[-1], "interrupted") if last else "interrupted"


def list_sessions(runs: Path) -> list[Path]:
    """Folders of the runs in `runs`, newest first: those that have a config or events."""
    if not runs.is_dir():
        return []
    found = [
        one
        for one in runs.iterdir()
        if not one.name.startswith(".") and ((one / CONFIG).is_file() or (one / EVENTS).is_file())
    ]
    return sorted(found, key=_begun, reverse=True)


def newest(runs: Path) -> Path:
    """The run that was begun last and is not finished; StudioError when there is none."""
    for folder in list_sessions(runs):
        if (folder / CONFIG).is_file() and status(folder) == "interrupted":
            return folder
    raise StudioError(f"There is no interrupted run in {runs}. Name one with --name or --session.")


def _begun(folder: Path) -> float:
    """When a run's folder got its first file that stays."""
    events = read_events(folder)
    return float(events[0].get("time") or 0.0) if events else folder.stat().st_mtime


def _end_line(path: Path) -> None:
    """A crash in mid-line leaves one without an end; what comes next starts a line of its own."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            whole = file.read(1) == b"\n"
    except OSError:
        return
    if not whole:
        append_bytes(path, b"\n")


def _plain(value: Any) -> Any:
    """Values that JSON has: numbers that are none become null."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
