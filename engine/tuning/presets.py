"""Every default of a tuning run in one place, and the presets by time budget."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import StudioError

METHOD = "easytune-batched"
REWARD = {"follow": 1.0, "feet": 0.2}  # text alignment alone lets feet slide more
FORM = "latent"
WEIGHTING = "linear"
TRUST = 0.1  # without it the shipped base is soon hacked; 0.3 leaves little of the gain
RANK, ALPHA = 8, 16.0
RATE_LORA, RATE_FULL = 1e-4, 2e-5
BATCH_CPU, BATCH_GPU = 16, 128
UPDATES_PER_PASS, UPDATES_PER_PASS_CPU = 8, 2  # smaller batches: as much noise an update

# Minutes of tuning; loading, the probe and the report come on top.
MINUTES = {"quick": 0.4, "standard": 5.0, "thorough": 20.0}
MINUTES_CPU = {"quick": 3.0, "standard": 10.0, "thorough": 40.0}
PRESET = "quick"
MOST_MINUTES = 24 * 60.0
MOST_UPDATES = 1_000_000

# Validation: prompts kept back from tuning where the list is long enough, each from these seeds.
HELD_OUT_SHARE, FEWEST_HELD_OUT = 0.25, 5
FEWEST_TO_HOLD_OUT = 12
MOST_VALIDATION = 36
MOST_CHECKED = 12  # of them are looked at while tuning
CHECK_SEEDS, CHECK_SEEDS_CPU = (101, 102, 103, 104), (101, 102)
REPORT_SEEDS, FEWER_REPORT_SEEDS = (101, 102, 103, 104, 105, 106, 107, 108), 4
MANY_PROMPTS = 16  # from so many on, fewer seeds of each tell as much
PREVIEWS = 3


@dataclass(frozen=True)
class Cadence:
    """Seconds between what interrupts tuning; each may take `share` of the time at most."""

    check: float = 6.0
    preview: float = 4.0
    checkpoint: float = 10.0
    share: float = 0.1


@dataclass(frozen=True)
class Limits:
    """When a tuned model counts as collapsed, against the base on the validation prompts.

    Drift is measured in units of how much the base differs from seed to seed: at 1 a motion is as
    far from the base's own as another seed's would be. `patience` bad checks in a row stop the run.
    """

    drift: float = 1.1
    diversity: float = 0.5  # share of the base's that must be left
    foot_skate: float = 0.15  # more share of frames
    jerk: float = 2.5  # times the base's
    floor_mm: float = 25.0  # deeper in the floor, on average
    reward: float = 0.15  # below the base's
    patience: int = 2


def preset_minutes(name: str, device_type: str = "cuda") -> float:
    """Minutes of a preset; StudioError for unknown ones."""
    if name not in MINUTES:
        raise StudioError(f"There is no preset {name!r}; choose from {', '.join(MINUTES)}.")
    return (MINUTES_CPU if device_type == "cpu" else MINUTES)[name]


def updates_per_pass(device_type: str) -> int:
    """Optimiser steps that the batched form makes of one batch."""
    return UPDATES_PER_PASS_CPU if device_type == "cpu" else UPDATES_PER_PASS


def report_seeds(prompts: int) -> tuple[int, ...]:
    """Seeds of each of so many validation prompts, for the comparison at the end."""
    return REPORT_SEEDS[: len(REPORT_SEEDS) if prompts < MANY_PROMPTS else FEWER_REPORT_SEEDS]


def check_seeds(device_type: str) -> tuple[int, ...]:
    """Seeds of each prompt in the checks while tuning: a CPU has no time for many."""
    return CHECK_SEEDS if device_type == "cuda" else CHECK_SEEDS_CPU
