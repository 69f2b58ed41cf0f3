"""How every training verb starts: its folder, its processes, their device, the seed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from engine.models.device import pick_device
from engine.models.processes import Processes
from engine.training.loop import Budget

HOW_FAST = ("graph", "fuse")  # hyper-parameters that change no weights


def join(device: str | None, processes: Processes | None = None) -> tuple[Processes, torch.device]:
    """The processes there are, unless given, and the device of this one."""
    processes = processes or Processes.start(device)
    return processes, processes.device or pick_device(device)


def begin(
    out: Path, budget: Budget, seed: int, device: str | None, processes: Processes | None,
    batch: int = 0,
) -> tuple[Processes, torch.device]:  # fmt: skip
    """Check and join, then seed; returns the processes and the device of this one.

    `batch`: what every update shares out among them, if that is a fixed number. StudioError when
    it cannot be shared, when `budget` does not fit what lies in `out`, or for a device that does
    not work.
    """
    from accelerate.utils import set_seed

    budget.check(out)
    processes, place = join(device, processes)
    processes.part(batch)
    set_seed(seed)
    return processes, place


def settings_of(hyper: Any, motions: int) -> dict[str, Any]:
    """Settings of a job from its hyper-parameters, a dataclass: what it learns, not how fast."""
    kept = {name: value for name, value in asdict(hyper).items() if name not in HOW_FAST}
    return {**kept, "motions": motions}
