"""EasyTune's chain form: the trajectory is walked by the model as it was at its start."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.tuning.learner import Learner
from engine.tuning.methods.easytune import EasyTune
from engine.tuning.methods.weights import Weighting


class EasyTuneChain(EasyTune):
    """Gradients of all steps at the theta of the trajectory's start (EasyTune, Tab. 1, "chain").

    As published, each step's gradient is an update of a second set of weights, which the model
    takes over at the end. With `once`, the mean gradient of all steps is a single update: what the
    batched form computes, step by step.
    """

    name = "easytune-chain"

    def __init__(self, weighting: Weighting, trust: float = 0.0, once: bool = False) -> None:
        super().__init__(weighting, trust)
        self.once = once
        self._held: list[Tensor] = []
        self._moved: list[Tensor] = []

    def begin(self, learner: Learner) -> None:
        """Remember the weights that walk the trajectory."""
        if not self.once:
            self._held = [p.detach().clone() for p in learner.parameters]
            self._moved = [p.detach().clone() for p in learner.parameters]

    def update(self, learner: Learner) -> None:
        """Let the second set of weights step; the trajectory goes on with the first."""
        if self.once:
            return
        _copy(self._moved, learner.parameters)
        learner.apply()
        _copy(learner.parameters, self._moved)
        _copy(self._held, learner.parameters)

    def end(self, learner: Learner) -> None:
        """Take over the second set of weights, or step once with the mean gradient."""
        if not self.once:
            _copy(self._moved, learner.parameters)
            self._held, self._moved = [], []
            return
        counted = int((self.weighting.weights() > 0).sum())
        for parameter in learner.parameters:
            if parameter.grad is not None:
                parameter.grad /= counted
        learner.apply()


@torch.no_grad()
def _copy(source: list, target: list) -> None:
    for one, other in zip(source, target, strict=True):
        other.copy_(one)
