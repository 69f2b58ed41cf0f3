"""What a training will need, from a few updates that leave nothing behind; then how far off."""

from __future__ import annotations

import logging
import time
from typing import Any

import torch

from engine.models.needs import check_disk, compared, folder_bytes, memory_used
from engine.training.loop import STATE, Training

log = logging.getLogger(__name__)

TRIAL = 2**40  # number of the first one: no real update has these random numbers
MOST, SECONDS = 20, 1.0  # of measured updates


def predict(training: Training) -> dict[str, float]:
    """Seconds, updates, bytes of memory and of disk; said, and refused where the disk is full."""
    each = training.each = trial(training)
    state = sum(value.numel() * value.element_size() for value in training.tensors().values())
    model = sum(value.numel() * 4 for value in training.job.average.module.state_dict().values())
    total, seconds = training.budget.updates, training.clock.seconds
    left = total - training.updates if total else (seconds - training.clock.elapsed) / each
    predicted = {
        "seconds": training.clock.elapsed + left * each,
        "updates": training.updates + max(left, 0.0),
        "memory_bytes": memory_used(training.device)
        + (state if training.device.type == "cpu" else 0),
        "disk_bytes": float(state + model),
    }
    if training.processes.main:
        check_disk(training.job.out, predicted["disk_bytes"], "--out")
        log.info(
            "%s: %.1f ms an update: %.0f updates in %.1f minutes, %.1f GB of %s, %.0f MB on disk",
            training.job.name, 1000 * each, predicted["updates"], predicted["seconds"] / 60,
            predicted["memory_bytes"] / 1e9,
            "GPU memory on each" if training.device.type == "cuda" else "memory",
            predicted["disk_bytes"] / 1e6,
        )  # fmt: skip
    return predicted


@torch.no_grad()
def trial(training: Training) -> float:
    """Seconds of one update. Weights and moments are afterwards as they were."""
    moments = training.job.update.moments()
    before = {name: value.clone() for name, value in moments.items()}
    _some(training, 1)  # compiles and captures
    once = _some(training, 1)
    count = training.processes.told(max(1, min(MOST, int(SECONDS / max(once, 1e-6)))))
    each = _some(training, count) / count
    for name, value in moments.items():
        value.copy_(before[name])
    return each


def _some(training: Training, count: int) -> float:
    begun, job = time.perf_counter(), training.job
    for number in range(count):
        job.draw.start(TRIAL + number)
        with torch.enable_grad():
            job.update(0.0, *job.inputs(job.draw))
    training.wait()
    return time.perf_counter() - begun


def compare(training: Training, predicted: dict[str, float]) -> dict[str, Any]:
    """Predicted against measured; the disk only where the state lies on it."""
    measured = {
        "seconds": training.clock.elapsed, "updates": float(training.updates),
        "memory_bytes": memory_used(training.device),
    }  # fmt: skip
    if (training.job.out / STATE).is_file():
        measured["disk_bytes"] = folder_bytes(training.job.out)
    return compared(predicted, measured)
