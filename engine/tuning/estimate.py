"""What a run will about need, told before anything is loaded: from runs before it, or a guess.

The run's own preflight (engine.tuning.preflight) measures instead; this is for choosing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import read_json
from engine.tuning.session import CONFIG, REPORT
from engine.tuning.settings import Settings

# Of the shipped base and 16 motions a pass on a CPU; around: loading, checks and the report.
GUESS_MEMORY, GUESS_AROUND, GUESS_DISK = 1.2e9, 60.0, 15e6
LOOKED_AT = 20  # newest runs


@dataclass(frozen=True)
class About:
    """Seconds, bytes of memory and bytes on disk; `measured` when a run like it was measured."""

    seconds: float | None
    memory_bytes: float
    disk_bytes: float
    measured: bool

    def in_words(self) -> str:
        """One line for people."""
        time = "" if self.seconds is None else f"{_minutes(self.seconds)} in all, "
        known = ", as the last run like it" if self.measured else ""
        return (
            f"Takes about {time}{self.memory_bytes / 1e9:.1f} GB of memory and "
            f"{self.disk_bytes / 1e6:.0f} MB on disk{known}."
        )


def about(settings: Settings, runs: Path, device_type: str = "cuda") -> About:
    """From the newest run in `runs` with the same model, method and batch, where there is one."""
    tuning = settings.seconds_on(device_type)
    for folder in _newest(runs):
        found = _like(settings, folder, device_type)
        if found is not None:
            seconds, memory, disk, theirs = found
            around = max(0.0, seconds - theirs) if theirs is not None else GUESS_AROUND
            return About(None if tuning is None else tuning + around, memory, disk, True)
    guess = None if tuning is None else tuning + GUESS_AROUND
    return About(guess, GUESS_MEMORY, GUESS_DISK, False)


def _like(
    settings: Settings, folder: Path, device_type: str
) -> tuple[float, float, float, float | None] | None:
    """Seconds in all, memory, disk and seconds of tuning of a run of the same kind."""
    try:
        config = read_json(folder / CONFIG)
        theirs = Settings.from_dict(config["settings"])
        needs: dict[str, Any] = dict(config["predicted"])
        same = ("model", "method", "batch", "full", "steps")
        if any(getattr(theirs, name) != getattr(settings, name) for name in same):
            return None
        if None not in (places := (theirs.device, settings.device)) and len(set(places)) > 1:
            return None
        tuned = theirs.seconds_on(device_type)
        report = folder / REPORT
        if report.is_file():
            value = read_json(report)
            told = value["predictions"]
            needs = {name: told[name]["measured"] for name in needs if name in told}
            tuned = float(value["seconds"])
        return needs["seconds"], needs["memory_bytes"], needs["disk_bytes"], tuned
    except (StudioError, KeyError, TypeError, ValueError):
        return None


def _newest(runs: Path) -> list[Path]:
    try:
        found = [one for one in runs.iterdir() if (one / CONFIG).is_file()]
        return sorted(found, key=lambda one: -(one / CONFIG).stat().st_mtime)[:LOOKED_AT]
    except OSError:
        return []


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
