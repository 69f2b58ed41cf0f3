"""The denoiser: a small skip transformer over latent tokens that reads the words of the prompt."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from engine.checks import check_sizes
from engine.errors import StudioError
from engine.models.backbone import Network


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the denoiser and of its text head."""

    latent_dim: int = 32
    width: int = 256
    layers: int = 9
    heads: int = 4
    feed_forward: int = 768
    text_dim: int = 384
    text_layers: int = 2
    frames_per_token: int = 4
    patch: int = 1  # latent tokens the transformer reads as one: fewer, wider tokens cost less

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.width % (2 * self.heads):
            raise StudioError(
                f"The denoiser's width {self.width} is no multiple of {2 * self.heads}: each of "
                f"its {self.heads} heads needs an even number of channels."
            )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Condition:
    """A prompt as the denoiser reads it. It does not depend on the step, so it is made once.

    tokens [B, L, width], mask [B, L] of real tokens, pooled [B, width].
    """

    tokens: Tensor
    mask: Tensor
    pooled: Tensor


class Attention(nn.Module):
    """Multi-head attention; rotary positions when `rotary` angles are given (self-attention)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, context: Tensor, mask: Tensor | None, rotary: Tensor | None = None
    ) -> Tensor:
        q = self._split(self.query(x))
        k, v = (self._split(part) for part in self.key_value(context).chunk(2, dim=-1))
        if rotary is not None:
            q, k = rotate(q, rotary), rotate(k, rotary)
        # Written out: with tens of tokens a compiler fuses this better than any attention kernel,
        # and a finite bias cannot make NaN where -inf could.
        scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
        if mask is not None:
            scores = scores + torch.where(mask, 0.0, -1e9)[:, None, None]
        attended = scores.softmax(-1).to(v.dtype) @ v
        return self.out(attended.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Sequential):
    """Two linear layers around GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class Block(nn.Module):
    """Self-attention over time, cross-attention to words, feed-forward; scaled by step and prompt.

    All blocks share one modulation of the step (as PixArt does) plus an offset of their own.
    """

    def __init__(self, config: DenoiserConfig, skip: bool) -> None:
        super().__init__()
        width = config.width
        self.skip = nn.Linear(2 * width, width) if skip else None
        self.offset = nn.Parameter(torch.randn(6, width) / width**0.5)
        self.norm_self = nn.LayerNorm(width, elementwise_affine=False)
        self.self_attention = Attention(width, config.heads)
        self.norm_cross = nn.LayerNorm(width)
        self.cross_attention = Attention(width, config.heads)
        self.norm_ff = nn.LayerNorm(width, elementwise_affine=False)
        self.feed_forward = FeedForward(width, config.feed_forward)
        nn.init.zeros_(self.cross_attention.out.weight)
        nn.init.zeros_(self.cross_attention.out.bias)

    def forward(
        self,
        x: Tensor,
        modulation: Tensor,
        condition: Condition,
        mask: Tensor | None,
        rotary: Tensor,
        skipped: Tensor | None,
    ) -> Tensor:
        if self.skip is not None and skipped is not None:
            x = self.skip(torch.cat([x, skipped], dim=-1))
        shift1, scale1, gate1, shift2, scale2, gate2 = (
            part[:, None] for part in (modulation + self.offset).unbind(1)
        )
        h = self.norm_self(x) * (1 + scale1) + shift1
        x = x + gate1 * self.self_attention(h, h, mask, rotary)
        x = x + self.cross_attention(self.norm_cross(x), condition.tokens, condition.mask)
        h = self.norm_ff(x) * (1 + scale2) + shift2
        return x + gate2 * self.feed_forward(h)


