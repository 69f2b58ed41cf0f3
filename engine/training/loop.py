"""The loop of every training verb: a budget, looks and saves on the way, going on, an end."""

from __future__ import annotations

import json
import logging
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import StudioError
from engine.models import state as states
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.training.common import Average, Clock, Updater, rate_at

log = logging.getLogger(__name__)

FORMAT = "easytune-training"
STATE = "training/state.safetensors"  # in the folder that is trained into, until the end
SAVE_SECONDS = 60.0
SAVE_SHARE = 0.05  # of the time may go into saving
BEAT_SECONDS = 0.5  # how often processes agree on what comes next


class StoppedError(StudioError):
    """Somebody stopped the training; its state is on disk."""


@dataclass(frozen=True)
class Budget:
    """How long to train, by the clock or (given `updates`) by their number, and whether to go on
    from the state in the folder.
    """

    minutes: float
    updates: int | None = None
    resume: bool = False

    def check(self, out: Path) -> None:
        """StudioError when there is nothing to go on from, or something that would be lost."""
        Clock(self.minutes)
        there = (out / STATE).is_file()
        if self.resume and not there:
            raise StudioError(f"{out} holds no unfinished training. Start it without --resume.")
        if there and not self.resume:
            raise StudioError(
                f"{out} holds an unfinished training. Go on with --resume, choose another folder, "
                f"or delete {(out / STATE).parent} to start anew."
            )


@dataclass
class Job:
    """What one verb trains: `update(rate, *inputs(draw))` again and again.

    names: of the loss terms. settings: what a resumed run must share with the one it goes on from.
    save: writes what people use. check: held-out numbers. kept: further modules of the state.
    notes: further numbers of the state.
    """

    name: str
    out: Path
    module: nn.Module
    average: Average
    update: Updater
    draw: Draw
    inputs: Callable[[Draw], tuple[Tensor, ...]]
    names: Sequence[str]
    rate: float
    settings: Mapping[str, Any]
    save: Callable[[], None]
    check: Callable[[], dict[str, float]] = dict
    checks: int = 20
    kept: Mapping[str, nn.Module] = field(default_factory=dict)
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """What all processes do next: look, save, end, or `count` updates while progress goes on."""

    look: bool
    save: bool
    end: str
    count: int
    progress: float
    step: float


