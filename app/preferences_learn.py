"""Learning from votes as a process of its own; what it left in rewards/ is all the page knows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings import ROOT
from engine.errors import StudioError
from engine.files import make_folder, read_json
from engine.models.registry import home
from engine.tuning.session import live, read_events, send_command, status

LOG = "learn.log"
MINUTES = 1.0
CORPUS = ROOT / "data" / "corpus"
NICENESS = 10
LOG_TAIL = 2000


@dataclass(frozen=True)
class Lesson:
    """A run of learning as the page shows it. state: starting, running, finished, failed ..."""

    name: str
    folder: Path
    state: str
    events: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""

    @property
    def busy(self) -> bool:
        """Whether it is at work."""
        return self.state in ("starting", "running", "paused")

    @property
    def report(self) -> dict[str, Any] | None:
        """The report, once it is there."""
        try:
            found = read_json(self.folder / "session" / "report.json")
        except StudioError:
            return None
        return found if isinstance(found, dict) else None


class Lessons:
    """Starts one at a time, and finds them again after any restart of the page."""

    def __init__(
        self, device: str | None = None, reward: str = "base", python: str = sys.executable
    ) -> None:
        self._device, self._reward, self._python = device, reward, python
        self._child: subprocess.Popen[bytes] | None = None
        self._name = ""

    def launch(self, minutes: float = MINUTES, model: str = "base") -> str:
        """Start learning from all votes; returns its name. StudioError when one is at work."""
        latest = self.latest()
        if latest is not None and latest.busy:
            return latest.name
        name = self._free()
        folder = home() / "rewards" / name
        make_folder(folder)
        try:
            with (folder / LOG).open("ab") as output:
                self._child = subprocess.Popen(
                    [self._python, *self.command(name, minutes, model)[1:]], cwd=ROOT,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise StudioError(f"Learning could not be started ({error.strerror}).") from error
        if hasattr(os, "setpriority") and not str(self._device).startswith("cuda"):
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICENESS)
        self._name = name
        return name

    def command(self, name: str, minutes: float, model: str) -> list[str]:
        """The words of a terminal."""
        from engine.preference.store import default_database

        words = [
            "python", "-m", "engine", "spl", "--reward", self._reward, "--model", model, "--votes",
            str(default_database()), "--minutes", f"{minutes:g}", "--output",
            str(home() / "rewards" / name),
        ]  # fmt: skip
        if (CORPUS / "items.jsonl").is_file():
            words += ["--data", str(CORPUS)]
        return words if self._device is None else [*words, "--device", self._device]

    def stop(self) -> None:
        """Ask the one at work to end."""
        latest = self.latest()
        if latest is None or latest.state != "running":
            raise StudioError("Nothing is learned right now.")
        send_command(latest.folder / "session", "stop")

    def latest(self) -> Lesson | None:
        """The one that was begun last."""
        folders = sorted(
            (one for one in (home() / "rewards").glob("*") if (one / LOG).is_file()),
            key=lambda one: one.stat().st_mtime_ns,
        )
        return self._look(folders[-1]) if folders else None

    def _look(self, folder: Path) -> Lesson:
        session = folder / "session"
        ours = self._child is not None and self._name == folder.name
        running = ours and self._child is not None and self._child.poll() is None
        events = read_events(session)
        if not events:
            state = "starting" if running or live(session) else "failed"
            problem = "" if state == "starting" else _last_words(folder / LOG)
            return Lesson(folder.name, folder, state, [], problem)
        state = status(session)
        if state != "running" and running:
            state = "running"
        errors = [str(one.get("message", "")) for one in events if one["kind"] == "error"]
        return Lesson(folder.name, folder, state, events, errors[-1] if errors else "")

    def _free(self) -> str:
        stamp, number = time.strftime("votes-%m%d-%H%M"), 1
        name = stamp
        while (home() / "rewards" / name).exists():
            number += 1
            name = f"{stamp}-{number}"
        return name


def curve(events: Sequence[dict[str, Any]], key: str) -> tuple[list[float], list[float | None]]:
    """Seconds and values of one of the checks' measures, what there was before first."""
    rows = [(0.0, one["values"].get(key)) for one in events if one["kind"] == "start"][:1]
    rows += [(float(one["elapsed"]), one["values"].get(key))
             for one in events if one["kind"] == "check"]  # fmt: skip
    return [at for at, _ in rows], [value for _, value in rows]


def _last_words(path: Path) -> str:
    try:
        text = path.read_bytes()[-LOG_TAIL:].decode("utf-8", "replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    if errors:
        return errors[-1]
    return f"It ended before it began: {lines[-1]}" if lines else "It ended before it began."
