"""Tuning runs of a tiny model with a reward that is a formula, in this process or in another."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from engine.commands.tune import Request, work
from engine.tuning.presets import Cadence, Limits
from engine.tuning.rewards.base import Scored, Seen
from engine.tuning.session import read_events
from engine.tuning.settings import Settings
from engine.tuning.start import Ended, Parts
from tests.tiny import FakeTextEncoder
from tests.tuning.toys import TEXTS, ToyReward

BRISK = Cadence(check=0.5, preview=0.4, checkpoint=0.3, share=0.5)
ANYTHING = Limits(1e9, 0.0, 1e9, 1e9, 1e9, 1e9)  # what a random model does is no scandal
Make = Callable[..., Any]


class Flawed:
    """Pays without bound for latents that are large: nobody wants such motions."""

    form = "x_0"

    def __call__(self, seen: Seen) -> Scored:
        mask = seen.batch.mask[..., None].to(seen.latents)
        total = (seen.latents * mask).sum((1, 2)) / mask.sum((1, 2))
        return Scored(total, {"large": total})


class Broken(ToyReward):
    """Is no number any more after `passes` passes."""

    def __init__(self, passes: int) -> None:
        super().__init__()
        self.left = passes

    def __call__(self, seen: Seen) -> Scored:
        scored = super().__call__(seen)
        if not seen.latents.requires_grad:  # somebody only looks
            return scored
        self.left -= 1
        return scored if self.left > 0 else replace(scored, total=scored.total * float("nan"))


def making(reward: Callable[[], Any]) -> Make:
    """What `Parts` wants: a function of settings, model, folder and device."""
    return lambda *_: reward()


def prompt_file(folder: Path) -> Path:
    """A file with a prompt a line."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "some.txt"
    path.write_text("\n".join(TEXTS))
    return path


def settings(model: Path, folder: Path, **options: Any) -> Settings:
    """Settings of a run that takes a second."""
    chosen = {"updates": 6, "batch": 4, "steps": 2, "device": "cpu", **options}
    return Settings(prompts=(str(prompt_file(folder)),), model=str(model), **chosen)


def parts(reward: Make | None = None, limits: Limits = ANYTHING, **more: Any) -> Parts:
    """The quick encoder, the toy's reward, no evaluator."""
    return Parts(
        encoder=FakeTextEncoder(), reward=reward or making(ToyReward), limits=limits,
        evaluator=Path("none"), **{"cadence": BRISK, **more},
    )  # fmt: skip


def tuned(request: Request, use: Parts | None = None) -> Ended:
    """Run a request here."""
    torch.set_num_threads(1)
    return work(request, use or parts())


def hold_drift() -> Limits:
    """Nothing but how far the motions may go from the base's."""
    return replace(ANYTHING, drift=Limits().drift)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Events of a kind."""
    return [event for event in read_events(folder) if event["kind"] == kind]


def weights(folder: Path) -> bytes:
    """The adapter's file."""
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


def report(folder: Path) -> dict[str, Any]:
    """report.json."""
    return json.loads((folder / "report.json").read_text())


def spawn(request: Request) -> BaseProcess:
    """Run a request in a process of its own, which may be killed. Forked from one that has
    imported everything, so that it starts at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "peft", "engine.tuning.assemble"])
    child = context.Process(target=_child, args=(request, os.environ.get("EASYTUNE_HOME")))
    child.start()
    return child


def _child(request: Request, home: str | None) -> None:
    if home is not None:
        os.environ["EASYTUNE_HOME"] = home
    tuned(request)
