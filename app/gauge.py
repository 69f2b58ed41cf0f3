"""Familiarity of the prompt, in words, so that nobody mistakes an unknown action for a bad model."""

from __future__ import annotations

from typing import Any

from app.engine_access import Engine
from app.inputs import MAX_PROMPT_CHARACTERS

WELL, ROUGHLY = 0.66, 0.4  # shares of the bar from which the words change
MOST_SUGGESTED = 3
EMPTY: dict[str, Any] = {"score": None, "level": "none", "text": "", "near": []}

_TEXTS = {
    "well": "The model knows this well.",
    "roughly": "The model knows this roughly. Nearest things it has learned:",
    "unknown": "The model has hardly seen this. Nearest things it has learned:",
}


def gauge_value(engine: Engine, prompt: str | None) -> dict[str, Any]:
    """Value of the gauge widget for a prompt as it is being typed."""
    text = (prompt or "").strip()
    if not text or len(text) > MAX_PROMPT_CHARACTERS:
        return EMPTY
    familiar = engine.familiarity(text)
    if familiar is None:
        return EMPTY
    score = min(1.0, max(0.0, familiar.score))
    level = "well" if score >= WELL else "roughly" if score >= ROUGHLY else "unknown"
    near = [] if level == "well" else list(familiar.near[:MOST_SUGGESTED])
    return {"score": round(score, 3), "level": level, "text": _TEXTS[level], "near": near}
