"""EasyTune: every denoising step is an update of its own, with its own reward."""

from __future__ import annotations

from typing import Any

import torch

from engine.diffusion.sampler import Guided, Step
from engine.tuning.learner import Learner
from engine.tuning.methods.base import Pass
from engine.tuning.methods.trust import drift
from engine.tuning.methods.weights import Weighting
from engine.tuning.problem import Batch, Problem
from engine.tuning.rewards.base import Scored


class EasyTune:
    """The step-wise form (EasyTune, Eq. 6-8 and Algorithm 1): theta moves inside the trajectory.

    The input of each step is cut from the graph, so a graph never spans two steps and memory does
    not grow with their number.
    """

    name = "easytune"

    def __init__(self, weighting: Weighting, trust: float = 0.0) -> None:
        """Weights scale each step's loss; steps of weight 0 are walked without one."""
        self.weighting, self.trust = weighting, trust

    def __call__(self, problem: Problem, learner: Learner, batch: Batch, number: int) -> Pass:
        seen, guided = Pass.of(problem.steps), problem.guided(batch)
        weights, slopes = self.weighting.weights(), problem.slopes()
        rewards, pull = torch.zeros(problem.steps, len(batch)), torch.zeros(problem.steps)
        x_t = batch.noise
        self.begin(learner)
        for index in range(int(weights.nonzero().max()) + 1):
            weight = float(weights[index])
            with torch.set_grad_enabled(weight > 0):
                output = problem.predict(x_t, guided, index)
                step = problem.finish(output, x_t, index, guided)
            if weight > 0:
                if self.weighting.adapts:
                    problem.seen(step).retain_grad()
                scored = problem.score_step(step, batch)
                seen.note(index, scored)
                self._backward(problem, output, step, guided, scored, weight)
                if self.weighting.adapts:
                    slope = float(slopes[index]) / weight
                    rewards[index], pull[index] = _measured(problem, step, scored, slope)
                self.update(learner)
            x_t = step.x_prev.detach()
        self.end(learner)
        if self.weighting.adapts:
            self.weighting.observe(rewards, pull)
        return seen

    def _backward(
        self,
        problem: Problem,
        output: torch.Tensor,
        step: Step,
        guided: Guided,
        scored: Scored,
        weight: float,
    ) -> None:
        loss = -weight * scored.total.mean()
        if self.trust > 0:
            loss = loss + self.trust * drift(problem, output, step.x_t, guided, step.index).mean()
        loss.backward()

    def begin(self, learner: Learner) -> None:
        """Before the first step of a trajectory."""

    def update(self, learner: Learner) -> None:
        """After the backward pass of a step: theta moves."""
        learner.apply()

    def end(self, learner: Learner) -> None:
        """After the last step of a trajectory."""

    def state(self) -> dict[str, Any]:
        """What the step weights have learned."""
        return self.weighting.state()

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.weighting.load_state(state)


def _measured(
    problem: Problem, step: Step, scored: Scored, slope: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rewards [B] of a step and their pull, from the gradient its backward pass left behind."""
    gradient = problem.seen(step).grad
    assert gradient is not None
    each = gradient.flatten(1).norm(dim=1) * len(gradient) * abs(slope)
    return scored.total.detach(), each.square().mean().sqrt()
