"""Motion VAE: temporal convolutions, one latent token per few frames: time keeps its axis."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.checks import check_sizes
from engine.errors import StudioError
from engine.models.backbone import Codec

N_FEATURES = 263


@dataclass(frozen=True)
class VAEConfig:
    """Sizes of the VAE. `frames_per_token` must be a power of two; StudioError otherwise."""

    latent_dim: int = 32
    frames_per_token: int = 4
    encoder_width: int = 192
    decoder_width: int = 256
    blocks_per_level: int = 3

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.frames_per_token.bit_count() != 1:
            raise StudioError(f"{self.frames_per_token} frames per token are no power of two.")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ResidualBlock(nn.Module):
    """Dilated convolution and a pointwise one around a skip; padding stays out of real frames."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)
        nn.init.normal_(self.mix.weight, std=0.02 / width**0.5)
        nn.init.constant_(cast(Tensor, self.mix.bias), 0.0)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        h = nn.functional.silu(x)
        h = self.conv(h if mask is None else h * mask)
        return x + self.mix(nn.functional.silu(h))


class Stack(nn.Module):
    """Residual blocks with growing dilation at one temporal resolution."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(width, 3**i) for i in range(blocks))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        for block in self.blocks:
            x = block(x, mask)
        return x


class Encoder(nn.Module):
    """Features [B, T, 263] -> mean and log-variance [B, N, latent_dim]."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        width, levels = config.encoder_width, config.frames_per_token.bit_length() - 1
        self.inp = nn.Conv1d(N_FEATURES, width, 3, padding=1)
        self.stacks = nn.ModuleList(Stack(width, config.blocks_per_level) for _ in range(levels))
        self.down = nn.ModuleList(
            nn.Conv1d(width, width, 4, stride=2, padding=1) for _ in range(levels)
        )
        self.last = Stack(width, config.blocks_per_level)
        self.out = nn.Conv1d(width, 2 * config.latent_dim, 1)

    def forward(self, features: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        x = features.transpose(1, 2)
        x = self.inp(_masked(x, mask))
        for stack, down in zip(self.stacks, self.down, strict=True):
            x = down(_masked(stack(x, mask), mask))
            mask = None if mask is None else mask[..., ::2]
        mean, log_variance = self.out(self.last(x, mask)).transpose(1, 2).chunk(2, dim=-1)
        return mean, log_variance.clamp(-20.0, 6.0)


class Decoder(nn.Module):
    """Latent tokens [B, N, latent_dim] -> features [B, N * frames_per_token, 263]."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        width, levels = config.decoder_width, config.frames_per_token.bit_length() - 1
        self.inp = nn.Conv1d(config.latent_dim, width, 3, padding=1)
        self.first = Stack(width, config.blocks_per_level)
        self.up = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(levels))
        self.stacks = nn.ModuleList(Stack(width, config.blocks_per_level) for _ in range(levels))
        self.out = nn.Conv1d(width, N_FEATURES, 3, padding=1)

    def forward(self, latents: Tensor, mask: Tensor | None) -> Tensor:
        """`mask` is [B, 1, N] over tokens, or None where every token is real."""
        x = latents.transpose(1, 2)
        x = self.first(self.inp(_masked(x, mask)), mask)
        for up, stack in zip(self.up, self.stacks, strict=True):
            mask = None if mask is None else mask.repeat_interleave(2, dim=-1)
            x = up(_masked(x.repeat_interleave(2, dim=-1), mask))
            x = stack(x, mask)
        return self.out(_masked(nn.functional.silu(x), mask)).transpose(1, 2)


class MotionVAE(Codec):
    """HumanML3D features in metres and radians <-> latents of about unit variance.

    Feature and latent statistics are buffers, so callers never normalise anything themselves.
    """

    feature_mean: Tensor
    feature_std: Tensor
    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, config: VAEConfig | None = None) -> None:
        super().__init__()
        self.config = config or VAEConfig()
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config)
        self.register_buffer("feature_mean", torch.zeros(N_FEATURES))
        self.register_buffer("feature_std", torch.ones(N_FEATURES))
        self.register_buffer("latent_mean", torch.zeros(self.config.latent_dim))
        self.register_buffer("latent_std", torch.ones(self.config.latent_dim))

    def n_tokens(self, frames: int) -> int:
        """How many latent tokens a motion of `frames` frames takes."""
        return -(-frames // self.config.frames_per_token)

    def posterior(self, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Raw (not standardised) mean and log-variance of features [B, T, 263], T divisible.

        `mask` [B, T] marks real frames; None means all are.
        """
        x = (features - self.feature_mean) / self.feature_std
        return self.encoder(x, None if mask is None else mask[:, None].to(x.dtype))

    def encode(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mean latents, standardised: features [B, T, 263] -> [B, N, latent_dim]."""
        return (self.posterior(features, mask)[0] - self.latent_mean) / self.latent_std

    def decode_raw(self, latents: Tensor, mask: Tensor | None = None) -> Tensor:
        """Decode latents that were not standardised; see `decode`."""
        normalised = self.decoder(
            latents, None if mask is None else mask[:, None].to(latents.dtype)
        )
        return normalised * self.feature_std + self.feature_mean

    def decode(
        self, latents: Tensor, mask: Tensor | None = None, frames: Tensor | None = None
    ) -> Tensor:
        """Standardised latents [B, N, latent_dim] -> features [B, N * frames_per_token, 263].

        `mask` [B, N] marks real tokens: what stands in the others never reaches real frames.
        `frames` is not needed.
        """
        return self.decode_raw(latents * self.latent_std + self.latent_mean, mask)


def padded(clips: list[Tensor], multiple: int) -> tuple[Tensor, Tensor]:
    """Stack clips [T_i, 263] to [B, T, 263] and a mask [B, T]; last frames fill up to `multiple`.

    A clip's own last token is completed by repeating its last frame, which counts as real.
    """
    whole = [-(-len(clip) // multiple) * multiple for clip in clips]
    out = torch.stack([
        torch.cat([clip, clip[-1:].expand(max(whole) - len(clip), -1)]) for clip in clips
    ])  # fmt: skip
    mask = torch.arange(max(whole), device=out.device)[None] < torch.tensor(
        whole, device=out.device
    ).unsqueeze(1)
    return out, mask


@torch.no_grad()
def reconstruct(vae: MotionVAE, clips: list[Tensor], batch: int = 128) -> list[Tensor]:
    """Decode the mean latents of clips [T_i, 263]; returns features of the same lengths."""
    rebuilt: list[Tensor] = []
    step = vae.config.frames_per_token
    for start in range(0, len(clips), batch):
        part = clips[start : start + batch]
        x, mask = padded(part, step)
        y = vae.decode(vae.encode(x, mask), mask[:, ::step])
        rebuilt += [row[: len(clip)] for row, clip in zip(y, part, strict=True)]
    return rebuilt


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
