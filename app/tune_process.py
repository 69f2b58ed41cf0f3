"""Tunings as processes of their own: started, queued, found again after any restart of the page.

The page holds nothing that it could lose. What was asked for lies in `runs/.launched/NAME.json`
until its process has ended; the rest is the run's own folder (docs/tuning.md).
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings import ROOT
from app.tune_launch import alone, last_words, option, plain, same, yield_to_others
from engine.errors import StudioError
from engine.files import make_folder, read_json, write_json
from engine.models.registry import home
from engine.tuning.session import CONFIG, CONTROL, live, process_start, send_command
from engine.tuning.settings import check_name
from engine.tuning.watch import Watch

log = logging.getLogger("easytune.page")

QUEUED, STARTING, RUNNING, PAUSED = "queued", "starting", "running", "paused"
FINISHED, FAILED, INTERRUPTED = "finished", "failed", "interrupted"
BUSY = (STARTING, RUNNING, PAUSED)  # what keeps a device
LAUNCHED, LOG = ".launched", "tune.log"
LOOKS = 1.0  # seconds between two looks at the queue
MOST_QUEUED = 8


@dataclass
class Run:
    """One tuning as the page shows it."""

    name: str
    folder: Path
    state: str
    watch: Watch
    words: list[str] = field(default_factory=list)  # the command that was launched last, if here
    ahead: str = ""  # which run a queued one waits for
    place: int = 0  # in the queue, from 1
    problem: str = ""  # why it ended before its folder could say so

    @property
    def pending(self) -> str:
        """The command that was left for it and is not obeyed yet."""
        try:
            return str(read_json(self.folder / CONTROL).get("command", ""))
        except (StudioError, AttributeError):
            return ""


class Tuner:
    """Starts one tuning at a time on the page's device; the rest wait in the order of asking."""

    def __init__(self, device: str | None = None, python: str = sys.executable) -> None:
        self._device, self._python = device, python
        self._watches: dict[Path, Watch] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.RLock()
        self._busy = False
        self._told: tuple[float, list[Run]] = (-LOOKS, [])
        threading.Thread(target=self._turn, name="tunings", daemon=True).start()

    def launch(self, name: str, words: Sequence[str], again: bool = False) -> str:
        """Start `words` (as for a terminal) as the run `name`, or queue it; returns its name.

        The same words while they run or wait are the same run. `again`: the run is there already
        and goes on. StudioError when the name is taken or too many wait.
        """
        check_name(name)
        with self._lock:
            runs = self.runs()
            if again and all(run.name != name for run in runs):
                raise StudioError("There is no such tuning any more.")
            for run in runs:
                if run.state in (QUEUED, *BUSY) and (
                    run.name == name if again else same(run.words, words)
                ):
                    return run.name
            if not again and any(run.name == name for run in runs):
                raise StudioError(f"There is a tuning called {name} already. Choose another name.")
            if sum(run.state == QUEUED for run in runs) >= MOST_QUEUED:
                raise StudioError(f"{MOST_QUEUED} tunings wait already. Try again later.")
            make_folder(self._records)
            record = {"name": name, "words": list(words), "asked": time.time()}
            write_json(self._records / f"{name}.json", record)
            self._pump()
        return name

    def forget(self, name: str) -> None:
        """Take a run out of the queue, or one that could not start off the list."""
        with self._lock:
            run = self.run(name)
            if run.state in BUSY:
                raise StudioError(f"{name} has begun. Stop it instead.")
            (self._records / f"{name}.json").unlink(missing_ok=True)

    def tell(self, name: str, command: str) -> None:
        """Pause, resume, stop or preview; StudioError when there is nobody who would listen."""
        run = self.run(name)
        if run.state not in (RUNNING, PAUSED):
            raise StudioError(f"{name} does not run right now.")
        send_command(run.folder, command)

    def run(self, name: str) -> Run:
        """The run of that name; StudioError when there is none."""
        for run in self.runs():
            if run.name == name:
                return run
        raise StudioError("There is no such tuning any more.")

    def recent(self) -> list[Run]:
        """As `runs`, at most half a second old: for the many eyes that only watch."""
        when, found = self._told
        if time.monotonic() - when > LOOKS / 2:
            return self.runs()
        return found

    def runs(self) -> list[Run]:
        """All there are: those that wait, those at work, then the rest, newest first."""
        with self._lock:
            records = self._read_records()
            folders = _run_folders(home() / "runs")
            names = dict.fromkeys([*records, *(folder.name for folder in folders)])
            found = [self._look(name, records.get(name)) for name in names]
        waiting = [run for run in found if run.state == QUEUED]
        waiting.sort(key=lambda run: records[run.name]["asked"])
        busy = next((run.name for run in found if run.state in BUSY), "")
        for place, run in enumerate(waiting, start=1):
            run.place, run.ahead = place, busy
        found = sorted(found, key=lambda run: _rank(run, records.get(run.name)))
        self._told = (time.monotonic(), found)
        return found

    @property
    def busy(self) -> bool:
        """Whether a tuning takes the machine's time right now."""
        return self._busy

    @property
    def _records(self) -> Path:
        return home() / "runs" / LAUNCHED

    def _read_records(self) -> dict[str, dict[str, Any]]:
        found = {}
        for path in sorted(self._records.glob("*.json")):
            try:
                record = read_json(path)
                found[path.stem] = {
                    "words": [str(word) for word in record["words"]],
                    "asked": float(record["asked"]),
                    "pid": record.get("pid"),
                    "started": record.get("started", ""),
                }
            except (StudioError, KeyError, TypeError, ValueError):
                log.warning("%s is damaged and left out", path)
        return found

    def _look(self, name: str, record: dict[str, Any] | None) -> Run:
        folder = home() / "runs" / name
        watch = self._watches.setdefault(folder, Watch(folder))
        watch.look()
        run = Run(name, folder, watch.state, watch)
        if record is None:
            run.words = _words_of(watch)
            return run
        run.words = record["words"]
        if record["pid"] is None:
            run.state = QUEUED
        elif process_start(record["pid"]) == record["started"] != "":
            if run.state not in BUSY and watch.seen.last < record["asked"]:
                run.state = STARTING
        elif run.state != FINISHED and not (folder / CONFIG).is_file():
            run.state, run.problem = FAILED, watch.seen.error or last_words(folder / LOG)
        elif run.state in (FINISHED, FAILED):
            (self._records / f"{name}.json").unlink(missing_ok=True)
        return run

    def _turn(self) -> None:
        while True:
            time.sleep(LOOKS)
            try:
                with self._lock:
                    self._children = [one for one in self._children if one.poll() is None]
                    self._pump()
                    self._busy = any(r.state in (STARTING, RUNNING) for r in self.runs())
            except Exception:  # the queue goes on, whatever happened to one of them
                log.exception("the queue of tunings stumbled")

    def _pump(self) -> None:
        """Start the one that waits longest if its device is free."""
        if not any(record["pid"] is None for record in self._read_records().values()):
            return
        with alone(self._records / ".lock") as only:
            runs = self.runs()
            waiting = [run for run in runs if run.state == QUEUED]
            taken = any(run.state in BUSY and self._shares_device(run) for run in runs)
            if only and waiting and not taken:
                self._start(min(waiting, key=lambda run: run.place))

    def _start(self, run: Run) -> None:
        record = read_json(self._records / f"{run.name}.json")
        try:
            make_folder(run.folder)
            with (run.folder / LOG).open("ab") as output:
                child = subprocess.Popen(
                    [self._python, *run.words[1:]], cwd=ROOT, stdin=subprocess.DEVNULL,
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            (self._records / f"{run.name}.json").unlink(missing_ok=True)
            raise StudioError(f"The tuning could not be started ({error.strerror}).") from error
        if not self._on_gpu():
            yield_to_others(child.pid)
        self._children.append(child)
        marks = {"pid": child.pid, "started": process_start(child.pid)}
        write_json(self._records / f"{run.name}.json", {**record, **marks})
        log.info("tuning %s started as process %s", run.name, child.pid)

    def _shares_device(self, run: Run) -> bool:
        theirs = run.watch.seen.start.get("device") or option(run.words, "--device")
        return plain(theirs) == plain(self._device)

    def _on_gpu(self) -> bool:
        return plain(self._device).startswith("cuda")


def _run_folders(runs: Path) -> list[Path]:
    try:
        return [
            one for one in runs.iterdir()
            if not one.name.startswith(".") and ((one / CONFIG).is_file() or live(one))
        ]  # fmt: skip
    except OSError:
        return []


def _rank(run: Run, record: dict[str, Any] | None) -> tuple[int, float]:
    """At work first, then those that wait in their turn, then the others, newest first."""
    if run.state in BUSY:
        return 0, 0.0
    if run.state == QUEUED:
        return 1, float(run.place)
    try:
        when = (run.folder / CONFIG).stat().st_mtime
    except OSError:
        when = record["asked"] if record else 0.0
    return 2, -when


def _words_of(watch: Watch) -> list[str]:
    words = watch.config.get("command")
    return [str(word) for word in words] if isinstance(words, list) else []
