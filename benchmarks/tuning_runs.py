"""Timed tuning runs: what is the same for every method, and one run after another on one model."""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.checks import check_guidance
from engine.data.dataset import MotionDataset
from engine.diffusion.capture import capture
from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import Guided, sample
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_data import balance, draw_captions, make_items
from engine.evaluation.protocol import make_reference, score
from engine.evaluation.sampling import replications
from engine.models.adapter import attach, attach_full, detach, disabled
from engine.models.text import TransformersTextEncoder
from engine.motion.skeleton import MAX_FRAMES, MIN_FRAMES
from engine.pipeline import MotionPipeline
from engine.tuning.learner import DivergedError, Learner
from engine.tuning.memory import SavedBytes
from engine.tuning.methods.registry import MethodConfig, build
from engine.tuning.problem import Problem, PromptBank
from engine.tuning.rewards.registry import RewardForm, make_reward, parse_weights
from engine.tuning.rewards.total import WeightedSum

WARM_UP_PASS = 999_983  # a number that no timed pass has
MARKS = [1.35**-k for k in range(12, -1, -1)]  # when to validate, as shares of the time given
DRAWN, DRAWS = ("alignprop", "drtune"), 6  # methods whose graphs differ from pass to pass
METRICS = ("r1", "r3", "mm_dist", "fid", "diversity", "content", "style")


@dataclass(frozen=True)
class Options:
    """Everything that tells one run from another. `rank` 0 tunes whole blocks instead of LoRA.

    `judged` is the number of steps of validation; None means those that are tuned.
    """

    method: MethodConfig
    steps: int
    rate: float
    rank: int = 8
    form: RewardForm = "latent_prev"
    weights: str = "follow=1"
    seed: int = 0
    judged: int | None = None

    @property
    def judged_steps(self) -> int:
        """Denoising steps of validation."""
        return self.judged or self.steps


@dataclass
class Point:
    """The validation reward after so many seconds of tuning, validation not counted."""

    seconds: float
    passes: int
    updates: int
    reward: float


@dataclass
class Curve:
    """Points of one run, from the base on; `diverged` when numbers went wrong."""

    points: list[Point] = field(default_factory=list)
    diverged: bool = False

    @classmethod
    def of(cls, rows: list[list[float]]) -> Curve:
        """From the points of a result file."""
        return cls([Point(row[0], int(row[1]), int(row[2]), row[3]) for row in rows])

    @property
    def best(self) -> float:
        """The highest validation reward."""
        return max(point.reward for point in self.points)

    def time_to(self, level: float) -> float | None:
        """Seconds until the reward first was `level`, linear between points; None if never."""
        for before, after in zip(self.points, self.points[1:], strict=False):
            if after.reward >= level:
                share = (level - before.reward) / max(after.reward - before.reward, 1e-12)
                return before.seconds + max(share, 0.0) * (after.seconds - before.seconds)
        return None


class Setup:
    """One base, one set of prompts, one judge: every run starts from here and leaves it as is."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.device = args, torch.device(args.device)
        self.model = MotionModel.from_pretrained(args.model, self.device)
        if args.guidance is not None:
            self.model.guidance_scale = check_guidance(args.guidance)
        self.encoder = TransformersTextEncoder(device=self.device)
        self.evaluator = Evaluator.from_pretrained(args.evaluator, self.encoder, self.device)
        data = MotionDataset.open(args.data)
        self.reference = make_reference(data, self.evaluator, args.split, 0, args.limit)
        self.others = {
            split: make_reference(data, self.evaluator, split, 0, args.limit) for split in args.also
        }
        self.train = self._bank(*train_prompts(data, args.prompts))
        frames = [min(len(one), MAX_FRAMES) for one in self.reference.joints]
        self.held_out = self._bank(self.reference.captions, frames)
        self._rewards: dict[tuple[str, str], WeightedSum] = {}
        self._base: dict[tuple[int, str], float] = {}
        self._walks: dict[tuple, Callable[..., Tensor]] = {}  # of the adapter that is on now

    def _bank(self, texts: list[str], frames: list[int]) -> PromptBank:
        return PromptBank(texts, frames, self.encoder, self.model, self.device)

    def reward(self, weights: str, form: RewardForm) -> WeightedSum:
        """A reward, made once."""
        key = (weights, form)
        if key not in self._rewards:
            self._rewards[key] = make_reward(
                parse_weights(weights), form, self.model, self.args.reward, self.device
            )
        return self._rewards[key]

    @torch.no_grad()
    def validate(self, steps: int, weights: str) -> float:
        """Mean reward of decoded motions for held-out prompts and fixed noise."""
        judge, count = self.reward(weights, "x_0"), min(self.args.validation, len(self.held_out))
        problem = Problem(self.model, judge, steps, self.model.guidance_scale)
        totals = []
        for start in range(0, count, 256):
            batch = self.held_out.batch(range(start, min(start + 256, count)), noise_seed=start)
            latents = self._walked(problem.guided(batch), batch.noise, steps)
            totals.append(problem.score_end(latents, batch).total)
        return float(torch.cat(totals).mean())

    def _walked(self, guided: Guided, noise: Tensor, steps: int) -> Tensor:
        """Finished latents of the model as it is now; as one graph where runs are captured."""

        def walk(noise: Tensor, *held: Tensor) -> Tensor:
            again = guided.holding(held)
            latents = sample(self.model.denoiser, self.model.schedule, noise, again, steps)
            assert latents is not None
            return latents

        inputs = (noise, *guided.tensors())
        if not (self.args.captured and noise.is_cuda and guided.fresh is None):
            return walk(*inputs)
        key = (steps, noise.shape)
        if key not in self._walks:
            self._walks[key] = capture(walk, inputs)
        return self._walks[key](*inputs)

    def base_reward(self, steps: int, weights: str) -> float:
        """The same of the base, once; call it while no adapter is on."""
        key = (steps, weights)
        if key not in self._base:
            self._base[key] = self.validate(*key)
        return self._base[key]

    def evaluate(self, steps: int, seed: int = 0, split: str | None = None) -> dict[str, float]:
        """The evaluator's metrics and foot skate of the model as it is now."""
        reference = self.reference if split is None else self.others[split]
        pipeline = MotionPipeline(self.model, self.encoder, self.device, capture=False)
        made = replications(pipeline, reference, 1, seed, steps=steps)
        return picked(score(self.evaluator, reference, made))

    def real(self, split: str | None = None) -> dict[str, float]:
        """The same of the recorded motions themselves: what there is to gain."""
        reference = self.reference if split is None else self.others[split]
        found = score(self.evaluator, reference, [reference.joints], embeddings=[reference.motion])
        return picked(found)

    @contextmanager
    def run(self, options: Options) -> Iterator[Run]:
        """A fresh adapter on the base; off again afterwards."""
        self.base_reward(options.judged_steps, options.weights)
        try:
            self._walks.clear()
            run = Run(self, options)
            yield run
            run.method = run.problem = None  # type: ignore[assignment]
            self._walks.clear()
        finally:
            detach(self.model.denoiser)
            gc.collect()  # a captured trajectory holds gigabytes, in cycles with its module
            if self.device.type == "cuda":
                torch.cuda.empty_cache()


