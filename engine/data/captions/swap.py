"""Left and right exchanged in text, for captions of mirrored motion."""

from __future__ import annotations

import re

_PAIRS: tuple[tuple[str, str], ...] = (
    ("left", "right"),
    ("lefts", "rights"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("leftmost", "rightmost"),
    ("lefthand", "righthand"),
    ("lefthanded", "righthanded"),
    ("counterclockwise", "clockwise"),
    ("counter-clockwise", "clock-wise"),
)
_SWAP: dict[str, str] = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
# British spellings have no partner of their own, so they come back as the American ones.
_SWAP |= {"anticlockwise": "clockwise", "anti-clockwise": "clock-wise"}
_WORDS = "|".join(sorted(map(re.escape, _SWAP), key=len, reverse=True))
# "right now" and "left behind" are not sides.
_NOT_A_SIDE = r"(?!\s+(?:away|now|behind over|over there))"
_PATTERN = re.compile(rf"(?<![\w-])({_WORDS})(?!\w){_NOT_A_SIDE}", re.IGNORECASE)


def swap_left_right(text: str) -> str:
    """Exchange every word that names a side or a sense of turning, keeping its capitals.

    Applied twice it gives the text back (except "anticlockwise", which returns as
    "counterclockwise").
    """
    return _PATTERN.sub(lambda match: _like(match[1], _SWAP[match[1].lower()]), text)


def names_a_side(text: str) -> bool:
    """Whether mirroring the motion would make `text` wrong."""
    return _PATTERN.search(text) is not None


def _like(original: str, word: str) -> str:
    if original.isupper():
        return word.upper()
    return word.capitalize() if original[0].isupper() else word
