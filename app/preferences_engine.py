"""The Preferences tab's way into the engine: motions to vote on, and the votes that are kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.compare_engine import choice
from app.compare_inputs import SideWish
from engine.compare.choice import worn
from engine.compare.pair import Pair, Side

if TYPE_CHECKING:
    from app.ballot import Vote
    from engine.motion.motion import Motion
    from engine.pipeline import MotionPipeline
    from engine.preference.records import Vote as Kept
    from engine.preference.store import Store
    from engine.preference.tally import Tally

# Answers in words of the store, and of the proposer: how much better the left one is.
TARGETS: dict[str, float | None] = {"left": 1.0, "right": 0.0, "tie": 0.5, "bad": None}


def takes(
    pipeline: MotionPipeline, side: SideWish, prompt: str, seconds: float, seeds: Sequence[int]
) -> list[Side]:
    """Motions of one model from several seeds. Others who use the pipeline must wait meanwhile."""
    chosen = choice(side)
    with worn(pipeline, chosen):
        motions = pipeline([prompt] * len(seeds), seconds, list(seeds), guidance=chosen.guidance)
    return [Side(chosen, motion, {}) for motion in motions]


class Keeper:
    """The store of votes, opened when it is first needed; safe for several threads."""

    def __init__(self) -> None:
        self._store: Store | None = None
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """StudioError where it cannot be opened."""
        from engine.preference.store import Store

        with self._lock:
            if self._store is None:
                self._store = Store.open()
            return self._store

    def tallies(self) -> dict[str, Tally]:
        """How tuned models fared, by the beginnings of their fingerprints."""
        from engine.preference.tally import tally

        return tally(self.store.votes(), self.store.models())

    def keep_compared(self, vote: Vote) -> None:
        """A vote of the Compare tab."""
        self.keep(vote, source_of(Pair(vote.prompt, vote.seconds, vote.seed, vote.left,
                                       vote.right)), vote.id, vote.voter)  # fmt: skip

    def keep(
        self, vote: Vote, source: str, key: str, voter: str, reasons: Sequence[str] = (),
        real: Motion | None = None,
    ) -> Kept:  # fmt: skip
        """Store a vote with both its motions; a key that was stored before counts once.

        `real` is the true motion of the prompt, where there is one.
        """
        from engine.preference.records import Pair as StoredPair
        from engine.preference.records import Vote as StoredVote

        store = self.store
        names = [store.add_motion(side.motion) for side in (vote.left, vote.right)]
        labels = [label(side) for side in (vote.left, vote.right)]
        pair = StoredPair(vote.prompt, names[0], names[1], source, labels[0], labels[1],
                          None if real is None else store.add_motion(real))  # fmt: skip
        kept = StoredVote(
            pair, vote.answer, voter, blind=vote.blind, reasons=tuple(reasons), key=key
        )
        store.add([kept])
        return kept


def source_of(pair: Pair) -> str:
    """What is compared: base against tuned, two strengths of one model, two seeds, or other."""
    if any(side.choice.given for side in pair.sides):
        return "other"
    left, right = (side.choice.adapters for side in pair.sides)
    if bool(left) != bool(right):
        return "base-tuned"
    if left and [folder for folder, _ in left] == [folder for folder, _ in right]:
        return "strengths" if left != right else "seeds"
    seeds = {side.motion.seed for side in pair.sides}
    return "seeds" if left == right and len(seeds) > 1 else "other"


def label(side: Side) -> str:
    """Who made a motion, for people: model and seed, or the name of a file."""
    if side.choice.given:
        return side.choice.label
    return f"{side.choice.label}, seed {side.motion.seed}"
