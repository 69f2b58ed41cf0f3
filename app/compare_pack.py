"""A whole pack on the Compare tab: both models on every prompt, who wins, and a grid to look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, pack_scene
from app.ballot import Booth
from app.compare_inputs import PackWish, make_pack_wish
from app.compare_parts import CompareParts
from app.context import Context
from app.lanes import Job
from app.widgets import grid_player, widget

if TYPE_CHECKING:
    from engine.compare.pack import PackRun

LOOK = 0.1  # seconds between two looks at a running job
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

Update = dict[Any, Any]
Values = dict[Any, Any]


@dataclass
class PackParts:
    """The components of the section."""

    pack: gr.Dropdown
    go: gr.Button
    cancel: gr.Button
    notice: gr.HTML
    rate: gr.HTML
    grid: gr.HTML


def build_pack(context: Context, pair: CompareParts) -> tuple[PackParts, PackWork]:
    """Lay the section out under the pair and wire its events, except for opening a prompt."""
    packs = context.engine.packs()
    names = [(f"{name} ({count})", name) for name, count in packs.items()]
    with gr.Column(elem_classes="es-pack-part", elem_id="pack-part"):
        with gr.Row(elem_classes="es-pack-row", equal_height=False):
            pack = gr.Dropdown(
                names, value=names[0][1] if names else None, scale=3, min_width=220,
                label="The same two models on a whole pack of prompts", elem_id="pack",
            )  # fmt: skip
            go = gr.Button("Whole pack", elem_id="pack-go", scale=1, min_width=140)
            cancel = gr.Button("Cancel", elem_id="pack-cancel", scale=0, min_width=96)
        notice = widget("notice", notes.IDLE, elem_id="pack-notice")
        rate = widget("winrate", pack_scene.NO_RATE, elem_id="pack-rate")
        grid = grid_player(elem_id="pack-grid", visible=False)
    parts = PackParts(pack, go, cancel, notice, rate, grid)
    work = PackWork(context, parts, pair)
    go.click(
        work.run, work.inputs(), [parts.go, parts.notice, parts.rate, parts.grid],
        trigger_mode="once", concurrency_limit=None, **_QUIET,
    )  # fmt: skip
    cancel.click(work.cancel, None, None, queue=False, **_QUIET)
    return parts, work


class PackWork:
    """Handlers of the section; one object serves all visitors."""

    def __init__(self, context: Context, parts: PackParts, pair: CompareParts) -> None:
        self._context = context
        self._parts = parts
        self._pair = pair

    def inputs(self) -> set[Any]:
        """Everything a wish is made of."""
        left, right = self._pair.sides
        return {self._parts.pack, self._pair.seed, *left.all(), *right.all()}

    def run(self, values: Values, request: gr.Request) -> Iterator[Update]:
        """Both models through the pack a few prompts at a time, so that others get their turn."""
        booth = booth_of(self._context, request)
        booth.stop_pack()
        try:
            run = booth.pack = self._context.engine.start_pack(self._wish(values))
            started = time.monotonic()
            while not run.finished:
                job = self._next(booth, run)
                yield from self._follow(job, run, started)
                if booth.pack is not run:
                    yield self._idle(notes.CANCELLED_PACK)
                    return
                if job.error:
                    raise job.error
            job = booth.pack_job = self._context.lane.submit(
                lambda _: self._context.engine.judge_pack(run)
            )
            yield from self._follow(job, run, started)
            if job.error:
                raise job.error
        except GeneratorExit:  # the page was closed
            booth.stop_pack()
            raise
        except Exception as error:  # whatever it was, the page says a sentence
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        booth.pack_result = result = job.result
        note = notes.pack_done(run.total, time.monotonic() - started)
        yield {
            **self._idle(note),
            self._parts.rate: pack_scene.rate_value(result),
            self._parts.grid: gr.update(value=pack_scene.grid_value(result), visible=True),
        }

    def cancel(self, request: gr.Request) -> None:
        """Stop; the running handler says so itself."""
        booth_of(self._context, request).stop_pack()

    def open(self, event: gr.EventData, request: gr.Request) -> Update:
        """A prompt of the grid was chosen: its prompt, length and noise for the pair above."""
        result = booth_of(self._context, request).pack_result
        index = event._data.get("index")
        if result is None or not isinstance(index, int) or not 0 <= index < len(result.prompts):
            return gr.skip()
        prompt, pair = result.prompts[index], self._pair
        return {
            pair.prompt: prompt.text, pair.seconds: prompt.seconds,
            pair.seed: result.seeds[index], pair.blind: False,
        }  # fmt: skip

    def _wish(self, values: Values) -> PackWish:
        left, right = ([values[part] for part in side.all()] for side in self._pair.sides)
        usual, _ = self._context.engine.sampling()
        return make_pack_wish(
            values[self._parts.pack], values[self._pair.seed], left, right, usual
        )  # fmt: skip

    def _next(self, booth: Booth, run: PackRun) -> Job:
        engine = self._context.engine
        booth.pack_job = self._context.lane.submit(lambda job: engine.step_pack(run, job.cancelled))
        return booth.pack_job

    def _follow(self, job: Job, run: PackRun, started: float) -> Iterator[Update]:
        told: Any = None
        while not job.ended and not job.cancelled():
            seconds = time.monotonic() - started
            note = notes.packing(run.done, run.total, seconds, self._context.lane.ahead(job))
            if note != told:
                told = note
                yield {self._parts.notice: note, self._parts.go: gr.update(interactive=False)}
            job.wait(LOOK)

    def _idle(self, note: dict[str, Any]) -> Update:
        return {self._parts.notice: note, self._parts.go: gr.update(interactive=True)}


def booth_of(context: Context, request: gr.Request) -> Booth:
    """The Compare tab of the visitor."""
    booth = context.visits.of(request.session_hash).kept.setdefault("compare", Booth())
    assert isinstance(booth, Booth)
    return booth
