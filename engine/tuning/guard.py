"""The watch over a run: does the model still move like a person, differently each time?

What is optimised can be raised by motions nobody wants (reward hacking). So a few fixed prompts and
seeds are generated every few seconds and measured by what the reward does not see.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from engine.diffusion.sampler import sample
from engine.evaluation import physical
from engine.tuning import presets
from engine.tuning.problem import Batch, Problem, PromptBank


@dataclass(frozen=True)
class Values:
    """Means over validation prompts and seeds.

    drift: root mean square distance of the final latents (about unit variance) to the base's from
    the same noise. diversity: the same between two seeds of a prompt. foot_skate, jerk: see
    engine.evaluation.physical. floor: depth of the lowest foot joint under the floor, millimetres.
    """

    reward: float
    drift: float
    diversity: float
    foot_skate: float
    jerk: float
    floor: float

    def to_dict(self) -> dict[str, float]:
        """As in events."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """What one look found; `reasons` say why it is bad, in sentences."""

    values: Values
    reasons: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.reasons


class Guard:
    """Generates the validation prompts, measures them and compares with the base."""

    def __init__(
        self,
        problem: Problem,
        bank: PromptBank,
        seeds: Sequence[int] | None = None,
        limits: presets.Limits | None = None,
    ) -> None:
        """Measures the base, which `problem.base` shows. `seeds` are fewer on a CPU."""
        if seeds is None:
            seeds = presets.check_seeds(bank.device.type)
        self.problem, self.limits = problem, limits or presets.Limits()
        self.batches = [bank.batch(range(len(bank)), seed) for seed in seeds]
        assert problem.base is not None
        with problem.base():
            self._held = self._latents()
            self.base = self._values(self._held)
        self._bad = 0

    def check(self) -> Check:
        """Look once; counts how many looks in a row were bad."""
        values = self._values(self._latents())
        found = Check(values, tuple(judge(values, self.base, self.limits)))
        self._bad = 0 if found.good else self._bad + 1
        return found

    def untouched(self) -> Check:
        """The look at a model that nothing was done to yet: it is the base."""
        return Check(self.base, ())

    @property
    def collapsed(self) -> bool:
        """Whether the last `patience` looks were all bad."""
        return self._bad >= self.limits.patience

    def forgive(self) -> None:
        """Start counting anew: the run went back to a good state."""
        self._bad = 0

    @torch.no_grad()
    def _latents(self) -> list[Tensor]:
        """Final latents [n, N, latent_dim] of every prompt, one tensor per seed."""
        problem, made = self.problem, []
        for batch in self.batches:
            latents = sample(
                problem.model.denoiser, problem.model.schedule, batch.noise,
                problem.guided(batch), problem.steps,
            )  # fmt: skip
            assert latents is not None
            made.append(latents)
        return made

    @torch.no_grad()
    def _values(self, latents: list[Tensor]) -> Values:
        pairs = list(zip(latents, self.batches, strict=True))
        scores = [self.problem.score_end(z, batch).total.float() for z, batch in pairs]
        drift = [
            _distance(z, base, batch)
            for (z, batch), base in zip(pairs, self._held, strict=True)
        ]  # fmt: skip
        apart = [
            _distance(a, b, self.batches[0])
            for row, a in enumerate(latents)
            for b in latents[row + 1 :]
        ]
        joints = [one for z, batch in pairs for one in self._joints(z, batch)]
        return Values(
            float(torch.cat(scores).mean()),
            float(torch.cat(drift).mean()),
            float(torch.cat(apart).mean()) if apart else float("nan"),
            _mean([physical.foot_skate(one) for one in joints]),
            _mean([physical.jerk(one) for one in joints]),
            1000 * _mean([float(physical.penetration(one).mean()) for one in joints]),
        )

    def _joints(self, latents: Tensor, batch: Batch) -> list[np.ndarray]:
        features = self.problem.model.vae.decode(latents, batch.mask, batch.frames)
        there, lengths = self.problem.model.vae.joints(features, batch.frames)
        joints = np.nan_to_num(there.float().cpu().numpy(), nan=1e3, posinf=1e3, neginf=-1e3)
        return [one[:length] for one, length in zip(joints, lengths.tolist(), strict=True)]


def judge(now: Values, base: Values, limits: presets.Limits) -> list[str]:
    """Why `now` is no model to keep, in sentences; nothing when it is one."""
    reasons = []
    if not all(math.isfinite(value) for value in (now.reward, now.drift, now.jerk)):
        return ["The motions are no numbers any more."]
    if now.drift > limits.drift * base.diversity:
        reasons.append(
            f"The motions have drifted from the base by {now.drift:.2f}, more than "
            f"{limits.drift:g} times the {base.diversity:.2f} between its own seeds."
        )
    if now.diversity < limits.diversity * base.diversity:
        reasons.append(
            f"The seeds of a prompt look alike: diversity {now.diversity:.2f}, "
            f"the base's is {base.diversity:.2f}."
        )
    if now.foot_skate > base.foot_skate + limits.foot_skate:
        reasons.append(
            f"Feet slide in {now.foot_skate:.0%} of the frames, the base's in "
            f"{base.foot_skate:.0%}."
        )
    if now.jerk > limits.jerk * base.jerk:
        reasons.append(f"The motions tremble: jerk {now.jerk:.0f}, the base's is {base.jerk:.0f}.")
    if now.floor > base.floor + limits.floor_mm:
        reasons.append(f"Feet are {now.floor:.0f} mm in the floor, the base's {base.floor:.0f} mm.")
    if now.reward < base.reward - limits.reward:
        reasons.append(
            f"The reward of the validation prompts fell from {base.reward:.2f} to {now.reward:.2f}."
        )
    return reasons


def _distance(a: Tensor, b: Tensor, batch: Batch) -> Tensor:
    """Root mean square distance [B] over real tokens and channels."""
    mask = batch.mask.float()
    square = (a - b).float().square().mean(-1)
    return ((square * mask).sum(1) / mask.sum(1)).sqrt()


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
