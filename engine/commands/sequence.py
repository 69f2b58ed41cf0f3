"""sequence and redo: edited motions to a motion file, its video, its receipt."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checks import check_prompt
from engine.commands.edit_receipt import edit_receipt, given_files, settings_of
from engine.commands.receipt import joints_sha256
from engine.edit.parts import BODIES, Part, Recipe, Redo
from engine.errors import StudioError
from engine.files import make_folder, write_bytes, write_json
from engine.models.registry import resolve_adapter, resolve_model
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS

AROUND = 6  # frames to each side of a seam that count as it

if TYPE_CHECKING:
    from engine.edit.sequence import LongMotion


@dataclass(frozen=True)
class How:
    """Arguments that all verbs of editing share."""

    output: Path
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


def sequence(
    parts: Sequence[str], how: How, before: Path | None = None, after: Path | None = None
) -> LongMotion:
    """Make parts ("SECONDS: PROMPT"), write files, print where they are.

    StudioError for what cannot be made.
    """
    read = tuple(parse(text) for text in parts)
    past, ahead = (
        None if path is None else Motion.load(path, round(LONGEST_SECONDS * FPS))
        for path in (before, after)
    )
    recipe = Recipe(read, how.seed, past, ahead, (), how.guidance, how.steps)
    if not read:
        raise StudioError('Say what happens: python -m engine sequence "4: a person walks".')
    return _run(recipe, how, "sequence", {
        "before": None if before is None else str(before),
        "after": None if after is None else str(after),
    })  # fmt: skip


def redo(
    motion: Path, prompt: str, half: str | None, how: How, start: float | None = None,
    end: float | None = None,
) -> LongMotion:  # fmt: skip
    """Make half of a motion's body anew, or all of it from `start` to `end` seconds, write files.

    `half` None means the upper one, or the whole body where there is a `start` or an `end`.
    """
    given = Motion.load(motion, round(LONGEST_SECONDS * FPS))
    timed = start is not None or end is not None
    last = given.seconds if end is None else end
    span = (0.0 if start is None else start, last) if timed else None
    body = half or ("whole" if timed else "upper")
    chosen = next((one for one in BODIES if one == body), None)
    if chosen is None:
        raise StudioError(f"--half is {' or '.join(BODIES)}, not {body[:40]!r}.")
    change = Redo(chosen, check_prompt(prompt), how.seed, span)
    recipe = Recipe((), how.seed, given, None, (change,), how.guidance, how.steps)
    return _run(recipe, how, "redo", {
        "motion": str(motion), "half": body, "prompt": prompt, "from": span and span[0],
        "to": span and span[1],
    })  # fmt: skip


def _run(recipe: Recipe, how: How, name: str, facts: dict[str, Any]) -> LongMotion:
    from engine.edit.make import make
    from engine.pipeline import MotionPipeline
    from engine.render.video import check_look, render_video

    check_look(how.look)
    make_folder(how.output)
    pipeline = MotionPipeline.from_pretrained(
        resolve_model(how.model), how.device, strength=how.strength,
        adapter=None if how.adapter is None else resolve_adapter(how.adapter),
    )  # fmt: skip
    made = make(pipeline, recipe)
    motion, target = made.motion, how.output / name
    motion.save(target.with_suffix(".npz"))
    if how.video:
        render_video(
            [motion], target.with_suffix(".mp4"), size=how.size, labels=(motion.prompt,),
            look=how.look, body=how.body,
        )  # fmt: skip
    for file, data in given_files(recipe).items():
        write_bytes(how.output / file, data)
    settings = settings_of(pipeline, recipe, how.model, how.adapter, how.strength)
    receipt = edit_receipt(pipeline, recipe, motion, settings, motion=f"{name}.npz")
    write_json(how.output / "receipt.json", receipt)
    told = {**_told(recipe, made), **facts}
    write_json(target.with_suffix(".json"), told)
    if how.json:
        print(jsonlib.dumps(told))
    else:
        print(target.with_suffix(".mp4" if how.video else ".npz"))
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


def _told(recipe: Recipe, made: LongMotion) -> dict[str, Any]:
    """What the motion was made of and when each part begins, in seconds."""
    return {
        "model": made.motion.model,
        "seed": recipe.seed,
        "parts": [
            {"prompt": part.prompt, "seconds": part.seconds, "starts_at": start / FPS}
            for part, start in zip(recipe.parts, made.starts, strict=False)
        ],
        "seconds": made.motion.seconds,
        "jerk": jerks(recipe, made.motion),
        "sha256": joints_sha256(made.motion),
    }


def jerks(recipe: Recipe, motion: Motion) -> dict[str, Any]:
    """Mean jerk of the motion in m/s^3, and around each end of what was made anew for a while."""
    from engine.evaluation.physical import jerk

    ends = [round(second * FPS) for one in recipe.redone for second in one.span or ()]
    inside = [frame for frame in ends if 0 < frame < motion.frames]
    seams = [jerk(motion.joints[max(0, frame - AROUND) : frame + AROUND]) for frame in inside]
    return {"mean": round(jerk(motion.joints), 1), "at_seams": [round(one, 1) for one in seams]}
