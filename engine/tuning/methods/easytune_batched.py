"""EasyTune, batched: the same gradients in three phases that fill a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.diffusion.sampler import Guided
from engine.tuning.learner import Learner
from engine.tuning.methods.base import Pass, pass_generator
from engine.tuning.methods.push import Pulls, Push
from engine.tuning.methods.reading import Reading
from engine.tuning.methods.rollout import Rollout
from engine.tuning.methods.trust import base_output
from engine.tuning.methods.weights import Weighting
from engine.tuning.problem import Batch, Problem


@dataclass(frozen=True)
class Bank:
    """Pairs of (step, sample) of one batch, step by step: P = counted steps * B rows.

    x_t [P, N, latent_dim], gradient of the reward in what the reward sees of the step (same shape),
    steps [P] and rows [P] on the CPU, rewards [counted, B], mean terms of the last counted step.
    """

    x_t: Tensor
    gradient: Tensor
    steps: Tensor
    rows: Tensor
    rewards: Tensor
    terms: dict[str, float]


class EasyTuneBatched:
    """EasyTune's objective with theta held while a batch is walked.

    With the input of each step cut off, steps are coupled by nothing but theta. So: (1) walk the
    batch without gradients and keep every x_t; (2) differentiate the reward in the step's latents,
    through frozen networks only; (3) push these gradients through the denoiser alone, in
    `updates_per_pass` minibatches of shuffled (step, sample) pairs. One update on everything is
    exactly the chain form's mean gradient; several updates are on x_t that are slightly stale.

    Without per-step updates nothing evens out how differently steps pull, so with `normalise` each
    step's gradient in the network's output is first scaled to the mean norm over steps: the
    weights alone decide. Graphs hold `micro_batch` pairs (default: as many as the batch has); what
    grows with the steps is the bank, two latents per pair.
    """

    name = "easytune-batched"

    def __init__(
        self,
        weighting: Weighting,
        updates_per_pass: int = 8,
        micro_batch: int | None = None,
        normalise: bool = True,
        trust: float = 0.0,
        captured: bool = False,
        seed: int = 0,
    ) -> None:
        """`captured` walks and differentiates as CUDA graphs; they read weights that move."""
        self.weighting, self.trust, self.seed = weighting, trust, seed
        self.updates, self.micro_batch = updates_per_pass, micro_batch
        self.normalise, self.rollout = normalise, Rollout(captured)
        self.reading, self.push = Reading(captured), Push(captured)

    def __call__(self, problem: Problem, learner: Learner, batch: Batch, number: int) -> Pass:
        guided, weights = problem.guided(batch), self.weighting.weights()
        counted = weights.nonzero()[:, 0].tolist()
        x_t, latents = self.rollout(problem, guided, batch.noise, counted)
        bank = self._read(problem, batch, counted, x_t, latents)
        pull = self._pull(problem, learner, bank, counted)
        factors = weights.clone()
        if self.normalise:
            factors[counted] *= torch.where(pull > 0, pull.mean() / pull, 0.0)
        self._push(problem, learner, guided, bank, factors, number)
        if self.weighting.adapts:
            self.weighting.observe(learner.gather(bank.rewards), pull)
        return _seen(problem.steps, counted, bank)

    def _read(
        self, problem: Problem, batch: Batch, counted: list[int], x_t: Tensor, latents: Tensor
    ) -> Bank:
        """Phase 2: rewards of latents [counted, B, N, latent_dim] and their gradients, in parts."""
        steps = torch.tensor(counted).repeat_interleave(len(batch))
        rows = torch.arange(len(batch)).repeat(len(counted))
        gradient = latents.flatten(0, 1)  # part by part, gradients take the latents' place
        totals: list[Tensor] = []
        terms: dict[str, list[Tensor]] = {}
        size = self.micro_batch or len(batch)
        for part in torch.arange(len(steps)).split(size):
            here = slice(int(part[0]), int(part[-1]) + 1)
            whole = size == len(batch)  # then a part is one step of every sample
            some = batch if whole else batch.rows(rows[part])
            read = self.reading(problem, gradient[here], steps[part], some)
            gradient[here] = read.gradient
            totals.append(read.total)
            last = (steps[part] == counted[-1]).nonzero()[:, 0].to(gradient.device)
            for name, value in read.terms.items() if len(last) else ():
                terms.setdefault(name, []).append(value[last])
        shape = (len(counted), len(batch))
        return Bank(
            x_t.flatten(0, 1), gradient, steps, rows, torch.cat(totals).view(shape),
            {name: float(torch.cat(values).mean()) for name, values in terms.items()},
        )  # fmt: skip

    def _pull(self, problem: Problem, learner: Learner, bank: Bank, counted: list[int]) -> Tensor:
        """Norm of the reward's gradient in the network's output, per counted step, on the CPU."""
        norms = learner.gather(bank.gradient.flatten(1).norm(dim=1).view(len(counted), -1))
        return norms.square().mean(1).sqrt().cpu() * problem.slopes()[counted].abs()

    def _push(
        self,
        problem: Problem,
        learner: Learner,
        guided: Guided,
        bank: Bank,
        factors: Tensor,
        number: int,
    ) -> None:
        """Phase 3: the denoiser's gradient, -sum of factor * <gradient, seen latents> per pair."""
        total = len(bank.steps) * learner.count
        order = torch.randperm(total, generator=pass_generator(self.seed, number))
        parts = order.tensor_split(min(self.updates, total))
        size = min(self.micro_batch or bank.rewards.shape[1], len(parts[0]))
        slopes = factors * problem.slopes()
        for pairs in parts:
            mine = _own(pairs, bank.rewards.shape[1], learner)
            share = learner.count / len(pairs)
            for part in mine.split(size) if len(mine) else ():
                given = self._pulls(problem, guided, bank, slopes * share, part, size, share)
                self.push(problem, learner.parameters, given)
            learner.apply()

    def _pulls(
        self, problem: Problem, guided: Guided, bank: Bank, slopes: Tensor, part: Tensor,
        size: int, share: float,
    ) -> Pulls:  # fmt: skip
        """Pairs `part` of the bank; for a graph, filled up to `size` with pairs that pull nothing.

        What the reward sees is affine in the network's output, so the reward's gradient times
        the step's slope is all there is to the pull.
        """
        extra = size - len(part) if self.push.captured else 0
        counts = torch.cat([torch.ones(len(part)), torch.zeros(extra)])
        part = torch.cat([part, part.new_zeros(extra)])
        steps, there = bank.steps[part], part.to(bank.x_t.device)
        weight = (slopes[steps] * counts).to(bank.x_t)[:, None, None]
        x_t, words = bank.x_t[there], guided.rows(bank.rows[part].to(there.device))
        timesteps = torch.tensor(problem.timesteps)[steps].to(there.device)
        pull = weight * bank.gradient[there]
        if not self.trust:
            return Pulls(x_t, pull, timesteps, words)
        base = base_output(problem, x_t, words, steps)
        return Pulls(x_t, pull, timesteps, words, base, (self.trust * share * counts).to(x_t))

    def state(self) -> dict[str, Any]:
        """What the step weights have learned."""
        return self.weighting.state()

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.weighting.load_state(state)


def _own(pairs: Tensor, size: int, learner: Learner) -> Tensor:
    """Which pairs of the whole batch are this process's, as rows of its bank of `size` samples.

    Drawn together, so that several processes make the very updates that one would.
    """
    step, row = pairs // (size * learner.count), pairs % (size * learner.count)
    mine = row // size == learner.rank
    return step[mine] * size + row[mine] % size


def _seen(steps: int, counted: list[int], bank: Bank) -> Pass:
    """The pass for the log: mean rewards per step, terms of the last step that counts."""
    seen = Pass.of(steps)
    seen.per_step[counted] = bank.rewards.mean(1).float().cpu()
    seen.terms = bank.terms
    return seen
