"""MLD, MLD++ and MotionLCM: a VAE of a few latent tokens per motion, and its denoiser.

MLD (Chen et al., CVPR 2023) keeps a motion in one token of 256 channels, MLD++ and MotionLCM-V2
(Dai et al.) in 16 tokens of 32 that linear layers widen. MotionLCM's student reads the guidance
scale as an input, so one pass of the network is a guided step.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.backbones.published_codec import PublishedCodec
from engine.backbones.skip_transformer import (
    LearnedPositions,
    TimeEmbedding,
    length_mask,
    skip_decoder,
    skip_encoder,
    with_tokens,
)
from engine.checks import check_sizes
from engine.models.backbone import Network
from engine.models.denoiser import Condition


@dataclass(frozen=True)
class MLDVAEConfig:
    """Sizes of the VAE. `width` differs from `latent_dim` in MLD++, where linear layers join them.

    `features` is 263 for HumanML3D's 22 joints, 251 for KIT-ML's 21.
    """

    latent_tokens: int = 1
    latent_dim: int = 256
    width: int = 256
    projected: bool = False
    layers: int = 9
    heads: int = 4
    feed_forward: int = 1024
    features: int = 263

    def __post_init__(self) -> None:
        check_sizes(self, but=("projected",))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class MLDVAE(PublishedCodec):
    """Motions to latent tokens [B, latent_tokens, latent_dim] and back, of any length."""

    def __init__(self, config: MLDVAEConfig | None = None) -> None:
        config = config or MLDVAEConfig()
        super().__init__(config.features)
        self.config = config
        width, sizes = config.width, (config.layers, config.heads, config.feed_forward)
        self.global_motion_token = nn.Parameter(torch.randn(2 * config.latent_tokens, width))
        self.query_pos_encoder = LearnedPositions(width)
        self.query_pos_decoder = LearnedPositions(width)
        self.encoder = skip_encoder(width, *sizes)
        self.decoder = skip_decoder(width, *sizes)
        self.skel_embedding = nn.Linear(config.features, width)
        self.final_layer = nn.Linear(width, config.features)
        self.latent_pre = nn.Linear(width, config.latent_dim) if config.projected else None
        self.latent_post = nn.Linear(config.latent_dim, width) if config.projected else None

    def n_tokens(self, frames: int) -> int:
        """Latent tokens of a motion, however long it is."""
        return self.config.latent_tokens

    def posterior(self, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B, N, latent_dim] of raw features [B, T, 263]; mask [B, T]."""
        return self.posterior_of((features - self.feature_mean) / self.feature_std, mask)

    def posterior_of(self, normalised: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The same from features that are normalised already."""
        x = self.skel_embedding(normalised)
        mask = torch.ones_like(x[..., 0], dtype=torch.bool) if mask is None else mask
        tokens = self.global_motion_token.expand(len(x), -1, -1)
        x, mask = with_tokens(tokens, x, mask)
        x = self.encoder(self.query_pos_encoder(x), mask)[:, : tokens.shape[1]]
        if self.latent_pre is not None:
            x = self.latent_pre(x)
        mean, log_variance = x.chunk(2, dim=1)
        return mean, log_variance

    def encode(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mean latents [B, N, latent_dim] of raw features [B, T, 263]."""
        return self.posterior(features, mask)[0]

    def decode(
        self, latents: Tensor, mask: Tensor | None = None, frames: Tensor | None = None
    ) -> Tensor:
        """Latents [B, N, latent_dim] -> raw features [B, max(frames), 263].

        The latents do not say how long a motion is: `frames` [B] does. `mask` is not needed.
        """
        assert frames is not None
        frames = frames.to(latents.device)
        real = length_mask(frames, int(frames.max()))
        return self.decode_normalised(latents, real) * self.feature_std + self.feature_mean

    def decode_normalised(self, latents: Tensor, mask: Tensor) -> Tensor:
        """Normalised features [B, T, 263], zero where mask [B, T] is False."""
        if self.latent_post is not None:
            latents = self.latent_post(latents)
        queries = latents.new_zeros(*mask.shape, latents.shape[-1])
        x = self.decoder(self.query_pos_decoder(queries), mask, latents)
        return self.final_layer(x) * mask[..., None]


@dataclass(frozen=True)
class MLDDenoiserConfig:
    """Sizes of the denoiser. `text_relu` is MLD's; `guidance_dim` over 0 makes it a student."""

    latent_tokens: int = 1
    latent_dim: int = 256
    width: int = 256
    projected: bool = False
    layers: int = 9
    heads: int = 4
    feed_forward: int = 1024
    text_dim: int = 768
    time_dim: int = 768
    text_relu: bool = True
    guidance_dim: int = 0

    def __post_init__(self) -> None:
        check_sizes(self, but=("projected", "text_relu", "guidance_dim"))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class MLDDenoiser(Network):
    """Predicts the noise in latents x_t from one sentence vector; it does not see the length."""

    empty: Tensor

    def __init__(self, config: MLDDenoiserConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MLDDenoiserConfig()
        width = config.width
        self.latent_pre = nn.Linear(config.latent_dim, width) if config.projected else None
        self.latent_post = nn.Linear(width, config.latent_dim) if config.projected else None
        self.time_embedding = TimeEmbedding(config.time_dim, width, config.guidance_dim or None)
        first = nn.ReLU() if config.text_relu else nn.Identity()
        self.emb_proj = nn.Sequential(first, nn.Linear(config.text_dim, width))
        self.query_pos = LearnedPositions(width)
        self.blocks = skip_encoder(width, config.layers, config.heads, config.feed_forward)
        self.takes_guidance = config.guidance_dim > 0
        # What "no prompt" is: the empty sentence's vector, which only the text encoder knows.
        self.register_buffer("empty", torch.zeros(config.text_dim), persistent=False)

    def text(self, states: Tensor, mask: Tensor, dropped: Tensor | None = None) -> Condition:
        """Sentence vectors [B, 1, text_dim] as they are; where `dropped` [B], the empty one."""
        if dropped is not None:
            states = torch.where(dropped[:, None, None], self.empty.to(states.dtype), states)
        return Condition(states[:, :1], torch.ones_like(mask[:, :1]), states[:, 0])

    def with_guidance(self, condition: Condition, scale: float) -> Condition:
        """The condition with the scale's embedding, which a student reads with its timestep."""
        scales = torch.full((len(condition.tokens),), scale, device=condition.tokens.device)
        embedded = guidance_embedding(scales, self.config.guidance_dim)
        return Condition(condition.tokens, condition.mask, embedded.to(condition.tokens.dtype))

    def forward(
        self,
        x_t: Tensor,
        timestep: Tensor,
        condition: Condition,
        frames: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Noise [B, N, latent_dim] in x_t at timestep [B]; frames and mask are not read."""
        guidance = condition.pooled if self.takes_guidance else None
        return self.predict(x_t, timestep, condition.tokens, guidance)

    def predict(
        self, x_t: Tensor, timestep: Tensor, text: Tensor, guidance: Tensor | None = None
    ) -> Tensor:
        """The same from text [B, 1, text_dim] and embedded guidance scales [B, guidance_dim]."""
        x = x_t if self.latent_pre is None else self.latent_pre(x_t)
        time = self.time_embedding(timestep, guidance)[:, None]
        sequence = torch.cat([x, time.to(x.dtype), self.emb_proj(text)], dim=1)
        out = self.blocks(self.query_pos(sequence), None)[:, : x.shape[1]]
        return out if self.latent_post is None else self.latent_post(out)


def guidance_embedding(scales: Tensor, dim: int) -> Tensor:
    """Embedding [B, dim] of guidance scales w [B] for a student: of w - 1, sines first."""
    half = dim // 2
    rates = torch.exp(torch.arange(half, device=scales.device) * (-math.log(10_000.0) / (half - 1)))
    angles = (scales.float() - 1)[:, None] * 1000.0 * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
