"""Training motions as normalised frames on one device, drawn in batches of few lengths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models.draw import Draw
from engine.models.text import TextEncoder
from engine.motion.features import HUMANML3D
from engine.motion.skeleton import MAX_FRAMES
from engine.training import corpus
from engine.training.items import Items

SPANS = (96, 144, MAX_FRAMES)  # frames of a batch; longer than its motions by a third at most
CHUNK = 65_536  # rows that are read at once
LEAST_STD = 1e-4


class FrameRows(Items):
    """All feature rows, normalised, in half precision; 26,000 motions are about 2 GB.

    Half of all motions are short, and attention over padding is time lost. So a batch holds
    motions of one range of lengths, and a range is drawn as often as its motions would be.
    """

    step = 1

    def __init__(self, folder: Path, encoder: TextEncoder, device: torch.device) -> None:
        items, rows, pools = corpus.load(folder)
        keep = [i for i, item in enumerate(items) if item.split == "train"]
        super().__init__([items[i] for i in keep], pools, encoder, device)
        counts = np.array([item.frames for item in items])
        self.starts = torch.from_numpy((counts.cumsum() - counts)[keep]).to(device)
        share = np.zeros(len(items))
        share[keep] = (self.chance / self.frames).double().cpu().numpy()
        weight = torch.from_numpy(np.repeat(share / (share @ counts), counts))
        self.mean, self.std = self._statistics(rows, weight)
        self.rows = torch.cat([((x - self.mean) / self.std).half() for x in self._parts(rows)])
        self._chances = self._ranges()
        total = np.array([float(chance.sum()) for chance in self._chances.values()])
        self._shares = total / total.sum()

    @property
    def spans(self) -> list[int]:
        """Frames of the batches there are."""
        return list(self._chances)

    def batch(
        self, size: int, draw: Draw, span: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """x_0 [B, T, 263], frames [B], mask [B, T] and the token states of one caption each.

        `span`: T, where it is not to be drawn. All processes draw the same.
        """
        drawn = int(draw.common.choice(self.spans, p=self._shares))
        place = torch.arange(span or drawn, device=self.device)
        pick = draw.pick(self._chances[len(place)], size)
        start, frames = self._crop(pick, self.frames[pick], draw)
        index = (self.starts[pick] + start)[:, None] + place
        mask = place[None] < frames[:, None]
        x_0 = self.rows[index.clamp_max(len(self.rows) - 1)].float()
        x_0 = torch.where(mask[..., None], x_0, 0.0)
        return x_0, frames, mask, self.captions.rows(self._caption_rows(pick, draw))

    def _ranges(self) -> dict[int, Tensor]:
        """Chances of all items, nothing but those whose length ends in the range, per span."""
        found, above = {}, 0
        for span in SPANS:
            inside = (self.frames > above) & (self.frames <= span)
            if bool(inside.any()):
                found[span] = self.chance * inside
            above = span
        return found

    def _parts(self, rows: np.ndarray) -> Iterator[Tensor]:
        for start in range(0, len(rows), CHUNK):
            yield torch.from_numpy(np.array(rows[start : start + CHUNK])).to(self.device)

    def _statistics(self, rows: np.ndarray, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Mean per channel and deviation per part [263], as HumanML3D pools it.

        `weight` [rows] adds up to 1: what is drawn often counts often.
        """
        first = torch.zeros(rows.shape[1], dtype=torch.float64, device=self.device)
        second = torch.zeros_like(first)
        for part, share in zip(self._parts(rows), weight.split(CHUNK), strict=True):
            x, w = part.double(), share.to(self.device)
            first += w @ x
            second += w @ x.square()
        std = (second - first.square()).clamp_min(0.0).sqrt()
        for where in HUMANML3D.parts.values():
            std[where] = std[where].mean()
        return first.float(), std.clamp_min(LEAST_STD).float()
