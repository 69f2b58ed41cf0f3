"""From judged motions to a taste that a reward carries, and how far it agrees with the votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from engine.preference.judged import Judged, described
from engine.preference.taste import Answers, Fixed, Posterior, agreement, cross_agreement, fit
from engine.tuning.rewards.descriptors import NAMES
from engine.tuning.rewards.taste import Taste

TEMPERATURE = 0.1  # difference of rewards that counts as one unit of utility
LEAST = 0.5  # of the reward before: a taste never makes the text matter less than half as much
SIZE = 1 + len(NAMES)
REWARD = (Fixed(0),)


@dataclass(frozen=True)
class Scale:
    """Puts descriptors on one footing: over motions, and over differences of one prompt."""

    centre: np.ndarray
    spread: np.ndarray
    apart: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, pairs: np.ndarray) -> Scale:
        """From descriptors [M, D] and pairs of motions [V, 2] of one prompt each."""
        centre, spread = rows.mean(0), rows.std(0) + 1e-4
        plain = cls(centre, spread, np.ones(rows.shape[1]))
        near = plain.squashed(rows)
        gaps = near[pairs[:, 0]] - near[pairs[:, 1]]
        return cls(centre, spread, np.sqrt((gaps**2).mean(0)) + 0.02)

    def squashed(self, rows: np.ndarray) -> np.ndarray:
        """As `Taste.squashed`."""
        centre, spread = torch.from_numpy(self.centre), torch.from_numpy(self.spread)
        taste = Taste(centre, spread, spread)
        return taste.squashed(torch.from_numpy(rows)).numpy()

    def known(self, rows: np.ndarray, reward: np.ndarray) -> np.ndarray:
        """What a utility is linear in: [M, SIZE] of descriptors [M, D] and rewards [M]."""
        return np.column_stack([reward / TEMPERATURE, self.squashed(rows) / self.apart])

    def taste(self, found: Posterior, rows: np.ndarray) -> Taste:
        """Weights in units of the reward, for which the text counts 1; `rows` [M, D] are the
        descriptors of the motions it was learned from."""
        worth = TEMPERATURE / max(float(found.mean[0]), LEAST)
        weight = worth * found.mean[1:] / self.apart
        deviation = float((self.squashed(rows) @ weight).std())
        return Taste(_single(self.centre), _single(self.spread), _single(weight), deviation)


@dataclass(frozen=True)
class Seen:
    """Votes by what is known of their motions."""

    scale: Scale
    rows: np.ndarray  # descriptors [M, D] of the motions
    answers: Answers
    groups: list[str]  # the pair of each vote

    @classmethod
    def of(cls, judged: Judged, rewards: np.ndarray) -> Seen:
        """`rewards` [V, 2]: of both motions of each comparison, for its own prompt."""
        rows = described(judged.joints).double().numpy()
        pairs = np.array([(one.first, one.second) for one in judged.comparisons])
        scale = Scale.of(rows, pairs)
        sides = [scale.known(rows[pairs[:, k]], rewards[:, k]) for k in (0, 1)]
        answers = Answers(
            sides[0] - sides[1],
            np.array([one.target for one in judged.comparisons]),
            np.array([one.weight for one in judged.comparisons]),
        )
        return cls(scale, rows, answers, [one.pair for one in judged.comparisons])

    def taste(self, found: Posterior) -> Taste:
        """What tuning takes."""
        return self.scale.taste(found, self.rows)

    def learn(self, rows: np.ndarray | None = None) -> Posterior:
        """The taste of all votes, or of some."""
        return fit(self.answers if rows is None else self.answers.take(rows), SIZE, REWARD)

    def cross(self) -> tuple[int, int]:
        """(right, counted) of votes by a taste that was learned without them."""
        return cross_agreement(self.answers, SIZE, self.groups, REWARD)

    def by_reward(self, rows: np.ndarray | None = None) -> tuple[int, int]:
        """(right, counted) of votes by the reward alone."""
        some = self.answers if rows is None else self.answers.take(rows)
        return agreement(some.difference[:, 0], some)

    def by(self, found: Posterior, rows: np.ndarray | None = None) -> tuple[int, int]:
        """(right, counted) of votes by the reward with a taste, as tuning will see it."""
        some = self.answers if rows is None else self.answers.take(rows)
        text = max(float(found.mean[0]), LEAST)
        margin = some.difference[:, 0] * text + some.difference[:, 1:] @ found.mean[1:]
        return agreement(margin, some)


def _single(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values).float()
