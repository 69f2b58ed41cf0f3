"""A voter's taste from few votes: sparse Bayesian logistic regression on differences of motions.

A vote says that the first motion is better with the probability sigma(u(first) - u(second))
(Bradley-Terry), with u linear in what is known of a motion. Few things matter to a voter: each
weight has a prior deviation of its own, and those that the votes give no reason for go to zero
(automatic relevance determination). The reward before is one of the things known, with a prior
mean of 1: without votes, the taste is the reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STEPS = 50
ROUNDS = 8
FIRST = 0.3  # prior deviation before any vote
# Of the gamma prior on the weights' precisions: nearly flat, and FIRST where no vote says anything.
SHAPE = 0.03
RATE = SHAPE * FIRST**2
LAPSE = 0.1  # share of answers that say nothing, whatever was shown
CLIP = 2.5  # deviations; a difference beyond is no stronger reason
_C = np.sqrt(np.pi * np.log(2) / 2)


@dataclass(frozen=True)
class Answers:
    """Differences first - second of what is known of two motions [V, D], and how each was judged.

    `target` is 1 where the first was liked, 0 where the second was, 0.5 for a tie.
    """

    difference: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: np.ndarray) -> Answers:
        """Some of the votes."""
        return Answers(self.difference[rows], self.target[rows], self.weight[rows])


@dataclass(frozen=True)
class Fixed:
    """A weight whose prior is given: the reward before."""

    index: int
    mean: float = 1.0
    deviation: float = 0.5


@dataclass(frozen=True)
class Posterior:
    """What the votes say of the weights: normal with `mean` [D] and `covariance` [D, D]."""

    mean: np.ndarray
    covariance: np.ndarray

    def utility(self, known: np.ndarray) -> np.ndarray:
        """u [M] of what is known [M, D], or of a difference."""
        return known @ self.mean

    def probability(self, difference: np.ndarray) -> np.ndarray:
        """P(first is liked better) [V], averaged over what the weights may be."""
        mean, variance = self._belief(difference)
        return _sigmoid(mean / np.sqrt(1 + np.pi * variance / 8))

    def doubt(self, difference: np.ndarray) -> np.ndarray:
        """Bits [V] that an answer is expected to tell about the weights (BALD).

        High where weights that fit the votes disagree with each other, not where each of them is
        undecided: a tie by all of them teaches nothing.
        """
        mean, variance = self._belief(difference)
        mean, variance = mean * np.sqrt(np.pi / 8), variance * np.pi / 8  # sigma is about Phi
        total = _entropy(_phi(mean / np.sqrt(1 + variance)))
        spread = variance + _C**2
        # The approximation may fall a hair under nothing.
        return np.maximum(total - _C / np.sqrt(spread) * np.exp(-(mean**2) / (2 * spread)), 0.0)

    def _belief(self, difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.clip(difference, -CLIP, CLIP)
        return x @ self.mean, np.einsum("vd,de,ve->v", x, self.covariance, x)


def fit(answers: Answers, size: int, fixed: Sequence[Fixed] = ()) -> Posterior:
    """The posterior of `size` weights; without votes, the prior."""
    centre, deviation = np.zeros(size), np.full(size, FIRST)
    for one in fixed:
        centre[one.index], deviation[one.index] = one.mean, one.deviation
    found = _mode(answers, centre, deviation)
    given = [one.index for one in fixed]
    for _ in range(ROUNDS if len(answers) else 0):
        squares = found.mean**2 + np.diag(found.covariance)
        free = np.sqrt((squares + 2 * RATE) / (1 + 2 * SHAPE))
        free[given] = deviation[given]
        deviation = free
        found = _mode(answers, centre, deviation)
    return found


def _mode(answers: Answers, centre: np.ndarray, deviation: np.ndarray) -> Posterior:
    """Newton's method for the mode, then Laplace's approximation around it."""
    x, precision, mean = np.clip(answers.difference, -CLIP, CLIP), deviation**-2.0, centre.copy()
    target = LAPSE / 2 + (1 - LAPSE) * answers.target
    hessian = np.diag(precision)
    for _ in range(STEPS):
        p = _sigmoid(x @ mean)
        gradient = x.T @ (answers.weight * (target - p)) - precision * (mean - centre)
        hessian = (x.T * (answers.weight * p * (1 - p))) @ x + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        mean = mean + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return Posterior(mean, np.linalg.inv(hessian))


def agreement(margin: np.ndarray, answers: Answers) -> tuple[int, int]:
    """(right, counted): decided votes whose sign `margin` [V] has; ties are not counted."""
    decided = answers.target != 0.5
    right = (margin > 0) == (answers.target > 0.5)
    return int((right & decided).sum()), int(decided.sum())


def cross_agreement(
    answers: Answers, size: int, groups: Sequence[object], fixed: Sequence[Fixed] = (),
    folds: int = 5,
) -> tuple[int, int]:  # fmt: skip
    """Agreement on votes that were kept back, every vote once; whole groups are kept back."""
    names = list(dict.fromkeys(groups))
    fold = {name: k % folds for k, name in enumerate(names)}
    where = np.array([fold[name] for name in groups])
    right = counted = 0
    for k in range(min(folds, len(names))):
        kept = where == k
        if kept.all():
            continue
        found, rest = fit(answers.take(~kept), size, fixed), answers.take(kept)
        got = agreement(found.utility(rest.difference), rest)
        right, counted = right + got[0], counted + got[1]
    return right, counted


def wilson(right: int, counted: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson); (0, 1) where nothing was counted."""
    if counted == 0:
        return 0.0, 1.0
    share, weight = right / counted, z * z / counted
    middle = (share + weight / 2) / (1 + weight)
    half = np.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _phi(x: np.ndarray) -> np.ndarray:
    """Distribution function of the standard normal."""
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def _entropy(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
