"""Before a run: what it will need, from two small passes; afterwards: how far off that was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

from engine.models.needs import memory_used
from engine.tuning.learner import Learner
from engine.tuning.memory import SavedBytes
from engine.tuning.methods.base import TuningMethod
from engine.tuning.problem import Batch, Problem

SIZES = (2, 4)  # samples of the two probes; the rest follows on a line
KEPT_COPIES = 7  # weights, two moments and their good twins, and the adapter itself
PREVIEW_BYTES = 30_000
EVENT_BYTES = 600
CARD_BYTES = 200_000  # config, report and cards


@dataclass(frozen=True)
class Needs:
    """Bytes of memory (of the GPU, or of this process on a CPU), seconds, bytes on disk."""

    memory_bytes: float
    seconds: float
    disk_bytes: float

    def to_dict(self) -> dict[str, float]:
        """As in config.json."""
        return asdict(self)

    def in_words(self, device: torch.device) -> str:
        """One line for people."""
        where = "GPU memory" if device.type == "cuda" else "memory"
        return (
            f"needs about {self.memory_bytes / 1e9:.1f} GB of {where}, "
            f"{self.seconds / 60:.1f} minutes, {self.disk_bytes / 1e6:.0f} MB on disk"
        )


@dataclass(frozen=True)
class Probe:
    """What a pass takes: fixed part and part per sample; `updates` in each."""

    seconds: tuple[float, float]
    bytes: tuple[float, float]
    updates: int

    def pass_seconds(self, size: int) -> float:
        """Seconds of a pass over `size` samples."""
        return self.seconds[0] + self.seconds[1] * size

    def pass_bytes(self, size: int) -> float:
        """Bytes on top of what is there anyway."""
        return self.bytes[0] + self.bytes[1] * size


def probe(make: Callable[[], TuningMethod], problem: Problem, batch: Batch) -> Probe:
    """Two passes that learn nothing (rate 0) over the first samples of `batch`."""
    device = batch.noise.device
    tuned = [value for value in problem.model.denoiser.parameters() if value.requires_grad]
    points = []
    for size in (SIZES[0], *SIZES):  # the first one only warms up
        part = batch.rows(torch.arange(size) % len(batch))
        learner = Learner(tuned, rate=0.0)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
        before = _resting(device)
        start = time.perf_counter()
        with SavedBytes(problem.model.denoiser.parameters()) as saved:
            make()(problem, learner, part, 0)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            taken = float(torch.cuda.max_memory_allocated(device) - before)
        else:
            taken = float(saved.peak)
        points.append((time.perf_counter() - start, taken))
    lines = [_line(points[1][k], points[2][k]) for k in (0, 1)]
    return Probe(lines[0], lines[1], max(learner.updates, 1))


def _line(low: float, high: float) -> tuple[float, float]:
    slope = max(0.0, (high - low) / (SIZES[1] - SIZES[0]))
    return max(0.0, low - slope * SIZES[0]), slope


def needs(
    found: Probe,
    device: torch.device,
    size: int,
    seconds: float | None,
    passes: float | None,
    parameters: int,
    after: float,
) -> Needs:
    """What a run takes. Of `seconds` and `passes` one is given.

    `after`: seconds of what comes after tuning.
    """
    each = max(found.pass_seconds(size), 1e-4)
    tuning = seconds if seconds is not None else (passes or 0.0) * each * 1.25
    count = tuning / each
    disk = 4 * parameters * KEPT_COPIES + EVENT_BYTES * count + PREVIEW_BYTES * tuning / 4
    memory = _resting(device) + found.pass_bytes(size)
    return Needs(memory, tuning + after, disk + CARD_BYTES)


def _resting(device: torch.device) -> float:
    """Bytes in use now, before a pass."""
    if device.type == "cuda":
        return float(torch.cuda.memory_allocated(device))
    return memory_used(device)
