"""What the Sequence tab does: make sequences, redo halves, film, put files in reach."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, scene
from app.context import Context
from app.engine_access import WARMING
from app.given import Given
from app.inputs import MAX_SEED, Wish, check_prompt, check_whole
from app.lanes import DONE, Job, Lane
from app.notes import IDLE
from app.sequence_files import ZIP, write_files, write_zip
from app.sequence_model import Chosen, offered, read_chosen
from app.sequence_parts import Kept, Made, Parts, Update
from app.sequence_words import read_span, read_timeline, redone_text, timeline_value, told
from app.visits import Result
from engine.commands.edit_receipt import GIVEN
from engine.edit.parts import BODIES, Recipe, Redo
from engine.errors import StudioError

if TYPE_CHECKING:
    from engine.motion.motion import Motion

LOOK = 0.1  # seconds between two looks at the running job
NAME = "sequence"
MOST_REDONE = 10


class SequenceWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, context: Context, parts: Parts) -> None:
        self.context = context
        self.parts = parts

    def make(
        self, timeline: Any, seed: Any, model: Any, strength: Any, request: gr.Request
    ) -> Iterator[Update]:
        """Check the timeline, wait for its turn, show the motion; always ends with a sentence."""
        kept = self._kept(request)

        def begin() -> tuple[Recipe, None]:
            first = check_whole(seed, "seed", 0, MAX_SEED - 99)
            before, after = (
                kept.ends[name].motion if name in kept.ends else None for name in GIVEN
            )
            return Recipe(tuple(read_timeline(timeline)), first, before, after), None

        yield from self._run(kept, begin, model, strength)

    def redo(
        self,
        half: Any,
        text: Any,
        first: Any,
        last: Any,
        seed: Any,
        model: Any,
        strength: Any,
        request: gr.Request,
    ) -> Iterator[Update]:
        """Make half of the body, or some seconds, anew by a prompt; all else stays."""
        kept = self._kept(request)

        def begin() -> tuple[Recipe, Made]:
            if kept.made is None:
                raise StudioError("There is no motion to redo yet. Make a sequence first.")
            if half not in BODIES:
                raise StudioError("Choose the upper, the lower or the whole body.")
            span = read_span(half, first, last, kept.made.long.motion.seconds)
            before = kept.made.recipe
            if len(before.redone) >= MOST_REDONE:
                raise StudioError(f"It was redone {MOST_REDONE} times; take some back first.")
            start = check_whole(seed, "seed", 0, MAX_SEED - 99)
            change = Redo(half, check_prompt(text), start, span)
            return replace(before, redone=(*before.redone, change)), kept.made

        yield from self._run(kept, begin, model, strength)

    def take(self, motion: Motion, request: gr.Request) -> Update:
        """Put a motion of another tab on the page, to redo halves of it."""
        kept = self._kept(request)
        kept.stop()
        recipe = Recipe((), motion.seed or 0, before=motion)
        own = Chosen(self.context.engine.models()[0])
        job = self.context.lane.submit(lambda job: self._made(kept, recipe, own, None, {}, job))
        while not job.wait(LOOK):
            pass
        if job.state != DONE:
            raise job.error or StudioError("It was stopped.")
        kept.made = job.result
        return {**self._idle(IDLE), **self._shown(job.result)}

    def give(self, end: str, title: str, motion: Motion, model: str, request: gr.Request) -> Update:
        """Put a motion of another tab at an end of the timeline, "before" or "after" its parts.

        `model` is the one that made it: it goes on with the next parts, where it is offered.
        """
        kept, parts = self._kept(request), self.parts
        motion.validate()
        kept.ends[end] = Given(title, motion)
        return {
            parts.timeline: timeline_value(kept.ends),
            parts.model: offered(self.context.engine, model),
            parts.notice: notes.given(end),
        }

    def drop(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Take a given motion off the timeline; returns what it shows then."""
        kept = self._kept(request)
        kept.ends.pop(str(event._data.get("end")), None)
        return timeline_value(kept.ends)

    def undo(self, request: gr.Request) -> Update:
        """Back to the motion before the last half was made anew."""
        kept = self._kept(request)
        if kept.made is None or kept.made.earlier is None:
            return gr.skip()
        kept.stop()
        kept.made = kept.made.earlier
        return {**self._idle(IDLE), **self._shown(kept.made)}

    def film(self, request: gr.Request) -> Iterator[Update]:
        """Render the motion on the page, with progress."""
        kept, parts = self._kept(request), self.parts
        made = kept.made
        yield gr.skip()  # an event that says nothing empties what it could have changed
        if made is None:
            return
        if made.video is None:
            try:
                job = kept.film = self.context.film_lane.submit(lambda job: self._film(made, job))
            except StudioError as error:
                yield {parts.film_notice: notes.failed(errors.sentence(error))}
                return
            for note in _told(job, self.context.film_lane, notes.filming):
                yield {parts.film_notice: note, parts.film: gr.update(interactive=False)}
            if kept.made is not made:
                return
            if job.state != DONE:
                reason = job.error or StudioError("The video was stopped.")
                note = notes.failed(errors.sentence(reason))
                yield {parts.film_notice: note, parts.film: gr.update(interactive=True)}
                return
        yield self._filmed(made)

    def cancel(self, request: gr.Request) -> None:
        """Stop the sequence that is being made for this visitor."""
        self._kept(request).stop()

    def _run(
        self, kept: Kept, begin: Callable[[], tuple[Recipe, Made | None]], model: Any, strength: Any
    ) -> Iterator[Update]:
        kept.stop()
        try:
            chosen = read_chosen(self.context.engine, model, strength)
            recipe, earlier = begin()
            if earlier is not None and earlier.made_by_another(chosen):
                recipe = restarted(recipe, earlier)
            ends = dict(kept.ends)  # the timeline may change before it is this one's turn
            job = kept.job = self.context.lane.submit(
                lambda job: self._made(kept, recipe, chosen, earlier, ends, job)
            )
        except StudioError as error:
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        yield from self._follow(job)
        if job.cancelled():
            yield self._idle(notes.CANCELLED_SEQUENCE)
        elif job.state != DONE:
            yield self._idle(notes.failed(errors.sentence(job.error or StudioError("Stopped."))))
        else:
            kept.made = job.result
            yield {**self._idle(IDLE), **self._shown(job.result)}

    def _kept(self, request: gr.Request) -> Kept:
        visit = self.context.visits.of(request.session_hash)
        found = visit.kept.get(NAME)
        if not isinstance(found, Kept):
            found = visit.kept[NAME] = Kept(visit.folder / NAME)
        return found

    def _follow(self, job: Job) -> Iterator[Update]:
        warming = self.context.engine.status.state == WARMING

        def note(job: Job, lane: Lane) -> dict[str, Any]:
            return {**notes.waiting(job, lane, warming), "progress": job.progress}

        try:
            for told in _told(job, self.context.lane, note):
                off = gr.update(interactive=False)
                yield {self.parts.notice: told, self.parts.go: off, self.parts.redo: off}
        except GeneratorExit:  # the page was closed
            job.cancel()
            raise

    def _made(
        self,
        kept: Kept,
        recipe: Recipe,
        chosen: Chosen,
        earlier: Made | None,
        ends: Mapping[str, Given],
        job: Job,
    ) -> Made:
        """Make the motion and its files."""

        def progress(share: float) -> None:
            job.progress = share

        made, receipt = self.context.engine.sequence(
            recipe, progress, job.cancelled, None if earlier is None else earlier.long, chosen
        )
        folder = kept.folder / secrets.token_hex(8)
        if earlier is None:
            shutil.rmtree(kept.folder, ignore_errors=True)  # one sequence a visitor is kept
        body = self.context.body
        paths = write_files(
            folder, recipe, made.motion, receipt, None if body is None else body.path
        )
        files = self.parts.files
        updates: Update = {
            files[name]: gr.update(value=str(path), visible=True) for name, path in paths.items()
        }
        updates[self.parts.line] = receipt["command"]
        own = self.context.engine.models()[0]
        by = "" if chosen.label == own else chosen.label
        if earlier is None:
            said = told(recipe, made, ends, by)
        else:
            said = f"{earlier.told}. {redone_text(recipe.redone[-1], by)}"
        return Made(
            recipe, made, folder, said, updates, chosen, receipt, earlier=earlier
        )  # fmt: skip

    def _shown(self, made: Made) -> Update:
        motion, parts = made.long.motion, self.parts
        wish = Wish(motion.prompt, motion.seconds, made.recipe.seed, 1, 0.0, 0, "")
        result = Result(secrets.token_hex(8), wish, [motion], made.folder, source=motion.prompt)
        return {
            parts.player: scene.player_value(result, body=self.context.body),
            parts.panel: gr.update(visible=True),
            parts.undo: gr.update(visible=made.earlier is not None),
            parts.notice: {"state": "done", "text": made.told},
            **made.updates,
            **self._filmed(made),
        }

    def _filmed(self, made: Made) -> Update:
        path, parts = None if made.video is None else str(made.video), self.parts
        return {
            parts.film_notice: IDLE,
            parts.video: gr.update(value=path, visible=path is not None),
            parts.film: gr.update(visible=path is None, interactive=True),
            parts.files["mp4"]: gr.update(value=path, visible=path is not None),
            # Said again, because the page copies a file when it is told of it.
            parts.files["zip"]: gr.update(value=str(made.folder / ZIP), visible=True),
        }

    def _film(self, made: Made, job: Job) -> None:
        def progress(share: float) -> None:
            job.progress = share

        path, motion = made.folder / "sequence.mp4", made.long.motion
        self.context.engine.render([motion], path, [motion.prompt], progress, job.cancelled)
        write_zip(made.folder, made.recipe, motion, made.receipt, path)
        made.video = path

    def _idle(self, note: dict[str, Any]) -> Update:
        on = gr.update(interactive=True)
        return {self.parts.notice: note, self.parts.go: on, self.parts.redo: on}


def _told(
    job: Job, lane: Lane, note: Callable[[Job, Lane], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Every new thing there is to say about a running job."""
    before: Any = None
    while not job.ended and not job.cancelled():
        now = note(job, lane)
        if now != before:
            before = now
            yield now
        job.wait(LOOK)


def restarted(recipe: Recipe, earlier: Made) -> Recipe:
    """The last redo of a recipe on what was there before, taken as a motion that is given.

    One receipt names one model: what another one made is kept beside it, not made again.
    """
    return Recipe((), recipe.seed, before=earlier.long.motion, redone=recipe.redone[-1:])
