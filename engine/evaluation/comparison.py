"""Two models on the same prompts and seeds: paired differences, their intervals, and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from engine.errors import StudioError
from engine.evaluation import metrics, physical
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.protocol import Reference
from engine.motion.motion import Motion

MIN_PROMPTS = 6  # the intervals of fewer hold the truth less often than they say
RESAMPLES = 4000
CERTAIN = 0.5  # how sure the evaluator must be of what a prompt asks for to hold motions to it


@dataclass(frozen=True)
class Measure:
    """What a measure means: `sign` is the direction in which `words` come true.

    `good` False: neither direction is better by itself. A motion that stands still is smooth;
    motions that differ may differ for the worse.
    """

    sign: int
    words: str
    good: bool = True
    digits: int = 3


MEASURES: dict[str, Measure] = {
    "alignment": Measure(1, "follows the text better"),
    "mm_dist": Measure(-1, "is nearer to the text"),
    "content": Measure(1, "shows the action that was asked for more often"),
    "style": Measure(1, "shows the style that was asked for more often"),
    "foot_skate": Measure(-1, "slides its feet less"),
    "jerk": Measure(-1, "moves more smoothly", good=False, digits=1),
    "diversity": Measure(1, "differs more from seed to seed", good=False),
}
SPOKEN = tuple(name for name in MEASURES if name != "mm_dist")  # alignment says the same


@dataclass(frozen=True)
class Difference:
    """One measure: means over prompts of a, b and (where known) real motions; b - a.

    `low` and `high` are the 95 % interval of b - a; None when there are too few prompts for one.
    `prompts` is how many prompts (or seeds of a single prompt) it rests on.
    """

    measure: str
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    prompts: int
    real: float | None = None

    @property
    def verdict(self) -> str:
        """What b is beside a: "better", "worse", "no difference" or "too few".

        "higher" and "lower" where neither is better.
        """
        if self.low is None or self.high is None:
            return "too few"
        measure = MEASURES[self.measure]
        # Rounded as it is shown: what prints as nothing is nothing.
        if round(self.low, measure.digits) <= 0 <= round(self.high, measure.digits):
            return "no difference"
        if not measure.good:
            return "higher" if self.low > 0 else "lower"
        return "better" if (self.low > 0) == (measure.sign > 0) else "worse"


@dataclass(frozen=True)
class Comparison:
    """Paired differences of two models, by measure; how much they rest on."""

    prompts: int
    motions: int
    differences: dict[str, Difference]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = {k: {**asdict(d), "verdict": d.verdict} for k, d in self.differences.items()}
        return {"prompts": self.prompts, "motions": self.motions, "differences": found}


def compare(
    evaluator: Evaluator,
    reference: Reference | Sequence[str],
    motions_a: Sequence[Motion | np.ndarray],
    motions_b: Sequence[Motion | np.ndarray],
    *,
    seed: int = 0,
    embeddings: tuple[np.ndarray, np.ndarray] | None = None,
) -> Comparison:
    """What changes from a to b; motion i of both answers prompt i with the same seed.

    reference: one prompt per motion (a prompt that comes several times was given several seeds),
    or a `Reference`, whose captions are repeated when there are more motions than captions.
    Motions are `Motion`s or joints [T,22,3]; embeddings [N,D] of both spare embedding them here.

    Content and style are shares of motions that the evaluator names as the clip is labelled or,
    without clips, as it names the prompt itself, where it is sure of that. Diversity is the mean
    distance between embeddings of one prompt's motions. Intervals are of the mean over prompts:
    prompts are resampled, not motions, because motions of one prompt are alike; they are widened
    for few prompts (expanded percentile interval, Hesterberg 2015). Of a single prompt, seeds are
    resampled and the answer holds for that prompt alone. StudioError when the lists do not pair up.
    """
    a, b = [_joints(one) for one in motions_a], [_joints(one) for one in motions_b]
    asked = _asked(evaluator, reference, len(a))
    if not a or len(a) != len(b) or len(a) != len(asked.prompts):
        raise StudioError(
            f"{len(asked.prompts)} prompts, {len(a)} and {len(b)} motions cannot be compared: "
            "each prompt needs one motion of each model."
        )
    ours, theirs = embeddings or (evaluator.embed_motion(a), evaluator.embed_motion(b))
    unit = metrics.codes(asked.prompts, len(a))
    single = not unit.any()
    units = np.arange(len(a)) if single else unit
    first, second = _values(evaluator, asked, a, ours), _values(evaluator, asked, b, theirs)
    real = _real(evaluator, reference)
    found = {}
    for name, values in first.items():
        pair = _per_unit(values, units), _per_unit(second[name], units)
        found[name] = _difference(name, *pair, seed, real.get(name))
    spread = _spread(ours, unit), _spread(theirs, unit)
    found["diversity"] = _difference("diversity", *spread, seed, None)
    kept = {name: found[name] for name in MEASURES if found[name].prompts}
    return Comparison(int(unit.max()) + 1, len(a), kept)


def in_words(comparison: Comparison) -> list[str]:
    """One sentence per measure, about b: "follows the text better: yes (+0.021, 95 %: ...)"."""
    return [_sentence(one) for name, one in comparison.differences.items() if name in SPOKEN]


def paired_interval(differences: np.ndarray, seed: int = 0) -> tuple[float, float] | None:
    """95 % bootstrap interval of the mean of paired differences [N]; None for fewer than 6."""
    count = len(differences)
    if count < MIN_PROMPTS:
        return None
    rng = np.random.default_rng(seed)
    means = differences[rng.integers(count, size=(RESAMPLES, count), dtype=np.int32)].mean(axis=1)
    # Resampled means spread too little for few prompts: by (n-1)/n, and normal instead of t.
    reach = math.sqrt(count / (count - 1)) * stats.t.ppf(0.975, count - 1)
    tail = stats.norm.cdf(-reach)
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class _Asked:
    """Prompts [N], their embeddings [N,D], classes [N] asked for (-1: not known)."""

    prompts: list[str]
    text: np.ndarray
    content: np.ndarray
    style: np.ndarray


def _asked(evaluator: Evaluator, reference: Reference | Sequence[str], count: int) -> _Asked:
    if not isinstance(reference, Reference):
        names = list(dict.fromkeys(reference))
        embedded = evaluator.embed_text(names)
        classes = evaluator.classify_embedding(embedded)
        rows = [names.index(prompt) for prompt in reference]
        content, style = (
            np.where(p.max(axis=1, initial=0) >= CERTAIN, p.argmax(axis=1), -1)
            for p in (classes.content, classes.style)
        )
        return _Asked(list(reference), embedded[rows], content[rows], style[rows])
    times = max(1, count // len(reference.captions))
    content_of = {name: index for index, name in enumerate(evaluator.contents)}
    style_of = {name: index for index, name in enumerate(evaluator.styles)}
    return _Asked(
        reference.captions * times,
        np.tile(reference.text, (times, 1)),
        np.array([content_of.get(clip.content, -1) for clip in reference.clips] * times),
        np.array([style_of.get(clip.style, -1) for clip in reference.clips] * times),
    )


def _joints(motion: Motion | np.ndarray) -> np.ndarray:
    return motion.joints if isinstance(motion, Motion) else motion


def _values(
    evaluator: Evaluator, asked: _Asked, joints: Sequence[np.ndarray], embedding: np.ndarray
) -> dict[str, np.ndarray]:
    """Every measure of every motion [N], NaN where it does not apply; diversity is not of one."""
    classes = evaluator.classify_embedding(embedding)
    return {
        "alignment": (asked.text * embedding).sum(axis=1, dtype=np.float64),
        "mm_dist": np.linalg.norm(asked.text - embedding, axis=1).astype(np.float64),
        "content": _hits(classes.content, asked.content),
        "style": _hits(classes.style, asked.style),
        "foot_skate": np.array([physical.foot_skate(one) for one in joints]),
        "jerk": np.array([physical.jerk(one) for one in joints]),
    }


def _hits(probabilities: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return np.where(wanted < 0, np.nan, probabilities.argmax(axis=1) == wanted)


def _real(evaluator: Evaluator, reference: Reference | Sequence[str]) -> dict[str, float]:
    """Means over captions of the real motions' own values; nothing where there are none."""
    if not isinstance(reference, Reference):
        return {}
    asked = _asked(evaluator, reference, len(reference.joints))
    unit = metrics.codes(asked.prompts, len(asked.prompts))
    values = _values(evaluator, asked, reference.joints, reference.motion)
    means = {name: _per_unit(rows, unit) for name, rows in values.items()}
    return {name: float(np.nanmean(v)) for name, v in means.items() if not np.isnan(v).all()}