class Run:
    """One adapter being tuned by one method."""

    def __init__(self, setup: Setup, options: Options) -> None:
        self.setup, self.options = setup, options
        model = setup.model
        self.problem = Problem(
            model, setup.reward(options.weights, options.form), options.steps,
            model.guidance_scale, lambda: disabled(model.denoiser),
        )  # fmt: skip
        self.tuned = (
            attach(model.denoiser, options.rank, 2 * options.rank, seed=options.seed)
            if options.rank
            else attach_full(model.denoiser)
        )
        self.method = build(replace(options.method, seed=options.seed), options.steps)

    def _pass(self, learner: Learner, number: int) -> None:
        batch = self.setup.train.draw(self.setup.args.batch, self.options.seed, number)
        self.method(self.problem, learner, batch, number)

    def warm_up(self) -> None:
        """A pass that moves nothing: kernels are loaded, graphs captured."""
        state = self.method.state()
        self._pass(Learner(self.tuned, rate=0.0), WARM_UP_PASS)
        self.method.load_state(state)
        settle(self.setup.device)

    def train(self, seconds: float) -> Curve:
        """Tune for `seconds` by the clock, which stands still during validation."""
        options, setup = self.options, self.setup
        self.warm_up()
        learner = Learner(self.tuned, options.rate)
        curve = Curve([Point(0.0, 0, 0, setup.base_reward(options.judged_steps, options.weights))])
        marks, clock, number = [mark * seconds for mark in MARKS], 0.0, 0
        while marks:
            start = time.perf_counter()
            try:
                self._pass(learner, number)
            except DivergedError:
                curve.diverged = True
                break
            settle(setup.device)
            clock, number = clock + time.perf_counter() - start, number + 1
            if clock >= marks[0]:
                marks = [mark for mark in marks if mark > clock]
                reward = setup.validate(options.judged_steps, options.weights)
                curve.points.append(Point(clock, number, learner.updates, reward))
        return curve

    def peak_bytes(self) -> int:
        """Extra memory of one pass above the resting model, adapter and optimiser state.

        On CUDA the allocator's peak; elsewhere what autograd keeps for backward passes. Where a
        method draws how many steps it trains, the most of several passes.
        """
        learner = Learner(self.tuned, rate=1e-6)
        self._pass(learner, WARM_UP_PASS)
        settle(self.setup.device)
        gc.collect()
        repeats = range(DRAWS if self.method.name in DRAWN else 1)
        if self.setup.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            resting = torch.cuda.memory_allocated()
            for number in repeats:
                self._pass(learner, number)
            settle(self.setup.device)
            return torch.cuda.max_memory_allocated() - resting
        with SavedBytes(self.setup.model.denoiser.parameters()) as saved:
            for number in repeats:
                self._pass(learner, number)
        return saved.peak


def picked(found: dict[str, Any]) -> dict[str, float]:
    """Of all that was scored, what the benchmark tells."""
    values = {name: found[name]["mean"] for name in METRICS if name in found}
    return values | {
        name: one["value"] for name, one in found["physical"].items() if name == "foot_skate"
    }


def train_prompts(data: MotionDataset, count: int) -> tuple[list[str], list[int]]:
    """Captions (phrasings of training) and frames for clips of the training split, balanced."""
    clips = [c for c in data.select(split="train")
             if MIN_FRAMES <= c.frames <= MAX_FRAMES and (c.content or c.captions)]  # fmt: skip
    items, rng = make_items(clips, with_mirrored=False), np.random.default_rng(0)
    chosen = [items[i] for i in rng.choice(len(items), count, p=balance(items, 0.5))]
    texts = [row[0] for row in draw_captions(chosen, 1, rng, "train", typos=0.0)]
    return texts, [item.clip.frames for item in chosen]


def settle(device: torch.device) -> None:
    """Wait until the device has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def rounded(value: Any) -> Any:
    """Floats to five digits, for JSON; what is no number becomes None."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        return round(value, 5) if np.isfinite(value) else None
    return value
