"""TMR (Petrovich et al., ICCV 2023): motion and text encoders in one space, as a judge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from engine.backbones.skip_transformer import (
    DecoderLayer,
    EncoderLayer,
    sinusoidal_positions,
    with_tokens,
)
from engine.checks import check_sizes

POSITIONS = 1000


@dataclass(frozen=True)
class TMRConfig:
    """Sizes of both encoders and the decoder."""

    features: int = 263
    text_dim: int = 768
    width: int = 256
    layers: int = 6
    heads: int = 4
    feed_forward: int = 1024

    def __post_init__(self) -> None:
        check_sizes(self)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class TMREncoder(nn.Module):
    """A sequence [B, L, inputs] to the mean and log-variance [B, width] of its embedding."""

    positions: Tensor

    def __init__(self, inputs: int, config: TMRConfig) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(2, config.width))
        self.projection = nn.Linear(inputs, config.width)
        self.blocks = nn.ModuleList(
            EncoderLayer(config.width, config.heads, config.feed_forward)
            for _ in range(config.layers)
        )
        table = sinusoidal_positions(POSITIONS, config.width)
        self.register_buffer("positions", table, persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x, mask = with_tokens(self.tokens.expand(len(x), -1, -1), self.projection(x), mask)
        x = x + self.positions[: x.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        return x[:, 0], x[:, 1]


class TMRDecoder(nn.Module):
    """An embedding [B, width] to normalised motion [B, T, features], zero where not real."""

    positions: Tensor

    def __init__(self, config: TMRConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            DecoderLayer(config.width, config.heads, config.feed_forward)
            for _ in range(config.layers)
        )
        self.final_layer = nn.Linear(config.width, config.features)
        table = sinusoidal_positions(POSITIONS, config.width)
        self.register_buffer("positions", table, persistent=False)

    def forward(self, z: Tensor, mask: Tensor) -> Tensor:
        x = self.positions[: mask.shape[1]].expand(len(z), -1, -1)
        for block in self.blocks:
            x = block(x, mask, z[:, None])
        return self.final_layer(x) * mask[..., None]


class TMR(nn.Module):
    """Motions and texts as unit vectors; their cosine says how well they belong together."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: TMRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TMRConfig()
        self.motion_encoder = TMREncoder(config.features, config)
        self.text_encoder = TMREncoder(config.text_dim, config)
        self.motion_decoder = TMRDecoder(config)
        self.register_buffer("feature_mean", torch.zeros(config.features))
        self.register_buffer("feature_std", torch.ones(config.features))

    def embed_motion(
        self, features: Tensor, mask: Tensor, timestep: Tensor | None = None
    ) -> Tensor:
        """Raw features [B, T, 263] and mask [B, T] -> unit vectors [B, width].

        `timestep` is not read: only clean motions mean anything to it.
        """
        x = (features - self.feature_mean) / (self.feature_std + 1e-12)
        return normalize(self.motion_encoder(x, mask)[0], dim=-1)

    def embed_text(self, states: Tensor, mask: Tensor) -> Tensor:
        """Token states [B, L, text_dim] of DistilBERT and mask [B, L] -> unit vectors."""
        return normalize(self.text_encoder(states, mask)[0], dim=-1)
