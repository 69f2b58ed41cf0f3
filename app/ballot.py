"""A pair of motions as it is put before a person: sides shuffled and names hidden when blind.

Which model made which side is known here, on the server, and nowhere else until the vote: what is
sent to the page (`app.compare_scene`) is made from `names` and `accents` below.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.lanes import Job
from engine.errors import StudioError

if TYPE_CHECKING:
    from pathlib import Path

    from engine.compare.pair import Pair, Side

ANSWERS = ("left", "right", "tie", "bad")
HIDDEN = ("Left", "Right")


@dataclass(frozen=True)
class Vote:
    """An answer to a pair: `left` and `right` are the sides as they were shown."""

    id: str
    prompt: str
    seconds: float
    seed: int
    left: Side
    right: Side
    answer: str  # one of ANSWERS
    blind: bool


@dataclass
class Ballot:
    """One pair on the page of one visitor."""

    pair: Pair
    blind: bool = False
    swapped: bool = False
    answer: str = ""
    video: Path | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def of(cls, pair: Pair, blind: bool) -> Ballot:
        """Blind pairs are shuffled by a coin that nobody can predict."""
        return cls(pair, blind, swapped=blind and bool(secrets.randbelow(2)))

    @property
    def sides(self) -> tuple[Side, Side]:
        """Left and right as they are shown."""
        left, right = self.pair.sides
        return (right, left) if self.swapped else (left, right)

    @property
    def hidden(self) -> bool:
        """Whether names must not be told yet."""
        return self.blind and not self.answer

    @property
    def names(self) -> tuple[str, str]:
        """What the two sides are called on the page right now."""
        if self.hidden:
            return HIDDEN
        left, right = (side.choice.label for side in self.sides)
        return left, right

    @property
    def accents(self) -> tuple[str, str]:
        """Colour families; one for both while hidden, and two different ones else."""
        if self.hidden:
            return "other", "other"
        left, right = (side.choice.accent for side in self.sides)
        return (left, "other") if left == right else (left, right)

    def vote(self, answer: str) -> Vote:
        """Take the answer, once; StudioError for a second one or an unknown one."""
        if answer not in ANSWERS:
            raise StudioError("Choose left, right, tie or both bad.")
        if self.answer:
            raise StudioError("You have voted on this pair. Compare again for another one.")
        self.answer = answer
        left, right = self.sides
        pair = self.pair
        return Vote(
            self.id, pair.prompt, pair.seconds, pair.seed, left, right, answer, self.blind
        )  # fmt: skip


class Booth:
    """The Compare tab of one visitor: the pair on the page and the jobs for it."""

    def __init__(self) -> None:
        self.ballot: Ballot | None = None
        self.job: Job | None = None
        self.film: Job | None = None

    def stop(self) -> None:
        """Cancel what runs."""
        for job in (self.job, self.film):
            if job:
                job.cancel()
