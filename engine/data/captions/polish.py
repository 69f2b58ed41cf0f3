"""The last touch on a sentence: spaces, articles, capitals, full stops."""

from __future__ import annotations

import re

import numpy as np


def tidy(text: str) -> str:
    """Single spaces, a/an, and "they is" mended."""
    text = re.sub(r"\s+", " ", text).strip().replace(" ,", ",").replace(",,", ",")
    text = re.sub(r",\s*([.?!])", r"\1", text)
    text = re.sub(r"([.?!])[.]", r"\1", text)
    return re.sub(r"\b([Aa])n? (?=([\w']+))", _article, text)


_VOWEL_SOUND = re.compile(
    r"(?!one|on[ce]e|uni|use|usu|eu|ut(?!t))[aeiou]|hour|honest|8|11\b|18\b|[lmnfhrsx]\b"
)


def _article(match: re.Match[str]) -> str:
    vowel = _VOWEL_SOUND.match(match[2].lower()) is not None
    return f"{match[1]}{'n' if vowel else ''} "


def finish(text: str, rng: np.random.Generator) -> str:
    """How the sentence is written down: mostly lower case, sometimes with capital and full stop."""
    draw = rng.random()
    if ". " in text or draw < 0.25:
        text = text[0].upper() + text[1:]
        return text if text[-1] in ".?!" else text + "."
    if draw < 0.45 and text[-1] not in ".?!":
        return text + "."
    return text
