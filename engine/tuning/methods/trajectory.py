"""What the rivals share: one update per trajectory, from the reward at its end."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from engine.diffusion.sampler import Guided, Step
from engine.tuning.learner import Learner
from engine.tuning.methods.base import Pass, Stateless, pass_generator
from engine.tuning.methods.trust import drift
from engine.tuning.problem import Batch, Problem


@dataclass(frozen=True)
class Plan:
    """How one trajectory is differentiated.

    The network's outputs at `trained` steps carry gradients; walking ends with step `stop`, whose
    predicted x_0 is scored (after the last step: the finished latents). `cut` detaches what the
    network reads, but not the sampler's own linear path from x_t to x_prev.
    """

    trained: frozenset[int]
    stop: int
    cut: bool = False


def walk(
    problem: Problem, guided: Guided, noise: Tensor, plan: Plan, checkpoint: bool = False
) -> list[Step]:
    """The steps of a trajectory, with graphs as planned.

    `checkpoint` recomputes each trained step's activations in the backward pass.
    """
    steps, x_t = [], noise
    for index in range(plan.stop + 1):
        read = x_t.detach() if plan.cut else x_t
        with torch.set_grad_enabled(index in plan.trained):
            if checkpoint and index in plan.trained:
                output = recomputed(problem.predict, read, guided, index, use_reentrant=False)
            else:
                output = problem.predict(read, guided, index)
        # Outside of the context: a linear path to earlier trained steps stays open.
        steps.append(problem.finish(output, x_t, index, guided))
        x_t = steps[-1].x_prev
    return steps


class EndReward(Stateless):
    """Walk by a plan that is drawn anew for each pass, score the end, update once."""

    name: str

    def __init__(self, seed: int = 0, trust: float = 0.0, checkpoint: bool = False) -> None:
        self.seed, self.trust, self.checkpoint = seed, trust, checkpoint

    def plan(self, steps: int, generator: torch.Generator) -> Plan:
        """The plan of one pass over trajectories of `steps` steps."""
        raise NotImplementedError

    def __call__(self, problem: Problem, learner: Learner, batch: Batch, number: int) -> Pass:
        generator = pass_generator(self.seed, number)
        seen, guided = Pass.of(problem.steps), problem.guided(batch)
        plan = self.plan(problem.steps, generator)
        steps = self.walked(problem, guided, batch.noise, plan)
        finished = plan.stop == problem.steps - 1
        scored = problem.score_end(steps[-1].x_prev if finished else steps[-1].x_0, batch)
        seen.note(plan.stop, scored)
        loss = -scored.total.mean()
        again = self.again(problem, guided, batch, steps[-1], generator)
        if again:
            loss = (loss - sum(again)) / (1 + len(again))
        if self.trust > 0:
            loss = loss + self.trust * self._drift(problem, guided, steps, plan, generator)
        learner.update(loss)
        return seen

    def walked(self, problem: Problem, guided: Guided, noise: Tensor, plan: Plan) -> list[Step]:
        """The trajectory's steps, at least the last."""
        return walk(problem, guided, noise, plan, self.checkpoint)

    def again(
        self, problem: Problem, guided: Guided, batch: Batch, last: Step, generator: torch.Generator
    ) -> list[Tensor]:
        """Further mean rewards to average with that of the trajectory's end."""
        return []

    def _drift(
        self,
        problem: Problem,
        guided: Guided,
        steps: list[Step],
        plan: Plan,
        generator: torch.Generator,
    ) -> Tensor:
        """The trust region at one trained step: no gradient through the path that led there."""
        trained = sorted(index for index in plan.trained if index <= plan.stop)
        index = trained[int(torch.randint(len(trained), (1,), generator=generator))]
        x_t = steps[index].x_t.detach()
        output = problem.predict(x_t, guided, index)
        return drift(problem, output, x_t, guided, index).mean()


def draw(low: int, high: int, generator: torch.Generator) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=generator))
