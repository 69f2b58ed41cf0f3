"""Which pair to show next: what the reward is least sure of, over all prompts, now and then again.

A proposer holds candidate motions of prompts and the votes so far. It knows a taste only through
what the votes say; the more of them, the better it asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from engine.preference.judged import described
from engine.preference.learned import REWARD, SIZE, Scale
from engine.preference.taste import Answers, Posterior, fit

COVER = 0.02  # bits that a prompt must be more worth for each time it was shown
AGAIN = 8  # one pair in so many is an earlier one, swapped
SETTLE = 6  # first pairs are drawn evenly: nothing is known yet
TOO_ALIKE = 0.15  # of the usual difference: pairs that look the same teach and please nobody
STILL_USEFUL = 0.08  # bits; a best pair that tells less is hardly worth the click
FALL = 0.6  # what a best pair tells falls about as votes ** -FALL (python -m benchmarks.voters)


@dataclass(frozen=True)
class Candidate:
    """A motion that could be shown. `reward` is of its own prompt; 0 where there is no reward."""

    prompt: str
    joints: np.ndarray
    reward: float = 0.0


@dataclass(frozen=True)
class Proposal:
    """Two candidates by index; `repeats` is the number of the earlier vote that this one checks."""

    first: int
    second: int
    repeats: int | None = None


@dataclass
class Proposer:
    """Candidates, votes on them, and the taste that these tell."""

    candidates: Sequence[Candidate]
    seed: int = 0
    asked: list[tuple[int, int, float]] = field(default_factory=list)  # first, second, target
    earlier: Answers | None = None  # votes on other motions, by the same scale

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        prompts: dict[str, list[int]] = {}
        for index, one in enumerate(self.candidates):
            prompts.setdefault(one.prompt, []).append(index)
        pairs = [pair for some in prompts.values() for pair in combinations(some, 2)]
        self.pairs = np.array(pairs, dtype=int).reshape(-1, 2)
        rows = described([one.joints for one in self.candidates]).double().numpy()
        self.scale = Scale.of(rows, self.pairs)
        known = self.scale.known(rows, np.array([one.reward for one in self.candidates]))
        self.gaps = known[self.pairs[:, 0]] - known[self.pairs[:, 1]]
        self._known = known
        self.posterior = self._fit()

    def answered(self, proposal: Proposal, target: float | None) -> None:
        """Take an answer: 1 the first, 0 the second, 0.5 a tie, None both bad."""
        if target is not None:
            self.asked.append((proposal.first, proposal.second, target))
        self.posterior = self._fit()

    def propose(self) -> Proposal:
        """The next pair."""
        again = self._again()
        if again is not None:
            return again
        shown = Counter(self.candidates[first].prompt for first, *_ in self.asked)
        seen = np.array([shown[self.candidates[first].prompt] for first, _ in self.pairs])
        known = {frozenset((first, second)) for first, second, _ in self.asked}
        fresh = np.array([frozenset((int(a), int(b))) not in known for a, b in self.pairs])
        apart = np.abs(self.gaps[:, 1:]).max(axis=1)
        worth = self.posterior.doubt(self.gaps) if len(self.asked) >= SETTLE else 0.0
        score = worth - COVER * seen + 1e-6 * self._rng.random(len(self.pairs))
        score = np.where(fresh & (apart > TOO_ALIKE), score, score - 10.0)
        if len(self.asked) < SETTLE:
            score = score + 0.01 * self._rng.random(len(self.pairs))
        first, second = self.pairs[int(np.argmax(score))]
        if self._rng.random() < 0.5:
            first, second = second, first
        return Proposal(int(first), int(second))

    def useful(self) -> int:
        """About how many more votes are likely still worth their click.

        It says when what is told by the tenth of the pairs that tell most will have fallen to
        STILL_USEFUL.
        """
        best = np.sort(self.posterior.doubt(self.gaps))[-max(1, len(self.gaps) // 10) :]
        count = max(len(self.asked), SETTLE)
        return max(0, round(count * ((float(best.mean()) / STILL_USEFUL) ** (1 / FALL) - 1)))

    def _again(self) -> Proposal | None:
        """An earlier decided pair, swapped, every so often."""
        if not self.asked or (len(self.asked) + 1) % AGAIN:
            return None
        counts = Counter(frozenset((first, second)) for first, second, _ in self.asked)
        once = [number for number, (first, second, target) in enumerate(self.asked)
                if target != 0.5 and counts[frozenset((first, second))] == 1
                and number < len(self.asked) - 3]  # fmt: skip
        if not once:
            return None
        number = int(self._rng.choice(once))
        first, second, _ = self.asked[number]
        return Proposal(second, first, number)

    def _fit(self) -> Posterior:
        if not self.asked:
            return fit(self.earlier or _nothing(), SIZE, REWARD)
        first, second = (np.array([one[k] for one in self.asked], dtype=int) for k in (0, 1))
        gaps = self._known[first] - self._known[second]
        target = np.array([one[2] for one in self.asked])
        own = Answers(gaps, target, np.ones(len(target)))
        return fit(own if self.earlier is None else _joined(self.earlier, own), SIZE, REWARD)


def consistency(votes: Sequence[tuple[frozenset[str], str | None]]) -> tuple[int, int]:
    """(same answer, asked twice) of (pair, winner or None) in order: how far a voter agrees with
    themselves; ties and both-bad answers are no answer to compare."""
    before: dict[frozenset[str], str] = {}
    same = twice = 0
    for pair, winner in votes:
        if winner is None:
            continue
        if pair in before:
            twice += 1
            same += before[pair] == winner
        before[pair] = winner
    return same, twice


def _nothing() -> Answers:
    return Answers(np.zeros((0, SIZE)), np.zeros(0), np.zeros(0))


def _joined(one: Answers, other: Answers) -> Answers:
    return Answers(
        np.concatenate([one.difference, other.difference]),
        np.concatenate([one.target, other.target]),
        np.concatenate([one.weight, other.weight]),
    )
