"""The Preferences tab: what is on it and which event calls what. The work is elsewhere."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import preferences_scene
from app.compare_inputs import MAX_STRENGTH
from app.context import Context
from app.notes import IDLE
from app.preferences_engine import Keeper
from app.preferences_inputs import SOURCES
from app.preferences_learn import Lessons
from app.preferences_work import PreferenceParts, PreferenceWork
from app.tune_process import Tuner
from app.widgets import compare_player, widget
from engine.tuning.prompts import pack_names

LOOKS = 1.5  # seconds between two looks at the learning
REASONS = ("wrong action", "feet slide", "unnatural", "too slow")
FIRST_PACK = "everyday"
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# To the Tune tab, unless the notice says that it could not be started.
_TO_TUNE = """() => {
  if (document.querySelector('#pref-notice [data-state="failed"]')) return;
  document.getElementById("tab-tune-button").click();
}"""
_NEXT = """() => { document.getElementById("pref-next")?.focus({ preventScroll: true }); }"""


def build_preferences(
    context: Context, tuner: Tuner, lessons: Lessons | None = None
) -> PreferenceWork:
    """Lay out the tab inside the current bar of tabs and wire its events.

    From then on votes of the Compare tab are kept too.
    """
    keeper = Keeper()
    context.keeper, context.on_vote = keeper, keeper.keep_compared
    lessons = lessons or Lessons(getattr(context.engine, "device", None))
    with (
        gr.Tab("Preferences", id="preferences", elem_id="tab-preferences") as tab,
        gr.Row(elem_classes="es-columns", equal_height=False),
    ):
        with gr.Column(scale=4, min_width=320, elem_classes="es-controls"):
            asked = _asked(context)
            board = widget("board", {"state": "empty", "text": ""}, elem_id="pref-board")
            learn = gr.Button("Learn from my votes", elem_id="pref-learn")
            with gr.Row(elem_classes="es-actions"):
                tune = gr.Button("Tune with it", elem_id="pref-tune", min_width=120)
                rematch = gr.Button("Blind rematch", elem_id="pref-rematch", min_width=120)
        with gr.Column(scale=8, min_width=320, elem_classes="es-results"):
            notice = widget("notice", IDLE, elem_id="pref-notice")
            player = compare_player(preferences_scene.NO_PAIR, elem_id="pref-player")
            vote = widget("vote", preferences_scene.NONE, elem_id="pref-vote")
            with gr.Row(elem_classes="es-actions", elem_id="pref-more"):
                reasons = gr.CheckboxGroup(
                    [(word.capitalize(), word) for word in REASONS], show_label=False, scale=4,
                    label="Why? Tick before you vote, if you like", elem_id="pref-reasons",
                    container=False, info="Why? Tick before you vote, if you like",
                )  # fmt: skip
                undo = gr.Button(
                    "Take it back", elem_id="pref-undo", size="sm", scale=0, min_width=120
                )
            rate = widget("winrate", preferences_scene.NO_RATE, elem_id="pref-rate")
            clock = gr.Timer(LOOKS)
    parts = PreferenceParts(
        **asked, notice=notice, player=player, vote=vote, reasons=reasons, board=board, rate=rate,
        learn=learn, tune=tune, rematch=rematch,
    )  # fmt: skip
    work = PreferenceWork(context, parts, keeper, lessons, tuner)
    _wire(tab, parts, work, undo, clock)
    return work


def _asked(context: Context) -> dict[str, Any]:
    source = gr.Radio(
        [(words, name) for name, words in SOURCES.items()], value="seeds",
        label="Which pairs?", elem_id="pref-source",
    )  # fmt: skip
    names = context.engine.adapters()
    with gr.Column(visible=False, elem_id="pref-models") as models:
        model = gr.Dropdown(
            names, value=names[0] if names else None, label="Tuned model", elem_id="pref-model"
        )
        with gr.Row(elem_classes="es-pair", visible=False) as strengths:
            low, high = (
                gr.Slider(
                    0.0, MAX_STRENGTH, value, step=0.05, label=label, buttons=[],
                    elem_id=f"pref-{key}", min_width=120,
                )
                for key, label, value in (("low", "One strength", 0.5), ("high", "The other", 1.0))
            )  # fmt: skip
    pack = gr.Dropdown(
        [(name.capitalize(), name) for name in pack_names()], value=FIRST_PACK,
        label="Of which prompts?", elem_id="pref-pack",
    )  # fmt: skip
    go = gr.Button("Show a pair", variant="primary", elem_id="pref-next")
    return {
        "source": source, "models": models, "model": model, "strengths": strengths, "low": low,
        "high": high, "pack": pack, "go": go,
    }  # fmt: skip


def _wire(
    tab: gr.Tab, parts: PreferenceParts, work: PreferenceWork, undo: gr.Button, clock: gr.Timer
) -> None:
    free: dict[str, Any] = {"concurrency_limit": None, **_QUIET}  # turns are taken in our own lane
    quick: dict[str, Any] = {"queue": False, **_QUIET}
    parts.go.click(work.next, parts.inputs(), parts.shown(), trigger_mode="once", **free)
    parts.vote.select(work.vote, {parts.reasons}, parts.voted(), **quick).then(
        None, None, None, js=_NEXT
    )
    undo.click(work.undo, None, parts.voted(), **quick)
    parts.source.input(
        work.switch, {parts.source}, [parts.models, parts.strengths, parts.notice], **quick
    )
    learning = [parts.board, *parts.buttons(), parts.notice]
    parts.learn.click(work.learn, None, learning, trigger_mode="once", **quick)
    parts.board.select(work.act, None, learning, **quick)
    clock.tick(work.look, None, learning, **quick)
    parts.tune.click(work.tune, {parts.pack}, [parts.notice], trigger_mode="once", **quick).then(
        None, None, None, js=_TO_TUNE
    )
    chosen = [parts.source, parts.models, parts.strengths, parts.model, parts.notice]
    parts.rematch.click(work.rematch, None, chosen, **quick).then(
        work.next, parts.inputs(), parts.shown(), **free
    )
    tab.select(work.open, {parts.model}, [parts.model, *learning], **quick)
