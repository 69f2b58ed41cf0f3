"""EasyTune: every denoising step is an update of its own, with its own reward."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.tuning.learner import Learner
from engine.tuning.methods.base import Pass
from engine.tuning.problem import Batch, Problem


class EasyTune:
    """The step-wise form (EasyTune, Eq. 6-8 and Algorithm 1): theta moves inside the trajectory.

    The input of each step is cut from the graph, so a graph never spans two steps and memory does
    not grow with their number.
    """

    name = "easytune"

    def __init__(self, weights: Tensor) -> None:
        """`weights` [steps] scale each step's loss; steps of weight 0 are walked without one."""
        self.weights = weights

    def __call__(self, problem: Problem, learner: Learner, batch: Batch, number: int) -> Pass:
        seen, guided = Pass.of(problem.steps), problem.guided(batch)
        x_t = batch.noise
        for index in range(problem.steps):
            weight = float(self.weights[index])
            with torch.set_grad_enabled(weight > 0):
                step = problem.step(x_t.detach(), guided, index)
            if weight > 0:
                scored = problem.score_step(step, batch)
                seen.note(index, scored)
                learner.update(-weight * scored.total.mean())
            x_t = step.x_prev
        return seen
