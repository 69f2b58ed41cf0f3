"""Familiarity of the prompt in words: an unknown action is not mistaken for a bad model."""

from __future__ import annotations

from typing import Any

from app.engine_access import Engine
from app.inputs import MAX_PROMPT_CHARACTERS

MOST_SUGGESTED = 3
EMPTY: dict[str, Any] = {"score": None, "level": "none", "text": "", "near": []}

_TEXTS = {
    "well": "The model knows this well.",
    "roughly": "The model knows this roughly. It has learned:",
    "unknown": "The model has hardly seen this. Nearest to it:",
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
    near = [] if familiar.level == "well" else list(familiar.near[:MOST_SUGGESTED])
    words = _TEXTS[familiar.level]
    return {"score": round(score, 3), "level": familiar.level, "text": words, "near": near}