class TextBlock(nn.Module):
    """Pre-norm self-attention and feed-forward over the words of a prompt."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.norm_ff = nn.LayerNorm(config.width)
        self.feed_forward = FeedForward(config.width, 4 * config.width)

    def forward(self, x: Tensor, mask: Tensor, rotary: Tensor) -> Tensor:
        h = self.norm_attention(x)
        x = x + self.attention(h, h, mask, rotary)
        return x + self.feed_forward(self.norm_ff(x))


class TextHead(nn.Module):
    """Trained reading of the frozen encoder's states; a learned token stands for 'no prompt'."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.inp = nn.Linear(config.text_dim, width)
        self.summary = nn.Parameter(torch.randn(width) * 0.02)
        self.null = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(TextBlock(config) for _ in range(config.text_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, mask: Tensor, dropped: Tensor | None = None) -> Condition:
        """States [B, L, text_dim] and mask [B, L] -> Condition; where `dropped` [B], no prompt."""
        batch = states.shape[0]
        summary = self.summary.expand(batch, 1, -1)
        first = torch.ones_like(mask[:, :1])
        if dropped is not None:
            summary = torch.where(dropped[:, None, None], self.null, summary)
            mask = mask & ~dropped[:, None]
        mask = torch.cat([first, mask], dim=1)
        x = torch.cat([summary.to(states.dtype), self.inp(states)], dim=1)
        rotary = rotary_angles(x.shape[1], self.summary.shape[0] // self.heads, x.device)
        for block in self.blocks:
            x = block(x, mask, rotary)
        x = self.norm(x)
        return Condition(x, mask, x[:, 0])


class Denoiser(Network):
    """Predicts noise, velocity or clean latents (the schedule says which) of latents x_t."""

    def __init__(self, config: DenoiserConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DenoiserConfig()
        width = config.width
        self.text = TextHead(config)
        self.inp = nn.Linear(config.patch * config.latent_dim, width)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.length = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Linear(width, 6 * width)
        half = config.layers // 2
        self.blocks = nn.ModuleList(
            Block(config, skip=i >= config.layers - half) for i in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, config.patch * config.latent_dim)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        x_t: Tensor,
        timestep: Tensor,
        condition: Condition,
        frames: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """x_t [B, N, latent_dim], timestep [B], frames [B]; `mask` [B, N] marks real tokens."""
        step = self.time(sinusoid(timestep)) + self.length(sinusoid(frames)) + condition.pooled
        modulation = self.modulation(silu(step)).unflatten(-1, (6, -1))
        patches, mask = self._patches(x_t, mask)
        head_dim = self.config.width // self.config.heads
        rotary = rotary_angles(patches.shape[1], head_dim, x_t.device)
        x = self.inp(patches)
        kept: list[Tensor] = []
        half = self.config.layers // 2
        for index, block in enumerate(self.blocks):
            skipped = kept.pop() if index >= self.config.layers - half else None
            x = block(x, modulation, condition, mask, rotary, skipped)
            if index < half:
                kept.append(x)
        tokens = self.out(self.norm(x)).unflatten(-1, (self.config.patch, -1)).flatten(1, 2)
        return tokens[:, : x_t.shape[1]]

    def _patches(self, x_t: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Neighbouring tokens side by side [B, N / patch, patch * latent_dim], and their mask.

        A patch is real when its first token is; tokens that are not enter as zeros, so that
        padding cannot reach the real half of a patch.
        """
        size = self.config.patch
        if size == 1:
            return x_t, mask
        if mask is not None:
            x_t = x_t * mask[..., None].to(x_t.dtype)
        x_t = pad(x_t, (0, 0, 0, -x_t.shape[1] % size))
        return x_t.unflatten(1, (-1, size)).flatten(2), None if mask is None else mask[:, ::size]


def sinusoid(value: Tensor, dim: int = 256) -> Tensor:
    """Sinusoidal embedding [B, dim] of a number per sample (timestep, frame count)."""
    rates = torch.exp(
        -math.log(10_000.0) * torch.arange(dim // 2, device=value.device) / (dim // 2)
    )
    angles = value[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def rotary_angles(length: int, head_dim: int, device: torch.device) -> Tensor:
    """Rotary position angles [length, head_dim / 2]; the base suits sequences of tens of tokens."""
    rates = 1.0 / (1000.0 ** (torch.arange(0, head_dim, 2, device=device) / head_dim))
    return torch.arange(length, device=device)[:, None] * rates


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Rotate pairs of channels of x [B, heads, N, head_dim] by position angles."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
