"""What the Generate tab does: run a wish in its turn, film the result, cancel, restore."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, scene
from app.commands import generate_line, import_line
from app.engine_access import WARMING, Engine
from app.inputs import Wish, make_wish
from app.lanes import DONE, FAILED, Job, Lane
from app.visits import Result, Visit, Visits
from engine.errors import StudioError

if TYPE_CHECKING:
    from app.body import PageBody
    from app.exports import Exports, ExportWork
    from app.use_motion import Use

LOOK = 0.1  # seconds between two looks at a running job

Update = dict[Any, Any]


@dataclass
class Parts:
    """The components that results appear in."""

    go: gr.Button
    notice: gr.HTML
    player: gr.HTML
    panel: gr.Column
    film_notice: gr.HTML
    video: gr.Video
    film: gr.DownloadButton
    again: gr.Button
    motions: list[gr.DownloadButton]
    line: gr.Textbox
    history: Any = None
    exports: Exports | None = None
    use: Use | None = None
    wishes: list[Any] = field(default_factory=list)

    def outputs(self) -> list[Any]:
        """Everything a new or restored result may change."""
        return [
            self.go, self.notice, self.player, self.panel, self.film_notice,
            self.video, self.film, self.again, *self.motions, self.line, self.history,
            *self.wishes, *self._exported(),
        ]  # fmt: skip

    def _exported(self) -> list[Any]:
        exports = [] if self.exports is None else [self.exports.sample, *self.exports.outputs()]
        return exports if self.use is None else [*exports, *self.use.outputs()]

    def film_outputs(self) -> list[Any]:
        """Everything the video may change."""
        return [self.film_notice, self.video, self.film, self.again]


class GenerateWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, engine: Engine, visits: Visits, lane: Lane, film_lane: Lane) -> None:
        self.engine = engine
        self.visits = visits
        self.lane = lane
        self.film_lane = film_lane
        self.body: PageBody | None = None
        self.exports: ExportWork | None = None
        self.parts: Parts

    def generate(
        self,
        prompt: Any,
        seconds: Any,
        seed: Any,
        samples: Any,
        guidance: Any,
        steps: Any,
        model: Any,
        request: gr.Request,
    ) -> Iterator[Update]:
        """Check the wish, wait for its turn, show the result; always ends with a sentence."""
        visit = self.visits.of(request.session_hash)
        visit.stop()
        try:
            wish = make_wish(prompt, seconds, seed, samples, guidance, steps, model)
            job = self.lane.submit(lambda job: self.engine.generate(wish, job.cancelled))
        except StudioError as error:
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        visit.job = job
        started = time.monotonic()
        yield from self._follow(job)
        if job.cancelled():
            yield self._idle(notes.CANCELLED)
        elif job.state == FAILED and job.error:
            yield self._idle(notes.failed(errors.sentence(job.error)))
        else:
            yield self._finish(visit, wish, job, time.monotonic() - started)

    def film(self, request: gr.Request) -> Iterator[Update]:
        """Render the video of the newest result behind the player, with progress."""
        visit = self.visits.of(request.session_hash)
        wanted, visit.to_film = visit.to_film, ""
        result = visit.results.get(wanted)
        yield gr.skip()  # an event that says nothing empties what it could have changed
        if result is None:
            return
        if result.video is None:
            try:
                job = visit.video_job = self.film_lane.submit(
                    lambda job: film_result(self.engine, result, job)
                )
            except StudioError as error:
                yield self._film_failed(error)
                return
            yield from self._follow_film(job)
            if visit.video_job is not job:  # a newer result has taken the place on the page
                return
            if job.state != DONE:
                yield self._film_failed(None if job.cancelled() else job.error)
                return
        yield self._film_done(result)

    def cancel(self, request: gr.Request) -> None:
        """Stop whatever runs for this visitor; the running handlers say so themselves."""
        self.visits.of(request.session_hash).cancel()

    def ask_for_film(self, request: gr.Request) -> Update:
        """Mark the result on the page as the one to film; `film` runs next."""
        visit = self.visits.of(request.session_hash)
        visit.to_film = visit.current
        return {self.parts.again: gr.update(visible=False)}

    def restore(self, event: gr.EventData, request: gr.Request) -> Update:
        """Bring a result of this visit back, with the settings that made it."""
        visit = self.visits.of(request.session_hash)
        try:
            result = visit.get(str(event._data.get("id", "")))
        except StudioError as error:
            return self._idle(notes.failed(errors.sentence(error)))
        visit.stop_film()
        visit.current = visit.to_film = result.id
        wish = result.wish
        values = (
            wish.prompt, wish.seconds, wish.seed, wish.samples, wish.guidance, wish.steps,
            wish.model,
        )  # fmt: skip
        settings = dict(zip(self.parts.wishes, values, strict=True))
        return {**self.show(visit, result), **settings, self.parts.notice: notes.IDLE}

    def leave(self, request: gr.Request) -> None:
        """The page was closed: stop its jobs and delete its files."""
        self.visits.end(request.session_hash)

    def _follow(self, job: Job) -> Iterator[Update]:
        """Say what a generating job waits for until it ends or is cancelled."""
        told: Any = None
        parts = self.parts
        try:
            while not job.ended and not job.cancelled():
                note = notes.waiting(job, self.lane, self.engine.status.state == WARMING)
                if note != told:
                    told = note
                    yield {
                        parts.notice: note,
                        parts.go: gr.update(interactive=False),
                    }
                job.wait(LOOK)
        except GeneratorExit:  # the page was closed
            job.cancel()
            raise

    def _follow_film(self, job: Job) -> Iterator[Update]:
        told: Any = None
        parts = self.parts
        while not job.ended and not job.cancelled():
            note = notes.filming(job, self.film_lane)
            if note != told:
                told = note
                yield {parts.film_notice: note}
            job.wait(LOOK)

    def _idle(self, note: dict[str, Any]) -> Update:
        return {
            self.parts.notice: note,
            self.parts.go: gr.update(interactive=True),
        }

    def _finish(self, visit: Visit, wish: Wish, job: Job, seconds: float) -> Update:
        try:
            result = visit.add(wish, job.result)
        except (StudioError, OSError) as error:
            return self._idle(notes.failed(errors.sentence(error)))
        visit.to_film = result.id
        return {**self._idle(notes.done(result, seconds)), **self.show(visit, result)}

    def show(self, visit: Visit, result: Result) -> Update:
        """Updates that put a result on the page, its video still to come."""
        parts = self.parts
        updates: Update = {
            parts.player: scene.player_value(result, body=self.body),
            parts.panel: gr.update(visible=True),
            parts.line: (
                import_line(result.source) if result.source else generate_line(result.wish)
            ),
            parts.history: scene.history_value(list(visit.results.values()), visit.current),
            parts.film_notice: notes.IDLE,
            parts.video: gr.update(value=None, visible=False),
            parts.film: gr.update(visible=False),
            parts.again: gr.update(visible=False),
        }
        for k, button in enumerate(parts.motions):
            there = k < len(result.files)
            updates[button] = gr.update(
                visible=there, value=str(result.files[k]) if there else None
            )
        if parts.use is not None:
            updates |= parts.use.choices(result)
        return updates if self.exports is None else updates | self.exports.choices(result)

    def _film_done(self, result: Result) -> Update:
        path = str(result.video)
        return {
            self.parts.film_notice: notes.IDLE,
            self.parts.video: gr.update(value=path, visible=True),
            self.parts.film: gr.update(value=path, visible=True),
            self.parts.again: gr.update(visible=False),
        }

    def _film_failed(self, error: BaseException | None) -> Update:
        note = (
            notes.VIDEO_CANCELLED
            if error is None
            else notes.failed(f"No video this time. {errors.sentence(error)}")
        )
        return {
            self.parts.film_notice: note,
            self.parts.again: gr.update(visible=True),
        }


def film_result(engine: Engine, result: Result, job: Job) -> Path:
    """Render the video of a result and remember it there."""

    def progress(share: float) -> None:
        job.progress = share

    path = result.folder / "motion.mp4"
    captions = scene.labels(result)
    result.video = engine.render(result.motions, path, captions, progress, job.cancelled)
    return result.video
