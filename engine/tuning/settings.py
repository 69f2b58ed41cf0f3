"""What a tuning run is asked to do: every setting checked, in JSON and as a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine.checks import check_seed, check_steps, shown
from engine.errors import StudioError
from engine.tuning import presets
from engine.tuning.rewards.registry import FORMS, check_weights

MAX_BATCH = 8192


@dataclass(frozen=True)
class Settings:
    """Options of `python -m engine tune`; None where device, model or preset decide.

    `prompts` are names of packs or files, `adapter` is one to start from. Either `minutes` or
    `updates` ends the run; without both the preset's minutes do.
    """

    prompts: tuple[str, ...]
    model: str = "base"
    reward: Mapping[str, float] = field(default_factory=lambda: dict(presets.REWARD))
    reward_model: str = "reward"
    form: str = presets.FORM
    method: str = presets.METHOD
    weighting: str = presets.WEIGHTING
    trust: float = presets.TRUST
    preset: str = presets.PRESET
    minutes: float | None = None
    updates: int | None = None
    rank: int = presets.RANK
    alpha: float = presets.ALPHA
    full: bool = False
    rate: float | None = None
    batch: int | None = None
    steps: int | None = None
    seed: int = 0
    device: str | None = None
    adapter: str | None = None

    def __post_init__(self) -> None:
        """Raises StudioError for what no run could work with."""
        if not self.prompts:
            raise StudioError("Say what to tune on: --prompts PACK or --prompts FILE.")
        object.__setattr__(self, "reward", check_weights(self.reward))
        if self.form not in FORMS:
            raise StudioError(
                f"There is no reward form {self.form!r}; choose from {', '.join(FORMS)}."
            )
        presets.preset_minutes(self.preset)
        if self.minutes is not None and self.updates is not None:
            raise StudioError("Give --minutes or --updates, not both.")
        _number("minutes", self.minutes, 1 / 60, presets.MOST_MINUTES)
        _number("updates", self.updates, 1, presets.MOST_UPDATES)
        _number("rate", self.rate, 1e-9, 1.0)
        _number("batch", self.batch, 1, MAX_BATCH)
        _number("trust", self.trust, 0, 1e6)
        check_seed(self.seed)
        if self.steps is not None:
            check_steps(self.steps)

    @property
    def seconds(self) -> float | None:
        """The time budget on the device that is asked for; None when updates end the run."""
        return self.seconds_on((self.device or "cuda").partition(":")[0])

    def seconds_on(self, device_type: str) -> float | None:
        """The same on a device of this type, which decides how long a preset is."""
        if self.updates is not None:
            return None
        if self.minutes is not None:
            return 60.0 * self.minutes
        return 60.0 * presets.preset_minutes(self.preset, device_type)

    @property
    def learning_rate(self) -> float:
        """The rate that was given, or the default of the kind of tuning."""
        if self.rate is not None:
            return self.rate
        return presets.RATE_FULL if self.full else presets.RATE_LORA

    def batch_on(self, device_type: str) -> int:
        """Motions per pass over all processes."""
        if self.batch is not None:
            return self.batch
        return presets.BATCH_GPU if device_type == "cuda" else presets.BATCH_CPU

    def to_dict(self) -> dict[str, Any]:
        """As stored in config.json."""
        return {**asdict(self), "prompts": list(self.prompts)}

    @classmethod
    def from_dict(cls, values: Any) -> Settings:
        """From config.json; StudioError for settings that there are not."""
        known = {one.name for one in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= known or "prompts" not in values:
            raise StudioError("The session's settings are damaged or of another version.")
        return cls(**{**values, "prompts": tuple(values["prompts"])})

    def command(self) -> list[str]:
        """The command line that asks for the same run."""
        words = ["python", "-m", "engine", "tune"]
        plain = Settings(prompts=self.prompts)
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "prompts":
                for entry in value:
                    words += ["--prompts", entry]
            elif value == getattr(plain, one.name) or value is None:
                continue
            elif one.name == "reward":
                words += ["--reward", ",".join(f"{k}={v:g}" for k, v in value.items())]
            elif one.name == "full":
                words.append("--full")
            else:
                words += [f"--{one.name.replace('_', '-')}", str(value)]
        return words


def check_name(name: str) -> str:
    """A name for a run that can be a folder's; StudioError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}", name):
        raise StudioError(
            f"The name {shown(name)!r} cannot name a folder; "
            "use up to 80 letters, digits, dots, dashes and underscores."
        )
    return name


def _number(name: str, value: Any, low: float, high: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise StudioError(f"--{name} {shown(value)} is not a number.")
    if not low <= value <= high:
        raise StudioError(f"--{name} {value:g} is out of range: choose {low:g} to {high:g}.")
