"""Measured facts of a clip that a caption may mention, and how they are said."""

from __future__ import annotations

import numpy as np

FACT_WORDS: dict[str, tuple[str, ...]] = {
    "slow": ("slowly", "at a slow pace", "unhurriedly", "taking {their} time", "very slowly"),
    "fast": ("quickly", "fast", "at a fast pace", "rapidly", "in a hurry"),
}


def attributes(joints: np.ndarray, content: str | None = None) -> tuple[str, ...]:
    return ()
