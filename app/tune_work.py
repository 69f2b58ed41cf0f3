"""What the Tune tab does: start, follow, steer, and lead on to Compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import errors, notes, tune_goals, tune_preview, tune_scene
from app.compare_inputs import BASE
from app.context import Context
from app.tune_inputs import TuneWish, make_tune_wish
from app.tune_process import Run, Tuner
from engine.errors import StudioError
from engine.models.registry import home
from engine.tuning.estimate import about

Update = dict[Any, Any]
RESUME = ("python", "-m", "engine", "tune", "--resume", "--name")


@dataclass
class TuneParts:
    """The components of the tab: what is asked for, and where the answer appears."""

    goals: gr.CheckboxGroup
    wishes: dict[str, Any]  # by the names that `make_tune_wish` takes, but for the weights
    weights: dict[str, gr.Slider]
    needs: gr.HTML
    line: gr.Textbox
    notice: gr.HTML
    board: gr.HTML
    player: gr.HTML
    runs: gr.HTML

    def inputs(self) -> set[Any]:
        """Everything a wish is made of."""
        return {*self.wishes.values(), *self.weights.values()}

    def views(self) -> list[Any]:
        """Everything a look at the run may change."""
        return [self.board, self.player, self.runs]


class Bench:
    """The Tune tab of one visitor: the run that is looked at, and what the page shows of it."""

    def __init__(self) -> None:
        self.chosen = ""
        self.prompt = 0  # of the previews
        self.at: int | None = None  # pass of the preview; None is always the newest
        self.told: list[Any] = []
        self.seen_preview: tuple[Any, ...] = ()

    def stop(self) -> None:
        """A tuning outlives the visit that started it."""


class TuneWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, context: Context, tuner: Tuner) -> None:
        self._context = context
        self._tuner = tuner
        self.parts: TuneParts

    def plan(self, values: dict[Any, Any], request: gr.Request) -> Update:
        """The command and what it needs, as the controls stand."""
        parts = self.parts
        try:
            wish = self._wish(values, request)
        except StudioError as error:
            return {parts.line: "", parts.needs: _needs(str(error), bad=True)}
        return {parts.line: wish.line, parts.needs: _needs(self._estimate(wish))}

    def start(self, values: dict[Any, Any], request: gr.Request) -> Update:
        """Start the tuning, or queue it; the same wish twice is one tuning."""
        bench = self._bench(request)
        try:
            wish = self._wish(values, request)
            wish.write_list()
            bench.chosen = self._tuner.launch(wish.name, wish.command)
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error))}
        bench.at = None
        name = self.parts.wishes["name"]
        return {self.parts.notice: notes.IDLE, name: "", **self._all(bench)}

    def look(self, request: gr.Request) -> Any:
        """What has changed since this visitor's last look; nothing is sent where nothing has."""
        bench = self._bench(request)
        runs = self._tuner.recent()
        run = _shown(runs, bench.chosen)
        now = [run and tune_scene.stamp(run), [(one.name, one.state, one.place) for one in runs]]
        if now == bench.told:
            return gr.skip()
        return self._all(bench, runs)

    def open(self, request: gr.Request) -> Update:
        """The tab was opened: everything anew."""
        bench = self._bench(request)
        bench.seen_preview = ()
        return {**self._all(bench), **self._offers()}

    def act(self, event: gr.EventData, request: gr.Request) -> Update:
        """A button of the board."""
        bench = self._bench(request)
        action, name = str(event._data.get("action", "")), str(event._data.get("id", ""))
        try:
            self._obey(action, name)
        except (StudioError, OSError) as error:
            return {self.parts.notice: notes.failed(errors.sentence(error)), **self._all(bench)}
        return {self.parts.notice: notes.IDLE, **self._all(bench)}

    def choose(self, event: gr.EventData, request: gr.Request) -> Update:
        """Another run of the list."""
        bench = self._bench(request)
        bench.chosen, bench.at = str(event._data.get("id", "")), None
        return self._all(bench)

    def choose_preview(self, event: gr.EventData, request: gr.Request) -> Update:
        """Another prompt, or another moment of the learning."""
        bench = self._bench(request)
        data = event._data
        if isinstance(data.get("prompt"), int):
            bench.prompt = data["prompt"]
        bench.at = data["at"] if isinstance(data.get("at"), int) else None
        return self._all(bench)

    def tried(self, text: str, request: gr.Request) -> str:
        """The person's own list with the prompts of this visit added."""
        results = self._context.visits.of(request.session_hash).results.values()
        lines = [line for line in str(text or "").splitlines() if line.strip()]
        tried = [result.wish.prompt for result in results]
        return "\n".join(dict.fromkeys([*lines, *tried]))

    def to_compare(
        self, data: dict[str, Any], request: gr.Request
    ) -> tuple[str, str, float] | None:
        """(adapter, prompt, seconds) of the run on the board; None where it has no adapter."""
        bench = self._bench(request)
        named = str(data.get("id", ""))
        run = next((one for one in self._tuner.runs() if one.name == named), None)
        if run is None or not tune_scene.has_adapter(run):
            return None
        previews = run.watch.config.get("previews") or [{}]
        one = previews[min(bench.prompt, len(previews) - 1)]
        return run.name, str(one.get("text", "")), float(one.get("seconds", 4.0))

    def _obey(self, action: str, name: str) -> None:
        if action == "again":
            self._tuner.launch(name, [*RESUME, name], again=True)
        elif action == "forget":
            self._tuner.forget(name)
        elif action in ("pause", "resume", "stop", "preview"):
            self._tuner.tell(name, action)

    def _all(self, bench: Bench, runs: Sequence[Run] | None = None) -> Update:
        """Board, player and list for what a visitor looks at."""
        runs = self._tuner.runs() if runs is None else runs
        run = _shown(runs, bench.chosen)
        parts = self.parts
        bench.told = [
            run and tune_scene.stamp(run), [(one.name, one.state, one.place) for one in runs],
        ]  # fmt: skip
        updates: Update = {
            parts.board: tune_scene.board_value(run) if run else tune_scene.EMPTY,
            parts.runs: tune_scene.runs_value(runs, run.name if run else ""),
        }
        key = tune_preview.key(run, bench.prompt, bench.at)
        if key != bench.seen_preview:
            bench.seen_preview = key
            updates[parts.player] = tune_preview.value(run, bench.prompt, bench.at)
        return updates

    def _wish(self, values: dict[Any, Any], request: gr.Request) -> TuneWish:
        parts = self.parts
        asked = {name: values[part] for name, part in parts.wishes.items()}
        asked["weights"] = {name: values[part] for name, part in parts.weights.items()}
        asked["model"] = self._context.engine.models()[0]
        asked["device"] = getattr(self._context.engine, "device", None)
        results = self._context.visits.of(request.session_hash).results.values()
        seconds_of = {result.wish.prompt: result.wish.seconds for result in results}
        return make_tune_wish(asked, seconds_of, self._taken)

    def _taken(self, name: str) -> bool:
        runs = home() / "runs"
        if (runs / name).exists() or (runs / ".launched" / f"{name}.json").exists():
            return True
        return (home() / "adapters" / name).exists()

    def _estimate(self, wish: TuneWish) -> str:
        on_gpu = self._context.engine.status.device.startswith("GPU")
        return about(wish.settings, home() / "runs", "cuda" if on_gpu else "cpu").in_words()

    def _offers(self) -> Update:
        """What can be chosen by now: models to go on from, and goals that have been learned."""
        parts, there = self.parts, tune_goals.available()
        return {
            parts.wishes["start"]: gr.update(choices=[BASE, *self._context.engine.adapters()]),
            parts.goals: gr.update(choices=tune_goals.goals()),
            **{slider: gr.update(visible=n in there) for n, slider in parts.weights.items()},
        }

    def _bench(self, request: gr.Request) -> Bench:
        bench = self._context.visits.of(request.session_hash).kept.setdefault("tune", Bench())
        assert isinstance(bench, Bench)
        return bench


def _shown(runs: Sequence[Run], chosen: str) -> Run | None:
    """The chosen run; else the one at work, else the newest."""
    return next((run for run in runs if run.name == chosen), runs[0] if runs else None)


def _needs(text: str, bad: bool = False) -> dict[str, Any]:
    return {"text": text, "bad": bad}
