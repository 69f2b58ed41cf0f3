"""The evaluator's network: strided convolutions and a bi-GRU for motion, a small reader for text.

It shares no layer kind with the generator's denoiser on the motion side and is trained apart
from generator and reward, so that what it reports was not what anything was tuned on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from engine.errors import StudioError

MOTION_DIM = 259  # the 263 features without the 4 contact flags, as the published evaluator reads
# (first, last) of the groups that share one standard deviation; the first three are the root's.
GROUPS = ((0, 1), (1, 3), (3, 4), (4, 67), (67, 193), (193, 259))
ROOT_GROUPS = 3


@dataclass(frozen=True)
class EvaluatorConfig:
    """Sizes and the names of the classes the two heads tell apart.

    root_gain: how much louder root yaw, velocity and height enter than the other channels
    (the published evaluator's statistics amount to 25). unseen_share: share of the "unseen"
    split it was shown in training; scoring leaves those clips out.
    """

    width: int = 256
    recurrent: int = 160
    text_dim: int = 384
    text_width: int = 192
    text_layers: int = 2
    text_heads: int = 4
    embedding: int = 256
    root_gain: float = 5.0
    dropout: float = 0.1
    text_encoder: str = "all-MiniLM-L6-v2"
    unseen_share: float = 0.0
    contents: tuple[str, ...] = field(default=())
    styles: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for config.json."""
        return {**asdict(self), "contents": list(self.contents), "styles": list(self.styles)}

    @classmethod
    def from_dict(cls, values: Any) -> EvaluatorConfig:
        """Read config.json's values; StudioError when they do not fit."""
        try:
            named = {**values, "contents": tuple(values["contents"]),
                     "styles": tuple(values["styles"])}  # fmt: skip
            return cls(**named)
        except (TypeError, KeyError) as error:
            raise StudioError(f"The evaluator's config.json does not fit: {error}") from error


class MotionTower(nn.Module):
    """Features [B,T,259] -> embedding [B,D]: time halved twice, bi-GRU, attention and max pool."""

    def __init__(self, config: EvaluatorConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.recurrent
        self.first = nn.Conv1d(MOTION_DIM, width, 5, stride=2, padding=2)
        self.second = nn.Conv1d(width, width, 5, stride=2, padding=2)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.recurrent = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        self.heads = 4
        self.attend = nn.Linear(2 * hidden, self.heads)
        self.out = nn.Linear(4 * hidden, config.embedding)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """`lengths` [B] on the CPU are the real frames; rows beyond them are ignored."""
        for convolution, norm in zip((self.first, self.second), self.norms, strict=True):
            x = x * valid(lengths, x)[..., None]
            x = convolution(x.transpose(1, 2)).transpose(1, 2)
            x = self.dropout(F.gelu(norm(x)))
            lengths = (lengths + 1) // 2
        states = self._recur(x, lengths)
        mask = valid(lengths, states)[..., None]
        weight = self.attend(states).masked_fill(~mask, -torch.inf).softmax(dim=1)
        split = states.unflatten(-1, (self.heads, -1))
        pooled = (weight[..., None] * split).sum(dim=1).flatten(1)
        highest = states.masked_fill(~mask, -torch.inf).amax(dim=1)
        return self.out(self.dropout(torch.cat([pooled, highest], dim=-1)))

    def _recur(self, x: Tensor, lengths: Tensor) -> Tensor:
        # Packing keeps the backward direction from reading padding. Full precision: cuDNN's
        # half-precision kernels are no faster at this size.
        with torch.autocast(x.device.type, enabled=False):
            packed = pack_padded_sequence(
                x.float(), lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            states, _ = self.recurrent(packed)
            return pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])[0]


class TextTower(nn.Module):
    """Token states [B,L,384] of the frozen text encoder -> embedding [B,D]."""

    def __init__(self, config: EvaluatorConfig) -> None:
        super().__init__()
        width = config.text_width
        self.enter = nn.Sequential(nn.LayerNorm(config.text_dim), nn.Linear(config.text_dim, width))
        layer = nn.TransformerEncoderLayer(
            width, config.text_heads, 2 * width, config.dropout, "gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, config.text_layers, enable_nested_tensor=False)
        self.attend = nn.Linear(width, 1)
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.embedding))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """`mask` [B,L] is True at real tokens."""
        x = self.layers(self.enter(states), src_key_padding_mask=~mask)
        weight = self.attend(x).squeeze(-1).masked_fill(~mask, -torch.inf).softmax(dim=1)
        return self.out((weight[..., None] * x).sum(dim=1))


class EvaluatorNet(nn.Module):
    """Both towers, the class heads and the normalisation of the features."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: EvaluatorConfig) -> None:
        super().__init__()
        self.config = config
        self.motion = MotionTower(config)
        self.text = TextTower(config)
        self.head_norm = nn.LayerNorm(config.embedding)
        self.content_head = nn.Linear(config.embedding, max(1, len(config.contents)))
        self.style_head = nn.Linear(config.embedding, max(1, len(config.styles)))
        self.log_scale = nn.Parameter(torch.tensor(2.7))
        self.register_buffer("mean", torch.zeros(MOTION_DIM))
        self.register_buffer("std", torch.ones(MOTION_DIM))

    def normalise(self, features: Tensor) -> Tensor:
        """Raw features [...,263] -> what the motion tower reads [...,259]."""
        return ((features[..., :MOTION_DIM] - self.mean) / self.std).clamp(-60.0, 60.0)

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Raw features [B,T,263] and real lengths [B] -> unit embeddings [B,D]."""
        return F.normalize(self.motion(self.normalise(features), lengths).float(), dim=-1)

    def embed_text(self, states: Tensor, mask: Tensor) -> Tensor:
        """Token states [B,L,384] and mask [B,L] -> unit embeddings [B,D]."""
        return F.normalize(self.text(states.float(), mask).float(), dim=-1)

    def class_logits(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Content and style logits of motion embeddings [B,D]."""
        x = self.head_norm(embedding)
        return self.content_head(x), self.style_head(x)

    @property
    def scale(self) -> Tensor:
        """Inverse temperature of the contrast, at most 50."""
        return self.log_scale.exp().clamp(max=50.0)


def valid(lengths: Tensor, like: Tensor) -> Tensor:
    """Mask [B,T] of the real frames for a padded batch [B,T,...]."""
    steps = torch.arange(like.shape[1], device=like.device)
    return steps[None] < lengths.to(like.device)[:, None]


def statistics(features: Tensor, lengths: Tensor, root_gain: float) -> tuple[Tensor, Tensor]:
    """Mean [259] and std [259] of padded features [N,T,263]; one std per group, root divided."""
    keep = valid(lengths, features)
    rows = features[..., :MOTION_DIM][keep].double()
    mean, std = rows.mean(dim=0), rows.std(dim=0)
    for index, (first, last) in enumerate(GROUPS):
        gain = root_gain if index < ROOT_GROUPS else 1.0
        std[first:last] = std[first:last].mean() / gain
    return mean.float(), std.clamp(min=1e-6).float()
