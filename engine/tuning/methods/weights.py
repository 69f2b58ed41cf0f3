"""How much each denoising step counts: uniform, early-heavy, or a window of steps."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from engine.errors import StudioError

FIXED = ("uniform", "linear", "window")


class Weighting(Protocol):
    """Step weights that may change from pass to pass."""

    adapts: bool

    def weights(self) -> Tensor:
        """Weights [steps] for the next pass, mean 1 over the steps that count."""
        ...

    def observe(self, rewards: Tensor, pull: Tensor) -> None:
        """Learn from a pass: rewards [steps, B] and their pull [steps], if `adapts`.

        The pull of a step is the norm of the reward's gradient in the network's output, root mean
        square over the samples.
        """
        ...

    def state(self) -> dict[str, Any]:
        """What was learned, JSON-able."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        ...


class FixedWeights:
    """The same weights in every pass."""

    adapts = False

    def __init__(self, weights: Tensor) -> None:
        self._weights = weights

    def weights(self) -> Tensor:
        """The weights [steps]."""
        return self._weights

    def observe(self, rewards: Tensor, pull: Tensor) -> None:
        """Nothing to learn."""

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Nothing to load."""


def step_weights(kind: str, steps: int, first: int = 0, last: int | None = None) -> Tensor:
    """Weights [steps] with mean 1 over the steps that count, noisiest step first.

    `linear` falls from the first step to the last (EasyTune, Tab. S4). Only steps first..last
    (inclusive) count; `window` is `uniform` that says so. Raises StudioError for unknown kinds and
    empty windows.
    """
    if kind not in FIXED:
        raise StudioError(f"There is no step weighting {kind!r}; choose from {', '.join(FIXED)}.")
    last = steps - 1 if last is None else last
    if not 0 <= first <= last < steps:
        raise StudioError(f"Steps {first} to {last} are no window of {steps} steps.")
    falling = torch.arange(steps, 0, -1, dtype=torch.float32)
    weights = falling if kind == "linear" else torch.ones(steps)
    weights[:first] = 0.0
    weights[last + 1 :] = 0.0
    return weights * ((last + 1 - first) / weights.sum())
