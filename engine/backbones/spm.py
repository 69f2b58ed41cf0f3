"""EasyTune's published reward (SPM): motion, noisy or clean, and text in one space."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from engine.backbones.skip_transformer import (
    LearnedPositions,
    SkipStack,
    TimeEmbedding,
    skip_decoder,
    skip_encoder,
    with_tokens,
)
from engine.checks import check_sizes


@dataclass(frozen=True)
class SPMConfig:
    """Sizes of the towers and the decoder."""

    features: int = 263
    text_dim: int = 1024
    width: int = 256
    layers: int = 9
    heads: int = 4
    feed_forward: int = 1024
    time_dim: int = 512

    def __post_init__(self) -> None:
        check_sizes(self)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class SPM(nn.Module):
    """Towers whose means give the reward: a cosine. With a timestep, motions may carry its noise.

    The published reward draws a sample around the mean each time; the mean itself is used here.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: SPMConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SPMConfig()
        width, sizes = config.width, (config.layers, config.heads, config.feed_forward)
        self.global_motion_token = nn.Parameter(torch.randn(1, width))
        self.global_text_token = nn.Parameter(torch.randn(1, width))
        self.query_motion_pos_encoder = LearnedPositions(width)
        self.query_text_pos_encoder = LearnedPositions(width)
        self.query_pos_decoder = LearnedPositions(width)
        self.motion_encoder = skip_encoder(width, *sizes)
        self.text_encoder = skip_encoder(width, *sizes)
        self.decoder = skip_decoder(width, *sizes)
        self.dist_motion_layer = nn.Linear(width, 2 * width)
        self.dist_text_layer = nn.Linear(width, 2 * width)
        self.skel_embedding = nn.Linear(config.features, width)
        self.text_embedding = nn.Linear(config.text_dim, width)
        self.final_layer = nn.Linear(width, config.features)
        self.time_embedding = TimeEmbedding(config.time_dim, width)
        self.register_buffer("feature_mean", torch.zeros(config.features))
        self.register_buffer("feature_std", torch.ones(config.features))

    def motion(
        self, normalised: Tensor, mask: Tensor, timestep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B, width] of normalised motion [B, T, 263] at timestep [B]."""
        x = self.skel_embedding(normalised)
        return self._tower(
            x, mask, timestep, self.global_motion_token, self.query_motion_pos_encoder,
            self.motion_encoder, self.dist_motion_layer,
        )  # fmt: skip

    def text(
        self, states: Tensor, mask: Tensor, timestep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B, width] of T5's token states [B, L, text_dim]."""
        x = self.text_embedding(states)
        return self._tower(
            x, mask, timestep, self.global_text_token, self.query_text_pos_encoder,
            self.text_encoder, self.dist_text_layer,
        )  # fmt: skip

    def _tower(
        self, x: Tensor, mask: Tensor, timestep: Tensor | None, token: Tensor,
        positions: LearnedPositions, stack: SkipStack, out: nn.Linear,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        first = token.expand(len(x), -1, -1)
        if timestep is not None:
            time = self.time_embedding(timestep.expand(len(x)))[:, None]
            first = torch.cat([first, time.to(x.dtype)], dim=1)
        x, mask = with_tokens(first, x, mask)
        mean, log_variance = out(stack(positions(x), mask)[:, 0]).chunk(2, dim=-1)
        return mean, log_variance

    def decode(self, z: Tensor, mask: Tensor) -> Tensor:
        """Embedding [B, width] -> normalised motion [B, T, 263], zero where not real."""
        queries = z.new_zeros(*mask.shape, z.shape[-1])
        x = self.decoder(self.query_pos_decoder(queries), mask, z[:, None])
        return self.final_layer(x) * mask[..., None]

    def embed_motion(
        self, features: Tensor, mask: Tensor, timestep: Tensor | None = None
    ) -> Tensor:
        """Raw features [B, T, 263], mask [B, T], timestep [B] -> unit vectors [B, width]."""
        x = (features - self.feature_mean) / self.feature_std
        return normalize(self.motion(x, mask, timestep)[0], dim=-1)

    def embed_text(self, states: Tensor, mask: Tensor) -> Tensor:
        """Token states [B, L, text_dim] and mask [B, L] -> unit vectors [B, width]."""
        return normalize(self.text(states, mask)[0], dim=-1)
