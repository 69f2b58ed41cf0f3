"""The Generate tab: what is on it and which event calls what. The work is in generate_work.py."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.context import Context
from app.engine_access import Engine
from app.exports import ExportWork, build_exports
from app.gauge import EMPTY, gauge_value
from app.generate_work import GenerateWork, Parts
from app.inputs import MAX_GUIDANCE, MAX_SAMPLES, MIN_GUIDANCE, check_seconds
from app.notes import IDLE
from app.open_file import OpenFile
from app.prompts import example_packs
from app.use_motion import build_use
from app.widgets import player, widget
from engine.motion.skeleton import MAX_SECONDS, MIN_SECONDS

MOST_STEPS_SHOWN = 50  # beyond this nothing gets better, only slower
DICE = 1_000_000
# Typing waits a quarter of a second before it asks; then the newest text is sent.
_DEBOUNCE = """async () => {
  await new Promise((done) => setTimeout(done, 250));
  return document.querySelector("#prompt textarea")?.value ?? "";
}"""


@dataclass
class Wishes:
    """The controls a person fills in."""

    prompt: gr.Textbox
    seconds: gr.Slider
    seed: gr.Number
    samples: gr.Radio
    guidance: gr.Slider
    steps: gr.Slider
    model: gr.Dropdown

    def all(self) -> list[gr.components.Component]:
        """In the order `make_wish` takes them."""
        return [
            self.prompt, self.seconds, self.seed, self.samples, self.guidance, self.steps,
            self.model,
        ]  # fmt: skip


def build_generate(context: Context, work: GenerateWork) -> tuple[gr.Tab, gr.Dropdown]:
    """Lay out the tab inside the current bar of tabs and wire its events.

    Returns the tab and its list of models, which the page keeps up to date by `offered`.
    """
    engine = context.engine
    with (
        gr.Tab("Generate", id="generate", elem_id="tab-generate") as tab,
        gr.Row(elem_classes="es-columns", equal_height=False),
    ):
        with gr.Column(scale=5, min_width=320, elem_classes="es-controls"):
            prompt, gauge, examples = _prompt()
            wishes, dice = _settings(engine, prompt)
            with gr.Row(elem_classes="es-actions"):
                go = gr.Button("Generate", variant="primary", elem_id="generate", scale=3)
                cancel = gr.Button("Cancel", elem_id="cancel", scale=1, min_width=96)
            opened = OpenFile()
            history = widget("history", {"items": []}, elem_id="history")
        with gr.Column(scale=7, min_width=320, elem_classes="es-results"):
            notice = widget("notice", IDLE, elem_id="notice")
            stage = player(elem_id="player")
            parts = _results(notice, stage, go)
    parts.history = history
    parts.wishes = wishes.all()
    work.parts = parts
    if parts.exports is not None:
        work.exports = ExportWork(work, parts.exports)
        work.exports.wire()
    _wire(work, wishes, parts, dice, cancel, opened)
    _wire_prompt(engine, wishes, gauge, examples)
    return tab, wishes.model


def _prompt() -> tuple[gr.Textbox, gr.HTML, gr.HTML]:
    prompt = gr.Textbox(
        label="What should the person do?",
        placeholder="a tired person walks forward, then waves with the right hand",
        lines=3,
        max_lines=6,
        autofocus=True,
        elem_id="prompt",
    )
    gauge = widget("gauge", EMPTY, elem_id="gauge")
    examples = widget("examples", example_packs(), elem_id="examples")
    return prompt, gauge, examples


def _settings(engine: Engine, prompt: gr.Textbox) -> tuple[Wishes, gr.Button]:
    guidance, steps = engine.sampling()
    models = engine.models()
    seconds = gr.Slider(
        MIN_SECONDS, MAX_SECONDS, 4.0, step=0.05, label="Length in seconds", elem_id="seconds",
        buttons=[],
    )  # fmt: skip
    with gr.Row(elem_classes="es-pair"):
        samples = gr.Radio(
            list(range(1, MAX_SAMPLES + 1)), value=2, label="Samples", elem_id="samples",
            min_width=168,
        )  # fmt: skip
        with gr.Row(elem_classes="es-seed", elem_id="seed-row"):
            seed = gr.Number(
                7, precision=None, label="Seed", elem_id="seed", min_width=96, minimum=None,
            )  # fmt: skip
            dice = gr.Button("⚄", elem_id="dice", min_width=40, scale=0)
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        strength = gr.Slider(
            MIN_GUIDANCE, MAX_GUIDANCE, guidance, step=0.1, elem_id="guidance", buttons=[],
            label="How closely to follow the text (guidance)",
        )  # fmt: skip
        count = gr.Slider(
            1, max(MOST_STEPS_SHOWN, steps), steps, step=1, elem_id="steps", buttons=[],
            label="Care taken (denoising steps)",
        )  # fmt: skip
        model = gr.Dropdown(models, value=models[0], label="Model", elem_id="model")
    return Wishes(prompt, seconds, seed, samples, strength, count, model), dice


def _results(notice: gr.HTML, stage: gr.HTML, go: gr.Button) -> Parts:
    with gr.Column(visible=False, elem_id="result", elem_classes="es-result") as panel:
        film_notice = widget("notice", IDLE, elem_id="film-notice")
        video = gr.Video(
            show_label=False,
            interactive=False,
            visible=False,
            elem_id="video",
            loop=True,
            buttons=[],
        )
        with gr.Row(elem_classes="es-downloads"):
            film = gr.DownloadButton(
                "Video (.mp4)", visible=False, size="sm", elem_id="download-mp4", min_width=120
            )
            again = gr.Button(
                "Make the video", visible=False, size="sm", elem_id="make-video", min_width=120
            )
            motions = [
                gr.DownloadButton(
                    f"Motion {k + 1} (.npz)", visible=False, size="sm", min_width=120,
                    elem_id=f"download-npz-{k + 1}",
                )
                for k in range(MAX_SAMPLES)
            ]  # fmt: skip
        use = build_use()
        exports = build_exports()
        line = gr.Textbox(
            label="The same from a terminal",
            interactive=False,
            lines=1,
            max_lines=4,
            buttons=["copy"],
            elem_id="cli",
        )
    return Parts(
        go,
        notice,
        stage,
        panel,
        film_notice,
        video,
        film,
        again,
        motions,
        line,
        exports=exports,
        use=use,
    )


def _wire(
    work: GenerateWork,
    wishes: Wishes,
    parts: Parts,
    dice: gr.Button,
    cancel: gr.Button,
    opened: OpenFile,
) -> None:
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    free: dict[str, Any] = {"concurrency_limit": None, **quiet}  # turns are taken in our own lanes
    film: dict[str, Any] = {
        "fn": work.film,
        "inputs": None,
        "outputs": parts.film_outputs(),
        **free,
    }
    start = gr.on(
        [parts.go.click, wishes.prompt.submit],
        work.generate,
        wishes.all(),
        parts.outputs(),
        trigger_mode="once",
        **free,
    )
    start.then(**film)
    # Cancel is no output of anything: gradio 6.31 can lose the label of a button it updates.
    cancel.click(work.cancel, None, None, queue=False, **quiet)
    parts.again.click(work.ask_for_film, None, parts.film_outputs(), **free).then(**film)
    parts.history.select(work.restore, None, parts.outputs(), **free).then(**film)
    opened.wire(work).then(**film)
    dice.click(lambda: random.randrange(DICE), None, wishes.seed, queue=False, **quiet)


def offered(engine: Engine, chosen: Any) -> Any:
    """The models there are by now: merging makes more of them while the page runs."""
    names = engine.models()
    return gr.update(choices=names, value=chosen if chosen in names else names[0])


def _wire_prompt(engine: Engine, wishes: Wishes, gauge: gr.HTML, examples: gr.HTML) -> None:
    prompt, seconds = wishes.prompt, wishes.seconds
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    prompt.change(
        lambda text: gauge_value(engine, text),
        prompt,
        gauge,
        js=_DEBOUNCE,
        trigger_mode="always_last",
        **quiet,
    )
    gauge.select(_chosen_text, None, prompt, **quiet)
    examples.select(_chosen_example, None, [prompt, seconds], **quiet)


def _chosen_text(event: gr.EventData) -> str:
    return str(event._data.get("text", ""))


def _chosen_example(event: gr.EventData) -> tuple[str, float]:
    return _chosen_text(event), check_seconds(event._data.get("seconds"))