class Training:
    """A job on its way. The leading process decides, looks and writes; all of them update."""

    def __init__(self, job: Job, budget: Budget, processes: Processes) -> None:
        self.job, self.budget, self.processes = job, budget, processes
        self.device = next(job.module.parameters()).device
        self.running = torch.zeros(len(job.names), device=self.device)
        self.updates = self.counted = 0  # updates in all, and since the last look
        self.curve: list[dict[str, float]] = []
        self.clock = Clock(budget.minutes)
        self.asked = False  # whether somebody wants it to stop
        self.each = math.inf  # seconds of an update
        self._count, self._next_save = 1, math.inf

    def run(self) -> str:
        """Train until the budget is spent ("finished") or somebody stops it ("stopped")."""
        self._next_save = time.monotonic() + SAVE_SECONDS
        while True:
            self._check_numbers()
            order = self.processes.told(self._order() if self.processes.main else None)
            if order.look:
                self._look()
            if order.save and self.processes.main:
                self._save()
            if order.end:
                return str(order.end)
            begun = time.monotonic()
            self.stretch(order.count, order.progress, order.step)
            self.wait()
            self.each = (time.monotonic() - begun) / order.count

    def stretch(self, count: int, progress: float, step: float) -> None:
        """Make `count` updates; nothing in them waits for the GPU or for another process."""
        job = self.job
        for number in range(count):
            job.draw.start(self.updates)
            rate = job.rate * rate_at(progress + number * step)
            self.running += job.update(rate, *job.inputs(job.draw))
            job.average.update()
            self.updates += 1
        self.counted += count

    def wait(self) -> None:
        """Until the GPU has done what it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        if self.budget.updates is not None:
            return min(self.updates / self.budget.updates, 1.0)
        return self.clock.progress

    def _order(self) -> Order:
        now, progress, total = time.monotonic(), self.progress, self.budget.updates
        over = progress >= 1.0
        end = "finished" if over else "stopped" if self.asked else ""
        step = 1 / total if total else self.each / self.clock.seconds
        ahead = math.inf
        look = over or progress * self.job.checks >= len(self.curve) + 1
        if total is not None:
            between = max(1, total // self.job.checks)
            look = over or self.updates % between == 0
            ahead = min(between - self.updates % between, total - self.updates)
        beat = min(BEAT_SECONDS / max(self.each, 1e-6), 2 * self._count, ahead)
        self._count = max(1, int(beat))
        save = end == "stopped" or (not end and now >= self._next_save)
        return Order(look and self.counted > 0, save, end, self._count, progress, step)

    def _check_numbers(self) -> None:
        """Join the sums of all processes; StudioError when they are no numbers."""
        self.running.copy_(self.processes.mean(self.running))
        if not torch.isfinite(self.running).all():
            raise StudioError(
                f"Training diverged within {self.updates} updates: the loss is no number any more. "
                "Lower --rate. What was saved before is kept."
            )

    def _look(self) -> None:
        means = (self.running / self.counted).tolist()
        self.running.zero_()
        self.counted = 0
        if self.processes.main:
            found = {**dict(zip(self.job.names, means, strict=True)), **self.job.check()}
            self.curve.append({"update": self.updates, **found})
            text = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
            done = 100 * self.progress
            log.info("%s %d (%.0f%%): %s", self.job.name, self.updates, done, text)

    def _save(self) -> None:
        begun = time.monotonic()
        states.save(self.take(), self.job.out / STATE, FORMAT)
        self.job.save()
        now = time.monotonic()
        self._next_save = now + max(SAVE_SECONDS, (now - begun) / SAVE_SHARE)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes, by name, where it lies."""
        job = self.job
        modules = {"weight": job.module, "average": job.average.module, **job.kept}
        found = {f"optimizer/{name}": value for name, value in job.update.moments().items()}
        for kind, module in modules.items():
            found |= {f"{kind}/{name}": value for name, value in module.state_dict().items()}
        return {**found, "running": self.running}

    def take(self) -> states.State:
        """A copy of the state. Random numbers follow from the seed and the update's number."""
        notes = {
            "settings": dict(self.job.settings), "updates": self.updates,
            "counted": self.counted, "averaged": self.job.average.updates,
            "elapsed": self.clock.elapsed, "curve": self.curve, "job": self.job.notes,
        }  # fmt: skip
        copies = {name: value.detach().cpu().clone() for name, value in self.tensors().items()}
        return states.State(copies, notes)

    @torch.no_grad()
    def put(self, state: states.State) -> None:
        """Go on from a state; StudioError when it is that of another training."""
        tensors, notes = self.tensors(), state.notes
        ours = json.loads(json.dumps(dict(self.job.settings)))
        theirs = notes.get("settings", {})
        apart = [f"{name} {theirs.get(name)}" for name in {**ours, **theirs}
                 if ours.get(name) != theirs.get(name)]  # fmt: skip
        shapes = {name: value.shape for name, value in tensors.items()}
        if apart or shapes != {name: value.shape for name, value in state.tensors.items()}:
            raise StudioError(
                f"The unfinished training in {self.job.out} is another one"
                + (f": it has {', '.join(apart)}" if apart else "")
                + ". Give the options it was started with, or choose another folder."
            )
        for name, value in tensors.items():
            value.copy_(state.tensors[name])
        self.updates, self.counted = int(notes["updates"]), int(notes["counted"])
        self.job.average.updates = int(notes["averaged"])
        self.curve = list(notes["curve"])
        self.job.notes.update(notes["job"])
        self.clock = Clock(self.budget.minutes, spent=float(notes["elapsed"]))


def train(job: Job, budget: Budget, processes: Processes) -> dict[str, Any]:
    """Train a job to its end and save it; returns the report for training.json.

    Raises StoppedError when a signal ended it: the state is saved, and the folder too.
    """
    from engine.training.estimate import compare, predict

    training = Training(job, budget, processes)
    for module in (job.module, job.average.module):
        processes.same(module)
    if budget.resume:
        training.put(states.load(job.out / STATE, FORMAT))
    spent = training.clock.elapsed
    predicted = predict(training)
    training.clock = Clock(budget.minutes, spent=spent if budget.resume else 0.0)
    with _signals(training):
        end = training.run()
    if end == "stopped":
        raise StoppedError(
            f"Stopped after {training.updates} updates. The same command with --resume goes on."
        )
    report = {
        "updates": training.updates, "minutes": training.clock.elapsed / 60, **job.settings,
        "processes": processes.count, "device": str(training.device), "curve": training.curve,
    }  # fmt: skip
    if processes.main:
        job.save()
        report["predictions"] = compare(training, predicted)
        shutil.rmtree((job.out / STATE).parent, ignore_errors=True)
    return report


@contextmanager
def _signals(training: Training) -> Iterator[None]:
    """Ctrl-C or a request to terminate ends the training in good order.

    A second one ends it at once, where there is one process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.getsignal(kind) for kind in kinds}

    def stop(kind: int, frame: Any) -> None:
        training.asked = True
        if training.processes.count == 1:  # a launcher repeats what the terminal sent
            signal.signal(kind, before[signal.Signals(kind)])

    for kind in kinds:
        signal.signal(kind, stop)
    try:
        yield
    finally:
        for kind in kinds:
            signal.signal(kind, before[kind])
