"""Transformer parts that the published motion networks share: post-norm layers, skips, positions.

Everything is batch first. Masks [B, L] are True where a token is real. Dropout is left out: these
networks are run and tuned here, in eval mode, never trained from nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, scaled_dot_product_attention, silu

from engine.models.denoiser import sinusoid


class Attention(nn.Module):
    """Multi-head attention with query, key and value in one projection, as in torch's own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Self-attention over x [B, L, width]."""
        query, key, value = self.in_proj(x).chunk(3, dim=-1)
        return self._attend(query, key, value, mask)

    def cross(self, x: Tensor, memory: Tensor) -> Tensor:
        """Attention from x [B, L, width] to all of memory [B, M, width]."""
        width = x.shape[-1]
        weight, bias = self.in_proj.weight, self.in_proj.bias
        query = linear(x, weight[:width], bias[:width])
        key, value = linear(memory, weight[width:], bias[width:]).chunk(2, dim=-1)
        return self._attend(query, key, value, None)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (
            one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in (query, key, value)
        )
        seen = None if mask is None else mask[:, None, None]
        attended = scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out_proj(attended.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each followed by its norm; exact GELU."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.linear1 = nn.Linear(width, feed_forward)
        self.linear2 = nn.Linear(feed_forward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.norm1(x + self.self_attn(x, mask))
        return self.norm2(x + self.linear2(gelu(self.linear1(x))))


class DecoderLayer(nn.Module):
    """As EncoderLayer, with attention to a memory between the two."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.multihead_attn = Attention(width, heads)
        self.linear1 = nn.Linear(width, feed_forward)
        self.linear2 = nn.Linear(feed_forward, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None, memory: Tensor) -> Tensor:
        x = self.norm1(x + self.self_attn(x, mask))
        x = self.norm2(x + self.multihead_attn.cross(x, memory))
        return self.norm3(x + self.linear2(gelu(self.linear1(x))))


class SkipStack(nn.Module):
    """U-shaped stack: each late layer also reads the output of the early layer it mirrors.

    `layers` is odd: half of them in, one in the middle, half out; one norm at the very end.
    """

    def __init__(self, width: int, layers: int, layer: Callable[[], nn.Module]) -> None:
        super().__init__()
        half = (layers - 1) // 2
        self.input_blocks = nn.ModuleList(layer() for _ in range(half))
        self.middle_block = layer()
        self.output_blocks = nn.ModuleList(layer() for _ in range(half))
        self.linear_blocks = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(half))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None, *memory: Tensor) -> Tensor:
        """x [B, L, width], mask [B, L], and the memory where the layers read one."""
        kept = []
        for block in self.input_blocks:
            x = block(x, mask, *memory)
            kept.append(x)
        x = self.middle_block(x, mask, *memory)
        for block, join in zip(self.output_blocks, self.linear_blocks, strict=True):
            x = block(join(torch.cat([x, kept.pop()], dim=-1)), mask, *memory)
        return self.norm(x)


def skip_encoder(width: int, layers: int, heads: int, feed_forward: int) -> SkipStack:
    """A skip stack of encoder layers."""
    return SkipStack(width, layers, lambda: EncoderLayer(width, heads, feed_forward))


def skip_decoder(width: int, layers: int, heads: int, feed_forward: int) -> SkipStack:
    """A skip stack of decoder layers."""
    return SkipStack(width, layers, lambda: DecoderLayer(width, heads, feed_forward))


class LearnedPositions(nn.Module):
    """A learned vector per place in the sequence; table [rows, 1, width] as published."""

    def __init__(self, width: int, rows: int = 500) -> None:
        super().__init__()
        self.pe = nn.Parameter(torch.rand(rows, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """x [B, L, width] plus rows 0 to L - 1."""
        return x + self.pe[: x.shape[1], 0]


def sinusoidal_positions(rows: int, width: int) -> Tensor:
    """Fixed positions [rows, width] as in "Attention is all you need": sine and cosine by turns."""
    angles = torch.arange(rows)[:, None] * torch.exp(
        torch.arange(0, width, 2) * (-math.log(10_000.0) / width)
    )
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class TimeEmbedding(nn.Module):
    """Timestep [B] -> [B, width]: cosines and sines, then two linear layers around SiLU.

    With `condition_dim`, a vector [B, condition_dim] is added to the cosines and sines first.
    """

    def __init__(self, dim: int, width: int, condition_dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim
        self.linear_1 = nn.Linear(dim, width)
        self.cond_proj = (
            nn.Linear(condition_dim, dim, bias=False) if condition_dim is not None else None
        )
        self.linear_2 = nn.Linear(width, width)

    def forward(self, timestep: Tensor, condition: Tensor | None = None) -> Tensor:
        x = sinusoid(timestep, self.dim)
        if self.cond_proj is not None and condition is not None:
            x = x + self.cond_proj(condition)
        return self.linear_2(silu(self.linear_1(x)))


def length_mask(lengths: Tensor, longest: int) -> Tensor:
    """Mask [B, longest] of the first `lengths` [B] places."""
    return torch.arange(longest, device=lengths.device)[None] < lengths[:, None]


def with_tokens(tokens: Tensor, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Put tokens [B, n, width] before x [B, L, width]; they are always real."""
    seen = torch.ones_like(mask[:, :1]).expand(-1, tokens.shape[1])
    return torch.cat([tokens, x], dim=1), torch.cat([seen, mask], dim=1)
