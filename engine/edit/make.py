"""A recipe made: the parts of a sequence, then halves of the body anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.edit.parts import Recipe, Redo
from engine.edit.redo import redo
from engine.edit.sequence import LongMotion, make_sequence, no_latents
from engine.edit.span import redo_span
from engine.errors import StudioError
from engine.pipeline import MotionPipeline


def make(
    pipeline: MotionPipeline,
    recipe: Recipe,
    *,
    cancel: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> LongMotion:
    """The motion of a recipe; StudioError for what cannot be made, Cancelled on `cancel`."""
    made = _begun(pipeline, recipe, cancel, progress)
    for change in recipe.redone:
        made = remake(pipeline, made, change, recipe, cancel=cancel)
    return made


def remake(
    pipeline: MotionPipeline,
    made: LongMotion,
    change: Redo,
    recipe: Recipe,
    *,
    cancel: Callable[[], bool] | None = None,
) -> LongMotion:
    """One more half or while made anew, with the guidance and steps of the recipe."""
    if change.span is not None or change.half == "whole":
        motion = redo_span(
            pipeline, made.motion, change, guidance=recipe.guidance, steps=recipe.steps,
            cancel=cancel,
        )  # fmt: skip
        return replace(made, motion=motion)
    motion = redo(
        pipeline, made.motion, change.prompt, change.half, change.seed, guidance=recipe.guidance,
        steps=recipe.steps, cancel=cancel,
    )  # fmt: skip
    return replace(made, motion=motion)


def _begun(
    pipeline: MotionPipeline,
    recipe: Recipe,
    cancel: Callable[[], bool] | None,
    progress: Callable[[float], None] | None,
) -> LongMotion:
    if recipe.parts:
        return make_sequence(
            pipeline, recipe.parts, recipe.seed, before=recipe.before, after=recipe.after,
            guidance=recipe.guidance, steps=recipe.steps, cancel=cancel, progress=progress,
        )  # fmt: skip
    if recipe.before is None:
        raise StudioError("There is nothing to edit: give parts of a sequence, or a motion.")
    return LongMotion(recipe.before, (0,), no_latents())
