"""What a tuning method is: one pass over a batch of prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.tuning.learner import Learner
from engine.tuning.problem import Batch, Problem
from engine.tuning.rewards.base import Scored


@dataclass
class Pass:
    """What one pass saw: mean reward per denoising step (NaN where none was read) and per term."""

    per_step: Tensor
    terms: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, steps: int) -> Pass:
        """Nothing seen yet."""
        return cls(torch.full((steps,), float("nan")))

    def note(self, index: int, scored: Scored) -> None:
        """Remember the reward read at step `index`."""
        self.per_step[index] = float(scored.total.detach().mean())
        for name, value in scored.terms.items():
            self.terms[name] = float(value.detach().mean())

    @property
    def reward(self) -> float:
        """The last reward that was read: the one nearest to the finished motion."""
        seen = self.per_step[~self.per_step.isnan()]
        return float(seen[-1]) if len(seen) else float("nan")


class TuningMethod(Protocol):
    """One pass: walk a batch, read rewards, let the learner step. `name` as in the command line."""

    name: str

    def __call__(self, problem: Problem, learner: Learner, batch: Batch, number: int) -> Pass:
        """Pass `number` of the run; random choices come from a generator seeded by it."""
        ...

    def state(self) -> dict[str, Any]:
        """What the method learned on the way, JSON-able: a resumed run needs it."""
        ...

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        ...


class Stateless:
    """A method that carries nothing from pass to pass."""

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Nothing to load."""


def pass_generator(seed: int, number: int) -> torch.Generator:
    """The source of pass `number`'s random choices: a resumed run makes the same ones."""
    return torch.Generator().manual_seed(seed * 1_000_003 + number)
