"""Which pair to show next: what the reward is least sure of, over all prompts, now and then again.

A proposer knows a taste only through what the votes say; the more of them, the better it asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.preference.judged import described
from engine.preference.learned import REWARD, SIZE, Scale
from engine.preference.taste import Answers, Posterior, fit
from engine.tuning.rewards.descriptors import NAMES

COVER = 0.02  # bits that a prompt must be more worth for each time it was shown
AGAIN = 8  # one pair in so many is an earlier one, swapped
RECENT = 3  # last pairs, that are still remembered, do not come again
SETTLE = 6  # first pairs are drawn evenly: nothing is known yet
TOO_ALIKE = 0.15  # of the usual difference: pairs that look the same teach and please nobody
STILL_USEFUL = 0.08  # bits; a best pair that tells less is hardly worth the click
FALL = 0.6  # what a best pair tells falls about as votes ** -FALL (python -m benchmarks.voters)


@dataclass(frozen=True)
class Proposal:
    """Two motions by number; `repeats` is the number of the earlier answer that this one checks."""

    first: int
    second: int
    repeats: int | None = None


@dataclass(frozen=True)
class Asked:
    """An answer: target 1 the first, 0 the second, 0.5 a tie. `here`: it was proposed by us."""

    first: int
    second: int
    target: float
    here: bool


class Proposer:
    """Motions of prompts, the pairs that may be shown, the answers, and the taste these tell."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.prompts: list[str] = []
        self.asked: list[Asked] = []
        self._pairs: list[tuple[int, int]] = []
        self._rows = np.zeros((0, len(NAMES)))
        self._rewards: list[float] = []
        self._stale = True

    def add(
        self, prompt: str, joints: Sequence[np.ndarray], rewards: Sequence[float] = ()
    ) -> list[int]:
        """Motions [T, 22, 3] of a prompt, with their rewards where there are any; their numbers."""
        first = len(self.prompts)
        self.prompts += [prompt] * len(joints)
        self._rows = np.concatenate([self._rows, described(joints).double().numpy()])
        self._rewards += list(rewards) or [0.0] * len(joints)
        self._stale = True
        return list(range(first, len(self.prompts)))

    def offer(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Pairs that may be shown, by number."""
        self._pairs += pairs
        self._stale = True

    def withdraw(self) -> None:
        """No pair that was offered may be shown any more, nor shown again."""
        self._pairs = []
        self.asked = [replace(one, here=False) for one in self.asked]
        self._stale = True

    def answered(self, first: int, second: int, target: float | None, here: bool = True) -> None:
        """Take an answer; None (both bad) says nothing of one against the other."""
        if target is not None:
            self.asked.append(Asked(first, second, target, here))
            self._stale = True

    def forget(self, first: int, second: int) -> None:
        """Take the last answer to a pair back."""
        for number in reversed(range(len(self.asked))):
            one = self.asked[number]
            if (one.first, one.second) == (first, second):
                del self.asked[number]
                self._stale = True
                return

    def propose(self) -> Proposal:
        """The next pair; at least one must have been offered."""
        again = self._again()
        if again is not None:
            return again
        self._look()
        shown = Counter(self.prompts[one.first] for one in self.asked)
        seen = np.array([shown[self.prompts[first]] for first, _ in self._pairs])
        known = {frozenset((one.first, one.second)) for one in self.asked}
        fresh = np.array([frozenset(pair) not in known for pair in self._pairs])
        apart = np.abs(self.gaps[:, 1:]).max(axis=1)
        settled = len(self.asked) >= SETTLE
        worth = self.posterior.doubt(self.gaps) if settled else np.zeros(len(self.gaps))
        # Before anything is known, chance decides between prompts that were shown as often.
        noise = self._rng.random(len(worth)) * (1e-6 if settled else 0.5 * COVER)
        score = worth - COVER * seen + noise
        score = np.where(fresh & (apart > TOO_ALIKE), score, score - 10.0)
        first, second = self._pairs[int(np.argmax(score))]
        if self._rng.random() < 0.5:
            first, second = second, first
        return Proposal(first, second)

    def expects(self, first: int, second: int) -> float:
        """P(first is liked better), as the answers so far tell."""
        self._look()
        gap = self._known[[first]] - self._known[[second]]
        return float(self.posterior.probability(gap)[0])

    def useful(self) -> int:
        """About how many more votes are likely still worth their click.

        It says when what is told by the tenth of the pairs that tell most will have fallen to
        STILL_USEFUL.
        """
        self._look()
        best = np.sort(self.posterior.doubt(self.gaps))[-max(1, len(self.gaps) // 10) :]
        count = max(len(self.asked), SETTLE)
        return max(0, round(count * ((float(best.mean()) / STILL_USEFUL) ** (1 / FALL) - 1)))

    def _again(self) -> Proposal | None:
        """An earlier decided pair of ours, swapped, every so often."""
        ours = [(number, one) for number, one in enumerate(self.asked) if one.here]
        if not ours or (len(ours) + 1) % AGAIN:
            return None
        counts = Counter(frozenset((one.first, one.second)) for _, one in ours)
        once = [
            (number, one) for number, one in ours[: -RECENT or None]
            if one.target != 0.5 and counts[frozenset((one.first, one.second))] == 1
        ]  # fmt: skip
        if not once:
            return None
        number, one = once[int(self._rng.integers(len(once)))]
        return Proposal(one.second, one.first, number)

    def _look(self) -> None:
        """Bring scale, differences and posterior up to date."""
        if not self._stale:
            return
        asked = np.array([(one.first, one.second) for one in self.asked], dtype=int).reshape(-1, 2)
        offered = np.array(self._pairs, dtype=int).reshape(-1, 2)
        scale = Scale.of(self._rows, np.concatenate([offered, asked]))
        self._known = scale.known(self._rows, np.array(self._rewards))
        self.gaps = self._known[offered[:, 0]] - self._known[offered[:, 1]]
        answers = Answers(
            self._known[asked[:, 0]] - self._known[asked[:, 1]],
            np.array([one.target for one in self.asked]), np.ones(len(asked)),
        )  # fmt: skip
        self.posterior: Posterior = fit(answers, SIZE, REWARD)
        self._stale = False


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
