"""The verb and noun phrases of every content label, mirrored twins included."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from engine.data.captions.labels import content_of
from engine.data.captions.swap import swap_left_right
from engine.data.captions.verbs import Phrase, parse

_FOLDER = Path(__file__).parent / "tables"


@lru_cache(maxsize=1)
def tables() -> dict[str, str]:
    """The raw block of every label that has one, from all text files in tables/."""
    found: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.txt")):
        parts = re.split(r"^\[([a-z-]+)\]$", path.read_text(encoding="utf-8"), flags=re.M)
        for label, block in zip(parts[1::2], parts[2::2], strict=True):
            found[label] = found.get(label, "") + block
    return found


def unknown_prompts() -> tuple[str, ...]:
    """Prompts of actions that no label covers; what familiarity is calibrated against."""
    return tuple((_FOLDER / "unknown.list").read_text(encoding="utf-8").splitlines())


def phrases(content: str) -> tuple[Phrase, ...]:
    """The verb and noun phrases of a label; raises StudioError for an unknown label."""
    return _split(content)[0]


def details(content: str) -> tuple[Phrase, ...]:
    """True second sentences about a label ("{Their} other arm stays down"); may be empty."""
    return _split(content)[1]


def clauses(content: str) -> tuple[Phrase, ...]:
    """Whole sentences about a label that name no person ("left hand up"); may be empty."""
    return _split(content)[2]


@lru_cache(maxsize=256)
def _split(content: str) -> tuple[tuple[Phrase, ...], ...]:
    lines = _lines(content)
    return (
        tuple(p for p in lines if not p.detail and not p.clause),
        tuple(p for p in lines if p.detail),
        tuple(p for p in lines if p.clause),
    )


def _lines(content: str) -> tuple[Phrase, ...]:
    """All lines of a label; a label without a table of its own mirrors its twin's."""
    entry = content_of(content)
    if entry.label in tables():
        return parse(tables()[entry.label])
    return tuple(replace(p, text=swap_left_right(p.text)) for p in parse(tables()[entry.mirror]))
