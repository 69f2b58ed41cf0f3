"""Motions on a device in every form that a reward meets: captured, decoded, noised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.diffusion.schedule import Schedule
from engine.models.reward import READ
from engine.models.vae import MotionVAE, padded
from engine.motion.canonical import canonicalize
from engine.motion.features import joints_to_features
from engine.motion.kinematics import to_skeleton
from engine.motion.skeleton import MAX_FRAMES
from engine.training.reward_data import Pairs

PART = 256


@dataclass(frozen=True)
class Bank:
    """Feature rows [sum of frames, 67], and per motion its start, frames, and latents' statistics.

    mean, spread [M, N, C] standardised; step: frames per latent token.
    """

    rows: Tensor
    starts: Tensor
    frames: Tensor
    mean: Tensor
    spread: Tensor
    step: int

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def of_corpus(cls, pairs: Pairs) -> Bank:
        """The training motions of a corpus, whole."""
        return cls(pairs.rows, pairs.starts, pairs.frames, pairs.mean, pairs.spread, pairs.step)

    @classmethod
    @torch.no_grad()
    def of_motions(cls, joints: Sequence[np.ndarray], vae: MotionVAE, device: torch.device) -> Bank:
        """Generated or recorded motions, joints [T, 22, 3] each, encoded as training does."""
        clips = [
            torch.from_numpy(
                joints_to_features(canonicalize(to_skeleton(one), floor=0.0)).astype(np.float32)
            ).to(device)
            for one in joints
        ]
        frames = torch.tensor([len(clip) for clip in clips], device=device)
        mean = torch.zeros(
            len(clips), vae.n_tokens(MAX_FRAMES), vae.config.latent_dim, device=device
        )
        for start in range(0, len(clips), PART):
            x, mask = padded(clips[start : start + PART], vae.config.frames_per_token)
            z = vae.encode(x, mask)
            mean[start : start + PART, : z.shape[1]] = z
        starts = torch.cat([frames.new_zeros(1), frames.cumsum(0)[:-1]])
        rows = torch.cat([clip[:, :READ] for clip in clips])
        return cls(rows, starts, frames, mean, torch.zeros_like(mean),
                   vae.config.frames_per_token)  # fmt: skip

    def features(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, T, 67] as captured, and the mask of real frames [B, T]."""
        steps = torch.arange(self.mean.shape[1] * self.step, device=self.rows.device)
        where = (self.starts[index][:, None] + steps).clamp_max(len(self.rows) - 1)
        return self.rows[where], steps[None] < self.frames[index][:, None]

    def latents(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """x_0 [B, N, C] drawn from the posterior, and the mask of real tokens [B, N]."""
        tokens = torch.arange(self.mean.shape[1], device=self.rows.device)
        mask = tokens[None] < (-(-self.frames[index] // self.step))[:, None]
        mean = self.mean[index]
        return (mean + self.spread[index] * torch.randn_like(mean)) * mask[..., None], mask


class Views(NamedTuple):
    """Motions [V] clean, then the same noised: what both networks of a reward read."""

    features: Tensor  # [2V, T, 67]
    frames_mask: Tensor
    z: Tensor  # [2V, N, C]
    mask: Tensor
    t: Tensor  # [2V]


@torch.no_grad()
def views(
    bank: Bank, index: Tensor, when: Tensor, vae: MotionVAE, schedule: Schedule, half: bool = False
) -> Views:
    """Each motion clean (t = 0, as captured) and decoded from x_t at its `when` [V].

    Noise is added to latents and decoded, never to features: it is what a reward meets in use.
    """
    features, frames_mask = bank.features(index)
    x_0, mask = bank.latents(index)
    x_t = schedule.add_noise(x_0, torch.randn_like(x_0), when) * mask[..., None]
    with torch.autocast(x_t.device.type, torch.bfloat16, enabled=half):
        noisy = vae.decode(x_t, mask)[..., :READ].float()
    return Views(
        torch.cat([features, noisy[:, : features.shape[1]]]), frames_mask.repeat(2, 1),
        torch.cat([x_0, x_t]), mask.repeat(2, 1), torch.cat([torch.zeros_like(when), when]),
    )  # fmt: skip
