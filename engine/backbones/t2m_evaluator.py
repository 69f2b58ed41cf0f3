"""The published evaluator of text-to-motion (Guo et al., CVPR 2022): GRUs over words and frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from engine.checks import check_sizes

CONTACTS = 4  # the last features, which the evaluator does not read
FRAMES_PER_MOVEMENT = 4
WORD, POS = 300, 15  # channels of a word's vector, classes of part of speech


@dataclass(frozen=True)
class T2MEvaluatorConfig:
    """Sizes of the three networks."""

    features: int = 263
    movement_hidden: int = 512
    movement: int = 512
    motion_hidden: int = 1024
    text_hidden: int = 512
    embedding: int = 512

    def __post_init__(self) -> None:
        check_sizes(self)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class MovementEncoder(nn.Module):
    """Frames [B, T, features - 4] -> movements [B, T // 4, movement]; padding does reach the end.

    Motions are padded with zeros after normalisation, as in the published loaders.
    """

    def __init__(self, config: T2MEvaluatorConfig) -> None:
        super().__init__()
        inputs, hidden, out = (
            config.features - CONTACTS, config.movement_hidden, config.movement,
        )  # fmt: skip
        self.main = nn.ModuleDict({
            "0": nn.Conv1d(inputs, hidden, 4, stride=2, padding=1),
            "3": nn.Conv1d(hidden, out, 4, stride=2, padding=1),
        })  # fmt: skip
        self.out_net = nn.Linear(out, out)

    def forward(self, motion: Tensor) -> Tensor:
        x = motion.transpose(1, 2)
        for convolution in self.main.values():
            x = nn.functional.leaky_relu(convolution(x), 0.2)
        return self.out_net(x.transpose(1, 2))


class Recurrent(nn.Module):
    """A two-way GRU from a learned start over inputs [B, L, inputs]; its ends make the vector."""

    def __init__(self, inputs: int, hidden: int, out: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.randn(2, 1, hidden))
        self.input_emb = nn.Linear(inputs, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, out),
        )  # fmt: skip

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Vectors [B, out], in the order of the inputs whatever their lengths [B]."""
        packed = pack_padded_sequence(
            self.input_emb(x), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        start = self.hidden.expand(-1, len(x), -1).contiguous()
        _, last = self.gru(packed, start)
        return self.output_net(torch.cat([last[0], last[1]], dim=-1))


class T2MEvaluator(nn.Module):
    """Texts and motions to vectors [B, embedding] that are compared by Euclidean distance.

    `feature_mean` and `feature_std` are the evaluator's own (its std of root and contacts is a
    25th of the dataset's), not those of the model that is judged.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: T2MEvaluatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or T2MEvaluatorConfig()
        self.movement_encoder = MovementEncoder(config)
        self.motion_encoder = Recurrent(config.movement, config.motion_hidden, config.embedding)
        self.text_encoder = Recurrent(WORD, config.text_hidden, config.embedding)
        self.pos_emb = nn.Linear(POS, WORD)
        self.register_buffer("feature_mean", torch.zeros(config.features))
        self.register_buffer("feature_std", torch.ones(config.features))

    def embed_motion(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Raw features [B, T, 263] of `lengths` [B] frames (at least 4) -> [B, embedding]."""
        x = (features - self.feature_mean) / self.feature_std
        real = torch.arange(x.shape[1], device=x.device)[None] < lengths.to(x.device)[:, None]
        return self.embed_normalised(x * real[..., None], lengths)

    def embed_normalised(self, motion: Tensor, lengths: Tensor) -> Tensor:
        """The same from normalised features, zero where not real."""
        movement = self.movement_encoder(motion[..., :-CONTACTS])
        return self.motion_encoder(movement, lengths // FRAMES_PER_MOVEMENT)

    def embed_text(self, words: Tensor, pos: Tensor, lengths: Tensor) -> Tensor:
        """Word vectors [B, L, 300], one-hot parts of speech [B, L, 15] -> vectors.

        `lengths` [B] count the words with sos and eos.
        """
        return self.text_encoder(words + self.pos_emb(pos), lengths)
