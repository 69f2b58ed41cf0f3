"""What a person asked for, checked before it reaches the engine, which checks it again."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from engine.errors import StudioError
from engine.motion.skeleton import FPS, MAX_SECONDS, MIN_SECONDS

MAX_PROMPT_CHARACTERS = 500
MAX_SEED = 2**53 - 1  # the largest whole number a browser keeps exactly
MAX_SAMPLES = 4
MIN_GUIDANCE, MAX_GUIDANCE = 1.0, 20.0
MAX_STEPS = 200


@dataclass(frozen=True)
class Wish:
    """One valid request: prompt, seconds, first seed, samples, guidance, steps, model name."""

    prompt: str
    seconds: float
    seed: int
    samples: int
    guidance: float
    steps: int
    model: str

    @property
    def seeds(self) -> list[int]:
        """Sample k takes seed + k, as the command line does."""
        return [self.seed + k for k in range(self.samples)]


def make_wish(
    prompt: Any, seconds: Any, seed: Any, samples: Any, guidance: Any, steps: Any, model: Any
) -> Wish:
    """Check every field; raises StudioError with the first thing to change."""
    count = check_whole(samples, "number of samples", 1, MAX_SAMPLES)
    return Wish(
        prompt=check_prompt(prompt),
        seconds=check_seconds(seconds),
        seed=check_whole(seed, "seed", 0, MAX_SEED - MAX_SAMPLES),
        samples=count,
        guidance=check_number(guidance, "guidance", MIN_GUIDANCE, MAX_GUIDANCE),
        steps=check_whole(steps, "number of steps", 1, MAX_STEPS),
        model=str(model or "base"),
    )


def check_prompt(prompt: Any) -> str:
    """The prompt on one line without control characters; StudioError if empty or too long."""
    visible = "".join(" " if unicodedata.category(c) == "Cc" else c for c in str(prompt or ""))
    text = " ".join(visible.split())
    if not any(character.isalnum() for character in text):
        raise StudioError("Describe a movement first, for example: a tired person walks forward.")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise StudioError(
            f"The prompt has {len(text):,} characters; at most {MAX_PROMPT_CHARACTERS} are read. "
            "Shorten it to one or two sentences."
        )
    return text


def check_seconds(seconds: Any) -> float:
    """Seconds rounded to a whole frame; StudioError outside what can be generated."""
    value = check_number(seconds, "length in seconds", MIN_SECONDS, MAX_SECONDS)
    return round(value * FPS) / FPS


def check_number(value: Any, name: str, lowest: float, highest: float) -> float:
    """A finite number within bounds, or a StudioError that names both bounds."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or not lowest <= number <= highest:
        raise StudioError(
            f"The {name} must be a number from {lowest:g} to {highest:g}, not {_shown(value)}."
        )
    return number


def check_whole(value: Any, name: str, lowest: int, highest: int) -> int:
    """A whole number within bounds, or a StudioError that names both bounds."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Compared before it is converted: NaN fails the comparison, infinity and huge integers too.
    if not (number and lowest <= value <= highest and int(value) == value):
        raise StudioError(
            f"The {name} must be a whole number from {lowest:,} to {highest:,}, "
            f"not {_shown(value)}."
        )
    return int(value)


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "…"
