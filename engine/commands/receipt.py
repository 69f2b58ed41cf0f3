"""The receipt of generated motions: all that is needed to make the very same ones again."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.motion.motion import Motion

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline

FORMAT, VERSION = "easytune-receipt", 1


@dataclass(frozen=True)
class Wish:
    """What one motion was asked to be."""

    prompt: str
    seconds: float
    seed: int


@dataclass(frozen=True)
class Settings:
    """How motions were generated: model and adapter by the names they were asked for by."""

    guidance: float
    steps: int
    model: str
    adapter: str | None = None
    strength: float = 1.0


def make_receipt(
    pipeline: MotionPipeline, settings: Settings, entries: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The receipt of motions that were generated in one call, as JSON; entries by `make_entry`."""
    from engine.diffusion.model import fingerprint
    from engine.models.adapter_folder import AdapterFolder
    from engine.models.registry import resolve_model

    adapter = None if pipeline.adapter is None else AdapterFolder.read(pipeline.adapter)
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": pipeline.model_id,
        "model_folder": settings.model,
        "model_sha256": fingerprint(resolve_model(settings.model)),
        "adapter": None if adapter is None else settings.adapter or str(adapter.folder),
        "adapter_sha256": None if adapter is None else adapter.fingerprint,
        "strength": settings.strength,
        "device": str(pipeline.device),
        "guidance": settings.guidance,
        "steps": settings.steps,
        "command": command_line(_wishes(entries), settings),
        "motions": list(entries),
    }


def split_receipt(receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """One receipt for each motion of a receipt.

    A motion depends in its last digits on what was generated in the same call, so every part
    lists those under `together`, and under `places` which of them is its own.
    """
    entries = receipt["motions"]
    if len(entries) == 1:
        return [receipt]
    wishes = _wishes(entries)
    settings = Settings(
        receipt["guidance"], receipt["steps"], receipt["model_folder"], receipt["adapter"],
        receipt["strength"],
    )  # fmt: skip
    together = [[wish.prompt, wish.seconds, wish.seed] for wish in wishes]
    return [
        {
            **receipt,
            "command": command_line([wish], settings),
            "motions": [entry],
            "together": together,
            "places": [place],
        }
        for place, (wish, entry) in enumerate(zip(wishes, entries, strict=True))
    ]


def _wishes(entries: Sequence[dict[str, Any]]) -> list[Wish]:
    return [Wish(entry["prompt"], entry["seconds"], entry["seed"]) for entry in entries]


def make_entry(wish: Wish, motion: Motion, /, **files: str) -> dict[str, Any]:
    """What a receipt says of one motion; `files` are names of files made of it."""
    return {
        "prompt": wish.prompt,
        "seconds": wish.seconds,
        "seed": wish.seed,
        **files,
        "sha256": joints_sha256(motion),
    }


def command_line(wishes: Sequence[Wish], settings: Settings) -> str:
    """`python -m engine generate ...` for samples of one prompt, quoted for a POSIX shell."""
    first = wishes[0]
    options = [
        "--seconds", str(first.seconds), "--seed", str(first.seed), "--samples", str(len(wishes)),
        "--guidance", str(settings.guidance), "--steps", str(settings.steps),
        "--model", settings.model,
    ]  # fmt: skip
    if settings.adapter is not None:
        options += ["--adapter", settings.adapter, "--strength", str(settings.strength)]
    start = ["python", "-m", "engine", "generate"]
    if first.prompt.startswith("-"):
        return shlex.join([*start, *options, "--", first.prompt])
    return shlex.join([*start, first.prompt, *options])


def joints_sha256(motion: Motion) -> str:
    """Hex SHA-256 of the joints' bytes: float32, little endian, in order."""
    return hashlib.sha256(np.ascontiguousarray(motion.joints, dtype="<f4").tobytes()).hexdigest()
