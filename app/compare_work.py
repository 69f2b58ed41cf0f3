"""What the Compare tab does: run both sides, put them up, take the vote, film them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import compare_scene, errors, notes
from app.ballot import Ballot, Booth
from app.compare_inputs import BASE, NONE, CompareWish, check_differ, make_compare_wish
from app.compare_parts import CompareParts
from app.context import Context
from app.engine_access import WARMING
from app.given import FILE, Shelf, shelf_of
from app.lanes import FAILED, Job
from engine.errors import StudioError

if TYPE_CHECKING:
    from engine.compare.pair import Pair

LOOK = 0.1  # seconds between two looks at a running job
QUIET = 0.6  # seconds a slider's motion may take before it is said that it is on its way
BLIND_SEEDS = 1_000_000  # blind pairs get a seed that nobody can generate by name meanwhile

Update = dict[Any, Any]
Values = dict[Any, Any]
Choices = Sequence[str | tuple[str, str]]


class CompareWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, context: Context, parts: CompareParts) -> None:
        self._context = context
        self._engine = context.engine
        self._parts = parts

    def compare(self, values: Values, request: gr.Request) -> Iterator[Update]:
        """Check the wish, wait for its turn, put the pair up; always ends with a sentence."""
        parts, booth = self._parts, self._booth(request)
        blind = values[parts.blind] is True
        if blind:
            values = {**values, parts.seed: secrets.randbelow(BLIND_SEEDS)}
        started = time.monotonic()
        try:
            wish = self._wish(values)
            check_differ(wish.left, wish.right)
            job = self._submit(booth, wish, request)
        except StudioError as error:
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        yield from self._follow(job)
        if booth.job is not job:  # a slider has moved meanwhile, and its pair is on the way
            yield {parts.go: gr.update(interactive=True)}
        elif job.cancelled():
            yield self._idle(notes.CANCELLED_PAIR)
        elif job.state == FAILED and job.error:
            yield self._idle(notes.failed(errors.sentence(job.error)))
        else:
            booth.ballot = Ballot.of(job.result, blind)
            note = notes.compared(wish.prompt, time.monotonic() - started)
            yield {**self._idle(note), **self._show(booth.ballot), **self._no_film()}

    def live(self, values: Values, request: gr.Request) -> Iterator[Update]:
        """A slider moved: the pair on the page again with its new value, without ado.

        Not in a blind round: what moves when a slider moves would tell the sides apart.
        """
        booth, note = self._booth(request), self._parts.notice
        yield gr.skip()  # an event that says nothing empties what it could have changed
        if booth.ballot is None:
            return
        if booth.ballot.hidden or values[self._parts.blind] is True:
            yield {note: notes.NOT_LIVE}
            return
        started = time.monotonic()
        try:
            wish = self._wish(values)
            job = self._submit(booth, wish, request, booth.ballot.pair)
        except StudioError as error:
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        if not job.wait(QUIET):
            yield from self._follow(job)
        if booth.job is not job:
            return
        if job.cancelled():
            yield self._idle(notes.CANCELLED_PAIR)
        elif job.error:
            yield self._idle(notes.failed(errors.sentence(job.error)))
        else:
            booth.ballot = Ballot(job.result, live=True)
            done = notes.compared(wish.prompt, time.monotonic() - started)
            yield {**self._idle(done), **self._show(booth.ballot), **self._no_film()}

    def vote(self, event: gr.EventData, request: gr.Request) -> Update:
        """Take the answer, tell whoever keeps votes, and say who was who."""
        booth = self._booth(request)
        ballot = booth.ballot
        if ballot is None:
            return gr.skip()
        try:
            voter = self._context.visits.of(request.session_hash).voter
            ballot.vote(str(event._data.get("answer", "")), self._context.on_vote, voter)
        except (StudioError, OSError) as error:
            return {self._parts.notice: notes.failed(errors.sentence(error))}
        if not ballot.blind:
            return {self._parts.vote: compare_scene.vote_value(ballot)}
        self._stop_film(booth)  # its captions tell nothing yet
        ballot.video = None
        return {
            **self._show(ballot), **self._no_film(), self._parts.notice: notes.IDLE_PAIR,
            self._parts.seed: ballot.pair.seed,
        }  # fmt: skip

    def film(self, request: gr.Request) -> Iterator[Update]:
        """Render the pair side by side with its names, with progress."""
        booth, parts = self._booth(request), self._parts
        ballot = booth.ballot
        yield gr.skip()  # as in `live`
        if ballot is None:
            return
        if ballot.video is None:
            try:
                job = booth.film = self._context.film_lane.submit(
                    lambda job: self._render(ballot, request, job)
                )
            except StudioError as error:
                yield {**self._no_film(), parts.film_notice: notes.failed(str(error))}
                return
            while not job.ended and not job.cancelled():
                note = notes.filming(job, self._context.film_lane)
                yield {parts.film: gr.update(interactive=False), parts.film_notice: note}
                job.wait(2 * LOOK)
            if booth.film is not job or booth.ballot is not ballot:
                return
            if job.cancelled() or job.error:
                reason = errors.sentence(job.error) if job.error else "It was stopped."
                yield {**self._no_film(), parts.film_notice: notes.failed(reason)}
                return
            ballot.video = job.result
        path = str(ballot.video)
        yield {
            parts.film: gr.update(visible=False),
            parts.film_notice: notes.IDLE,
            parts.video: gr.update(value=path, visible=True),
            parts.download: gr.update(value=path, visible=True),
        }

    def cancel(self, request: gr.Request) -> None:
        """Stop whatever runs for this visitor's pair."""
        self._booth(request).stop_pair()

    def refresh(self, values: Values, request: gr.Request) -> Update:
        """The tab was opened: offer the models there are by now."""
        names, own = self._engine.adapters(), self._shelf(request).choices()
        models = [BASE, *names]
        updates: Update = {}
        if self._booth(request).ballot is None:
            updates[self._parts.notice] = notes.IDLE_PAIR if names else notes.NO_TUNED
        for side in self._parts.sides:
            updates[side.model] = _offer([*models, *own], values[side.model])
            updates[side.second] = _offer([NONE, *names], values[side.second])
        right = self._parts.right.model
        if names and values[right] == BASE and values[self._parts.left.model] == BASE:
            updates[right] = gr.update(choices=_pairs([*models, *own]), value=names[0])
        return updates

    def switch(self, values: Values) -> Update:
        """Strengths can be moved where there is something they act on."""
        updates: Update = {}
        for side in self._parts.sides:
            own = str(values[side.model]).startswith(FILE)
            model = values[side.model] != BASE and not own
            updates[side.strength] = gr.update(interactive=model)
            updates[side.second_strength] = gr.update(interactive=values[side.second] != NONE)
            tuned = model or values[side.second] != NONE
            accent = "other" if own else "tuned" if tuned else "base"
            updates[side.box] = gr.update(elem_classes=side_classes(accent))
        return updates

    def _booth(self, request: gr.Request) -> Booth:
        visit = self._context.visits.of(request.session_hash)
        booth = visit.kept.setdefault("compare", Booth())
        assert isinstance(booth, Booth)
        return booth

    def _shelf(self, request: gr.Request) -> Shelf:
        return shelf_of(self._context.visits.of(request.session_hash))

    def _wish(self, values: Values) -> CompareWish:
        parts = self._parts
        left, right = ([values[part] for part in side.all()] for side in parts.sides)
        usual, _ = self._engine.sampling()
        return make_compare_wish(
            values[parts.prompt], values[parts.seconds], values[parts.seed], left, right, usual
        )

    def _submit(
        self, booth: Booth, wish: CompareWish, request: gr.Request, before: Pair | None = None
    ) -> Job:
        booth.stop_pair()
        shelf = self._shelf(request).items
        booth.job = self._context.lane.submit(
            lambda job: self._engine.compare(wish, job.cancelled, before, shelf)
        )
        return booth.job

    def _stop_film(self, booth: Booth) -> None:
        if booth.film:
            booth.film.cancel()
        booth.film = None

    def _follow(self, job: Job) -> Iterator[Update]:
        told: Any = None
        try:
            while not job.ended and not job.cancelled():
                warming = self._engine.status.state == WARMING
                note = notes.waiting(job, self._context.lane, warming)
                if note != told:
                    told = note
                    yield {
                        self._parts.notice: note, self._parts.go: gr.update(interactive=False)
                    }  # fmt: skip
                job.wait(LOOK)
        except GeneratorExit:  # the page was closed
            job.cancel()
            raise

    def _idle(self, note: dict[str, Any]) -> Update:
        return {self._parts.notice: note, self._parts.go: gr.update(interactive=True)}

    def _show(self, ballot: Ballot) -> Update:
        return {
            self._parts.player: compare_scene.pair_value(ballot, self._context.body),
            self._parts.vote: compare_scene.vote_value(ballot),
            self._parts.numbers: compare_scene.numbers_value(ballot),
        }

    def _no_film(self) -> Update:
        return {
            self._parts.film: gr.update(visible=True, interactive=True),
            self._parts.film_notice: notes.IDLE,
            self._parts.video: gr.update(value=None, visible=False),
            self._parts.download: gr.update(visible=False),
        }

    def _render(self, ballot: Ballot, request: gr.Request, job: Job) -> Any:
        def progress(share: float) -> None:
            job.progress = share

        hidden = "-blind" if ballot.hidden else ""
        folder = self._context.visits.of(request.session_hash).folder / ballot.id
        motions = [side.motion for side in ballot.sides]
        return self._engine.render(
            motions, folder / f"compared{hidden}.mp4", ballot.names, progress, job.cancelled,
            ballot.accents,
        )  # fmt: skip


def side_classes(accent: str) -> list[str]:
    """A side's card wears the colour of what it stands for."""
    return ["es-side", f"es-side-{accent}"]


def _offer(choices: Choices, chosen: Any) -> Any:
    pairs = _pairs(choices)
    values = [value for _, value in pairs]
    return gr.update(choices=pairs, value=chosen if chosen in values else values[0])


def _pairs(choices: Choices) -> list[tuple[str, str]]:
    return [one if isinstance(one, tuple) else (one, one) for one in choices]
