"""What the Sequence tab does: make sequences, redo halves, film, put files in reach."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, scene
from app.context import Context
from app.engine_access import WARMING
from app.inputs import MAX_SEED, Wish, check_prompt, check_whole
from app.lanes import DONE, Job, Lane
from app.notes import IDLE
from app.sequence_files import ZIP, write_files, write_zip
from app.sequence_parts import Kept, Made, Parts, Update
from app.visits import Result
from engine.edit.parts import MAX_PARTS, Part, Recipe, Redo
from engine.errors import StudioError
from engine.motion.halves import HALVES

if TYPE_CHECKING:
    from engine.edit.sequence import LongMotion
    from engine.motion.motion import Motion

LOOK = 0.1  # seconds between two looks at the running job
NAME = "sequence"
MOST_REDONE = 10
_MOST_LETTERS = 40_000  # of what the timeline sends


class SequenceWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, context: Context, parts: Parts) -> None:
        self.context = context
        self.parts = parts

    def make(self, timeline: Any, seed: Any, request: gr.Request) -> Iterator[Update]:
        """Check the timeline, wait for its turn, show the motion; always ends with a sentence."""
        kept = self._kept(request)

        def begin() -> tuple[Recipe, None]:
            first = check_whole(seed, "seed", 0, MAX_SEED - 99)
            return Recipe(tuple(read_timeline(timeline)), first), None

        yield from self._run(kept, begin)

    def redo(self, half: Any, text: Any, seed: Any, request: gr.Request) -> Iterator[Update]:
        """Make half of the body on the page anew by a prompt; the other half stays."""
        kept = self._kept(request)

        def begin() -> tuple[Recipe, Made]:
            if kept.made is None:
                raise StudioError("There is no motion to redo yet. Make a sequence first.")
            if half not in HALVES:
                raise StudioError("Choose the upper or the lower body.")
            before = kept.made.recipe
            if len(before.redone) >= MOST_REDONE:
                raise StudioError(f"Halves were redone {MOST_REDONE} times; take some back first.")
            change = Redo(half, check_prompt(text), check_whole(seed, "seed", 0, MAX_SEED - 99))
            return replace(before, redone=(*before.redone, change)), kept.made

        yield from self._run(kept, begin)

    def take(self, motion: Motion, request: gr.Request) -> Update:
        """Put a motion of another tab on the page, to redo halves of it."""
        from engine.edit.sequence import LongMotion, no_latents

        kept = self._kept(request)
        kept.stop()
        recipe = Recipe((), motion.seed or 0, before=motion)
        made = self._files(kept, recipe, LongMotion(motion, (0,), no_latents()), None)
        kept.made = made
        return {**self._idle(IDLE), **self._shown(made)}

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

    def _run(self, kept: Kept, begin: Callable[[], tuple[Recipe, Made | None]]) -> Iterator[Update]:
        kept.stop()
        try:
            recipe, earlier = begin()
            job = kept.job = self.context.lane.submit(
                lambda job: self._made(kept, recipe, earlier, job)
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

    def _made(self, kept: Kept, recipe: Recipe, earlier: Made | None, job: Job) -> Made:
        """Make the motion and its files."""

        def progress(share: float) -> None:
            job.progress = share

        made = self.context.engine.sequence(
            recipe, progress, job.cancelled, None if earlier is None else earlier.long
        )
        return self._files(kept, recipe, made, earlier)

    def _files(
        self, kept: Kept, recipe: Recipe, made: LongMotion, earlier: Made | None
    ) -> Made:  # fmt: skip
        folder = kept.folder / secrets.token_hex(8)
        if earlier is None:
            shutil.rmtree(kept.folder, ignore_errors=True)  # one sequence a visitor is kept
        receipt = self.context.engine.sequence_receipt(recipe, made.motion)
        body = self.context.body
        paths = write_files(
            folder, recipe, made.motion, receipt, None if body is None else body.path
        )
        files = self.parts.files
        updates: Update = {
            files[name]: gr.update(value=str(path), visible=True) for name, path in paths.items()
        }
        updates[self.parts.line] = receipt["command"]
        return Made(
            recipe, made, folder, told(recipe, made), updates, receipt, earlier=earlier
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


def read_timeline(value: Any) -> list[Part]:
    """Parts of what the browser sent, whatever it is; StudioError when it is no timeline."""
    text = value if isinstance(value, str) else ""
    try:
        rows = json.loads(text[:_MOST_LETTERS])
        parts = [Part(str(row["text"]), float(row["seconds"])) for row in rows]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise StudioError("The timeline could not be read. Reload the page.") from error
    if not 1 <= len(parts) <= MAX_PARTS:
        raise StudioError(f"A sequence has 1 to {MAX_PARTS} parts, not {len(parts)}.")
    for number, part in enumerate(parts, start=1):
        if not part.prompt.strip():
            raise StudioError(f"Say what the person does in part {number}.")
    return [Part(check_prompt(part.prompt), part.seconds) for part in parts]


def told(recipe: Recipe, made: LongMotion) -> str:
    """How long it is, when each part begins, what was made anew."""
    begins = ", ".join(
        f"{start / made.motion.fps:.1f} s “{part.prompt}”"
        for part, start in zip(recipe.parts, made.starts, strict=False)
    )
    said = f"{made.motion.seconds:.1f} seconds in one motion"
    said += f": {begins}" if begins else ""
    return said + "".join(
        f". {one.half.capitalize()} body: “{one.prompt}”" for one in recipe.redone
    )
