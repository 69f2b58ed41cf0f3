"""Which model the Sequence tab uses: one of checkpoints/, or a tuned one at a strength."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.compare_engine import choice
from app.compare_inputs import MAX_STRENGTH, SideWish
from app.inputs import check_number
from engine.errors import StudioError

if TYPE_CHECKING:
    from engine.edit.parts import Recipe
    from engine.edit.sequence import LongMotion
    from engine.pipeline import MotionPipeline

TUNED = "tuned:"  # begins the value of a tuned model where models can be chosen


@dataclass(frozen=True)
class Chosen:
    """A model by name and, if any, the tuned one that is applied to it, with its strength."""

    model: str
    adapter: str | None = None
    strength: float = 1.0

    @property
    def label(self) -> str:
        """For people: "base", "feet", "feet × 0.8"."""
        if self.adapter is None:
            return self.model
        return self.adapter if self.strength == 1 else f"{self.adapter} × {self.strength:g}"


def build_model(engine: Any) -> tuple[gr.Dropdown, gr.Slider]:
    """The list of models and the strength, inside the current row."""
    offered = choices(engine)
    model = gr.Dropdown(
        offered, value=offered[0][1], label="Model", elem_id="sequence-model", min_width=160,
        scale=2,
    )  # fmt: skip
    strength = gr.Slider(
        0.0, MAX_STRENGTH, 1.0, step=0.05, label="Strength if tuned", buttons=[],
        elem_id="sequence-strength", min_width=160, scale=2,
    )  # fmt: skip
    return model, strength


def choices(engine: Any) -> list[tuple[str, str]]:
    """Names and values of all models there are: the page's own first, tuned ones last."""
    models = [(name, name) for name in engine.models()]
    return [*models, *((f"{name} (tuned)", TUNED + name) for name in engine.adapters())]


def offered(engine: Any, chosen: Any) -> Any:
    """The list as it is by now, with what was chosen if it is still there."""
    names = choices(engine)
    kept = chosen if chosen in [value for _, value in names] else names[0][1]
    return gr.update(choices=names, value=kept)


def read_chosen(engine: Any, value: Any, strength: Any) -> Chosen:
    """What is chosen, whatever a client may send; StudioError says what to change."""
    if value not in [known for _, known in choices(engine)]:
        raise StudioError("There is no such model any more. Choose one from the list.")
    if not str(value).startswith(TUNED):
        return Chosen(str(value))
    share = check_number(strength, "strength", 0.0, MAX_STRENGTH)
    own: str = engine.models()[0]
    return Chosen(own, str(value).removeprefix(TUNED), share) if share else Chosen(own)


def make_with(
    pipeline: MotionPipeline,
    chosen: Chosen,
    name: str,
    recipe: Recipe,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    before: LongMotion | None = None,
) -> tuple[LongMotion, dict[str, Any]]:
    """The motion of a recipe by the chosen model, and its receipt, which calls the model `name`.

    `before` is what the recipe gave without its last redo, so that it need not be made again.
    Others who use the pipeline must wait meanwhile.
    """
    from engine.commands.edit_receipt import edit_receipt, settings_of
    from engine.compare.choice import worn
    from engine.edit.make import make, remake

    tuned = () if chosen.adapter is None else ((chosen.adapter, chosen.strength),)
    with worn(pipeline, choice(SideWish(tuned))):
        if before is not None and recipe.redone:
            made = remake(pipeline, before, recipe.redone[-1], recipe, cancel=cancelled)
        else:
            made = make(pipeline, recipe, progress=progress, cancel=cancelled)
        settings = settings_of(pipeline, recipe, name, chosen.adapter, chosen.strength)
        return made, edit_receipt(pipeline, recipe, made.motion, settings)
