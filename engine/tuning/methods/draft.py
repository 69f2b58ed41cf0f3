"""DRaFT: backpropagation through the last K steps of sampling, and its low-variance form."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.diffusion.sampler import Guided, Step
from engine.tuning.methods.graphed import GraphedWalk
from engine.tuning.methods.trajectory import EndReward, Plan
from engine.tuning.problem import Batch, Problem

FRESH = 2  # noises per trajectory in DRaFT-LV, as published


class DRaFT(EndReward):
    """Direct reward fine-tuning through the last `k` steps (Clark et al., DRaFT-K).

    Without `k`, through all of them; published with `checkpoint`, which trades memory for time.
    """

    name = "draft"

    def __init__(
        self,
        k: int | None = None,
        seed: int = 0,
        trust: float = 0.0,
        checkpoint: bool = False,
        captured: bool = False,
    ) -> None:
        """`captured` replays the trajectory as CUDA graphs, where it needs no trust region."""
        super().__init__(seed, trust, checkpoint)
        self.k = k
        self._graphed = GraphedWalk() if captured and not checkpoint and trust == 0 else None

    def plan(self, steps: int, generator: torch.Generator) -> Plan:
        """The last k steps, with the whole chain between them."""
        first = steps - min(self.k or steps, steps)
        return Plan(frozenset(range(first, steps)), steps - 1)

    def walked(self, problem: Problem, guided: Guided, noise: Tensor, plan: Plan) -> list[Step]:
        """The trajectory; of a captured one, its last step without what led there."""
        if self._graphed is None or not self._graphed.fits(guided, noise):
            return super().walked(problem, guided, noise, plan)
        latents = self._graphed(problem, guided, noise, plan)
        return [Step(plan.stop, problem.timesteps[plan.stop], noise, latents, latents)]


class DRaFTLV(DRaFT):
    """DRaFT-1 whose gradient is averaged with those of the finished motion noised again.

    The last step's input is replaced by x_0, cut from the graph, with fresh noise of that step.
    """

    name = "draft-lv"

    def __init__(
        self,
        seed: int = 0,
        trust: float = 0.0,
        checkpoint: bool = False,
        captured: bool = False,
    ) -> None:
        super().__init__(1, seed, trust, checkpoint, captured)

    def again(
        self, problem: Problem, guided: Guided, batch: Batch, last: Step, generator: torch.Generator
    ) -> list[Tensor]:
        """Mean rewards of the last step from FRESH other inputs."""
        alpha, x_0 = problem.alpha(last.index), last.x_prev.detach()
        rewards = []
        for _ in range(FRESH):
            eps = torch.randn(x_0.shape, generator=generator).to(x_0)
            step = problem.step(alpha**0.5 * x_0 + (1 - alpha) ** 0.5 * eps, guided, last.index)
            rewards.append(problem.score_end(step.x_prev, batch).total.mean())
        return rewards
