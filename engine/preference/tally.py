"""How tuned models fared in votes: counted by their weights, so that renaming changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.preference.records import Vote

DIGITS = 12  # of an adapter's fingerprint that a motion's model names
_TUNED = re.compile(rf"\+[^+]*@([0-9a-f]{{{DIGITS}}})x[0-9.]+$")


@dataclass(frozen=True)
class Tally:
    """Blind votes on one model's motion against another model's."""

    won: int = 0
    lost: int = 0
    alike: int = 0

    @property
    def words(self) -> str:
        """For people."""
        alike = f", {self.alike} without a winner" if self.alike else ""
        return f"won {self.won} of {self.won + self.lost} blind{alike}"


def tally(votes: Sequence[Vote], models: Mapping[str, str]) -> dict[str, Tally]:
    """Tallies by the first digits of adapters' fingerprints.

    `models` names the model that made a motion, by the motion's hash. Pairs of one adapter with
    itself, at two strengths or from two seeds, say nothing of it against others and do not count;
    nor do blends, which motions do not name.
    """
    counts: dict[str, list[int]] = {}
    for vote in votes:
        sides = {
            name: _adapter(models.get(name, "")) for name in (vote.pair.first, vote.pair.second)
        }
        if not vote.blind or len(set(sides.values())) == 1:
            continue
        for name, adapter in sides.items():
            if adapter:
                place = 2 if vote.winner is None else int(vote.winner != name)
                counts.setdefault(adapter, [0, 0, 0])[place] += 1
    return {adapter: Tally(*three) for adapter, three in counts.items()}


def _adapter(model: str) -> str:
    found = _TUNED.search(model)
    return found[1] if found else ""
