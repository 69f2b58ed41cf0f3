"""The page's only door to the engine: loads it in the background and hands out its verbs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import errors
from app.familiar import Familiar, load_familiarity
from app.inputs import Wish
from app.settings import CHECKPOINTS, LOOK
from engine.errors import StudioError
from engine.files import read_json
from engine.models.registry import available_adapters, available_models

if TYPE_CHECKING:
    from app.compare_inputs import CompareWish, PackWish, SideWish
    from app.given import Given
    from app.sequence_model import Chosen
    from engine.compare.judge import Judge
    from engine.compare.pack import PackResult, PackRun
    from engine.compare.pair import Pair, Side
    from engine.edit.parts import Recipe
    from engine.edit.sequence import LongMotion
    from engine.motion.motion import Motion

log = logging.getLogger("easytune.page")

WARMING, READY, FAILED = "warming", "ready", "failed"
WARM_PROMPT = "a person walks forward"
NO_MODEL = (
    "Nothing can be generated until that is solved: put a model into checkpoints/, or restart the "
    "page with --model FOLDER. `python -m engine doctor` says what is missing."
)
MOST_LOADED = 2  # models kept in memory at once


@dataclass(frozen=True)
class Status:
    """What the header shows."""

    state: str
    text: str
    device: str
    model: str


class Engine:
    """Thread-safe access to generation, familiarity and video, all loaded lazily."""

    def __init__(
        self,
        model: str = "base",
        device: str | None = None,
        renderer: str = "auto",
        checkpoints: Path = CHECKPOINTS,
        body: Path | None = None,
    ) -> None:
        self.body = body  # an SMPL file to show, or None for the mannequin
        self._checkpoints = checkpoints
        self._model = model
        self._device = device
        self._renderer = renderer
        self._pipelines: dict[str, Any] = {}
        self._familiarity: Callable[[str], Familiar] | None = None
        self._judge: Judge | None = None
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._status = Status(WARMING, "warming up", device or "", model)

    def start(self) -> None:
        """Begin loading in the background; the page is usable meanwhile."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    @property
    def status(self) -> Status:
        """State of the engine right now."""
        return self._status

    @property
    def device(self) -> str | None:
        """The device that was chosen when the page was started; None: the usual one."""
        return self._device

    def models(self) -> list[str]:
        """Names of the models that can be chosen, the one the page was started with first."""
        found = available_models(self._checkpoints)
        return [self._model, *(name for name in found if name != self._model)]

    def sampling(self) -> tuple[float, int]:
        """Guidance and steps at which the model was judged best; a guess when it is missing."""
        try:
            chosen = read_json(self._folder(self._model) / "config.json")["sampling"]
            return float(chosen["guidance_scale"]), int(chosen["steps"])
        except (StudioError, KeyError, TypeError, ValueError):
            return 3.0, 10

    def wait(self, cancelled: Callable[[], bool]) -> None:
        """Return once the engine is warm; StudioError if it cannot be, or when cancelled."""
        while not self._settled.wait(0.1):
            if cancelled():
                raise StudioError("Cancelled.")
        if self._status.state == FAILED:
            raise StudioError(self._status.text)

    def generate(self, wish: Wish, cancelled: Callable[[], bool]) -> Sequence[Motion]:
        """The motions of one wish, one per sample; StudioError says what to change."""
        self.wait(cancelled)
        pipeline = self._pipeline(wish.model)
        # A GPU answers in milliseconds and replays a captured graph, which cannot be asked to stop.
        stop = None if str(pipeline.device).startswith("cuda") else cancelled
        return pipeline(
            [wish.prompt] * wish.samples,
            wish.seconds,
            wish.seeds,
            guidance=wish.guidance,
            steps=wish.steps,
            cancel=stop,
        )

    def sequence(
        self,
        recipe: Recipe,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
        before: LongMotion | None = None,
        chosen: Chosen | None = None,
    ) -> tuple[LongMotion, dict[str, Any]]:
        """The motion of a recipe and its receipt; StudioError says what to change.

        `before` is what the recipe gave without its last redo, so that it need not be made again.
        `chosen` is the model; None: the page's own.
        """
        from app.sequence_model import Chosen, make_with

        self.wait(cancelled)
        by = chosen or Chosen(self._model)
        name = self._receipt_name(by.model)
        pipeline = self._pipeline(by.model)
        return make_with(pipeline, by, name, recipe, progress, cancelled, before)

    def receipt(self, wish: Wish, motions: Sequence[Motion]) -> dict[str, Any]:
        """What it takes to make the motions of a wish again."""
        from engine.commands import receipt as receipts

        settings = receipts.Settings(wish.guidance, wish.steps, self._receipt_name(wish.model))
        entries = [
            receipts.make_entry(receipts.Wish(wish.prompt, wish.seconds, seed), motion)
            for seed, motion in zip(wish.seeds, motions, strict=True)
        ]
        return receipts.make_receipt(self._pipeline(wish.model), settings, entries)

    def familiarity(self, text: str) -> Familiar | None:
        """Familiarity of a prompt, or None while the engine is not ready to say."""
        if self._familiarity is None or not text.strip():
            return None
        return self._familiarity(text)

    def adapters(self) -> list[str]:
        """Names of the tuned models there are."""
        return available_adapters()

    def compare(
        self,
        wish: CompareWish,
        cancelled: Callable[[], bool],
        before: Pair | None = None,
        shelf: Mapping[str, Given] | None = None,
    ) -> Pair:
        """Both sides' motions and numbers; StudioError says what to change.

        `before` is the pair on the page: what has not changed is not made again. `shelf` holds the
        visitor's own motions.
        """
        from app.compare_engine import run

        self.wait(cancelled)
        return run(self._pipeline(self._model), self._judges(), wish, cancelled, before, shelf)

    def fit(self, motion: Motion, prompt: str, cancelled: Callable[[], bool]) -> dict[str, float]:
        """How well a motion fits a prompt: cosines by the reward and by the evaluator."""
        from engine.compare.given import fit

        self.wait(cancelled)
        return fit(self._pipeline(self._model), self._judges(), motion, prompt)

    def takes(
        self, side: SideWish, prompt: str, seconds: float, seeds: Sequence[int],
        cancelled: Callable[[], bool],
    ) -> list[Side]:  # fmt: skip
        """Motions of one model from several seeds, to vote on."""
        from app.preferences_engine import takes

        self.wait(cancelled)
        return takes(self._pipeline(self._model), side, prompt, seconds, seeds)

    def packs(self) -> dict[str, int]:
        """Packs that two models can be compared on, with their numbers of prompts."""
        from engine.compare.packs import packs

        return {name: len(prompts) for name, prompts in packs().items()}

    def start_pack(self, wish: PackWish) -> PackRun:
        """The comparison of a whole pack, to be done in steps; StudioError says what to change."""
        from app.compare_engine import start_pack

        return start_pack(wish)

    def step_pack(self, run: PackRun, cancelled: Callable[[], bool]) -> None:
        """A few more prompts of the pack."""
        self.wait(cancelled)
        run.step(self._pipeline(self._model), cancelled)

    def judge_pack(self, run: PackRun) -> PackResult:
        """Who wins, once all prompts are done."""
        return run.result(self._judges().evaluator)

    def render(
        self,
        motions: Sequence[Motion],
        path: Path,
        labels: Sequence[str],
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
        accents: Sequence[str] = (),
    ) -> Path:
        """Write the motions side by side as one MP4."""
        from engine.render.video import render_video

        return render_video(
            motions,
            path,
            labels=labels,
            accents=accents,
            backend=self._renderer,
            look=LOOK,
            body=self.body,
            progress=progress,
            cancel=cancelled,
        )

    def _judges(self) -> Judge:
        from app.compare_engine import load_judge

        if self._judge is None:
            folder = self._folder(self._model)
            self._judge = load_judge(self._pipeline(self._model), self._checkpoints, folder)
        return self._judge

    def _warm_up(self) -> None:
        started = time.monotonic()
        try:
            pipeline = self._pipeline(self._model)
            pipeline([WARM_PROMPT], 1.0, 0)
            self._status = Status(READY, "ready", _device_name(pipeline.device), pipeline.model_id)
        except BaseException as error:  # shown in the header, whatever it is
            text = f"{errors.sentence(error)} {NO_MODEL}"
            self._status = Status(FAILED, text, self._device or "", self._model)
        self._settled.set()
        log.info("warm-up: %s after %.1f s", self._status.state, time.monotonic() - started)
        if self._status.state == READY:
            self._load_familiarity()

    def _load_familiarity(self) -> None:
        try:
            self._familiarity = load_familiarity(self._pipeline(self._model))
        except Exception as error:  # the gauge is a help, never a reason not to generate
            log.warning("no familiarity gauge: %s", errors.sentence(error))

    def _pipeline(self, name: str) -> Any:
        from engine.pipeline import MotionPipeline

        with self._lock:
            if name not in self._pipelines:
                while len(self._pipelines) >= MOST_LOADED:
                    self._pipelines.pop(next(iter(self._pipelines)))
                folder = self._folder(name)
                self._pipelines[name] = MotionPipeline.from_pretrained(folder, device=self._device)
            return self._pipelines[name]

    def _receipt_name(self, name: str) -> str:
        """How a receipt calls a model: by name, or by folder where names lead elsewhere."""
        return name if self._checkpoints == CHECKPOINTS else str(self._folder(name))

    def _folder(self, name: str) -> Path:
        """A name is looked up in checkpoints/; only the operator's own choice may be a path."""
        if name == self._model and Path(name).is_dir():
            return Path(name)
        if name not in ("", ".", "..") and Path(name).name == name:
            return self._checkpoints / name
        raise StudioError(f"There is no model called {name!r}. Choose one from the list.")


def _device_name(device: Any) -> str:
    import torch

    if device.type == "cuda":
        return "GPU: " + torch.cuda.get_device_name(device).removeprefix("NVIDIA ")
    return "CPU"
