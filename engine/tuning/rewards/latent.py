"""Text alignment read from the latents themselves, at any noise, with no decoding."""

from __future__ import annotations

from torch import Tensor

from engine.tuning.rewards.alignment import Alignment
from engine.tuning.rewards.view import View


class LatentAlignment(Alignment):
    """The step reward R(z_t, t, c) in the space of the motion reward.

    A few dozen tokens instead of 196 frames and no VAE: most of the price of a step's reward goes.
    """

    def embed(self, view: View) -> Tensor:
        """Unit vectors [B, D] of the latents themselves."""
        seen = view.seen
        found: Tensor = self.network.embed_latent(seen.latents, seen.batch.mask, view.timesteps)
        return found
