"""Every colour a rendered frame uses, in one place, so that page, plots and video agree."""

from __future__ import annotations

from engine.errors import StudioError

# One accent for the base model and one for a tuned one; pages and plots use the same two. The
# third is for a second tuned model beside the first, and for models whose names are hidden.
ACCENTS: dict[str, str] = {"base": "#64748b", "tuned": "#0d9488", "other": "#8b5fbf"}

# Limbs keep their colour whatever the accent: blue is left, orange is right, a pair that people
# with any common colour blindness can tell apart.
LEFT, RIGHT = "#3b82c4", "#e07f3e"
JOINT, HEAD, VISOR = "#d9dde3", "#eceae6", "#39414d"

INK, PAPER = "#1f2733", "#fbfcfd"
RULER = "#7b8796"

Colour = tuple[float, float, float]


def rgb(value: str) -> Colour:
    """`#rrggbb` as three floats in 0..1; raises StudioError for anything else."""
    text = value.strip().lstrip("#")
    try:
        if len(text) != 6:
            raise ValueError(value)
        number = int(text, 16)
    except ValueError as error:
        raise StudioError(f"{value!r} is not a colour: write it as #rrggbb.") from error
    return (number >> 16) / 255.0, (number >> 8 & 255) / 255.0, (number & 255) / 255.0


def accent(name: str) -> Colour:
    """Colour of an accent by name ("base", "tuned") or as `#rrggbb`."""
    return rgb(ACCENTS.get(name, name))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0..1) of `second` mixed in."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def roles(accent_name: str) -> dict[str, Colour]:
    """Colour of each part role of the figure for one accent."""
    tint, light, dark = accent(accent_name), (1.0, 1.0, 1.0), rgb(INK)
    return {
        "torso": mix(tint, light, 0.12),
        "pelvis": mix(tint, dark, 0.18),
        "joint": mix(rgb(JOINT), tint, 0.10),
        "head": mix(rgb(HEAD), tint, 0.06),
        "visor": rgb(VISOR),
        "left": rgb(LEFT),
        "right": rgb(RIGHT),
        "left_end": mix(rgb(LEFT), dark, 0.22),
        "right_end": mix(rgb(RIGHT), dark, 0.20),
        "left_hand": mix(rgb(LEFT), light, 0.30),
        "right_hand": mix(rgb(RIGHT), light, 0.30),
    }
