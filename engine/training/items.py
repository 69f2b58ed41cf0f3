"""Which training motions are drawn, how they are cut, and what is said of them."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from engine.models.captions import CaptionTable
from engine.models.draw import Draw
from engine.models.text import TextEncoder
from engine.motion.skeleton import MIN_FRAMES
from engine.training import corpus

log = logging.getLogger(__name__)

OWN_SHARE = 0.5  # how often a clip that has sentences of its own is shown with one of them


class Items:
    """Items of a corpus on one device: lengths, chances, and the caption rows true of each.

    What the motions are made of, subclasses know: a token of theirs spans `step` frames.
    """

    step: int

    def __init__(
        self,
        items: list[corpus.Item],
        pools: dict[str, list[str]],
        encoder: TextEncoder,
        device: torch.device,
    ) -> None:
        self.device = device
        self.frames = torch.tensor([item.frames for item in items], device=device)
        self.chance = torch.as_tensor(corpus.weights(items), device=device).float()
        self.even = torch.tensor([item.even for item in items], device=device)
        texts, own, pool = _rows(items, pools)
        self.own, self.pool = own.to(device), pool.to(device)
        self.captions = CaptionTable.build(texts, encoder, device)
        log.info("%d items, %d captions", len(items), len(texts))

    def _crop(
        self, pick: Tensor, frames: Tensor, draw: Draw | None = None
    ) -> tuple[Tensor, Tensor]:
        """A random piece, half of the time, of items that go on evenly: first token, frames."""
        tokens = -(-frames // self.step)
        least = MIN_FRAMES // self.step
        random = (draw or Draw(self.device)).uniform(len(pick), 3).unbind(1)
        length = (least + random[0] * (tokens - least + 1)).long().clamp(max=tokens)
        crop = self.even[pick] & (random[1] < 0.5) & (tokens > least)
        start = torch.where(crop, (random[2] * (tokens - length + 1)).long(), 0)
        length = torch.where(crop, length, tokens)
        return start, torch.minimum(length * self.step, frames - start * self.step)

    def _caption_rows(self, pick: Tensor, draw: Draw | None = None) -> Tensor:
        own, pool = self.own[pick], self.pool[pick]
        random = (draw or Draw(self.device)).uniform(len(pick), 2).unbind(1)
        use_own = (own[:, 1] > 0) & ((pool[:, 1] == 0) | (random[0] < OWN_SHARE))
        chosen = torch.where(use_own[:, None], own, pool)
        return chosen[:, 0] + (random[1] * chosen[:, 1]).long()


def _rows(
    items: list[corpus.Item], pools: dict[str, list[str]]
) -> tuple[list[str], Tensor, Tensor]:
    """All sentences, and per item (first row, count) of its own ones and of its label's pool."""
    texts: list[str] = []
    where: dict[str, tuple[int, int]] = {}
    for key, sentences in pools.items():
        where[key] = (len(texts), len(sentences))
        texts += sentences
    own = []
    for item in items:
        own.append((len(texts), len(item.own)))
        texts += item.own
    pool = [where.get(item.pool, (0, 0)) for item in items]
    return texts, torch.tensor(own), torch.tensor(pool)
