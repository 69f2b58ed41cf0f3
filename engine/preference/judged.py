"""Votes as the learner reads them: motions, and comparisons of two of them with what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from engine.preference.records import Vote
from engine.preference.store import Store
from engine.tuning.rewards.descriptors import describe

PART = 64
HELD_SHARE = 5  # one pair in so many is kept back
FEWEST_HELD = 5  # pairs below which none is kept back


@dataclass(frozen=True)
class Comparison:
    """Motions by index. target: 1 first is better, 0.5 alike."""

    prompt: str
    first: int
    second: int
    target: float
    weight: float
    pair: str
    choice: str


@dataclass
class Judged:
    """Everything that was voted on. `unused` says why some votes teach nothing."""

    joints: list[np.ndarray] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    votes: int = 0
    unused: int = 0  # both bad, and no real motion to compare with

    def __len__(self) -> int:
        return len(self.comparisons)

    @property
    def prompts(self) -> list[str]:
        """Each prompt once."""
        return list(dict.fromkeys(one.prompt for one in self.comparisons))

    def held(self) -> np.ndarray:
        """Which comparisons are kept back from learning [V]: one pair in HELD_SHARE, evenly.

        All votes on a pair go the same way. None where there are too few pairs to spare any.
        """
        pairs = list(dict.fromkeys(one.pair for one in self.comparisons))
        count = len(pairs) // HELD_SHARE
        if count < FEWEST_HELD:
            return np.zeros(len(self.comparisons), dtype=bool)
        chosen = set(np.random.default_rng(0).permutation(pairs)[:count].tolist())
        return np.array([one.pair in chosen for one in self.comparisons])


def gather(
    store: Store, votes: Sequence[Vote], real: Callable[[str], np.ndarray | None] | None = None
) -> Judged:
    """Votes with the motions they are about.

    A tie asks for equal rewards. Both bad says nothing of one against the other: where there is a
    real motion of the prompt (the pair's own, or `real(prompt)`), it is better than either, each
    at half the weight. Motions that cannot be read raise StudioError.
    """
    judged = Judged(votes=len(votes))
    index: dict[str, int] = {}

    def motion(name: str, joints: Callable[[], np.ndarray]) -> int:
        if name not in index:
            index[name] = len(judged.joints)
            judged.joints.append(joints())
        return index[name]

    def stored(name: str) -> int:
        return motion(name, lambda: store.motion(name).joints)

    def add(vote: Vote, first: int, second: int, target: float, weight: float) -> None:
        judged.comparisons.append(
            Comparison(vote.pair.prompt, first, second, target, weight, vote.pair.id, vote.choice)
        )

    for vote in votes:
        pair = vote.pair
        if vote.winner and vote.loser:
            add(vote, stored(vote.winner), stored(vote.loser), 1.0, 1.0)
        elif vote.choice == "tie":
            add(vote, stored(pair.first), stored(pair.second), 0.5, 1.0)
        else:
            found = None if pair.real or real is None else real(pair.prompt)
            if pair.real is None and found is None:
                judged.unused += 1
                continue
            better = (
                stored(pair.real) if pair.real else motion(f"real:{pair.prompt}", lambda f=found: f)  # type: ignore[misc]
            )
            for name in (pair.first, pair.second):
                add(vote, better, stored(name), 1.0, 0.5)
    return judged


@torch.no_grad()
def described(joints: Sequence[np.ndarray]) -> torch.Tensor:
    """Descriptors [M, D] of joints [T, 22, 3] each."""
    rows = []
    for start in range(0, len(joints), PART):
        part = joints[start : start + PART]
        longest = max(len(one) for one in part)
        stack = torch.zeros(len(part), longest, *part[0].shape[1:])
        mask = torch.zeros(len(part), longest, dtype=torch.bool)
        for row, one in enumerate(part):
            stack[row, : len(one)] = torch.from_numpy(np.asarray(one, dtype=np.float32))
            mask[row, : len(one)] = True
        rows.append(describe(stack, mask))
    return torch.cat(rows)
