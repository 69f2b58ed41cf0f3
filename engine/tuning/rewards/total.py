"""The reward that tuning raises: a weighted sum of terms, each of them logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from engine.models.backbone import Codec
from engine.tuning.rewards.base import Form, Scored, Seen
from engine.tuning.rewards.view import View

if TYPE_CHECKING:
    from engine.tuning.problem import Batch


class Term(Protocol):
    """One bounded score per sample. `clean_only` terms mean nothing on noisy latents."""

    clean_only: bool

    def worded(self, batch: Batch) -> Batch | None:
        """The batch with what its texts mean to this term as tensors; None where that cannot be.

        A CUDA graph holds tensors alone.
        """
        ...

    def __call__(self, view: View) -> Tensor:
        """Scores [B], higher is better, differentiable in the latents."""
        ...


class PhysicsTerm:
    """A measure of joints [B, T, 22, 3] and their mask, times a constant; see `physics`."""

    def __init__(
        self, measure: Callable[..., Tensor], scale: float, reads_text: bool, clean_only: bool
    ) -> None:
        self.measure, self.scale = measure, scale
        self.reads_text, self.clean_only = reads_text, clean_only

    def worded(self, batch: Batch) -> Batch | None:
        """The batch as it is, for measures of nothing but joints."""
        return None if self.reads_text else batch

    def __call__(self, view: View) -> Tensor:
        """Scores [B]."""
        words = (view.seen.batch.texts,) if self.reads_text else ()
        return self.scale * self.measure(view.joints, view.shown, *words)


class WeightedSum:
    """total = sum of weight x term. Terms are logged as they are, without their weight.

    Physics counts for samples without noise only. What is decoded from x_t at t > 0 is no motion
    to which floor or jerk apply: its trembling is the noise that later steps take away, and a
    gradient against it would ask the denoiser to take it away too early. So with form x_prev it
    counts in the last step alone; on predicted x_0 it counts in every step.
    """

    def __init__(
        self,
        form: Form,
        terms: Mapping[str, Term],
        weights: Mapping[str, float],
        vae: Codec,
        told: Callable[[Seen], Seen] | None = None,
    ) -> None:
        """`terms` and `weights` by the same names; `told` puts noise as the terms know it."""
        self.form, self.terms, self.weights, self.vae = form, dict(terms), dict(weights), vae
        self.told = told

    def worded(self, batch: Batch) -> Batch | None:
        """The batch with its texts as tensors, for CUDA graphs; None where a term cannot."""
        found: Batch | None = batch
        for term in self.terms.values():
            found = None if found is None else term.worded(found)
        return found

    def __call__(self, seen: Seen) -> Scored:
        """Score each sample; latents are decoded at most once, and not at all for latent terms."""
        seen = seen if self.told is None else self.told(seen)
        view = View(seen, self.vae)
        # Zero, but differentiable: a step in which no term counts has a gradient of zero.
        total, terms = 0.0 * seen.latents[:, 0, 0].float(), {}
        for name, term in self.terms.items():
            if term.clean_only and view.noisy:
                continue
            value = term(view)
            if term.clean_only and isinstance(seen.timestep, Tensor):
                value = torch.where(view.timesteps == 0, value, 0.0)
            terms[name] = value
            total = total + self.weights[name] * value
        return Scored(total, terms)
