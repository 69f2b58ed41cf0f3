"""What a reward sees and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from engine.tuning.problem import Batch

Form = Literal["x_0", "x_prev"]  # which latents of a step are scored


@dataclass(frozen=True)
class Seen:
    """Standardised latents [B, N, latent_dim] that carry the noise of `timestep` (0: none)."""

    latents: Tensor
    timestep: int | Tensor
    batch: Batch


@dataclass(frozen=True)
class Scored:
    """total [B], higher is better, differentiable in the latents; `terms` [B] are for the log."""

    total: Tensor
    terms: dict[str, Tensor] = field(default_factory=dict)


class Reward(Protocol):
    """A frozen, differentiable judge of latents. `form` says what of a step it wants to see."""

    form: Form

    def __call__(self, seen: Seen) -> Scored:
        """Score each sample."""
        ...
