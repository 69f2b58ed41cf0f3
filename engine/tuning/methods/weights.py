"""How much each denoising step counts: uniform, early-heavy, a window, or learned on the way."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import StudioError

FIXED = ("uniform", "linear", "window")


def step_weights(kind: str, steps: int, first: int = 0, last: int | None = None) -> Tensor:
    """Weights [steps] with mean 1 over the steps that count, noisiest step first.

    `linear` falls from the first step to the last (EasyTune, Tab. S4); `window` counts only steps
    first..last (inclusive). Raises StudioError for unknown kinds and empty windows.
    """
    if kind == "uniform":
        return torch.ones(steps)
    if kind == "linear":
        falling = torch.arange(steps, 0, -1, dtype=torch.float32)
        return falling / falling.mean()
    if kind == "window":
        last = steps - 1 if last is None else last
        if not 0 <= first <= last < steps:
            raise StudioError(f"Steps {first} to {last} are no window of {steps} steps.")
        weights = torch.zeros(steps)
        weights[first : last + 1] = 1.0
        return weights
    raise StudioError(f"There is no step weighting {kind!r}; choose from {', '.join(FIXED)}.")
