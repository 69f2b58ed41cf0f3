"""A stand-in for the engine with a walking figure, so that the page is tested without a model."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from app.compare_inputs import CompareWish, PackWish, SideWish
from app.engine_access import FAILED, READY, WARMING, Familiar, Status
from app.given import Given
from app.inputs import Wish
from app.sequence_model import Chosen
from engine.commands.edit_receipt import command_line
from engine.commands.receipt import Settings, joints_sha256, make_entry
from engine.commands.receipt import Wish as ReceiptWish
from engine.compare.choice import ModelChoice
from engine.compare.pack import PackResult, PackRun
from engine.compare.packs import packs
from engine.compare.pair import Pair, Side, Steps
from engine.edit.parts import Recipe, check_parts
from engine.edit.redo import title
from engine.edit.sequence import LongMotion
from engine.errors import StudioError
from engine.evaluation.comparison import Comparison
from engine.motion.motion import Motion
from engine.motion.skeleton import FPS
from tests.app.walking import walking


class FakePipeline:
    """As much of a pipeline as wearing one adapter and walking takes."""

    model = SimpleNamespace(guidance_scale=3.0)

    def __init__(self) -> None:
        self.strength = 0.0

    def adapt(self, folder: Path | None, strength: float = 1.0) -> None:
        self.strength = strength if folder else 0.0

    def __call__(
        self, texts: Sequence[str], seconds: Sequence[float], seeds: Sequence[int], **how: object
    ) -> list[Motion]:
        return [
            Motion(raised(walking(long, seed), self.strength), text, seed, "fake")
            for text, long, seed in zip(texts, seconds, seeds, strict=True)
        ]


def raised(joints: np.ndarray, strength: float) -> np.ndarray:
    """The more strength, the higher the arms."""
    joints = joints.copy()
    joints[:, 16:] += np.array([0.0, 0.2 * strength, 0.0], dtype=np.float32)
    return joints


class FakeEngine:
    """The same face as `app.engine_access.Engine`; every delay and failure can be set."""

    def __init__(
        self,
        delay: float = 0.2,
        video_seconds: float = 0.5,
        warm_seconds: float = 0.0,
        broken: str = "",
        failure: Exception | None = None,
        adapters: str = "feet,text",
        python: str = sys.executable,
    ) -> None:
        self.delay = delay
        self.video_seconds = video_seconds
        self.failure = failure
        self.python = python  # what tunings are started with
        self.asked: list[Wish] = []
        self._adapters = [name for name in adapters.split(",") if name]
        self._packs = packs()
        self._warm_seconds = warm_seconds
        self._broken = broken
        self._ready = threading.Event()
        self.status = Status(WARMING, "warming up", "CPU", "base")

    def start(self) -> None:
        timer = threading.Timer(self._warm_seconds, self._warm)
        timer.daemon = True  # a page that is told to stop stops
        timer.start()

    def _warm(self) -> None:
        state = Status(FAILED, self._broken, "CPU", "base") if self._broken else None
        self.status = state or Status(READY, "ready", "CPU", "base@0f1e2d3c")
        self._ready.set()

    def models(self) -> list[str]:
        return ["base"]

    def sampling(self) -> tuple[float, int]:
        return 3.0, 10

    def wait(self, cancelled: Callable[[], bool]) -> None:
        while not self._ready.wait(0.05):
            if cancelled():
                raise StudioError("Cancelled.")
        if self.status.state == FAILED:
            raise StudioError(self.status.text)

    def generate(self, wish: Wish, cancelled: Callable[[], bool]) -> Sequence[Motion]:
        self.asked.append(wish)
        self._work(cancelled)
        return [
            Motion(walking(wish.seconds, seed), wish.prompt, seed, "base@0f1e2d3c")
            for seed in wish.seeds
        ]

    def sequence(
        self,
        recipe: Recipe,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
        before: LongMotion | None = None,
        chosen: Chosen | None = None,
    ) -> tuple[LongMotion, dict[str, Any]]:
        made = self._sequence(recipe, progress, cancelled, before)
        by = chosen or Chosen("base")
        settings = Settings(3.0, 10, by.model, by.adapter, by.strength)
        return made, {"command": command_line(recipe, settings), "adapter": by.adapter,
                      "motions": [{"sha256": joints_sha256(made.motion)}]}  # fmt: skip

    def _sequence(
        self,
        recipe: Recipe,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
        before: LongMotion | None,
    ) -> LongMotion:
        if recipe.redone:
            self._work(cancelled)
            assert before is not None
            last, motion = recipe.redone[-1], before.motion
            name = title(motion.prompt, last.prompt, last.half)
            return replace(before, motion=replace(motion, prompt=name, joints=motion.joints + 0.1))
        if not recipe.parts:
            assert recipe.before is not None
            return LongMotion(recipe.before, (0,), torch.zeros(1, 0, 0))
        past, ahead = (
            0 if one is None else one.frames // 4 for one in (recipe.before, recipe.after)
        )
        checked = check_parts(recipe.parts, 4, past, ahead)
        for done in range(len(checked)):
            self._work(cancelled)
            progress((done + 1) / len(checked))
        starts = np.cumsum([4 * past, *(4 * tokens for _, tokens in checked)])
        text = ", then ".join(prompt for prompt, _ in checked)
        motion = Motion(
            walking(starts[-1] / FPS + ahead / 5, recipe.seed), text, recipe.seed, "base@0f1e2d3c"
        )
        return LongMotion(motion, tuple(starts[:-1].tolist()), torch.zeros(1, 1, 1))

    def receipt(self, wish: Wish, motions: Sequence[Motion]) -> dict[str, Any]:
        entries = [make_entry(ReceiptWish(wish.prompt, wish.seconds, seed), motion)
                   for seed, motion in zip(wish.seeds, motions, strict=True)]  # fmt: skip
        return {"model_folder": wish.model, "adapter": None, "strength": 1.0, "motions": entries,
                "guidance": wish.guidance, "steps": wish.steps}  # fmt: skip

    def _work(self, cancelled: Callable[[], bool]) -> None:
        self.wait(cancelled)
        end = time.monotonic() + self.delay
        while time.monotonic() < end:
            time.sleep(0.02)
            if cancelled():
                raise StudioError("Cancelled.")
        if self.failure:
            raise self.failure

    def adapters(self) -> list[str]:
        return self._adapters

    def compare(
        self,
        wish: CompareWish,
        cancelled: Callable[[], bool],
        before: Pair | None = None,
        shelf: Mapping[str, Given] | None = None,
    ) -> Pair:
        self._work(cancelled)
        shelf = shelf or {}
        own = [side.given for side in (wish.left, wish.right) if side.given]
        if own:
            wish = replace(wish, seconds=min(shelf[one].motion.seconds for one in own))
        left, right = (
            Side(ModelChoice(given=side.given, title=shelf[side.given].title),
                 shelf[side.given].motion, {"reward": 0.5, "similarity": 0.5})
            if side.given else self._side(wish, side)
            for side in (wish.left, wish.right)
        )  # fmt: skip
        return Pair(wish.prompt, wish.seconds, wish.seed, left, right)

    def fit(self, motion: Motion, prompt: str, cancelled: Callable[[], bool]) -> dict[str, float]:
        self._work(cancelled)
        return {"reward": 0.25, "similarity": 0.5}

    def takes(
        self, side: SideWish, prompt: str, seconds: float, seeds: Sequence[int],
        cancelled: Callable[[], bool],
    ) -> list[Side]:  # fmt: skip
        self._work(cancelled)
        wishes = (CompareWish(prompt, seconds, seed, side, side) for seed in seeds)
        return [Side(one.choice, one.motion, {}) for one in (self._side(w, side) for w in wishes)]

    def packs(self) -> dict[str, int]:
        return {name: len(prompts) for name, prompts in self._packs.items()}

    def start_pack(self, wish: PackWish) -> PackRun:
        sides = (
            ModelChoice(tuple((Path(name), s) for name, s in side.adapters), side.guidance)
            for side in (wish.left, wish.right)
        )
        return PackRun(self._packs[wish.pack], wish.seed, *sides)

    def step_pack(self, run: PackRun, cancelled: Callable[[], bool]) -> None:
        self._work(cancelled)
        run.step(FakePipeline(), cancelled)  # type: ignore[arg-type]

    def judge_pack(self, run: PackRun) -> PackResult:
        """The right side wins two of three prompts, and one is a tie."""
        gaps = np.tile([0.1, -0.1, 0.1, 0.0], len(run.prompts))[: len(run.prompts)]
        left = np.full(len(gaps), 0.5)
        measured = Comparison(len(gaps), len(gaps), {})
        return PackResult(
            run.prompts, run.seeds, run.choices, run.motions, (left, left + gaps), measured
        )  # fmt: skip

    def _side(self, wish: CompareWish, side: SideWish) -> Side:
        """Arms tell the strength; the way there is a shaking body."""
        strength = sum(share for _, share in side.adapters)
        joints = raised(walking(wish.seconds, wish.seed), strength)
        rng = np.random.default_rng(1)
        shaking = [joints + (4 - k) * 0.05 * rng.normal(size=joints.shape) for k in range(5)]
        rewards = np.linspace(0.1, 0.5 + 0.2 * strength, 5)
        pull = np.full(joints.shape[:2], 0.001, dtype=np.float32)
        pull[:, 16:] = 0.02
        choice = ModelChoice(tuple((Path(name), s) for name, s in side.adapters), side.guidance)
        numbers = {"reward": float(rewards[-1]), "similarity": 0.6 + 0.1 * strength,
                   "foot_skate": 0.2 - 0.1 * strength, "jerk": 70.0}  # fmt: skip
        motion = Motion(joints, wish.prompt, wish.seed, f"base@0f1e2d3c+{choice.label}")
        steps = Steps(np.stack(shaking).astype(np.float32), (900, 700, 500, 300, 100), rewards)
        return Side(choice, motion, numbers, steps, pull)

    def familiarity(self, text: str) -> Familiar | None:
        if not self._ready.is_set():
            return None
        known = {"walk": 0.91, "wave": 0.85, "juggle": 0.12}
        score = next((value for word, value in known.items() if word in text.lower()), 0.5)
        level = "well" if score > 0.66 else "roughly" if score > 0.33 else "unknown"
        return Familiar(
            score, level, ("a person walks forward", "someone waves", "a man throws a ball")
        )

    def render(
        self,
        motions: Sequence[Motion],
        path: Path,
        labels: Sequence[str],
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
        accents: Sequence[str] = (),
    ) -> Path:
        from imageio_ffmpeg import write_frames

        frames = max(len(motion.joints) for motion in motions)
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = write_frames(str(path), (160, 96), fps=FPS, macro_block_size=16)
        writer.send(None)
        for frame in range(frames):
            if cancelled():
                writer.close()
                raise StudioError("Cancelled.")
            shade = np.full((96, 160, 3), 60 + 120 * frame // frames, np.uint8)
            writer.send(np.ascontiguousarray(shade))
            progress((frame + 1) / frames)
            time.sleep(self.video_seconds / frames)
        writer.close()
        return path
