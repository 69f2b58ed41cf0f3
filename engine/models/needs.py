"""What a run takes of memory and disk, and how far off a prediction was."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from engine.errors import StudioError

SLACK_BYTES = 5_000_000  # free space that nobody should go below


def memory_used(device: torch.device) -> float:
    """The most bytes used so far: of the GPU by this process, or by the process itself."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def check_disk(folder: Path, needed: float, option: str = "--session") -> None:
    """StudioError when the disk has less left than a run writes, twice for what is replaced."""
    needed = 2 * needed + SLACK_BYTES
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise StudioError(
            f"The disk of {folder} has {free / 1e6:.0f} MB left; the run needs "
            f"{needed / 1e6:.0f} MB. Free some space, or choose another folder with {option}."
        )


def folder_bytes(folder: Path) -> float:
    """Bytes of all files in a folder."""
    return float(sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()))


def compared(predicted: dict[str, float], measured: dict[str, float]) -> dict[str, Any]:
    """Predicted, measured and how far off, for the report."""
    return {
        name: {
            "predicted": predicted[name],
            "measured": measured[name],
            "off": (measured[name] - predicted[name]) / predicted[name]
            if predicted[name]
            else None,
        }
        for name in predicted
        if name in measured
    }
