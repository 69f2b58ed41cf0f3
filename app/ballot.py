"""A pair of motions as it is put before a person: sides shuffled and names hidden when blind.

Which model made which side is known here, on the server, and nowhere else until the vote: what is
sent to the page (`app.compare_scene`) is made from `names` and `accents` below.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.lanes import Job
from engine.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.compare.pack import PackResult, PackRun
    from engine.compare.pair import Pair, Side

ANSWERS = ("left", "right", "tie", "bad")
HIDDEN = ("Left", "Right")


@dataclass(frozen=True)
class Vote:
    """An answer to a pair, as `Context.on_vote` is given it, once per pair and before the page
    tells names.

    id: random, one per pair put up; prompt, seconds and seed: what both sides were made from.
    left, right: the sides as they were shown (shuffled when blind), each with `choice` (adapters'
    folders with strengths, none for the base; guidance), `motion` (joints [T, 22, 3] in metres,
    Y up, 20 fps; `motion.model` names the weights by hash) and `numbers`.
    answer: "left", "right", "tie" or "bad" (both). blind: whether names were hidden. voter: a
    random name of the visit.

    `on_vote` runs in the event's own thread and should be quick. When it raises StudioError or
    OSError, its sentence is shown, the vote counts as not given and can be given again.
    """

    id: str
    prompt: str
    seconds: float
    seed: int
    left: Side
    right: Side
    answer: str
    blind: bool
    voter: str = ""


@dataclass
class Ballot:
    """One pair on the page of one visitor."""

    pair: Pair
    blind: bool = False
    swapped: bool = False
    answer: str = ""
    video: Path | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    live: bool = False  # the pair that was on the page before, at another strength
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

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

    def vote(
        self, answer: str, keep: Callable[[Vote], None] | None = None, voter: str = ""
    ) -> Vote:
        """Take the answer, once, and hand it to `keep`; names may be told from then on.

        StudioError for a second or an unknown answer. What `keep` raises leaves the vote open.
        """
        if answer not in ANSWERS:
            raise StudioError("Choose left, right, tie or both bad.")
        with self._lock:
            if self.answer:
                raise StudioError("You have voted on this pair. Compare again for another one.")
            left, right = self.sides
            pair = self.pair
            given = Vote(
                self.id, pair.prompt, pair.seconds, pair.seed, left, right, answer, self.blind,
                voter,
            )  # fmt: skip
            if keep is not None:
                keep(given)
            self.answer = answer
        return given


class Booth:
    """The Compare tab of one visitor: what is on the page and the jobs for it."""

    def __init__(self) -> None:
        self.ballot: Ballot | None = None
        self.job: Job | None = None
        self.film: Job | None = None
        self.pack: PackRun | None = None
        self.pack_result: PackResult | None = None
        self.pack_job: Job | None = None

    def stop_pair(self) -> None:
        """Cancel what runs for the pair."""
        for job in (self.job, self.film):
            if job:
                job.cancel()

    def stop_pack(self) -> None:
        """Cancel the whole pack."""
        self.pack = None
        if self.pack_job:
            self.pack_job.cancel()

    def stop(self) -> None:
        """Cancel everything: the visit ends."""
        self.stop_pair()
        self.stop_pack()