def _per_unit(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Mean of values [N] per unit; NaN for units that have none."""
    known = ~np.isnan(values)
    count = np.bincount(unit[known], minlength=unit.max() + 1)
    total = np.bincount(unit[known], values[known], minlength=unit.max() + 1)
    return np.where(count, total / np.maximum(count, 1), np.nan)


def _spread(embedding: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Mean distance between any two embeddings of a unit; NaN for units with one."""
    found = np.full(unit.max() + 1, np.nan)
    for number in range(len(found)):
        rows = embedding[unit == number]
        if len(rows) > 1:
            gaps = metrics.distances(rows, rows)
            found[number] = gaps[np.triu_indices(len(rows), 1)].mean()
    return found


def _difference(
    name: str, a: np.ndarray, b: np.ndarray, seed: int, real: float | None
) -> Difference:
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if not len(a):
        return Difference(name, 0.0, 0.0, 0.0, None, None, 0)
    low, high = paired_interval(b - a, seed) or (None, None)
    middle = float(a.mean()), float(b.mean()), float((b - a).mean())
    return Difference(name, *middle, low, high, len(a), real)


def _sentence(one: Difference) -> str:
    measure = MEASURES[one.measure]
    by = f"{one.difference:+.{measure.digits}f}"
    if one.low is None or one.high is None:
        return f"{measure.words}: too few prompts to tell ({by})"
    answer = "no clear difference"
    if one.verdict != "no difference":
        right = (one.difference > 0) == (measure.sign > 0)
        answer = "yes" if right else "no, worse" if measure.good else "no, the opposite"
    low, high = (f"{value:.{measure.digits}f}" for value in (one.low, one.high))
    return f"{measure.words}: {answer} ({by}, 95 %: {low} to {high})"
