"""What a run of learning is asked to do, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.checks import check_seed, shown
from engine.errors import StudioError

MOST_MINUTES = 24 * 60.0


@dataclass(frozen=True)
class Request:
    """`data` is a corpus folder, `votes` a database; one of them is enough.

    `keys` are the votes that a resumed run began with.
    """

    output: Path
    reward: str = "base"
    model: str = "base"
    data: Path | None = None
    votes: str | None = None
    minutes: float = 2.0
    seed: int = 0
    device: str | None = None
    resume: bool = False
    keys: tuple[str, ...] | None = None
    hyper: Mapping[str, Any] = field(default_factory=dict)  # changes of `spl.Hyper`, for research

    def __post_init__(self) -> None:
        if self.data is None and self.votes is None and not self.resume:
            raise StudioError(
                "There is nothing to learn from: give --data CORPUS, --votes DATABASE, or both."
            )
        if not (math.isfinite(self.minutes) and 1 / 60 <= self.minutes <= MOST_MINUTES):
            raise StudioError(f"--minutes {shown(self.minutes)} is out of range.")
        check_seed(self.seed)

    def to_dict(self, keys: tuple[str, ...]) -> dict[str, Any]:
        """As stored in config.json."""
        return {
            "reward": self.reward, "model": self.model, "minutes": self.minutes, "seed": self.seed,
            "data": None if self.data is None else str(self.data), "votes": self.votes,
            "keys": list(keys), "hyper": dict(self.hyper),
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], asked: Request) -> Request:
        """The run's own request, on the device that is asked for now."""
        try:
            values = dict(config["settings"])
            data, keys = values.pop("data"), tuple(values.pop("keys"))
            return replace(
                asked, **values, keys=keys, data=None if data is None else Path(data)
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise StudioError("The run's config.json is damaged. Start anew.") from error
