"""MDM (Tevet et al., ICLR 2023): a transformer over frames that predicts the clean motion."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.backbones.published_codec import PublishedCodec
from engine.backbones.skip_transformer import EncoderLayer, sinusoidal_positions
from engine.checks import check_sizes
from engine.models.backbone import Network
from engine.models.denoiser import Condition
from engine.motion.skeleton import MAX_FRAMES

POSITIONS = 1000  # rows of the table; both frames and timesteps stay below


@dataclass(frozen=True)
class MDMConfig:
    """Sizes of the network; `mask_frames` says whether it was trained not to see padding."""

    features: int = 263
    width: int = 512
    layers: int = 8
    heads: int = 4
    feed_forward: int = 1024
    text_dim: int = 512
    mask_frames: bool = True

    def __post_init__(self) -> None:
        check_sizes(self, but=("mask_frames",))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class MDM(Network):
    """Predicts x_0 of normalised motions x_t [B, T, features] from one vector of the prompt."""

    positions: Tensor

    def __init__(self, config: MDMConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MDMConfig()
        width = config.width
        self.pose_embedding = nn.Linear(config.features, width)
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.embed_text = nn.Linear(config.text_dim, width)
        self.blocks = nn.ModuleList(
            EncoderLayer(width, config.heads, config.feed_forward) for _ in range(config.layers)
        )
        self.pose_final = nn.Linear(width, config.features)
        table = sinusoidal_positions(POSITIONS, width)
        self.register_buffer("positions", table, persistent=False)

    def text(self, states: Tensor, mask: Tensor, dropped: Tensor | None = None) -> Condition:
        """Prompt vectors [B, 1, text_dim]; zeros stand for "no prompt" where `dropped` [B].

        The mean of the real token states: CLIP's one vector itself where there is but one.
        """
        real = mask[..., None]
        vector = torch.where(real, states, 0.0).sum(1) / real.sum(1).clamp_min(1)
        if dropped is not None:
            vector = torch.where(dropped[:, None], 0.0, vector)
        return Condition(vector[:, None], torch.ones_like(mask[:, :1]), vector)

    def forward(
        self,
        x_t: Tensor,
        timestep: Tensor,
        condition: Condition,
        frames: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Clean motion [B, T, features] of x_t at timestep [B]; mask [B, T] marks real frames."""
        # Sentences differ by little of their vectors, which half precision would round away.
        with torch.autocast(x_t.device.type, enabled=False):
            words = self.embed_text(condition.tokens[:, 0])
        token = self.time_embed(self.positions[timestep]) + words
        x = torch.cat([token[:, None], self.pose_embedding(x_t)], dim=1)
        x = x + self.positions[: x.shape[1]]
        seen = None
        if mask is not None and self.config.mask_frames:
            seen = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        for block in self.blocks:
            x = block(x, seen)
        return self.pose_final(x[:, 1:])


@dataclass(frozen=True)
class FramesConfig:
    """A "latent" is a normalised frame: one token per frame, as many channels as features."""

    latent_dim: int = 263
    masked: bool = True

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Frames(PublishedCodec):
    """Stands where latent models have their VAE: normalises features, and takes it back.

    A network that sees padding was trained on motions padded to full length: then every motion
    has MAX_FRAMES tokens, so that what else is in a batch cannot matter.
    """

    def __init__(self, config: FramesConfig | None = None) -> None:
        config = config or FramesConfig()
        super().__init__(config.latent_dim)
        self.config = config

    def n_tokens(self, frames: int) -> int:
        """Frames that the network is given for a motion of `frames` frames."""
        return frames if self.config.masked else max(frames, MAX_FRAMES)

    def encode(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Raw features [B, T, 263] -> normalised ones."""
        return (features - self.feature_mean) / self.feature_std

    def decode(
        self, latents: Tensor, mask: Tensor | None = None, frames: Tensor | None = None
    ) -> Tensor:
        """Normalised features [B, T, 263] -> raw ones."""
        return latents * self.feature_std + self.feature_mean
