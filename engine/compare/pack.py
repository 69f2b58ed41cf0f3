"""A whole pack of prompts through two models, batch by batch, and how often each one wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from engine.checks import check_guidance, check_seed
from engine.compare.choice import ModelChoice, worn
from engine.errors import StudioError
from engine.evaluation.comparison import Comparison, in_words
from engine.evaluation.comparison import compare as compare_measures
from engine.motion.motion import Motion
from engine.tuning.prompts import Prompt

if TYPE_CHECKING:
    from engine.evaluation.evaluator import Evaluator
    from engine.pipeline import MotionPipeline

BATCH = 4  # prompts between two looks at whether to stop, and between two turns of others
ALIKE = 0.005  # similarities closer than this print alike: nobody wins
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Wins:
    """How often each side follows the text better; ties are of neither.

    `rate` is the right side's share of what was decided, `low` and `high` its 95 % interval
    (Wilson's); None where nothing was decided.
    """

    left: int
    right: int
    ties: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PackResult:
    """Motion i of both sides answers prompt i from the same noise; similarities [N] likewise."""

    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]
    choices: tuple[ModelChoice, ModelChoice]
    motions: tuple[tuple[Motion, ...], tuple[Motion, ...]]
    similarity: tuple[np.ndarray, np.ndarray]
    comparison: Comparison

    @property
    def winners(self) -> list[int]:
        """Per prompt who follows the text better: 0 left, 1 right, -1 neither."""
        gaps = self.similarity[1] - self.similarity[0]
        return [-1 if abs(gap) < ALIKE else int(gap > 0) for gap in gaps]

    @property
    def wins(self) -> Wins:
        """The winners counted."""
        return count_wins(self.winners)

    @property
    def words(self) -> list[str]:
        """What the paired comparison of all measures says about the right side."""
        return in_words(self.comparison)


class PackRun:
    """Prompts on their way through two models; `step` does the next few, others come between."""

    def __init__(
        self, prompts: Sequence[Prompt], seed: int, left: ModelChoice, right: ModelChoice
    ) -> None:
        """Prompt i takes the noise of seed + i; StudioError when there are none."""
        if not prompts:
            raise StudioError("This pack holds no prompts. Choose another one.")
        self.prompts = tuple(prompts)
        start = check_seed(seed)
        self.seeds = tuple(check_seed(start + row) for row in range(len(self.prompts)))
        self.choices = left, right
        # Batches of like lengths hold little padding.
        order = sorted(range(len(self.prompts)), key=lambda row: self.prompts[row].frames)
        self._batches = [order[k : k + BATCH] for k in range(0, len(order), BATCH)]
        self._made: tuple[dict[int, Motion], dict[int, Motion]] = {}, {}
        self._next = 0

    @property
    def total(self) -> int:
        """Prompts there are."""
        return len(self.prompts)

    @property
    def done(self) -> int:
        """Prompts that both models have answered."""
        return len(self._made[1])

    @property
    def finished(self) -> bool:
        """Whether nothing is left to generate."""
        return self.done == self.total

    @property
    def motions(self) -> tuple[tuple[Motion, ...], tuple[Motion, ...]]:
        """Left's and right's, in the order of the prompts; only when finished."""
        left, right = (tuple(made[row] for row in range(self.total)) for made in self._made)
        return left, right

    def step(self, pipeline: MotionPipeline, cancel: Callable[[], bool] | None = None) -> None:
        """The next batch through both models; afterwards the pipeline is its base.

        Others who use the same pipeline must wait meanwhile. StudioError for damaged adapters,
        Cancelled when `cancel` says so; a batch that failed is done again by the next call.
        """
        if self.finished:
            return
        rows = self._batches[self._next]
        answers = [self._answer(pipeline, choice, rows, cancel) for choice in self.choices]
        for made, motions in zip(self._made, answers, strict=True):
            made.update(zip(rows, motions, strict=True))
        self._next += 1

    def _answer(
        self,
        pipeline: MotionPipeline,
        choice: ModelChoice,
        rows: Sequence[int],
        cancel: Callable[[], bool] | None,
    ) -> list[Motion]:
        usual = pipeline.model.guidance_scale
        guidance = check_guidance(usual if choice.guidance is None else choice.guidance)
        with worn(pipeline, choice):
            return pipeline(
                [self.prompts[row].text for row in rows],
                [self.prompts[row].seconds for row in rows],
                [self.seeds[row] for row in rows],
                guidance=guidance,
                cancel=cancel,
            )

    def result(self, evaluator: Evaluator | None) -> PackResult:
        """Who follows the text better, by the evaluator, which no tuning ever sees."""
        if evaluator is None:
            raise StudioError(
                "A pack is judged by the evaluator, which could not be loaded. "
                "`python -m engine doctor` says what is missing in checkpoints/evaluator."
            )
        left, right = self.motions
        texts = [prompt.text for prompt in self.prompts]
        asked = evaluator.embed_text(texts)
        shown = [
            evaluator.embed_motion([motion.joints for motion in side]) for side in (left, right)
        ]
        similarity = (asked * shown[0]).sum(axis=1), (asked * shown[1]).sum(axis=1)
        measured = compare_measures(evaluator, texts, left, right, embeddings=(shown[0], shown[1]))
        return PackResult(
            self.prompts, self.seeds, self.choices, (left, right), similarity, measured
        )  # fmt: skip


def count_wins(winners: Sequence[int]) -> Wins:
    """Count winners (0 left, 1 right, -1 neither) with the interval of the right side's share."""
    left, right, ties = (sum(one == side for one in winners) for side in (0, 1, -1))
    if left + right == 0:
        return Wins(left, right, ties, None, None, None)
    found = stats.binomtest(right, left + right).proportion_ci(CONFIDENCE, method="wilson")
    return Wins(left, right, ties, right / (left + right), float(found.low), float(found.high))
