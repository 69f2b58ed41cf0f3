"""Text alignment: the cosine of a motion's, or a noisy latent's, and its text's embedding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.models.reward import MotionReward
from engine.tuning.rewards.view import View

if TYPE_CHECKING:
    from engine.tuning.problem import Batch


class TextCache:
    """Text embeddings by prompt: each is computed once, without a graph, as it never changes."""

    def __init__(self, network: MotionReward) -> None:
        self.network = network
        self._rows: dict[str, int] = {}
        self._table: Tensor | None = None

    def __call__(self, batch: Batch) -> Tensor:
        """Unit vectors [B, D] of the batch's prompts."""
        if batch.embedded is not None:
            return batch.embedded
        table = self._learn(batch)
        return table[torch.tensor([self._rows[text] for text in batch.texts], device=table.device)]

    @torch.no_grad()
    def _learn(self, batch: Batch) -> Tensor:
        """All vectors that are known, those of the batch's new prompts included."""
        new = {text: row for row, text in enumerate(batch.texts) if text not in self._rows}
        if new or self._table is None:
            rows = torch.tensor(list(new.values()), device=batch.states.device)
            vectors = self.network.embed_text(batch.states[rows], batch.text_mask[rows])
            known = [] if self._table is None else [self._table]
            self._table = torch.cat([*known, vectors])
            self._rows |= {text: len(self._rows) + place for place, text in enumerate(new)}
        return self._table


class Alignment:
    """The cosine, in [-1, 1], of a prompt's embedding and of what `network` makes of a View."""

    clean_only = False

    def __init__(self, network: Any, texts: TextCache) -> None:
        self.network, self.texts = network, texts

    def worded(self, batch: Batch) -> Batch:
        """The batch with its texts' vectors."""
        return replace(batch, embedded=self.texts(batch))

    def embed(self, view: View) -> Tensor:
        """Unit vectors [B, D] of what is seen."""
        raise NotImplementedError

    def __call__(self, view: View) -> Tensor:
        """Scores [B]."""
        return (self.embed(view) * self.texts(view.seen.batch)).sum(dim=-1)


class MotionAlignment(Alignment):
    """R_phi(x, t, c) of the decoded motion (EasyTune, Eq. 11-12).

    On predicted x_0 (t = 0) this is the clean form, on x_prev with its own t the noise-aware one.
    """

    def embed(self, view: View) -> Tensor:
        """Unit vectors [B, D] of decoded features."""
        found: Tensor = self.network.embed_motion(view.features, view.frames, view.timesteps)
        return found


class BothAlignments:
    """The mean of two readings of the same predicted x_0: by the latent network and the motion's.

    What raises one of them without improving the motion seldom raises the other as well, and
    gradients that both agree on count for most.
    """

    clean_only = False

    def __init__(self, *readings: Alignment) -> None:
        """All of them share one space: a text has one vector."""
        self.readings = readings

    def worded(self, batch: Batch) -> Batch:
        """The batch with its texts' vectors."""
        return self.readings[0].worded(batch)

    def __call__(self, view: View) -> Tensor:
        """Scores [B]."""
        return torch.stack([reading(view) for reading in self.readings]).mean(dim=0)
