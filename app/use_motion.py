"""What can be done with the motion on the Generate tab: measure, compare, vote, redo, go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, scene
from app.compare_inputs import BASE, NONE
from app.context import Context
from app.given import shelf_of
from app.inputs import check_prompt
from app.lanes import DONE
from app.notes import IDLE
from app.preferences_inputs import MINE, MOST_TRUE
from app.preferences_poll import Poll
from app.visits import Result
from app.widgets import widget
from engine.commands.score import OPINION
from engine.errors import StudioError
from engine.tuning.prompts import pack_names

if TYPE_CHECKING:
    from app.preferences_work import PreferenceWork
    from app.sequence_work import SequenceWork
    from engine.motion.motion import Motion

LOOK = 0.2  # seconds between two looks at the running job
MOST_TITLE = 60  # characters
Update = dict[Any, Any]
_TO_TOP = "() => window.scrollTo({ top: 0 })"


@dataclass
class Use:
    """The components of the row."""

    sample: gr.Dropdown
    prompt: gr.Textbox
    buttons: dict[str, gr.Button]
    notice: gr.HTML

    def outputs(self) -> list[Any]:
        """What a new result changes."""
        return [self.sample, self.prompt, self.notice]

    def choices(self, result: Result) -> Update:
        """Updates for a result that comes up: its motions, what they are to be, nothing said."""
        names = [(label, k) for k, label in enumerate(scene.labels(result))]
        first = result.motions[0].prompt
        return {
            self.sample: gr.update(choices=names, value=0, visible=len(names) > 1),
            self.prompt: first if result.source else result.wish.prompt,
            self.notice: IDLE,
        }


def build_use() -> Use:
    """Lay out the row inside the current column."""
    with gr.Accordion("Use this motion", open=False, elem_id="use"):
        with gr.Row(elem_classes="es-pair"):
            sample = gr.Dropdown(
                [("Sample 1", 0)], value=0, label="Motion", elem_id="use-sample", min_width=160
            )
            prompt = gr.Textbox(
                label="What is it to be? (a prompt)", lines=1, max_lines=3, elem_id="use-prompt",
                placeholder="a person walks forward", min_width=240, scale=3,
            )  # fmt: skip
        with gr.Row(elem_classes="es-downloads"):
            buttons = {
                name: gr.Button(text, size="sm", min_width=120, elem_id=f"use-{name}")
                for name, text in (
                    ("fit", "How well does it fit?"), ("compare", "Compare with the base"),
                    ("true", "Vote with it as the true one"), ("redo", "Redo a half"),
                    ("before", "Go on from here"), ("after", "Arrive at this motion"),
                )
            }  # fmt: skip
        notice = widget("notice", IDLE, elem_id="use-notice")
    return Use(sample, prompt, buttons, notice)


class UseWork:
    """Handlers of the row; one object serves all visitors."""

    def __init__(
        self, context: Context, parts: Use, sequence: SequenceWork, votes: PreferenceWork
    ) -> None:
        self.context, self.parts = context, parts
        self.sequence, self.votes = sequence, votes

    def wire(self) -> None:
        """Connect the buttons; all tabs must have been built."""
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        free: dict[str, Any] = {"concurrency_limit": None, "trigger_mode": "once", **quiet}
        parts, tabs = self.parts, self.context.tabs
        wish, buttons = [parts.sample, parts.prompt], parts.buttons
        buttons["fit"].click(self.fit, wish, [parts.notice], **free)
        compare, work = self.context.compare
        sides = [part for side in compare.sides for part in (side.model, side.second)]
        changed = [tabs, parts.notice, compare.prompt, compare.blind, *sides]
        buttons["compare"].click(self.compare, wish, changed, **free).success(
            None, None, None, js=_TO_TOP
        ).then(work.compare, compare.inputs(), compare.outputs(), concurrency_limit=None, **quiet)
        asked = self.votes.parts
        buttons["true"].click(
            self.true, wish, [tabs, parts.notice, asked.pack, asked.source, asked.notice], **free
        ).then(None, None, None, js=_TO_TOP)
        for end, act in (("before", self.go_on), ("after", self.arrive)):
            buttons[end].click(
                act, [parts.sample],
                [tabs, parts.notice, *self.sequence.parts.given()], **free,
            ).then(None, None, None, js=_TO_TOP)  # fmt: skip
        buttons["redo"].click(
            self.redo, wish, [tabs, parts.notice, *self.sequence.parts.all()], **free
        ).then(None, None, None, js=_TO_TOP)

    def fit(self, sample: Any, prompt: Any, request: gr.Request) -> Update:
        """The reward's and the evaluator's opinion of motion and prompt."""
        try:
            motion, text = self._motion(sample, request)[1], check_prompt(prompt)
            job = self.context.lane.submit(
                lambda job: self.context.engine.fit(motion, text, job.cancelled)
            )
            while not job.wait(LOOK):
                pass
            if job.state != DONE:
                raise job.error or StudioError("It was stopped.")
            return {self.parts.notice: {"state": "done", "text": fit_text(job.result, text)}}
        except Exception as error:
            return self._failed(error)

    def compare(self, sample: Any, prompt: Any, request: gr.Request) -> Update:
        """The motion on the left of Compare, the base on the right."""
        parts, _ = self.context.compare
        try:
            title, motion = self._motion(sample, request)
            text = check_prompt(prompt)
        except StudioError as error:
            return self._failed(error)
        shelf = shelf_of(self.context.visits.of(request.session_hash))
        value = shelf.add(title, motion)
        models = [(name, name) for name in (BASE, *self.context.engine.adapters())]
        offered = [*models, *shelf.choices()]
        return {
            self.context.tabs: gr.update(selected="compare"),
            self.parts.notice: IDLE,
            parts.left.model: gr.update(choices=offered, value=value),
            parts.right.model: gr.update(choices=offered, value=BASE),
            parts.left.second: NONE,
            parts.right.second: NONE,
            parts.prompt: text,
            parts.blind: False,
        }

    def true(self, sample: Any, prompt: Any, request: gr.Request) -> Update:
        """The motion is the true one of its prompt: Preferences asks for pairs of that prompt."""
        visit, asked = self.context.visits.of(request.session_hash), self.votes.parts
        poll = visit.kept.setdefault("preferences", Poll(visit.voter))
        assert isinstance(poll, Poll)
        try:
            title, motion = self._motion(sample, request)
            text = check_prompt(prompt)
            if len(poll.truths) >= MOST_TRUE:
                raise StudioError(f"There are {MOST_TRUE} true motions. Reload the page for more.")
            motion.validate()
        except StudioError as error:
            return self._failed(error)
        poll.truths[text] = motion
        packs = [(name.capitalize(), name) for name in pack_names()]
        told = (
            f"{title} is the true motion of “{text}”. Show a pair: where both are bad, they lose "
            "against it."
        )
        return {
            self.context.tabs: gr.update(selected="preferences"),
            self.parts.notice: IDLE,
            asked.pack: gr.update(
                choices=[*packs, ("Prompts I gave a true motion of", MINE)], value=MINE
            ),
            asked.source: "seeds",
            asked.notice: {"state": "done", "text": told},
        }

    def redo(self, sample: Any, prompt: Any, request: gr.Request) -> Update:
        """The motion on the Sequence tab, to make half of its body anew."""
        try:
            _, motion = self._motion(sample, request)
            shown = self.sequence.take(motion, request)
        except Exception as error:
            return self._failed(error)
        told = {self.context.tabs: gr.update(selected="sequence"), self.parts.notice: IDLE}
        return {**told, **shown}

    def go_on(self, sample: Any, request: gr.Request) -> Update:
        """The motion as the beginning of the Sequence tab's timeline."""
        return self._give("before", sample, request)

    def arrive(self, sample: Any, request: gr.Request) -> Update:
        """The motion as the end of the Sequence tab's timeline."""
        return self._give("after", sample, request)

    def _give(self, end: str, sample: Any, request: gr.Request) -> Update:
        try:
            title, motion = self._motion(sample, request)
            visit = self.context.visits.of(request.session_hash)
            model = visit.get(visit.current).wish.model
            shown = self.sequence.give(end, title, motion, model, request)
        except StudioError as error:
            return self._failed(error)
        told = {self.context.tabs: gr.update(selected="sequence"), self.parts.notice: IDLE}
        return {**told, **shown}

    def _motion(self, sample: Any, request: gr.Request) -> tuple[str, Motion]:
        """Title and motion of what is chosen on the page, whatever a client may send."""
        visit = self.context.visits.of(request.session_hash)
        result = visit.get(visit.current)
        if type(sample) is not int or not 0 <= sample < len(result.motions):
            raise StudioError("Choose a motion of the result first.")
        return title_of(result, sample), result.motions[sample]

    def _failed(self, error: BaseException) -> Update:
        return {self.parts.notice: notes.failed(errors.sentence(error))}


def title_of(result: Result, sample: int) -> str:
    """What a motion is called on other tabs: its file, or its prompt and seed."""
    if result.source:
        return result.source
    text = result.wish.prompt
    text = text if len(text) <= MOST_TITLE else f"{text[: MOST_TITLE - 1]}…"
    return f"“{text}”, seed {result.wish.seeds[sample]}"


def fit_text(numbers: dict[str, float], prompt: str) -> str:
    """The two opinions in a sentence, and what they are."""
    names = {"reward": "reward", "similarity": "evaluator"}
    said = [f"{names[key]} {numbers[key]:.2f}" for key in names if key in numbers]
    if not said:
        raise StudioError(
            "There is no reward here to ask: checkpoints/reward and checkpoints/evaluator are "
            "missing, or belong to another model."
        )
    return f"How well it fits “{prompt}”, from -1 to 1: {', '.join(said)}. {OPINION}"
