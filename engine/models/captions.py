"""Many captions encoded once and kept on one device, for training to draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.models.text import TextEncoder

MAX_CAPTION_TOKENS = 40


@dataclass
class CaptionTable:
    """Token states of many sentences on one device: states [R, L, dim] half, lengths [R]."""

    states: Tensor
    lengths: Tensor

    @classmethod
    @torch.no_grad()
    def build(
        cls, texts: Sequence[str], encoder: TextEncoder, device: torch.device, batch: int = 512
    ) -> CaptionTable:
        """Encode `texts`, short ones together; sentences are cut at MAX_CAPTION_TOKENS tokens."""
        order = np.argsort([len(text) for text in texts])
        lengths = torch.zeros(len(texts), dtype=torch.long, device=device)
        states = torch.zeros(
            len(texts), MAX_CAPTION_TOKENS, encoder.dim, dtype=torch.float16, device=device
        )
        for start in range(0, len(texts), batch):
            rows = order[start : start + batch]
            encoded, mask = encoder.encode([texts[i] for i in rows])
            length = min(encoded.shape[1], MAX_CAPTION_TOKENS)
            where = torch.as_tensor(rows, device=device)
            states[where, :length] = encoded[:, :length].half().to(device)
            lengths[where] = mask[:, :length].sum(1).to(device)
        return cls(states, lengths)

    def rows(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Float states [B, L, dim] and mask [B, L] of the given rows; L is the same every time."""
        positions = torch.arange(self.states.shape[1], device=index.device)
        return self.states[index].float(), positions[None] < self.lengths[index, None]
