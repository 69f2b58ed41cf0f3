"""What the engine can be asked for: every value checked, and refused in one sentence."""

from __future__ import annotations

import math
import operator
import unicodedata
from collections.abc import Collection
from typing import Any

from engine.errors import StudioError
from engine.motion.skeleton import FPS, MAX_SECONDS, MIN_SECONDS

MAX_PROMPT_CHARACTERS = 500
MAX_SEED = 2**63 - 1
MAX_STEPS = 200
MAX_MODEL_STEPS = 1000  # that a model is judged at: published ones walk all there are
MIN_GUIDANCE, MAX_GUIDANCE = 1.0, 20.0
_SLACK = 1e-6  # seconds; a length that passed through float32 is still the length asked for


def check_prompt(prompt: Any) -> str:
    """The prompt on one line without control characters; StudioError when nothing is left."""
    if not isinstance(prompt, str):
        raise StudioError(f"A prompt is a text, not {shown(prompt)}.")
    text = " ".join(prompt.split())
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise StudioError(
            f"The prompt has {len(text):,} characters; at most {MAX_PROMPT_CHARACTERS} are read. "
            "Shorten it to one or two sentences."
        )
    # Control characters and halves of surrogate pairs break tokenizers, files and terminals.
    visible = (" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    text = " ".join("".join(visible).split())
    if not any(character.isalnum() for character in text):
        raise StudioError("The prompt is empty. Describe a movement, such as 'a person waves'.")
    return text


def check_seconds(seconds: Any) -> int:
    """Seconds to frames, to the nearest one; StudioError outside what the model can make."""
    value = _number(seconds)
    if not MIN_SECONDS - _SLACK <= value <= MAX_SECONDS + _SLACK:
        raise StudioError(
            f"{shown(seconds)} seconds cannot be generated: "
            f"ask for {MIN_SECONDS} to {MAX_SECONDS} seconds."
        )
    return round(value * FPS)


def check_seed(seed: Any) -> int:
    """A whole number that torch takes as a seed; StudioError otherwise."""
    value = _whole(seed)
    if value is None or not 0 <= value <= MAX_SEED:
        raise StudioError(f"The seed {shown(seed)} is not a whole number from 0 to {MAX_SEED}.")
    return value


def check_guidance(guidance: Any) -> float:
    """A guidance scale between 1 (none) and 20; StudioError otherwise."""
    value = _number(guidance)
    if not MIN_GUIDANCE <= value <= MAX_GUIDANCE:
        raise StudioError(f"Guidance {shown(guidance)} is out of range: choose 1 (none) to 20.")
    return value


def check_steps(steps: Any, most: int = MAX_STEPS) -> int:
    """A number of denoising steps between 1 and `most` (200); StudioError otherwise."""
    value = _whole(steps)
    if value is None or not 1 <= value <= most:
        raise StudioError(f"{shown(steps)} denoising steps are out of range: choose 1 to {most}.")
    return value


def check_sizes(config: Any, but: Collection[str] = ()) -> None:
    """Every field of a dataclass of network sizes is a whole number from 1; StudioError if not.

    Fields named in `but` are no sizes.
    """
    for name, value in vars(config).items():
        if name not in but and (_whole(value) or 0) < 1:
            raise StudioError(f"The network's {name} is {shown(value)}: give a whole number.")


def per_prompt(value: Any, count: int, name: str) -> list[Any]:
    """`value` once per prompt: a single one is repeated, a sequence must have the right length."""
    if isinstance(value, (str, bytes)):
        return [value] * count
    try:
        values = list(value)
    except TypeError:  # a single number, numpy's included
        return [value] * count
    if len(values) != count:
        raise StudioError(f"{count} prompts need {count} {name}, not {len(values)}.")
    return values


def shown(value: Any) -> str:
    """`value` for an error message, shortened."""
    try:
        text = str(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        text = "a huge number"
    return text if len(text) <= 40 else text[:37] + "..."


def _number(value: Any) -> float:
    """`value` as a float; NaN, which no comparison lets through, for what is not a number."""
    if isinstance(value, (str, bytes)) or type(value).__name__ in ("bool", "bool_"):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return math.nan


def _whole(value: Any) -> int | None:
    """`value` as an int where it is one already (numpy's count, 3.0 does not), else None."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except (TypeError, RuntimeError):
        return None
