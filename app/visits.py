"""What one visitor made during this visit, kept in memory, its files in the app's own folder."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.inputs import Wish
from app.lanes import Job
from engine.errors import StudioError

if TYPE_CHECKING:
    from engine.motion.motion import Motion

MOST_RESULTS = 24  # per visit; older ones leave the history and the disk
MOST_VISITS = 200


class Kept(Protocol):
    """What a tab remembers of a visit, and stops when the visit ends."""

    def stop(self) -> None: ...


@dataclass
class Result:
    """One answer: the wish, its motions, and their files."""

    id: str
    wish: Wish
    motions: Sequence[Motion]
    folder: Path
    files: list[Path] = field(default_factory=list)
    video: Path | None = None
    source: str = ""  # the file that an opened motion came from


class Visit:
    """Results of one visitor, newest last, and the jobs now under way for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.voter = secrets.token_hex(8)  # whose votes are whose, without saying who
        self.results: OrderedDict[str, Result] = OrderedDict()
        self.current: str = ""  # shown on the page
        self.to_film: str = ""  # waiting for its video
        self.job: Job | None = None
        self.video_job: Job | None = None
        self.kept: dict[str, Kept] = {}  # by tab

    def add(self, wish: Wish, motions: Sequence[Motion], source: str = "") -> Result:
        """Write each motion as npz and remember the result as the current one."""
        name = secrets.token_hex(8)
        result = Result(name, wish, motions, self.folder / name, source=source)
        for index, motion in enumerate(motions):
            path = result.folder / f"motion-{index + 1}-seed-{wish.seeds[index]}.npz"
            motion.save(path)
            result.files.append(path)
        self.results[name] = result
        self.current = name
        while len(self.results) > MOST_RESULTS:
            _, oldest = self.results.popitem(last=False)
            shutil.rmtree(oldest.folder, ignore_errors=True)
        return result

    def get(self, name: str) -> Result:
        """The result called `name`; StudioError when it has left the history."""
        if name not in self.results:
            raise StudioError("This result is no longer kept. Generate it again.")
        return self.results[name]

    def cancel(self) -> bool:
        """Stop what runs for this visit; returns whether there was anything to stop."""
        running = [job for job in (self.job, self.video_job) if job and not job.ended]
        for job in running:
            job.cancel()
        return bool(running)

    def stop(self) -> None:
        """Stop what runs and disown it, because something newer takes its place on the page."""
        self.cancel()
        self.job = None
        self.stop_film()

    def stop_film(self) -> None:
        """Stop the video under way and disown it."""
        if self.video_job:
            self.video_job.cancel()
        self.video_job = None

    def forget(self) -> None:
        """Stop everything and delete the files."""
        self.cancel()
        for kept in self.kept.values():
            kept.stop()
        self.results.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


class Visits:
    """All visits, by the session id that gradio gives each open page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: str | None) -> Visit:
        """The visit of a session, begun on first use; the oldest visit makes room."""
        key = session or "none"
        with self._lock:
            if key not in self._visits:
                self._visits[key] = Visit(self._folder / secrets.token_hex(8))
            self._visits.move_to_end(key)
            old = len(self._visits) > MOST_VISITS and self._visits.popitem(last=False)[1]
        if old:
            old.forget()
        return self._visits[key]

    def end(self, session: str | None) -> None:
        """Forget a visit whose page was closed."""
        with self._lock:
            visit = self._visits.pop(session or "none", None)
        if visit:
            visit.forget()
