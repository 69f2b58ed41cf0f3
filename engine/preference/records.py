"""What the store holds: pairs of motions, and the votes on them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from engine.checks import check_prompt, shown
from engine.errors import StudioError

CHOICES = ("left", "right", "tie", "bad")
REASONS = ("wrong action", "feet slide", "unnatural", "too slow")
SOURCES = ("base-tuned", "seeds", "strengths", "imported", "other")
MOST_KEY = 120


@dataclass(frozen=True)
class Pair:
    """Two motions of one prompt, by their content hashes; `real` is a recorded one of it, if any.

    Labels say who made a motion, in words for people. Nobody hears them before the vote.
    """

    prompt: str
    first: str
    second: str
    source: str = "other"
    first_label: str = ""
    second_label: str = ""
    real: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", check_prompt(self.prompt))
        if self.source not in SOURCES:
            raise StudioError(f"There is no source {shown(self.source)!r} of pairs.")
        if self.first == self.second:
            raise StudioError("Both motions are the same: there is nothing to choose.")

    @property
    def id(self) -> str:
        """The same pair has the same id, whatever the order."""
        words = "\n".join([self.prompt, *sorted((self.first, self.second))])
        return hashlib.sha256(words.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Vote:
    """One answer. `swapped`: the pair's second motion stood left.

    `key` makes a vote countable once: storing it again with the same key changes nothing.
    """

    pair: Pair
    choice: str
    voter: str = ""
    swapped: bool = False
    blind: bool = True
    reasons: tuple[str, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    created: float = 0.0

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise StudioError(f"A vote is left, right, tie or bad, not {shown(self.choice)!r}.")
        unknown = [reason for reason in self.reasons if reason not in REASONS]
        if unknown:
            raise StudioError(f"There is no reason {shown(unknown[0])!r}.")
        for name in ("key", "voter"):
            value: Any = getattr(self, name)
            if not isinstance(value, str) or len(value) > MOST_KEY or not value.isprintable():
                raise StudioError(f"The vote's {name} is not a short text.")
        if not self.key:
            raise StudioError("A vote needs a key.")

    @property
    def winner(self) -> str | None:
        """Hash of the motion that was liked better; None for a tie and for both bad."""
        if self.choice not in ("left", "right"):
            return None
        return self.pair.second if (self.choice == "left") == self.swapped else self.pair.first

    @property
    def loser(self) -> str | None:
        """Hash of the other one."""
        if self.winner is None:
            return None
        return self.pair.first if self.winner == self.pair.second else self.pair.second
