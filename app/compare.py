"""The Compare tab: what is on it and which event calls what. The work is in compare_work.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.compare_inputs import BASE, MAX_STRENGTH, NONE
from app.compare_pack import PackParts, PackWork, build_pack
from app.compare_parts import CompareParts, SideParts
from app.compare_scene import NO_NUMBERS, NO_VOTE
from app.compare_work import CompareWork, side_classes
from app.context import Context
from app.inputs import MAX_GUIDANCE, MIN_GUIDANCE
from app.notes import IDLE, IDLE_PAIR
from app.widgets import compare_player, widget
from engine.motion.skeleton import MAX_SECONDS, MIN_SECONDS

EXAMPLE = "a tired person walks forward"
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build_compare(context: Context) -> None:
    """Lay out the tab inside the current bar of tabs and wire its events."""
    with gr.Tab("Compare", id="compare", elem_id="tab-compare") as tab:
        with gr.Row(elem_classes="es-columns", equal_height=False):
            with gr.Column(scale=4, min_width=320, elem_classes="es-controls"):
                prompt, seconds, seed = _prompt()
                left, right = (_side(context, name) for name in ("left", "right"))
                blind = gr.Checkbox(
                    label="Blind: sides shuffled, names hidden until you vote", elem_id="blind",
                    container=False,
                )  # fmt: skip
                with gr.Row(elem_classes="es-actions"):
                    go = gr.Button("Compare", variant="primary", elem_id="compare", scale=3)
                    cancel = gr.Button("Cancel", elem_id="compare-cancel", scale=1, min_width=96)
            with gr.Column(scale=8, min_width=320, elem_classes="es-results"):
                notice = widget("notice", IDLE_PAIR, elem_id="compare-notice")
                player = compare_player(elem_id="compare-player")
                vote = widget("vote", NO_VOTE, elem_id="vote")
                numbers = widget("numbers", NO_NUMBERS, elem_id="numbers")
                film_parts = _film()
        parts = CompareParts(
            prompt, seconds, seed, blind, left, right, go, notice, player, vote, numbers,
            *film_parts,
        )  # fmt: skip
        pack, pack_work = build_pack(context, parts)
    work = CompareWork(context, parts)
    context.compare = (parts, work)
    _wire(tab, parts, work, cancel)
    _wire_pack(parts, work, pack, pack_work)


def _prompt() -> tuple[gr.Textbox, gr.Slider, gr.Number]:
    prompt = gr.Textbox(
        EXAMPLE,
        label="Prompt",
        placeholder="Describe a movement",
        lines=2,
        max_lines=6,
        elem_id="compare-prompt",
    )
    with gr.Row(elem_classes="es-pair"):
        seconds = gr.Slider(
            MIN_SECONDS, MAX_SECONDS, 4.0, step=0.05, label="Length in seconds", buttons=[],
            elem_id="compare-seconds", min_width=160, scale=2,
        )  # fmt: skip
        seed = gr.Number(
            7, precision=None, label="Seed", elem_id="compare-seed", min_width=96, scale=1
        )
    return prompt, seconds, seed


def _side(context: Context, name: str) -> SideParts:
    usual, _ = context.engine.sampling()
    names = context.engine.adapters()
    first = names[0] if names and name == "right" else BASE
    accent = "base" if first == BASE else "tuned"
    with gr.Column(elem_classes=side_classes(accent), elem_id=f"side-{name}") as box:
        model = gr.Dropdown(
            [BASE, *names], value=first, label=name.capitalize(), elem_id=f"{name}-model"
        )
        strength = _strength(
            f"{name.capitalize()} strength", 1.0, f"{name}-strength", first != BASE
        )
        with gr.Accordion("More: blend, guidance", open=False, elem_id=f"{name}-more"):
            second = gr.Dropdown(
                [NONE, *names], value=NONE, label="Blend in", elem_id=f"{name}-second"
            )
            second_strength = _strength("Its strength", 0.5, f"{name}-second-strength", False)
            guidance = gr.Slider(
                MIN_GUIDANCE, MAX_GUIDANCE, usual, step=0.1, buttons=[],
                label="How closely to follow the text (guidance)", elem_id=f"{name}-guidance",
            )  # fmt: skip
    return SideParts(box, model, strength, second, second_strength, guidance)


def _strength(label: str, value: float, elem_id: str, interactive: bool) -> gr.Slider:
    return gr.Slider(
        0.0, MAX_STRENGTH, value, step=0.05, label=label, buttons=[], elem_id=elem_id,
        interactive=interactive, elem_classes="es-strength",
    )  # fmt: skip


def _film() -> tuple[gr.Button, gr.HTML, gr.Video, gr.DownloadButton]:
    film_notice = widget("notice", IDLE, elem_id="compare-film-notice")
    video = gr.Video(
        show_label=False, interactive=False, visible=False, elem_id="compare-video", loop=True,
        buttons=[],
    )  # fmt: skip
    with gr.Row(elem_classes="es-downloads"):
        film = gr.Button(
            "Make a video of both", visible=False, size="sm", elem_id="compare-film", min_width=160
        )
        download = gr.DownloadButton(
            "Video (.mp4)", visible=False, size="sm", elem_id="compare-mp4", min_width=120
        )
    return film, film_notice, video, download


def _wire(tab: gr.Tab, parts: CompareParts, work: CompareWork, cancel: gr.Button) -> None:
    free: dict[str, Any] = {"concurrency_limit": None, **_QUIET}  # turns are taken in our own lanes
    gr.on(
        [parts.go.click, parts.prompt.submit], work.compare, parts.inputs(), parts.outputs(),
        trigger_mode="once", **free,
    )  # fmt: skip
    sliders = [
        slider
        for side in parts.sides
        for slider in (side.strength, side.second_strength, side.guidance)
    ]
    pickers = [picker for side in parts.sides for picker in (side.model, side.second)]
    gr.on(
        [*(slider.input for slider in sliders), *(picker.input for picker in pickers)],
        work.live, parts.inputs(), parts.outputs(), trigger_mode="always_last", **free,
    )  # fmt: skip
    cancel.click(work.cancel, None, None, queue=False, **_QUIET)
    shown = [
        parts.seed,
        parts.notice,
        parts.player,
        parts.vote,
        parts.numbers,
        *parts.film_outputs(),
    ]
    parts.vote.select(work.vote, None, shown, **free)
    parts.film.click(work.film, None, parts.film_outputs(), **free)
    offered = [*pickers, parts.notice]
    tab.select(work.refresh, {*pickers}, offered, queue=False, **_QUIET)
    switched = [part for side in parts.sides for part in side.switched()]
    gr.on(
        [picker.change for picker in pickers], work.switch, {*pickers}, switched, queue=False,
        **_QUIET,
    )  # fmt: skip


def _wire_pack(
    parts: CompareParts, work: CompareWork, pack: PackParts, pack_work: PackWork
) -> None:
    """A prompt of the grid goes up into the pair's controls and is compared at once."""
    chosen = [parts.prompt, parts.seconds, parts.seed, parts.blind]
    pack.grid.select(pack_work.open, None, chosen, queue=False, **_QUIET).then(
        work.compare, parts.inputs(), parts.outputs(), concurrency_limit=None, **_QUIET,
        js="(...all) => { document.getElementById('compare-player')"
        "?.scrollIntoView({ block: 'center' }); return all; }",
    )  # fmt: skip
