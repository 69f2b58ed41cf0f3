"""The fixed-seed motion that shows how the model learns: the base beside the model as it is now."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.scene import encode
from app.tune_process import Run
from engine.errors import StudioError
from engine.files import load_npz
from engine.motion.skeleton import FPS

BASE_FILE = "previews/000000.npz"
MOST_BYTES = 8 * 1024 * 1024
MOST_MOMENTS = 60  # that the slider through the learning offers


def key(run: Run | None, prompt: int, at: int | None) -> tuple[Any, ...]:
    """Changes whenever the player would show something else."""
    if run is None:
        return ("",)
    previews = run.watch.seen.previews
    return (run.name, prompt, at, len(previews), previews[-1]["pass"] if previews else None)


def value(run: Run | None, prompt: int, at: int | None) -> dict[str, Any] | None:
    """JSON for the player: base and now, the prompts and moments there are; None without any."""
    previews = run.watch.seen.previews if run else []
    told = run.watch.config.get("previews") if run else None
    if not previews or not told or run is None:
        return None
    prompt = min(max(prompt, 0), len(told) - 1)
    passes = [int(one["pass"]) for one in previews]
    moment = at if at in passes else passes[-1]
    file = next(str(one["file"]) for one in previews if int(one["pass"]) == moment)
    try:
        base = _joints(run, BASE_FILE, prompt)
        now = _joints(run, file, prompt)
    except (StudioError, KeyError):
        return None
    return {
        "id": f"{run.name}/{prompt}",
        "fps": FPS,
        "motions": [
            {"label": "base", "accent": "base", "frames": len(base), "joints": encode(base)},
            {"label": "now" if moment == passes[-1] else f"after {moment} passes",
             "accent": "tuned", "frames": len(now), "joints": encode(now)},
        ],
        "prompts": [str(one.get("text", "")) for one in told],
        "chosen": prompt,
        "moments": _thinned(passes),
        "at": moment,
    }  # fmt: skip


def _joints(run: Run, file: str, prompt: int) -> np.ndarray:
    path = (run.folder / file).resolve()
    if not path.is_relative_to((run.folder / "previews").resolve()):
        raise StudioError(f"{file} is no preview of this run.")
    return load_npz(path, MOST_BYTES)[f"joints_{prompt}"].astype(np.float32)


def _thinned(passes: list[int]) -> list[int]:
    """At most MOST_MOMENTS of them, evenly, first and last among them."""
    if len(passes) <= MOST_MOMENTS:
        return passes
    rows = np.linspace(0, len(passes) - 1, MOST_MOMENTS).round().astype(int)
    return [passes[row] for row in rows]
