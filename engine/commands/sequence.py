"""sequence: several prompts in a row to one motion file, its video, and what it was made of."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.receipt import joints_sha256
from engine.edit.parts import Part
from engine.errors import StudioError
from engine.files import make_folder, write_json
from engine.models.registry import resolve_adapter, resolve_model
from engine.motion.motion import Motion
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from engine.edit.sequence import LongMotion


@dataclass(frozen=True)
class Request:
    """Arguments of `python -m engine sequence`; parts as "SECONDS: PROMPT"."""

    parts: Sequence[str]
    output: Path
    before: Path | None = None
    after: Path | None = None
    seed: int = 0
    guidance: float | None = None
    steps: int | None = None
    model: str = "base"
    adapter: str | None = None
    strength: float = 1.0
    device: str | None = None
    video: bool = True
    size: int = 480
    look: str = "skeleton"
    body: Path | None = None
    json: bool = False


def run(request: Request) -> LongMotion:
    """Make the motion, write files, print where they are; StudioError for what cannot be made."""
    from engine.edit.sequence import make_sequence
    from engine.pipeline import MotionPipeline
    from engine.render.video import check_look, render_video

    parts = [parse(text) for text in request.parts]
    ends = [None if path is None else Motion.load(path) for path in (request.before, request.after)]
    check_look(request.look)
    make_folder(request.output)
    pipeline = MotionPipeline.from_pretrained(
        resolve_model(request.model), request.device, strength=request.strength,
        adapter=None if request.adapter is None else resolve_adapter(request.adapter),
    )  # fmt: skip
    made = make_sequence(
        pipeline, parts, request.seed, before=ends[0], after=ends[1], guidance=request.guidance,
        steps=request.steps,
    )  # fmt: skip
    motion, target = made.motion, request.output / "sequence"
    motion.save(target.with_suffix(".npz"))
    if request.video:
        render_video(
            [motion], target.with_suffix(".mp4"), size=request.size, labels=(motion.prompt,),
            look=request.look, body=request.body,
        )  # fmt: skip
    told = _told(request, parts, made)
    write_json(target.with_suffix(".json"), told)
    if request.json:
        print(jsonlib.dumps(told))
    else:
        print(target.with_suffix(".mp4" if request.video else ".npz"))
    return made


def parse(text: str) -> Part:
    """ "4: a person walks" as a part; StudioError where the seconds are missing."""
    seconds, colon, prompt = text.partition(":")
    try:
        return Part(prompt.strip(), float(seconds if colon else ""))
    except ValueError as error:
        raise StudioError(
            f"{text[:80]!r} is no part of a sequence; write SECONDS: PROMPT, such as "
            '"4: a person walks forward".'
        ) from error


def _told(request: Request, parts: Sequence[Part], made: LongMotion) -> dict[str, Any]:
    """What the sequence was made of and when each part begins, in seconds."""
    return {
        "model": made.motion.model,
        "seed": request.seed,
        "before": None if request.before is None else str(request.before),
        "after": None if request.after is None else str(request.after),
        "parts": [
            {"prompt": part.prompt, "seconds": part.seconds, "starts_at": start / FPS}
            for part, start in zip(parts, made.starts, strict=True)
        ],
        "seconds": made.motion.seconds,
        "sha256": joints_sha256(made.motion),
    }
