"""One visitor's poll: motions made so far, the pair on the page, the votes, what they foretell."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from app.ballot import Ballot, Vote
from app.compare_inputs import SideWish
from app.lanes import Job
from app.preferences_engine import TARGETS, Keeper
from engine.compare.pair import Pair, Side
from engine.errors import StudioError

if TYPE_CHECKING:
    from engine.motion.motion import Motion
    from engine.preference.active import Proposer
    from engine.tuning.prompts import Prompt

EACH = 4  # takes of a prompt
FIRST_PROMPTS = 2  # prompts that there are takes of before the first pair is chosen
PER_PROMPT = 2  # votes on a prompt before the next one joins
MOST_EARLIER = 400  # votes of other visits that are read
FORETOLD_FROM = 6  # votes before what is foretold means anything
SEEDS = 2**31
Takes = Callable[[SideWish, str, float, Sequence[int]], list[Side]]


@dataclass(frozen=True)
class Question:
    """What the pairs are to be of. `left` and `right` are the same model for two takes."""

    source: str
    left: SideWish
    right: SideWish
    prompts: tuple[Prompt, ...]


@dataclass
class Shown:
    """A pair that was put up: its ballot, its motions by number, and how often it was voted on."""

    ballot: Ballot
    numbers: tuple[int, int]
    source: str
    votes: int = 0
    key: str = ""  # of the vote that counts

    @property
    def on_page(self) -> tuple[int, int]:
        """Numbers of left and right as they stand."""
        first, second = self.numbers
        return (second, first) if self.ballot.swapped else (first, second)


@dataclass
class Poll:
    """Kept for a visit under the tab's name."""

    voter: str = field(default_factory=lambda: secrets.token_hex(8))
    shown: Shown | None = None
    job: Job | None = None
    proposer: Proposer | None = None
    sides: dict[int, Side] = field(default_factory=dict)
    prompts: dict[str, float] = field(default_factory=dict)  # there are takes of, with seconds
    pool: Any = None  # the model that the takes are of
    foretold: list[bool | None] = field(default_factory=list)  # per vote; None: no opinion
    pairs: list[tuple[frozenset[int], int | None]] = field(default_factory=list)
    told: Any = None  # what the page shows of the learning
    truths: dict[str, Motion] = field(default_factory=dict)  # a true motion of a prompt

    def stop(self) -> None:
        """Cancel what runs."""
        if self.job:
            self.job.cancel()

    def next(self, question: Question, takes: Takes, keeper: Keeper) -> Shown:
        """Make what is needed and choose the next pair; runs where models may be used."""
        proposer = self._proposer(keeper)
        if question.source == "seeds":
            pair, numbers = self._of_takes(proposer, question, takes)
        else:
            pair, numbers = self._of_models(proposer, question, takes)
        return Shown(Ballot.of(pair, blind=True), numbers, question.source)

    def voted(self, answer: str, reasons: Sequence[str], keeper: Keeper) -> None:
        """Keep the answer to the pair on the page; StudioError leaves it open."""
        shown, proposer = self._asked()
        if shown.ballot.answer:
            raise StudioError("You have voted on this pair. Take the vote back, or go on.")
        key = f"{shown.ballot.id}-{shown.votes}"

        def keep(vote: Vote) -> None:
            real = self.truths.get(vote.prompt)
            keeper.keep(vote, shown.source, key, self.voter, reasons, real)

        shown.ballot.vote(answer, keep)
        shown.key = key
        left, right = shown.on_page
        self._compare(proposer, left, right, answer)
        proposer.answered(left, right, TARGETS[answer])

    def undo(self, keeper: Keeper) -> None:
        """Take the vote on the page's pair back; it is open again, and no longer blind."""
        shown, proposer = self._asked()
        if not shown.key:
            raise StudioError("There is no vote to take back.")
        keeper.store.undo(shown.key)
        if TARGETS[shown.ballot.answer] is not None:
            proposer.forget(*shown.on_page)
        self.foretold.pop()
        self.pairs.pop()
        shown.votes, shown.key = shown.votes + 1, ""
        shown.ballot.answer, shown.ballot.blind = "", False

    @property
    def consistent(self) -> tuple[int, int]:
        """(same answer, asked twice)."""
        from engine.preference.active import consistency

        return consistency([
            (frozenset(map(str, pair)), None if winner is None else str(winner))
            for pair, winner in self.pairs
        ])  # fmt: skip

    def _asked(self) -> tuple[Shown, Proposer]:
        if self.shown is None or self.proposer is None:
            raise StudioError("There is no pair to vote on. Show one first.")
        return self.shown, self.proposer

    def _compare(self, proposer: Proposer, left: int, right: int, answer: str) -> None:
        """Note whether the votes before foretold this one."""
        target = TARGETS[answer]
        winner = {1.0: left, 0.0: right}.get(target if target is not None else 0.5)
        self.pairs.append((frozenset((left, right)), winner))
        told: bool | None = None
        if winner is not None and len(proposer.asked) >= FORETOLD_FROM:
            told = (proposer.expects(left, right) > 0.5) == (target == 1.0)
        self.foretold.append(told)

    def _proposer(self, keeper: Keeper) -> Proposer:
        """With all that was voted before, by whomever."""
        from engine.preference.active import Proposer
        from engine.preference.judged import gather

        if self.proposer is None:
            store = keeper.store
            votes = store.votes()[-MOST_EARLIER:]
            judged = gather(store, votes)
            proposer, numbers = Proposer(secrets.randbelow(SEEDS)), {}
            for one in judged.comparisons:
                for index in (one.first, one.second):
                    if index not in numbers:
                        joints = [judged.joints[index]]
                        numbers[index] = proposer.add(one.prompt, joints)[0]
                proposer.answered(numbers[one.first], numbers[one.second], one.target, here=False)
            self.proposer = proposer
        return self.proposer

    def _of_takes(
        self, proposer: Proposer, question: Question, takes: Takes
    ) -> tuple[Pair, tuple[int, int]]:
        """The pair of takes that tells most; new prompts join as votes are cast."""
        if self.pool != (question.left, question.prompts):
            self.pool, self.prompts = (question.left, question.prompts), {}
            proposer.withdraw()
        wanted = max(FIRST_PROMPTS, 1 + len(self.pairs) // PER_PROMPT)
        open_ = [one for one in question.prompts if one.text not in self.prompts]
        while open_ and len(self.prompts) < wanted:
            prompt = open_.pop(secrets.randbelow(len(open_)))
            self._take(proposer, question.left, prompt, takes)
        if not open_ and len(self.pairs) >= wanted:  # fresh takes of what was there
            prompt = question.prompts[secrets.randbelow(len(question.prompts))]
            self._take(proposer, question.left, prompt, takes)
        proposal = proposer.propose()
        left, right = self.sides[proposal.first], self.sides[proposal.second]
        text = proposer.prompts[proposal.first]
        pair = Pair(text, self.prompts.get(text, 0.0), left.motion.seed or 0, left, right)
        return pair, (proposal.first, proposal.second)

    def _take(self, proposer: Proposer, side: SideWish, prompt: Prompt, takes: Takes) -> None:
        seeds = [secrets.randbelow(SEEDS) for _ in range(EACH)]
        made = takes(side, prompt.text, prompt.seconds, seeds)
        numbers = self._add(proposer, prompt.text, made)
        proposer.offer(combinations(numbers, 2))
        self.prompts[prompt.text] = prompt.seconds

    def _of_models(
        self, proposer: Proposer, question: Question, takes: Takes
    ) -> tuple[Pair, tuple[int, int]]:
        """Two models on one prompt and one seed, both drawn by chance: nothing is picked."""
        prompt = question.prompts[secrets.randbelow(len(question.prompts))]
        seed = secrets.randbelow(SEEDS)
        made = [
            takes(side, prompt.text, prompt.seconds, [seed])[0]
            for side in (question.left, question.right)
        ]
        if np.array_equal(made[0].motion.joints, made[1].motion.joints):
            raise StudioError("Both models make the very same motion. Choose another strength.")
        first, second = self._add(proposer, prompt.text, made)
        return Pair(prompt.text, prompt.seconds, seed, *made), (first, second)

    def _add(self, proposer: Proposer, prompt: str, made: list[Side]) -> list[int]:
        numbers = proposer.add(prompt, [side.motion.joints for side in made])
        self.sides.update(zip(numbers, made, strict=True))
        return numbers
