"""What sentences are drawn from: subjects, frames and style words, with weighted draws."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal, TypeVar

import numpy as np

from engine.data.captions.frames import SUBJECTS
from engine.data.captions.verbs import Phrase
from engine.data.captions.words_style import STYLE_RUNS, STYLE_WALKS, STYLE_WORDS

Kind = Literal["train", "eval", "all"]


@dataclass(frozen=True)
class Subject:
    """Who acts; `text` may hold `{adj}`. Empty text means an imperative or a bare gerund."""

    text: str
    objective: str
    possessive: str
    pronoun: str
    weight: float = 1.0
    reserved: bool = False

    @property
    def plural(self) -> bool:
        return self.text == "they"

    @property
    def person(self) -> bool:
        return "{adj}" in self.text


@dataclass(frozen=True)
class Frame:
    """One sentence frame; `voice` is "s" (has a subject), "!" (imperative) or "-" (gerund)."""

    text: str
    voice: str
    weight: float
    reserved: bool


@dataclass(frozen=True)
class Word:
    """One way of saying a style."""

    text: str
    weight: float
    reserved: bool


YOU = Subject("", "", "your", "you")
NOBODY = Subject("", "", "the", "they")
POSSESSIVE = {"he": "his", "she": "her", "it": "its", "they": "their", "you": "your"}
OBJECTIVE = {"he": "him", "she": "her", "it": "it", "they": "them", "you": "you"}
REFLEXIVE = {
    "he": "himself", "she": "herself", "it": "itself", "they": "themselves", "you": "yourself",
}  # fmt: skip


T = TypeVar("T", Subject, Frame, Phrase, Word)


def pick(
    items: tuple[T, ...], rng: np.random.Generator, kind: Kind, reserved_share: float = 1.0
) -> T:
    """A weighted draw; `kind` decides whether reserved items may, must or must not be drawn."""
    reserved = tuple(item for item in items if item.reserved)
    free = tuple(item for item in items if not item.reserved)
    if kind == "all":
        pool = items
    elif kind == "eval" and reserved and (not free or rng.random() < reserved_share):
        pool = reserved
    else:
        pool = free or reserved
    return pool[weighted([item.weight for item in pool], rng)]


def weighted(weights: Sequence[float], rng: np.random.Generator) -> int:
    """An index drawn with the given weights."""
    bounds = list(accumulate(weights))
    return min(bisect(bounds, rng.random() * bounds[-1]), len(bounds) - 1)


@lru_cache(maxsize=1)
def subjects() -> tuple[Subject, ...]:
    """The subjects of the frames table."""
    found = []
    for line in filter(None, SUBJECTS.splitlines()):
        text, objective, possessive, pronoun, weight = line.lstrip("~ ").split(" | ")
        reserved = line.startswith("~")
        found.append(Subject(text, objective, possessive, pronoun, float(weight), reserved))
    return tuple(found)


@lru_cache(maxsize=8)
def frames(table: str) -> tuple[Frame, ...]:
    """The frames of a table block: weight, voice mark, text."""
    found = []
    for line in filter(None, table.splitlines()):
        weight, text = line.lstrip("~ ").split(" ", 1)
        voice = text[0] if text[0] in "!-" else "s"
        found.append(Frame(text.lstrip("!- "), voice, float(weight), line.startswith("~")))
    return tuple(found)


@lru_cache(maxsize=256)
def words(style: str, part: str) -> tuple[Word, ...]:
    """The ways of saying a style in one part of the sentence."""
    if part == "walk":
        row = STYLE_WALKS.get(style, "")
    elif part == "run":
        row = STYLE_RUNS.get(style, "")
    elif part == "rel":  # "They look* sad" serves as "who look* sad"
        return tuple(
            Word(word.text.replace("{They}", "who", 1), word.weight, word.reserved)
            for word in words(style, "also")
            if word.text.startswith("{They} ")
        )
    else:
        row = STYLE_WORDS[style].get(part, "")
    return tuple(
        Word(text.lstrip("~ "), 1.0, text.startswith("~"))
        for text in map(str.strip, row.split("|"))
        if text
    )


def who_from_noun(text: str) -> Subject:
    """The subject for a noun that carries the style, its gender read off the noun."""
    he = r"\b(man|guy|boy|grandpa|grandfather|king|dude)\b"
    she = r"\b(woman|lady|girl|grandma|grandmother)\b"
    pronoun = "he" if re.search(he, text) else "she" if re.search(she, text) else "they"
    return Subject(text, text, POSSESSIVE[pronoun], pronoun)
