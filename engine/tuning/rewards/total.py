"""The reward that tuning raises: a weighted sum of terms, each of them logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from engine.models.backbone import Codec
from engine.tuning.rewards.base import Form, Scored, Seen
from engine.tuning.rewards.registry import FOLLOW, VOTES
from engine.tuning.rewards.view import View


class Term(Protocol):
    """One bounded score per sample. `clean_only` terms mean nothing on noisy latents."""

    clean_only: bool

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

    Where a taste learned from votes counts beside the text, it never pulls against it: `unopposed`.
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
        if FOLLOW in terms and VOTES in terms:
            total = total + self.weights[VOTES] * unopposed(
                terms[VOTES], terms[FOLLOW], seen.latents
            )
        return Scored(total, terms)


def unopposed(term: Tensor, guarded: Tensor, latents: Tensor) -> Tensor:
    """Zeros [B] whose gradient takes from `term`'s gradient what pulls against `guarded`'s.

    Both are scores [B] of latents [B, N, latent_dim]. Where a sample's two gradients are at odds,
    the sum of `term` and this has a gradient at right angles to that of `guarded` (Yu et al.,
    "Gradient surgery", 2020, for one of the two): a taste decides how a prompt is done, never
    whether it is.
    """
    if not (torch.is_grad_enabled() and latents.requires_grad):
        return torch.zeros_like(term)
    pull, text = (
        torch.autograd.grad(value.sum(), latents, retain_graph=True)[0] for value in (term, guarded)
    )
    along = (pull * text).sum((1, 2)).clamp_max(0.0) / text.square().sum((1, 2)).clamp_min(1e-20)
    mend = -along[:, None, None] * text
    return (mend * (latents - latents.detach())).sum((1, 2)).to(term.dtype)
