"""How near a prompt is to what the model was trained on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.settings import FAMILIARITY
from engine.errors import StudioError

log = logging.getLogger("easytune.page")

LEVELS = {"well known": "well", "roughly": "roughly", "unknown": "unknown"}


@dataclass(frozen=True)
class Familiar:
    """How near a prompt is to the training descriptions (0..1) and the nearest known ones."""

    score: float
    level: str  # "well", "roughly" or "unknown"
    near: tuple[str, ...]


def load_familiarity(pipeline: Any) -> Callable[[str], Familiar]:
    """A function that says how familiar a text is."""
    from engine.data.familiarity import FamiliarityIndex

    if not pipeline.model.own:
        raise StudioError("The gauge knows what the shipped model was trained on, not others.")

    def embed(texts: list[str]) -> np.ndarray:
        return pipeline.text.embed(texts).numpy()

    try:
        index = FamiliarityIndex.load(FAMILIARITY)
    except StudioError as error:
        log.warning("%s It is built now, which takes a while.", error)
        index = FamiliarityIndex.build(embed)

    def near(text: str) -> Familiar:
        answer = index.near(text, embed)
        phrases = tuple(str(phrase) for phrase, *_ in answer.nearest)
        return Familiar(float(answer.score), LEVELS[answer.level], phrases)

    return near
