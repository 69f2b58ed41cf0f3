"""Latents as reward terms read them: decoded at most once, and only when a term asks."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from engine.models.backbone import Codec
from engine.tuning.rewards.base import Seen


class View:
    """One call's latents and what can be derived from them; nothing is computed twice."""

    def __init__(self, seen: Seen, vae: Codec) -> None:
        self.seen, self.vae = seen, vae

    @property
    def noisy(self) -> bool:
        """Whether it is known, without a look at the device, that every sample carries noise."""
        return not isinstance(self.seen.timestep, Tensor) and self.seen.timestep > 0

    @cached_property
    def timesteps(self) -> Tensor:
        """The timestep of each sample, long [B]."""
        when, latents = self.seen.timestep, self.seen.latents
        if isinstance(when, Tensor):
            return when.to(latents.device).expand(len(latents))
        return torch.full((len(latents),), when, device=latents.device)

    @cached_property
    def features(self) -> Tensor:
        """Raw features [B, T, 263]; the decoder never sees tokens beyond a sample's own."""
        features = self.vae.decode(self.seen.latents, self.seen.batch.mask, self.seen.batch.frames)
        return features if features.dtype == torch.float64 else features.float()

    @cached_property
    def frames(self) -> Tensor:
        """Real frames of the features, bool [B, T]; they come first."""
        return _first(self.seen.batch.frames, self.features)

    @cached_property
    def joints(self) -> Tensor:
        """Joints [B, T', 22, 3] in metres on the one skeleton, floor at y = 0, not cleaned."""
        return self._joints[0]

    @cached_property
    def shown(self) -> Tensor:
        """Real frames of the joints, bool [B, T']; they come first."""
        return _first(self._joints[1], self._joints[0])

    @cached_property
    def _joints(self) -> tuple[Tensor, Tensor]:
        return self.vae.joints(self.features, self.seen.batch.frames)


def _first(lengths: Tensor, what: Tensor) -> Tensor:
    """Mask [B, T] of the first `lengths` [B] places of `what` [B, T, ...]."""
    time = torch.arange(what.shape[1], device=what.device)
    return time[None] < lengths.to(time.device)[:, None]
