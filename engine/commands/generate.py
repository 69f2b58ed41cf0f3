"""generate: prompts to motion files, videos and a receipt."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import write_json
from engine.models.registry import resolve_model
from engine.motion.motion import Motion

MAX_SAMPLES = 64
BATCH = 64


@dataclass(frozen=True)
class Request:
    """Arguments of `python -m engine generate`."""

    prompt: str | None
    seconds: float
    seed: int
    output: Path
    samples: int = 1
    guidance: float | None = None
    steps: int | None = None
    model: str = "base"
    device: str | None = None
    video: bool = True
    size: int = 480
    prompts: Path | None = None
    json: bool = False


@dataclass(frozen=True)
class Job:
    """One motion to make and where its files go (path without suffix)."""

    prompt: str
    seconds: float
    seed: int
    target: Path


def run(request: Request) -> list[Motion]:
    """Generate, write files, print where they are; returns the motions."""
    jobs = plan(request)
    from engine.pipeline import MotionPipeline

    pipeline = MotionPipeline.from_pretrained(resolve_model(request.model), request.device)
    motions: list[Motion] = []
    for part in batches(jobs):
        made = pipeline(
            [job.prompt for job in part],
            [job.seconds for job in part],
            [job.seed for job in part],
            guidance=request.guidance,
            steps=request.steps,
        )
        for job, motion in zip(part, made, strict=True):
            motion.save(job.target.with_suffix(".npz"))
        motions += made
    if request.video:
        _render(jobs, motions, request.size)
    receipt = {
        "model": pipeline.model_id,
        "device": str(pipeline.device),
        "guidance": request.guidance or pipeline.model.guidance_scale,
        "steps": request.steps or pipeline.model.steps,
        "motions": [_entry(job, request.video) for job in jobs],
    }
    if request.prompts is None:
        write_json(request.output / "receipt.json", receipt)
    if request.json:
        print(jsonlib.dumps(receipt, ensure_ascii=False))
    else:
        for job in jobs:
            print(job.target.with_suffix(".mp4" if request.video else ".npz"))
    return motions


def plan(request: Request) -> list[Job]:
    """Everything to make; StudioError before any work when the request makes no sense."""
    if request.prompts is not None:
        if request.prompt is not None:
            raise StudioError("Give a PROMPT or --prompts FILE, not both.")
        return list(_from_file(request))
    if request.prompt is None:
        raise StudioError('Say what to generate: python -m engine generate "a person walks".')
    if not 1 <= request.samples <= MAX_SAMPLES:
        raise StudioError(f"--samples {request.samples} is out of range: 1 to {MAX_SAMPLES}.")
    names = (
        ["motion"]
        if request.samples == 1
        else [f"motion_{number}" for number in range(request.samples)]
    )
    return [
        Job(request.prompt, request.seconds, request.seed + i, request.output / name)
        for i, name in enumerate(names)
    ]


def _from_file(request: Request) -> Iterable[Job]:
    path = request.prompts
    assert path is not None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(f"{path} cannot be read: {error}") from error
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = jsonlib.loads(line)
            name, prompt = str(entry["id"]), str(entry["prompt"])
            seconds = float(entry.get("seconds", request.seconds))
            seed = int(entry.get("seed", request.seed))
        except (ValueError, KeyError, TypeError) as error:
            raise StudioError(
                f'{path}, line {number}: expected {{"id", "prompt", "seconds", "seed"}}, '
                f"found {line[:80]!r} ({error})."
            ) from error
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name):
            raise StudioError(f"{path}, line {number}: the id {name!r} cannot name a folder.")
        if name in seen:
            raise StudioError(f"{path}, line {number}: the id {name!r} stands twice.")
        seen.add(name)
        yield Job(prompt, seconds, seed, request.output / name / "motion")


def batches(jobs: list[Job]) -> Iterable[list[Job]]:
    """Jobs in groups that are generated together."""
    for start in range(0, len(jobs), BATCH):
        yield jobs[start : start + BATCH]


def _render(jobs: list[Job], motions: list[Motion], size: int) -> None:
    from engine.render.video import render_video

    for job, motion in zip(jobs, motions, strict=True):
        render_video([motion], job.target.with_suffix(".mp4"), size=size, labels=(motion.prompt,))


def _entry(job: Job, video: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "prompt": job.prompt,
        "seconds": job.seconds,
        "seed": job.seed,
        "motion": str(job.target.with_suffix(".npz")),
    }
    if video:
        entry["video"] = str(job.target.with_suffix(".mp4"))
    return entry
