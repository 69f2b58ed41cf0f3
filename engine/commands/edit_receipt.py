"""Receipts of edited motions: sequences, and halves of a body made anew."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checks import check_prompt, check_seed
from engine.commands.receipt import Settings, Wish, joints_sha256, make_entry, make_receipt
from engine.edit.parts import BODIES, Part, Recipe, Redo
from engine.errors import StudioError
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline

KIND = "sequence"
GIVEN = ("before", "after")  # motions that a recipe starts from; they lie beside its receipt
MOST_REDONE = 20


def edit_receipt(
    pipeline: MotionPipeline, recipe: Recipe, motion: Motion, settings: Settings, /, **files: str
) -> dict[str, Any]:
    """The receipt of an edited motion, as JSON.

    `settings` names model and adapter; `files` are names of files made of the motion. The motions
    of `GIVEN` must be kept beside the receipt: see `given_files`.
    """
    entry = make_entry(Wish(motion.prompt, motion.seconds, recipe.seed), motion, **files)
    receipt = make_receipt(pipeline, settings, [entry])
    return {
        **receipt,
        "kind": KIND,
        "command": command_line(recipe, settings),
        "parts": [[part.prompt, part.seconds] for part in recipe.parts],
        "redo": [[one.half, one.prompt, one.seed, *(one.span or ())] for one in recipe.redone],
        **{name: None if one is None else joints_sha256(one) for name, one in _given(recipe)},
    }


def given_files(recipe: Recipe) -> dict[str, bytes]:
    """Files that belong beside the receipt, by name: the motions that the recipe starts from."""
    return {f"{name}.npz": one.to_bytes() for name, one in _given(recipe) if one is not None}


def settings_of(
    pipeline: MotionPipeline, recipe: Recipe, model: str, adapter: str | None = None,
    strength: float = 1.0,
) -> Settings:  # fmt: skip
    """What a recipe is made with where it leaves the choice to the model."""
    steps = pipeline.model.steps if recipe.steps is None else recipe.steps
    usual = pipeline.model.guidance_at(steps)
    guidance = usual if recipe.guidance is None else recipe.guidance
    return Settings(guidance, steps, model, adapter, strength)


def read_recipe(receipt: dict[str, Any], folder: Path, guidance: float, steps: int) -> Recipe:
    """The recipe of a receipt that lies in `folder`; StudioError says what is wrong or missing.

    Values of the wrong type raise what they raise: the caller knows the receipt's name.
    """
    parts = tuple(Part(check_prompt(text), float(seconds)) for text, seconds in receipt["parts"])
    redone = tuple(
        Redo(half, check_prompt(text), check_seed(seed), _span(*span))
        for half, text, seed, *span in receipt["redo"]
    )
    if len(redone) > MOST_REDONE or any(one.half not in BODIES for one in redone):
        raise StudioError("The receipt asks for halves of a body that there are not.")
    before, after = (_load(folder / f"{name}.npz", receipt[name]) for name in GIVEN)
    seed = check_seed(receipt["motions"][0]["seed"])
    return Recipe(parts, seed, before, after, redone, guidance, steps)


def command_line(recipe: Recipe, settings: Settings, output: str = "outputs") -> str:
    """The verbs that make a recipe, quoted for a POSIX shell; one for each half made anew."""
    how = ["--guidance", str(settings.guidance), "--steps", str(settings.steps)]
    how += ["--model", settings.model]
    if settings.adapter is not None:
        how += ["--adapter", settings.adapter, "--strength", str(settings.strength)]
    start, lines, motion = ["python", "-m", "engine"], [], "before.npz"
    if recipe.parts:
        words = [f"{part.seconds:g}: {' '.join(part.prompt.split())}" for part in recipe.parts]
        for name in given_files(recipe):
            words += [f"--{Path(name).stem}", name]
        lines.append([*start, "sequence", *words, "--seed", str(recipe.seed), *how])
        motion = f"{output}/sequence.npz"
    for one in recipe.redone:
        text = " ".join(one.prompt.split())
        line = [*start, "redo", motion, "--half", one.half, "--seed", str(one.seed), *how]
        if one.span is not None:
            line += ["--from", f"{one.span[0]:g}", "--to", f"{one.span[1]:g}"]
        lines.append([*line, "--prompt", text])
        motion = f"{output}/redo.npz"
    return " && ".join(shlex.join([*line, "--output", output]) for line in lines)


def _span(*seconds: Any) -> tuple[float, float] | None:
    if not seconds:
        return None
    first, last = seconds
    return float(first), float(last)


def _given(recipe: Recipe) -> list[tuple[str, Motion | None]]:
    return list(zip(GIVEN, (recipe.before, recipe.after), strict=True))


def _load(path: Path, digest: Any) -> Motion | None:
    if digest is None:
        return None
    if not path.is_file():
        raise StudioError(
            f"It starts from a motion that must lie beside the receipt as {path.name}, and does "
            "not. Put it there, or reproduce from the folder that the receipt was written to."
        )
    motion = Motion.load(path, round(LONGEST_SECONDS * FPS))
    if joints_sha256(motion) != digest:
        raise StudioError(f"{path.name} beside the receipt is not the motion that it starts from.")
    return motion
