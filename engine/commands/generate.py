"""generate: prompts to motion files, videos and a receipt."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checks import (
    check_guidance,
    check_prompt,
    check_seconds,
    check_seed,
    check_steps,
    shown,
)
from engine.commands.receipt import Settings, Wish, make_entry, make_receipt, split_receipt
from engine.errors import StudioError
from engine.files import make_folder, write_json
from engine.models.registry import resolve_adapter, resolve_model
from engine.motion.motion import Motion

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline

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
    look: str = "skeleton"
    body: Path | None = None
    prompts: Path | None = None
    adapter: str | None = None
    strength: float = 1.0
    json: bool = False


@dataclass(frozen=True)
class Job(Wish):
    """One motion to make and where its files go (path without suffix)."""

    target: Path


def run(request: Request) -> list[Motion]:
    """Generate, write files, print where they are; returns the motions."""
    jobs = plan(request)
    folder = resolve_model(request.model)
    adapter = None if request.adapter is None else resolve_adapter(request.adapter)
    make_folder(request.output)
    from engine.pipeline import MotionPipeline

    pipeline = MotionPipeline.from_pretrained(
        folder, request.device, adapter=adapter, strength=request.strength
    )
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
        _render(jobs, motions, request)
    _report(request, jobs, motions, pipeline)
    return motions


def plan(request: Request) -> list[Job]:
    """Everything to make; StudioError before any work when the request makes no sense."""
    if request.guidance is not None:
        check_guidance(request.guidance)
    if request.steps is not None:
        check_steps(request.steps)
    if request.video:
        _check_video(request)
    if request.prompts is not None:
        if request.prompt is not None:
            raise StudioError("Give a PROMPT or --prompts FILE, not both.")
        if request.samples != 1:
            raise StudioError("--samples goes with a PROMPT; in a file, write a line per sample.")
        return _from_file(request, request.prompts)
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
        _job(request.prompt, request.seconds, request.seed + i, request.output / name)
        for i, name in enumerate(names)
    ]


def _job(prompt: Any, seconds: Any, seed: Any, target: Path) -> Job:
    check_seconds(seconds)
    return Job(check_prompt(prompt), float(seconds), check_seed(seed), target)


def _check_video(request: Request) -> None:
    from engine.render.video import SIZES, check_look

    if request.size not in SIZES:
        raise StudioError(f"Video size {request.size} is not offered; choose 480 or 720.")
    if check_look(request.look) != "skeleton":
        from engine.body.smpl import load_body

        load_body(request.body)


def _from_file(request: Request, path: Path) -> list[Job]:
    try:
        # Not splitlines(): a prompt may hold what Unicode calls a line separator.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise StudioError(f"{path} cannot be read: {error}") from error
    jobs: dict[str, Job] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            name, job = _from_line(request, line)
            if name in jobs:
                raise StudioError(f"The id {name!r} stands twice.")
        except StudioError as error:
            raise StudioError(f"{path}, line {number}: {error}") from error
        jobs[name] = job
    if not jobs:
        raise StudioError(
            f"{path} holds no prompts; each line is a JSON object with id, prompt, seconds, seed."
        )
    return list(jobs.values())


def _from_line(request: Request, line: str) -> tuple[str, Job]:
    try:
        entry = jsonlib.loads(line)
        name, prompt = entry["id"], entry["prompt"]
        seconds, seed = entry.get("seconds", request.seconds), entry.get("seed", request.seed)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudioError(
            f'Expected {{"id", "prompt", "seconds", "seed"}}, found {line[:80]!r} '
            f"({type(error).__name__}: {error})."
        ) from error
    # Numbers are ids too; a name that is a path could leave the output folder.
    name = str(name) if type(name) is int else name
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name):
        raise StudioError(
            f"The id {shown(name)!r} cannot name a folder; "
            "use up to 100 letters, digits, dots, dashes and underscores."
        )
    return name, _job(prompt, seconds, seed, request.output / name / "motion")


def batches(jobs: list[Job]) -> Iterable[list[Job]]:
    """Jobs in groups that are generated together."""
    for start in range(0, len(jobs), BATCH):
        yield jobs[start : start + BATCH]


def _render(jobs: list[Job], motions: list[Motion], request: Request) -> None:
    from engine.render.video import render_video

    for job, motion in zip(jobs, motions, strict=True):
        render_video(
            [motion], job.target.with_suffix(".mp4"), size=request.size, labels=(motion.prompt,),
            look=request.look, body=request.body,
        )  # fmt: skip


def _report(
    request: Request, jobs: list[Job], motions: list[Motion], pipeline: MotionPipeline
) -> None:
    """Write a receipt beside every motion (one for all samples); print it or the files' names."""
    steps = request.steps or pipeline.model.steps
    settings = Settings(
        guidance=request.guidance or pipeline.model.guidance_at(steps),
        steps=steps,
        model=request.model,
        adapter=request.adapter,
        strength=request.strength,
    )
    entries = [
        _entry(job, motion, request.video) for job, motion in zip(jobs, motions, strict=True)
    ]
    receipt = make_receipt(pipeline, settings, entries)
    if request.prompts is None:
        write_json(request.output / "receipt.json", receipt)
    else:
        for start in range(0, len(jobs), BATCH):
            part = {**receipt, "motions": entries[start : start + BATCH]}
            for job, one in zip(jobs[start : start + BATCH], split_receipt(part), strict=True):
                write_json(job.target.with_name("receipt.json"), one)
    if request.json:
        print(jsonlib.dumps(receipt))  # ASCII: whatever reads it may not expect UTF-8
        return
    for job in jobs:
        print(job.target.with_suffix(".mp4" if request.video else ".npz"))


def _entry(job: Job, motion: Motion, video: bool) -> dict[str, Any]:
    files = {"motion": str(job.target.with_suffix(".npz"))}
    if video:
        files["video"] = str(job.target.with_suffix(".mp4"))
    return make_entry(job, motion, **files)
