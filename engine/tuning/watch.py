"""Follows a run from outside: reads what its folder has new, keeps little, loads no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import read_json
from engine.tuning.presets import Limits
from engine.tuning.session import CONFIG, EVENTS, live

MOST_PASSES = 6000  # kept in memory; of longer runs every other one goes
ENDS = {"stopped": "finished", "report": "finished", "error": "failed"}


@dataclass(frozen=True)
class Bound:
    """How far a measure may go before the run is stopped: at most, or at least, `value`."""

    value: float
    at_most: bool

    def broken(self, measured: float) -> bool:
        """Whether `measured` is beyond it."""
        return measured > self.value if self.at_most else measured < self.value


def bounds(base: dict[str, float], limits: Limits | None = None) -> dict[str, Bound]:
    """Where each measure of a check counts as collapsed, given the base's own values."""
    limits = limits or Limits()
    return {
        "drift": Bound(limits.drift * base["diversity"], True),
        "diversity": Bound(limits.diversity * base["diversity"], False),
        "foot_skate": Bound(base["foot_skate"] + limits.foot_skate, True),
        "jerk": Bound(limits.jerk * base["jerk"], True),
        "floor": Bound(base["floor"] + limits.floor_mm, True),
        "reward": Bound(base["reward"] - limits.reward, False),
    }


@dataclass
class Seen:
    """What the events said so far; passes that a crash made void are gone."""

    start: dict[str, Any] = field(default_factory=dict)
    passes: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    previews: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    stage: str = ""
    paused: bool = False
    stopped: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    error: str = ""
    ended: str = ""  # "finished" or "failed", and "" while there may be more
    last: float = 0.0  # time of the last event


class Watch:
    """One run's folder, read a little further at each `look`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = Seen()
        self._offset, self._file = 0, 0
        self._config: dict[str, Any] | None = None

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
        path = self.folder / EVENTS
        try:
            found = path.stat()
            size = found.st_size
            if size < self._offset or found.st_ino != self._file:  # another run has the name
                self.seen, self._offset, self._config = Seen(), 0, None
            self._file = found.st_ino
            if size == self._offset:
                return False
            with path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return False
        whole = data.rfind(b"\n") + 1
        for line in data[:whole].split(b"\n"):
            self._take(line)
        self._offset += whole
        return whole > 0

    @property
    def stamp(self) -> int:
        """Grows with every event."""
        return self._offset

    @property
    def config(self) -> dict[str, Any]:
        """config.json; empty as long as there is none, or none that can be read."""
        if self._config is None:
            try:
                value = read_json(self.folder / CONFIG)
            except StudioError:
                return {}
            self._config = value if isinstance(value, dict) else {}
        return self._config

    @property
    def state(self) -> str:
        """As `engine.tuning.session.status`: running, paused, finished, failed, interrupted."""
        if live(self.folder):
            return "paused" if self.seen.paused else "running"
        return self.seen.ended or "interrupted"

    def report(self) -> dict[str, Any]:
        """report.json; empty where there is none."""
        try:
            value = read_json(self.folder / "report.json")
        except StudioError:
            return {}
        return value if isinstance(value, dict) else {}

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(entry, dict):
            return
        self.seen.last = float(entry.get("time") or self.seen.last)
        take = getattr(self, f"_on_{entry.get('kind')}", None)
        if take is not None:
            take(entry)

    def _on_stage(self, entry: dict[str, Any]) -> None:
        self.seen.stage = str(entry.get("words", ""))

    def _on_start(self, entry: dict[str, Any]) -> None:
        seen = self.seen
        seen.start, seen.stage, seen.paused = entry, "", False
        seen.stopped, seen.report, seen.error, seen.ended = None, None, "", ""
        first = entry.get("pass") or 0
        for kept in (seen.passes, seen.checks, seen.previews):
            kept[:] = [one for one in kept if (one.get("pass") or 0) <= first]

    def _on_pass(self, entry: dict[str, Any]) -> None:
        kept = self.seen.passes
        kept.append(entry)
        if len(kept) > MOST_PASSES:
            del kept[1::2]

    def _on_check(self, entry: dict[str, Any]) -> None:
        self.seen.checks.append(entry)

    def _on_preview(self, entry: dict[str, Any]) -> None:
        self.seen.previews.append(entry)

    def _on_warning(self, entry: dict[str, Any]) -> None:
        self.seen.warnings.append(entry)

    def _on_paused(self, _: dict[str, Any]) -> None:
        self.seen.paused = True

    def _on_resumed(self, _: dict[str, Any]) -> None:
        self.seen.paused = False

    def _on_stopped(self, entry: dict[str, Any]) -> None:
        self.seen.stopped, self.seen.paused = entry, False
        self.seen.ended = ENDS["stopped"]

    def _on_report(self, entry: dict[str, Any]) -> None:
        self.seen.report = entry
        self.seen.ended = ENDS["report"]

    def _on_error(self, entry: dict[str, Any]) -> None:
        self.seen.error = str(entry.get("message", ""))
        self.seen.ended = ENDS["error"]
