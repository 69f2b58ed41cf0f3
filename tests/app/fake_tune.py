"""Stands in for `python -m engine tune`: obeys its folder, learns nothing, starts at once."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import StudioError
from engine.files import save_npz, write_json
from engine.models.registry import home
from engine.tuning.session import Session
from tests.app.walking import walking

FAILING_SEED = "13"
LIFE = 200  # seconds, should a test forget it
BASE = {
    "reward": 0.4,
    "drift": 0.0,
    "diversity": 0.8,
    "foot_skate": 0.1,
    "jerk": 50.0,
    "floor": 1.0,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name")
    parser.add_argument("--seed")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--reward", default="follow=1")
    asked, rest = parser.parse_known_args()
    if asked.seed == FAILING_SEED:
        print("Loading\nError: The device 'moon' cannot be used here.")
        raise SystemExit(2)
    folder = home() / "runs" / asked.name
    session = Session.open(folder) if asked.resume else Session.create(folder)
    with session.held():
        session.event("stage", words="Loading the model")
        if not asked.resume:
            session.write_config(_config(asked.name, asked.reward, rest))
        try:
            _run(session, 40 if asked.resume else 0)
        except StudioError as error:
            session.event("error", message=str(error))
            raise SystemExit(2) from error


def _config(name: str, reward: str, words: list[str]) -> dict[str, Any]:
    weights = {k: float(v) for k, _, v in (part.partition("=") for part in reward.split(","))}
    return {
        "id": name, "name": name,
        "settings": {"prompts": ["everyday"], "reward": weights},
        "command": ["python", "-m", "engine", "tune", *words],
        "previews": [{"text": "a person walks", "seconds": 2.0, "seed": 7}],
        "predicted": {"memory_bytes": 1e9, "seconds": 60.0, "disk_bytes": 1e6},
    }  # fmt: skip


def _run(session: Session, done: int) -> None:
    session.event(
        "start", resumed=done > 0, device="cpu", updates_planned=None, seconds_planned=60.0,
        **{"pass": done, "update": 8 * done},
    )  # fmt: skip
    session.clock.start(float(done))
    paused = False
    end = time.monotonic() + LIFE
    while True:
        command = session.command()
        where = {"pass": done, "update": 8 * done}
        if command == "stop" or time.monotonic() > end:
            break
        if command in ("pause", "resume"):
            paused = command == "pause"
            session.event("paused" if paused else "resumed", **where)
        if not paused or command == "preview":
            done += 1
            _pass(session, done)
        time.sleep(0.05)
    session.event("stopped", reason="asked", message="Stopped as asked.", restored=False, **where)
    write_json(session.folder / "adapter" / "easytune.json", {"name": session.folder.name})
    write_json(session.folder / "report.json", _report())
    session.event("report", file="report.json", words=_report()["words"])


def _pass(session: Session, done: int) -> None:
    where = {"pass": done, "update": 8 * done}
    reward = 0.4 + 0.1 * (1 - 0.97**done)
    session.event(
        "pass", reward=reward, terms={"follow": reward}, drift=0.1, gradient_norm=1.0 / done,
        per_step=[reward - 0.3, reward - 0.1, reward], memory_bytes=1.1e9,
        samples_per_second=16.0, eta_seconds=60.0 - done, **where,
    )  # fmt: skip
    if done % 5 == 1:
        session.event("check", values={**BASE, "drift": 0.01 * done}, base=BASE, verdict="good",
                      reasons=[], **where)  # fmt: skip
        for file in (f"previews/{done:06d}.npz", *(["previews/000000.npz"] if done == 1 else [])):
            joints = walking(2.0, 7) + np.float32(0.002 * done)
            save_npz(session.folder / file, {"joints_0": joints.astype(np.float16)})
        if done == 1:
            session.event("preview", file="previews/000000.npz", **{"pass": 0, "update": 0})
        session.event("preview", file=f"previews/{done:06d}.npz", **where)


def _report() -> dict[str, Any]:
    return {
        "words": ["follows the text better: yes (+0.02, 95 %: 0.01 to 0.03)"],
        "reward": {"before": 0.4, "after": 0.5},
        "comparison": {"differences": {"alignment": {"verdict": "better"}}},
        "validation": {"held_out": True, "prompts": [{"text": "a person jogs"}]},
    }


def write_python(place: Path) -> Path:
    """A stand-in for the interpreter: whatever it is asked to run, it runs this file."""
    import sys

    path = place / "python"
    path.write_text(f'#!/bin/sh\nshift 3\nexec "{sys.executable}" -m tests.app.fake_tune "$@"\n')
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    main()
