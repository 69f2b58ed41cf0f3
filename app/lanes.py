"""Work that takes turns: a lane runs one job at a time, in order, and any job can be cancelled."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from engine.errors import StudioError

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"


class Job:
    """One piece of work, its state, and how far it is (0..1, or None when nobody knows)."""

    def __init__(self, work: Callable[[Job], Any]) -> None:
        self._work = work
        self._ended = threading.Event()
        self._stop = threading.Event()
        self.state = QUEUED
        self.progress: float | None = None
        self.result: Any = None
        self.error: BaseException | None = None

    def cancel(self) -> None:
        """Ask the job to stop; whoever waits for it is released at once."""
        self._stop.set()
        if self.state == QUEUED:
            self._end(CANCELLED)

    def cancelled(self) -> bool:
        """Whether somebody asked the job to stop; the work itself polls this."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the job has ended or `seconds` passed; returns whether it has ended."""
        return self._ended.wait(seconds)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self._ended.is_set()

    def run(self) -> None:
        """Do the work in the calling thread; every exception is kept, none escapes."""
        if self.cancelled():
            self._end(CANCELLED)
            return
        self.state = RUNNING
        try:
            self.result = self._work(self)
        except BaseException as error:  # the lane survives whatever happens
            self.error = error
            self._end(CANCELLED if self.cancelled() else FAILED)
        else:
            self._end(CANCELLED if self.cancelled() else DONE)

    def _end(self, state: str) -> None:
        self.state = state
        self._ended.set()


class Lane:
    """A first-come-first-served queue in front of one worker thread."""

    def __init__(self, name: str, most_waiting: int = 16) -> None:
        self._name = name
        self._most_waiting = most_waiting
        self._jobs: list[Job] = []
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._loop, name=name, daemon=True)
        self._worker.start()

    def submit(self, work: Callable[[Job], Any]) -> Job:
        """Queue `work(job)`; StudioError when too many people are waiting already."""
        job = Job(work)
        with self._lock:
            self._jobs = [other for other in self._jobs if not other.ended]
            if len(self._jobs) > self._most_waiting:
                raise StudioError(
                    f"{len(self._jobs)} others are waiting already. Try again in a minute."
                )
            self._jobs.append(job)
        self._inbox.put(job)
        return job

    def ahead(self, job: Job) -> int:
        """How many unfinished jobs stand before `job`; 0 means it runs or is next to run."""
        with self._lock:
            waiting = [other for other in self._jobs if not other.ended]
        return waiting.index(job) if job in waiting else 0

    @property
    def load(self) -> int:
        """Number of jobs that run or wait."""
        with self._lock:
            return sum(not job.ended for job in self._jobs)

    def close(self) -> None:
        """Cancel everything and let the worker end."""
        with self._lock:
            for job in self._jobs:
                job.cancel()
        self._inbox.put(None)

    def _loop(self) -> None:
        while (job := self._inbox.get()) is not None:
            job.run()
