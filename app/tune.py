"""The Tune tab: what is on it and which event calls what. The work is in tune_work.py."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from app import tune_goals, tune_scene
from app.compare_inputs import BASE
from app.context import Context
from app.notes import IDLE
from app.tune_inputs import METHODS, PRESETS, WEIGHTINGS
from app.tune_process import Tuner
from app.tune_work import TuneParts, TuneWork
from app.widgets import tune_player, widget
from engine.tuning import presets
from engine.tuning.prompts import pack_names

LOOKS = 1.5  # seconds between two looks at the run
FIRST_PACK = "new-combinations"  # where the shipped base has most to gain
# On a phone the board lies below all the controls.
_TO_BOARD = """() => {
  const board = document.getElementById("board");
  if (board.getBoundingClientRect().top > innerHeight) board.scrollIntoView({ behavior: "smooth" });
}"""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build_tune(context: Context, tuner: Tuner) -> TuneWork:
    """Lay out the tab inside the current bar of tabs and wire its events."""
    work = TuneWork(context, tuner)
    with (
        gr.Tab("Tune", id="tune", elem_id="tab-tune") as tab,
        gr.Row(elem_classes="es-columns", equal_height=False),
    ):
        with gr.Column(scale=4, min_width=320, elem_classes="es-controls"):
            wishes, tried = _wishes(context)
            advanced, weights = _advanced(wishes["goals"])
            needs = widget("needs", {"text": ""}, elem_id="tune-needs")
            with gr.Row(elem_classes="es-actions"):
                go = gr.Button("Start", variant="primary", elem_id="tune-start")
            line = _line()
        with gr.Column(scale=8, min_width=320, elem_classes="es-results"):
            notice = widget("notice", IDLE, elem_id="tune-notice")
            board = widget("board", tune_scene.EMPTY, elem_id="board")
            player = tune_player(elem_id="tune-player")
            runs = widget("runs", {"items": []}, elem_id="runs")
            clock = gr.Timer(LOOKS)  # as a child of the bar of tabs itself it would draw one twice
    goals = wishes.pop("goals")
    work.parts = TuneParts(
        goals, {**wishes, **advanced}, weights, needs, line, notice, board, player, runs
    )  # fmt: skip
    _wire_wishes(work, goals, tried)
    _wire(tab, work, go, clock)
    return work


def _wishes(context: Context) -> tuple[dict[str, Any], gr.Button]:
    goals = gr.CheckboxGroup(
        tune_goals.goals(), value=[tune_goals.first_goal()], elem_id="goals",
        label="What should get better?",
    )  # fmt: skip
    packs = gr.CheckboxGroup(
        [(name.capitalize(), name) for name in pack_names()], value=[FIRST_PACK],
        label="On which prompts?", elem_id="packs",
    )  # fmt: skip
    own = gr.Textbox(
        label="and your own, one per line", placeholder="a tired person walks forward", lines=2,
        max_lines=8, elem_id="own-prompts",
    )  # fmt: skip
    tried = gr.Button("Add the prompts I just tried", size="sm", elem_id="tried", min_width=120)
    preset = gr.Radio(
        [(words, name) for name, words in PRESETS.items()], value=presets.PRESET,
        label="How long?", elem_id="preset",
    )  # fmt: skip
    with gr.Row(elem_classes="es-pair"):
        start = gr.Dropdown(
            [BASE, *context.engine.adapters()], value=BASE, label="Go on from",
            elem_id="tune-from", min_width=140,
        )  # fmt: skip
        name = gr.Textbox(
            label="Name", placeholder="found for you", max_lines=1, elem_id="tune-name",
            min_width=140,
        )  # fmt: skip
    wishes = {
        "goals": goals, "packs": packs, "own": own, "preset": preset, "start": start, "name": name
    }  # fmt: skip
    return wishes, tried


def _advanced(goals: gr.CheckboxGroup) -> tuple[dict[str, Any], dict[str, gr.Slider]]:
    weights = tune_goals.weights_of([tune_goals.first_goal()])
    with gr.Accordion("Advanced", open=False, elem_id="tune-advanced"):
        sliders = {
            name: gr.Slider(
                0.0, tune_goals.MOST_WEIGHT, weights[name], step=tune_goals.WEIGHT_STEP,
                label=f"{words} ({term})", elem_id=f"weight-{name}", buttons=[],
                visible=name in tune_goals.available(),
            )
            for name, words, term in tune_goals.sliders()
        }  # fmt: skip
        method = gr.Dropdown(
            [(words, name) for name, words in METHODS.items()], value=presets.METHOD,
            label="Method", elem_id="tune-method",
        )  # fmt: skip
        weighting = gr.Dropdown(
            [(words, name) for name, words in WEIGHTINGS.items()], value=presets.WEIGHTING,
            label="How denoising steps count (step weighting)", elem_id="tune-weighting",
        )  # fmt: skip
        trust = gr.Number(presets.TRUST, label="Pull to the base (trust)", elem_id="tune-trust")
        with gr.Row(elem_classes="es-pair"):
            minutes = _number("Minutes (0: as chosen above)", "minutes", 0)
            batch = _number("Motions per pass (0: as usual)", "batch", 0)
        with gr.Row(elem_classes="es-pair"):
            rate = _number("Learning rate", "rate", presets.RATE_LORA)
            rank = _number("Rank of the adapter (LoRA)", "rank", presets.RANK)
        seed = gr.Number(0, label="Seed", elem_id="tune-seed")
    values = {
        "method": method, "weighting": weighting, "trust": trust, "minutes": minutes,
        "batch": batch, "rate": rate, "rank": rank, "seed": seed,
    }  # fmt: skip
    return values, sliders


def _number(label: str, name: str, value: float) -> gr.Number:
    return gr.Number(value, label=label, elem_id=f"tune-{name}", min_width=120)


def _line() -> gr.Textbox:
    return gr.Textbox(
        label="The same from a terminal", interactive=False, lines=1, max_lines=5,
        buttons=["copy"], elem_id="tune-cli", elem_classes="es-cli",
    )  # fmt: skip


def _wire_wishes(work: TuneWork, goals: gr.CheckboxGroup, tried: gr.Button) -> None:
    parts = work.parts
    # In the browser, so that a Start right after it cannot be faster.
    goals.input(
        None, goals, list(parts.weights.values()), js=_weights_script(list(parts.weights))
    )  # fmt: skip
    changes = [part.change for part in (*parts.wishes.values(), *parts.weights.values())]
    gr.on(
        changes, work.plan, parts.inputs(), [parts.line, parts.needs], queue=False,
        trigger_mode="always_last", **_QUIET,
    )  # fmt: skip
    own = parts.wishes["own"]
    tried.click(work.tried, own, own, queue=False, **_QUIET)


def _weights_script(names: list[str]) -> str:
    """The weights behind the chosen goals, for every slider; several goals take the larger."""
    table = json.dumps(tune_goals.goal_weights())
    return f"""(goals) => {{
      const table = {table};
      return {json.dumps(names)}.map(
        (name) => Math.max(0, ...goals.map((goal) => table[goal]?.[name] ?? 0)));
    }}"""


def _wire(tab: gr.Tab, work: TuneWork, go: gr.Button, clock: gr.Timer) -> None:
    parts = work.parts
    free: dict[str, Any] = {"queue": False, **_QUIET}
    shown = [parts.notice, *parts.views()]
    started = go.click(
        work.start, parts.inputs(), [*shown, parts.wishes["name"]], trigger_mode="once", **free
    )  # fmt: skip
    started.then(None, None, None, js=_TO_BOARD)
    parts.board.select(work.act, None, shown, **free)
    parts.runs.select(work.choose, None, parts.views(), **free)
    parts.player.select(work.choose_preview, None, parts.views(), **free)
    clock.tick(work.look, None, parts.views(), **free)
    opened = [*parts.views(), parts.goals, parts.wishes["start"], *parts.weights.values()]
    tab.select(work.open, None, opened, **free).then(
        work.plan, parts.inputs(), [parts.line, parts.needs], **free
    )  # fmt: skip
