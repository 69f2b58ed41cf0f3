"""The Sequence tab: what is on it and which event calls what. The work is in sequence_work.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.context import Context
from app.notes import IDLE
from app.sequence_model import build_model, offered
from app.sequence_parts import FILES, Parts
from app.sequence_words import NO_SEQUENCE, timeline_value
from app.sequence_work import NAME, SequenceWork
from app.widgets import player, widget

BODY_NAMES = (("Upper body", "upper"), ("Lower body", "lower"), ("Whole body", "whole"))
# The timeline lives in the browser; what it holds takes the place of the hidden text.
_READ = """(_, ...rest) => [
  JSON.stringify(document.querySelector("#timeline .es-timeline")?.parts ?? []), ...rest]"""


def build_sequence(context: Context) -> SequenceWork:
    """Lay out the tab inside the current bar of tabs and wire its events."""
    engine = context.engine
    with gr.Tab("Sequence", id=NAME, elem_id="tab-sequence") as tab:
        timeline = widget("timeline", timeline_value({}), elem_id="timeline")
        with gr.Row(elem_classes="es-actions es-sequence-actions"):
            model, strength = build_model(engine)
            seed = gr.Number(7, label="Seed", elem_id="sequence-seed", min_width=96, scale=1)
            go = gr.Button("Make the sequence", variant="primary", elem_id="sequence-go", scale=3)
            cancel = gr.Button("Cancel", elem_id="sequence-cancel", scale=1, min_width=96)
        notice = widget("notice", IDLE, elem_id="sequence-notice")
        stage = player(NO_SEQUENCE, elem_id="sequence-player")
        with gr.Column(visible=False, elem_id="sequence-result") as panel:
            half, text, span, redo, undo = _redo()
            film_notice = widget("notice", IDLE, elem_id="sequence-film-notice")
            video = gr.Video(
                show_label=False, interactive=False, visible=False, elem_id="sequence-video",
                loop=True, buttons=[],
            )  # fmt: skip
            film, files = _files()
            line = gr.Textbox(
                label="The same from a terminal", interactive=False, lines=1, max_lines=6,
                buttons=["copy"], elem_id="sequence-cli",
            )  # fmt: skip
        hidden = gr.Textbox(visible=False)
    parts = Parts(
        timeline,
        model,
        strength,
        go,
        notice,
        stage,
        panel,
        half,
        text,
        redo,
        undo,
        film_notice,
        video,
        film,
        files,
        line,
    )
    work = SequenceWork(context, parts)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    free: dict[str, Any] = {"concurrency_limit": None, **quiet}  # turns are taken in our own lanes
    how = [seed, model, strength]
    go.click(work.make, [hidden, *how], parts.all(), js=_READ, trigger_mode="once", **free)
    gr.on(
        [redo.click, text.submit], work.redo, [half, text, *span, *how], parts.all(),
        trigger_mode="once", **free,
    )  # fmt: skip
    timeline.select(work.drop, None, timeline, queue=False, **quiet)
    tab.select(lambda chosen: offered(engine, chosen), model, model, queue=False, **quiet)
    undo.click(work.undo, None, parts.all(), **free)
    film.click(work.film, None, parts.films(), **free)
    cancel.click(work.cancel, None, None, queue=False, **quiet)
    return work


def _redo() -> tuple[gr.Radio, gr.Textbox, list[gr.Number], gr.Button, gr.Button]:
    with gr.Row(elem_classes="es-actions", elem_id="sequence-redo-row"):
        half = gr.Radio(
            list(BODY_NAMES), value="upper", label="Redo", elem_id="sequence-half", min_width=400,
            scale=2,
        )  # fmt: skip
        text = gr.Textbox(
            label="What should it do instead? All else stays as it is", lines=1, max_lines=3,
            placeholder="a person waves with the right hand", elem_id="sequence-redo-text",
            min_width=240, scale=3,
        )  # fmt: skip
        span = [
            gr.Number(
                None,
                label=label,
                placeholder=all_along,
                min_width=120,
                scale=1,
                elem_id=f"sequence-{name}",
            )
            for name, label, all_along in (
                ("from", "From second", "start"),
                ("to", "To second (0: end)", "end"),
            )
        ]
        redo = gr.Button("Redo", elem_id="sequence-redo", min_width=96, scale=0)
        undo = gr.Button("Take it back", visible=False, elem_id="sequence-undo", min_width=160,
                         scale=0)  # fmt: skip
    return half, text, span, redo, undo


def _files() -> tuple[gr.Button, dict[str, gr.DownloadButton]]:
    with gr.Row(elem_classes="es-downloads"):
        film = gr.Button("Make a video", size="sm", elem_id="sequence-film", min_width=120)
        files = {
            name: gr.DownloadButton(
                text, visible=False, size="sm", min_width=96, elem_id=f"sequence-{name}"
            )
            for name, text in FILES.items()
        }
    return film, files
