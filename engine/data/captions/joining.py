"""Captions for composed motions: one action after another, or two at the same time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from engine.data.captions.grammar import (
    UNFIT,
    Manner,
    agree,
    choose_subject,
    sample,
    verb_phrase,
)
from engine.data.captions.labels import CONTENTS, canonical_style, content_of
from engine.data.captions.phrases import phrases
from engine.data.captions.polish import finish, tidy
from engine.data.captions.pools import NOBODY, YOU, Kind, frames, pick, words
from engine.data.captions.verbs import Form, Phrase

Part = str | tuple[str, str]  # a label, a (label, style) pair, or a finished caption

# {S} subject, {p} pronoun; 1 and 2 are the actions: s third person, b base, g -ing form.
# A number in front is the weight, ! marks an imperative, - a bare gerund, ~ evaluation only.
_THEN = """
8 {S} {1s}, then {2s}
6 {S} {1s} and then {2s}
4 {S} {1s} and {2s}
3 {S} {1s}, and then {2s}
3 first {S} {1s}, then {p} {2p}
2 first {S} {1s} and then {2s}
3 after {1g}, {S} {2s}
2 {S} {2s} after {1g}
2 before {2g}, {S} {1s}
2 {S} {1s} before {2g}
2 {S} {1s}. Then {p} {2p}.
1 {S} {1s}. After that, {p} {2p}.
2 {S} {1s}, followed by {2g}
1 {S} {1s}, after which {p} {2p}
1 {S} {begins} by {1g}, then {2s}
1 {S} {1s}; next, {p} {2p}
1 {S} {is} {1g} and then {2g}
4 ! {1b}, then {2b}
3 ! {1b} and then {2b}
1 ! first {1b}, then {2b}
1 ! {1b} and afterwards {2b}
3 - {1g}, then {2g}
1 - {1g} and then {2g}
2 make {O} {1b} and then {2b}
2 show me {O} {1g} and then {2g}
1 i want {O} to {1b}, then {2b}
~ 3 {S} {1s} and afterwards {2s}
~ 3 once done {1g}, {S} {2s}
~ 2 {S} {1s}, and finally {2s}
~ 2 ! start by {1g}, then {2b}
~ 2 begin with {O} {1g}, next {2g}
"""
_WHILE = """
8 {S} {Us} while {Lg}
4 {S} {Ls} while {Ug}
3 while {Lg}, {S} {Us}
4 {S} {Ls} and {Us} at the same time
2 {S} {Us} and {Ls} at the same time
2 {S} {Us} as {p} {Lp}
2 as {p} {Lp}, {S} {Us}
2 {S} {Ls} and simultaneously {Us}
2 {S} {is} {Ug} while {Lg}
2 {S} {Ls}, {Ug}
4 ! {Ub} while {Lg}
2 ! {Lb} while {Ug}
2 ! {Lb} and {Ub} at the same time
3 - {Ug} while {Lg}
1 - {Lg} while {Ug}
2 make {O} {Ub} while {Lg}
1 show me {O} {Ug} while {Lg}
~ 3 {S} {Ls} and meanwhile {Us}
~ 3 {S} {Us}, all while {Lg}
~ 2 ! {Lb}, {Ug} at once
~ 2 {S} {Us}, {Lg} at the same time
"""


def then(a: Part, b: Part, rng: np.random.Generator, kind: Kind = "train") -> str:
    """A caption for `a` followed by `b`; parts are labels, (label, style) pairs or captions."""
    first, second = _known(a), _known(b)
    if first is None or second is None:
        return f"{_bare(_text(a, rng, kind))}, then {_lower(_text(b, rng, kind))}"
    return _join(_THEN, {"1": first, "2": second}, rng, kind)


def while_(lower: Part, upper: Part, rng: np.random.Generator, kind: Kind = "train") -> str:
    """A caption for legs doing `lower` and arms doing `upper` at the same time."""
    legs, arms = _known(lower), _known(upper)
    if legs is None or arms is None:
        return f"{_bare(_text(lower, rng, kind))} while {_lower(_text(upper, rng, kind))}"
    return _join(_WHILE, {"L": legs, "U": arms}, rng, kind)


def _known(part: Part) -> tuple[str, str] | None:
    """(label, style) of a part, or None for a finished caption."""
    if isinstance(part, str):
        return (part, "neutral") if part in CONTENTS else None
    return content_of(part[0]).label, canonical_style(part[1])


def _text(part: Part, rng: np.random.Generator, kind: Kind) -> str:
    known = _known(part)
    return str(part) if known is None else sample(*known, rng, kind)


def _bare(text: str) -> str:
    return text.rstrip(" .!?")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


@lru_cache(maxsize=512)
def _joinable(content: str) -> tuple[Phrase, ...]:
    """Verb phrases that read well beside another action."""
    clumsy = (" while ", ", then", " then ", " before ", ", turn*")
    verbs = tuple(p for p in phrases(content) if not p.noun and not p.alone and not p.finite)
    return tuple(p for p in verbs if not any(mark in p.text for mark in clumsy)) or verbs


def _join(
    table: str, parts: dict[str, tuple[str, str]], rng: np.random.Generator, kind: Kind
) -> str:
    frame = pick(frames(table), rng, kind, 0.5)
    styles = [style for _, style in parts.values()]
    shared = styles[0] if len(set(styles)) == 1 else "neutral"
    said = Manner()
    if frame.voice == "s" and shared != "neutral" and rng.random() < 0.5:
        said = Manner(adj=pick(words(shared, "adj"), rng, kind, 0.6).text)
    if frame.voice == "s":
        unfit = next((style for style in styles if style in UNFIT), "neutral")
        who = choose_subject(said, unfit, rng, kind)
    else:
        who = YOU if frame.voice == "!" else NOBODY
    text = frame.text
    told = bool(said.adj)
    for key, (content, style) in parts.items():
        phrase = pick(_joinable(content), rng, kind)
        how = Manner()
        if style != "neutral" and not told:
            how = Manner(adv=pick(words(style, "adv"), rng, kind, 0.6).text)
            told = shared != "neutral" and rng.random() < 0.7  # once is enough for one style
        forms: dict[str, Form] = {
            "s": "base" if who.plural else "s",
            "p": "base" if who.pronoun in ("they", "you") else "s",
            "b": "base",
            "g": "ing",
        }
        for mark, form in forms.items():
            slot = f"{{{key}{mark}}}"
            if slot in text:
                text = text.replace(slot, verb_phrase(phrase, form, who, how, rng))
    text = agree(text, who).replace("{S}", who.text).replace("{O}", who.objective)
    return finish(tidy(text.replace("{p}", who.pronoun).replace("{adj}", said.adj)), rng)
