"""Latents as reward terms read them: decoded at most once, and only when a term asks."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from engine.models.backbone import Codec
from engine.motion.features import features_to_joints
from engine.motion.kinematics import to_skeleton
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
        """Real frames, bool [B, T]; they come first."""
        time = torch.arange(self.features.shape[1], device=self.features.device)
        return time[None] < self.seen.batch.frames.to(time.device)[:, None]

    @cached_property
    def joints(self) -> Tensor:
        """Joints [B, T, 22, 3] in metres on the one skeleton, floor at y = 0, not cleaned."""
        return to_skeleton(features_to_joints(self.features))
