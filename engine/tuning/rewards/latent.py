"""Text alignment read from the latents themselves, at any noise, with no decoding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from engine.models.reward import LatentReward
from engine.tuning.rewards.alignment import TextCache
from engine.tuning.rewards.view import View

if TYPE_CHECKING:
    from engine.tuning.problem import Batch


class LatentAlignment:
    """The step reward R(z_t, t, c) in the space of the motion reward, a cosine in [-1, 1].

    A few dozen tokens instead of 196 frames and no VAE: most of the price of a step's reward goes.
    """

    clean_only = False

    def __init__(self, network: LatentReward, texts: TextCache) -> None:
        self.network, self.texts = network, texts

    def worded(self, batch: Batch) -> Batch:
        """The batch with its texts' vectors."""
        return replace(batch, embedded=self.texts(batch))

    def __call__(self, view: View) -> Tensor:
        """Scores [B]."""
        seen, batch = view.seen, view.seen.batch
        vectors = self.network.embed_latent(seen.latents, batch.mask, view.timesteps)
        return (vectors * self.texts(batch)).sum(dim=-1)
