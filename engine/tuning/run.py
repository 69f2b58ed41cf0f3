"""The run: passes, checks, previews, checkpoints, commands, and an end that loses nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.files import WriteError
from engine.models.needs import memory_used
from engine.tuning import checkpoint, lock, preflight, presets
from engine.tuning.assemble import Workshop
from engine.tuning.guard import Check, Guard
from engine.tuning.learner import DivergedError
from engine.tuning.output import Output
from engine.tuning.passes import Passes
from engine.tuning.session import Session

WAIT_SECONDS = 0.1
GO, WAIT = "go", "wait"
Say = Callable[[str], None]


class Run:
    """The loop of one process. Only the leading one writes, watches and decides."""

    def __init__(
        self,
        shop: Workshop,
        session: Session,
        cadence: presets.Cadence | None = None,
        limits: presets.Limits | None = None,
        say: Say = print,
    ) -> None:
        self.shop, self.session, self.say = shop, session, say
        self.output = Output(shop, session)
        self.cadence = cadence or presets.Cadence()
        self.work = Passes(shop, self.warn)
        self.passes = 0
        self.asked: str | None = None  # why the run should end, if somebody wants it to
        self.paused = False
        self._problem = ""  # what the disk said
        self.guard: Guard | None = None
        self.checked: Check | None = None
        self._limits = limits
        self._good: checkpoint.State | None = None
        self._next = {"check": 0.0, "preview": 0.0, "checkpoint": 0.0}
        self._over = 0.0  # when tuning ended
        self._begun = (0.0, 0)  # when this process began to count passes for its estimates

    @property
    def main(self) -> bool:
        return self.shop.processes.main

    def watch(self) -> float:
        """Measure the base on the validation prompts; seconds that one check takes."""
        start = time.perf_counter()
        self.guard = Guard(self.shop.problem, self.shop.validation, limits=self._limits)
        return time.perf_counter() - start

    def restore(self) -> None:
        """Go on from the folder's checkpoint, where there is one."""
        path = self.session.folder / checkpoint.STATE
        if not path.is_file():
            return
        self._put(checkpoint.load(path))
        good = self.session.folder / checkpoint.GOOD
        self._good = checkpoint.load(good) if good.is_file() else None

    def _put(self, state: checkpoint.State) -> None:
        checkpoint.put(state, self.shop.parameters, self.shop.learner)
        self.passes = int(state.notes["passes"])
        self.session.clock.start(float(state.notes["elapsed"]))
        self.work.method.load_state(state.notes["method"])

    def _take(self) -> checkpoint.State:
        notes = {
            "passes": self.passes,
            "elapsed": self.session.clock.elapsed(),
            "method": self.work.method.state(),
        }
        return checkpoint.take(self.shop.parameters, self.shop.learner, notes)

    def begin(self, resumed: bool, predicted: preflight.Needs) -> None:
        """Say that tuning starts, and keep room on the disk for its end."""
        shop = self.shop
        self.output.reserve()
        self._event(
            "start", resumed=resumed, pid=os.getpid(), device=str(shop.device),
            processes=shop.processes.count,
            parameters=sum(value.numel() for value in shop.parameters.values()),
            passes_planned=None, updates_planned=shop.settings.updates,
            seconds_planned=shop.seconds, predicted=predicted.to_dict(),
        )  # fmt: skip

    def loop(self) -> tuple[str, str, bool]:
        """Tune until the budget is spent or somebody stops it: (reason, message, restored)."""
        self._begun = (time.monotonic(), self.passes)
        self.session.clock.go_on()
        try:
            if self.main:
                self._first_look()
            while True:
                order = self.shop.processes.told(self._order() if self.main else None)
                if order == WAIT:
                    lock.beat(self.session.folder)
                    time.sleep(WAIT_SECONDS)
                elif order == GO:
                    self._pass()
                else:
                    return self._end(order)
        except DivergedError as error:
            return self._back("diverged", str(error))

    def _first_look(self) -> None:
        """A good state from the very first: the one that tuning begins or goes on with."""
        fresh = self.passes == 0 and self.shop.settings.adapter is None
        with self._room():
            self._look(fresh)
            self._good = self._good or self._take()
            self._preview()
            self._checkpoint()
        now = time.monotonic()
        self._next = {name: now + getattr(self.cadence, name) for name in self._next}

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Where the disk is full, use the room that was kept, and end the run in good order."""
        try:
            yield
        except WriteError as error:
            if self.asked == "disk":
                raise
            self.output.release()
            self.asked, self._problem = "disk", str(error)
            self.warn("disk", str(error))

    def _order(self) -> str:
        """What all processes do next: go, wait, or the reason to end."""
        with self._room():
            self._obey(self.session.command())
        if self.asked:
            return self.asked
        if self.paused:
            return WAIT
        if self.guard is not None and self.guard.collapsed:
            return "collapsed"
        settings, seconds = self.shop.settings, self.shop.seconds
        if settings.updates is not None and self.shop.learner.updates >= settings.updates:
            return "finished"
        if seconds is not None and self.session.clock.elapsed() >= seconds:
            return "finished"
        return GO

    def _obey(self, command: str | None) -> None:
        if command == "stop":
            self.asked = "asked"
        elif command == "preview":
            self._preview()
        elif command == "pause" and not self.paused:
            self.paused = True
            self.session.clock.pause()
            self._checkpoint()
            self._event("paused")
        elif command == "resume" and self.paused:
            self.paused = False
            self.session.clock.go_on()
            self._event("resumed")

    def _pass(self) -> None:
        shop, start = self.shop, time.perf_counter()
        seen = self.work(self.passes)
        self.passes += 1
        norms = shop.learner.norms()
        if not self.main:
            return
        with self._room():
            self._event(
                "pass", reward=seen.reward, terms=seen.terms, per_step=seen.per_step.tolist(),
                gradient_norm=sum(norms) / len(norms) if norms else None,
                drift=None if self.checked is None else self.checked.values.drift,
                memory_bytes=memory_used(shop.device),
                samples_per_second=shop.batch / max(time.perf_counter() - start, 1e-9),
                eta_seconds=self._left(),
            )  # fmt: skip
            self._housekeeping()

    def _left(self) -> float | None:
        """Seconds until the budget is spent."""
        if self.shop.seconds is not None:
            return max(0.0, self.shop.seconds - self.session.clock.elapsed())
        since, first = self._begun
        done = self.passes - first
        updates = self.shop.settings.updates or 0
        per_pass = self.shop.learner.updates / max(self.passes, 1)
        if not done or not per_pass:
            return None
        each = (time.monotonic() - since) / done
        return max(0.0, (updates - self.shop.learner.updates) / per_pass * each)

    def _housekeeping(self) -> None:
        """Whatever is due: a check, a preview, a checkpoint."""
        for name, work in (
            ("check", self._look),
            ("preview", self._preview),
            ("checkpoint", self._checkpoint),
        ):
            start = time.monotonic()
            if start >= self._next[name]:
                work()
                took = time.monotonic() - start
                pause = max(getattr(self.cadence, name), took / self.cadence.share)
                self._next[name] = time.monotonic() + pause

    def _look(self, fresh: bool = False) -> None:
        if self.guard is None:
            return
        found = self.checked = self.guard.untouched() if fresh else self.guard.check()
        self._event(
            "check", values=found.values.to_dict(), base=self.guard.base.to_dict(),
            verdict="good" if found.good else "bad", reasons=list(found.reasons),
        )  # fmt: skip
        if found.good:
            self._good = self._take()
        else:
            self.warn("check", " ".join(found.reasons))
        self.say(self._line(found))

    def _line(self, found: Check) -> str:
        assert self.guard is not None
        left = self._left()
        return (
            f"pass {self.passes}, {self.shop.learner.updates} updates: reward "
            f"{found.values.reward:.3f} (base {self.guard.base.reward:.3f}), drift "
            f"{found.values.drift:.2f}" + ("" if left is None else f", {left:.0f} s left")
        )

    def _preview(self) -> None:
        file = self.output.preview(self.passes)
        if file is not None:
            self._event("preview", file=file)

    def _checkpoint(self) -> None:
        self.output.checkpoint(self._take(), self._good)
        self._event("checkpoint", file=checkpoint.STATE)

    def _end(self, reason: str) -> tuple[str, str, bool]:
        """A last look: what is left behind is a good state."""
        if reason == "collapsed":
            assert self.checked is not None
            return self._back(reason, " ".join(self.checked.reasons))
        message = {
            "finished": "The budget is spent.",
            "asked": "Stopped as asked.",
            "signal": "Stopped by a signal.",
            "disk": self._problem,
        }[reason]
        if not self.main:
            return reason, message, False
        if self.guard is not None and reason != "signal":
            self._look()
        if self.checked is not None and not self.checked.good:
            reasons = " ".join(self.checked.reasons)
            return self._back(reason, f"{message} The last good state was kept: {reasons}")
        return reason, message, False

    def _back(self, reason: str, message: str) -> tuple[str, str, bool]:
        """Restore the last good state; without one, what there was before the first pass."""
        if self.main and self._good is not None:
            elapsed = self.session.clock.elapsed()
            self._put(self._good)
            self.session.clock.start(elapsed)
            if self.guard is not None:
                self.guard.forgive()
                self.checked = self.guard.check()
        return reason, message, self._good is not None

    def finish(self, name: str, reason: str, message: str, restored: bool) -> None:
        """The last checkpoint and the adapter, after which nothing of the run can be lost."""
        self.session.clock.pause()
        self._over = time.monotonic()
        self.output.release()
        self.output.checkpoint(self._take(), self._good)
        self.output.adapter(name)
        self._event("stopped", reason=reason, message=message, restored=restored)
        self.say(message)

    def seconds_taken(self) -> float:
        """Seconds of tuning and of everything that came after it."""
        return self.session.clock.elapsed() + time.monotonic() - self._over

    def warn(self, code: str, message: str) -> None:
        """Say and log something that is worth knowing."""
        if self.main:
            self.session.event("warning", code=code, message=message)
            self.say(f"Warning: {message}")

    def _event(self, kind: str, **fields: Any) -> None:
        where = {"pass": self.passes, "update": self.shop.learner.updates}
        self.session.event(kind, **where, **fields)
