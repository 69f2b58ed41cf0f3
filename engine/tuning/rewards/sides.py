"""Which hand a prompt asks for, and whether it asks for a turn: a few patterns, no network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from engine.data.captions.lexicon import corrected

Side = Literal["left", "right", "both"]

_HAND = r"(?:hands?|arms?|fists?|palms?|wrists?|handed(?:ly)?)"
_OWN = r"(?:of )?(?:his |her |their |your |its |my |the )?"
_PAIR = rf"\b(?:left and right|right and left) {_HAND}\b"
_BOTH = re.compile(
    rf"\bboth {_OWN}(?:\w+ )?(?:hands|arms|fists|wrists)\b|\btwo (?:hands|arms|fists)\b|{_PAIR}"
    r"|^(?:put your |put the )?(?:hands|arms) up\b|\b(?:hands|arms) in the air\b"
)
_ONE = re.compile(rf"\b(left|right) ?{_HAND}\b")
_LEG = re.compile(
    r"\b(?:left|right) ?(?:legs?|foot|feet|knees?|elbows?|heels?|roundhouse|kicks?)\b"
)
_NOT = re.compile(r"\b(?:not|without|never|don't|dont|instead|except|no)\b")
_RAISED = re.compile(
    rf"\bwav(?:e|es|ed|ing)\b|\b(?:rais|lift)\w* (?:\w+ ){{0,4}}{_HAND}\b"
    rf"|\b{_HAND}(?: \w+){{0,2}} (?:up|overhead|raised|lifted)\b|\braised (?:\w+ ){{0,2}}{_HAND}\b"
    r"|\b(?:put|stick|throw|hold|reach|bring|stretch)\w*(?: \w+){0,4} (?:up|overhead)\b"
    r"|\b(?:put|stick|throw|hold|reach)\w* up\b|\babove (?:\w+ )?head\b|\bin the air\b|\boverhead\b"
)
_BENDS = re.compile(
    r"\b(?:turn|circl|curv|spin|twirl|veer|zigzag|wander|danc|swerv|pirouett|cartwheel)\w*"
    r"|\b(?:around|round|about|corner|u-turn|forth|return|returns|returning|loop)\b"
    r"|\b(?:come|comes|coming|walk|walks|walking|go|goes|run|runs) back\b"
    r"|\b(?:left|right)\b(?! (?:now|away))"
)


@dataclass(frozen=True)
class Hands:
    """The hand that a prompt names, and whether it should go up or just be the busy one."""

    side: Side
    raised: bool


@lru_cache(maxsize=4096)
def hands_of(text: str) -> Hands | None:
    """What `text` asks of the hands; None where it names no hand, or different ones.

    A prompt such as "waves left, then raises the right hand" would need to be cut in time, and
    one with a negation to be understood: neither is guessed at. Legs and turns are not hands.
    """
    words = _plain(text)
    if _NOT.search(words):
        return None
    named: set[str] = set(_ONE.findall(re.sub(_PAIR, " ", words)))
    if _BOTH.search(words):
        named.add("both")
    if len(named) != 1:
        return None
    side: Side = next(s for s in ("left", "right", "both") if s in named)
    return Hands(side, bool(_RAISED.search(words)))


@lru_cache(maxsize=4096)
def may_bend(text: str) -> bool:
    """Whether `text` may ask for a path that is no straight line."""
    words = _LEG.sub(" ", _ONE.sub(" ", _plain(text)))
    return "diagonal" not in words and _BENDS.search(words) is not None


def _plain(text: str) -> str:
    """Lower case, spelling mended, hyphens as spaces (but u-turn)."""
    mended = corrected(text).replace("u-turn", "u turn").replace("-", " ")
    return " ".join(mended.replace("u turn", "u-turn").split())
