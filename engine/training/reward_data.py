"""What the reward is trained on: motions in every form it will meet, and who may rival whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from engine.models.captions import CaptionTable
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.reward import READ, ROOT, ROOT_GAIN, MotionReward
from engine.models.text import TextEncoder
from engine.models.vae import MotionVAE
from engine.motion.features import HUMANML3D
from engine.training import corpus
from engine.training.denoiser import Latents

NEAR = 0.9  # cosine of pooled token states above which two sentences may say the same
SIDES = re.compile(r"\b(left|right|counter-?clockwise|anti-?clockwise|clockwise)", re.IGNORECASE)


class Batch(NamedTuple):
    """One batch of pairs: features [B, T, 67], frame mask, x_0 [B, N, C], token mask, text."""

    features: Tensor
    frames_mask: Tensor
    x_0: Tensor
    mask: Tensor
    states: Tensor
    text_mask: Tensor
    rivals: Tensor  # [all pairs, all pairs] false where motion j may fit text i as well


class Pairs(Latents):
    """Training motions as features and as latents, with their captions, on one device.

    Only the features that the reward reads are kept.
    """

    def __init__(
        self, folder: Path, vae: MotionVAE, encoder: TextEncoder, device: torch.device
    ) -> None:
        super().__init__(folder, vae, encoder, device)
        self.mean = (self.mean - vae.latent_mean) / vae.latent_std
        self.spread = self.spread / vae.latent_std
        items, rows, pools = corpus.load(folder)
        starts = np.concatenate([[0], np.cumsum([item.frames for item in items])])
        keep = [i for i, item in enumerate(items) if item.split == "train"]
        self.rows = torch.from_numpy(
            np.concatenate([rows[starts[i] : starts[i + 1], :READ] for i in keep])
        ).to(device)
        self.starts = torch.cat([self.frames.new_zeros(1), self.frames.cumsum(0)[:-1]])
        train = [items[i] for i in keep]
        self.label, self.first = (torch.tensor(codes, device=device) for codes in _codes(train))
        texts = [text for sentences in pools.values() for text in sentences]
        texts += [text for item in train for text in item.own]
        self._read_captions(texts)

    def _read_captions(self, texts: list[str]) -> None:
        """Per caption row: its mean token state, which text it is, and the sides it names."""
        self.pooled = normalize(_pooled(self.captions), dim=-1).half()
        number: dict[str, int] = {}
        self.same = torch.tensor(
            [number.setdefault(text.lower(), len(number)) for text in texts], device=self.device
        )
        named: dict[tuple[str, ...], int] = {}
        self.sides = torch.tensor(
            [named.setdefault(tuple(SIDES.findall(text.lower())), len(named)) for text in texts],
            device=self.device,
        )

    def pairs(
        self, size: int, draw: Draw | None = None, processes: Processes | None = None
    ) -> Batch:
        """Draw `size` motions, whole or (where that stays true to the words) a piece of them.

        Rivals are told of the pairs of all processes, in the order of `Processes.whole`.
        """
        draw, processes = draw or Draw(self.device), processes or Processes()
        pick = draw.pick(self.chance, size)
        start, frames = self._crop(pick, self.frames[pick], draw)
        tokens = torch.arange(self.mean.shape[1], device=self.device)
        index = (start[:, None] + tokens).clamp_max(self.mean.shape[1] - 1)[..., None]
        index = index.expand(-1, -1, self.mean.shape[2])
        mean, spread = self.mean[pick].gather(1, index), self.spread[pick].gather(1, index)
        mask = self._mask(frames)
        x_0 = (mean + spread * draw.normal(*mean.shape)) * mask[..., None]
        features, frames_mask = self._features(pick, start * self.step, frames)
        row = self._caption_rows(pick, draw)
        states, text_mask = self.captions.rows(row)
        everyone = (processes.whole(pick), processes.whole(row))
        rivals = self.rivals(everyone, everyone)
        return Batch(features, frames_mask, x_0, mask, states, text_mask, rivals)

    def _features(self, pick: Tensor, start: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        steps = torch.arange(self.mean.shape[1] * self.step, device=self.device)
        index = (self.starts[pick] + start)[:, None] + steps
        return self.rows[index.clamp_max(len(self.rows) - 1)], steps[None] < frames[:, None]

    def rivals(self, texts: tuple[Tensor, Tensor], motions: tuple[Tensor, Tensor]) -> Tensor:
        """[A, B]: whether motion j is a wrong answer to text i.

        Both sides are (items, caption rows): a text with the motion it was written for, a motion
        with one of its texts. Not one of the same label or the same words. For two labelled clips
        the labels decide; otherwise sentences of cosine > NEAR are taken to say the same, unless
        they name other sides or begin with another action: 'raises the left hand' and '... right
        hand' have a cosine of 0.98, and are what the reward must tell apart.
        """
        (label, first, sides, same, text), other = (
            (self.label[pick], self.first[pick], self.sides[row], self.same[row], self.pooled[row])
            for pick, row in (texts, motions)
        )
        its_label, its_first, its_sides, its_same, its_text = other
        known = (label >= 0)[:, None] & (its_label >= 0)[None]
        alike = _equal(label, its_label) & known
        either = _equal(first, its_first) | (first < 0)[:, None] | (its_first < 0)[None]
        cosine = text.float() @ its_text.float().T
        near = (cosine > NEAR) & _equal(sides, its_sides) & either & ~known
        return ~(alike | near | _equal(same, its_same))

    def fit(self, reward: MotionReward) -> None:
        """Give the reward the statistics of the features: one deviation per part, root louder."""
        share = self.chance / self.frames
        weight = share.repeat_interleave(self.frames, output_size=len(self.rows))[:, None]
        weight = weight / weight.sum()
        mean = (self.rows * weight).sum(0)
        std = ((self.rows - mean).square() * weight).sum(0).sqrt()
        for part in ("yaw", "velocity", "height", "ric"):
            where = HUMANML3D.parts[part]
            std[where] = std[where].mean()
        std[:ROOT] /= ROOT_GAIN
        change = self.rows[1:, ROOT:] - self.rows[:-1, ROOT:]
        inside = torch.ones(len(change), 1, device=self.device)
        inside[self.starts[1:] - 1] = 0.0
        variance = (change.square() * inside).sum() / (inside.sum() * change.shape[1])
        reward.feature_mean.copy_(mean)
        reward.feature_std.copy_(std.clamp_min(1e-4))
        reward.speed_std.copy_(variance.sqrt().clamp_min(1e-5)[None])


def _equal(codes: Tensor, others: Tensor) -> Tensor:
    return codes[:, None] == others[None]


def _pooled(table: CaptionTable, batch: int = 4096) -> Tensor:
    parts = [
        table.states[start : start + batch].float().sum(1)
        for start in range(0, len(table.states), batch)
    ]
    return torch.cat(parts)


def _codes(items: list[corpus.Item]) -> tuple[list[int], list[int]]:
    """Per item the number of its label (-1: made of several, or free text) and of its first one.

    The captions of a repeated motion say what those of its label say.
    """
    number: dict[tuple[str, str], int] = {}
    first = [
        number.setdefault((item.content, item.style), len(number)) if item.content else -1
        for item in items
    ]
    label = [
        code if item.kind in ("clip", "repeat") else -1
        for code, item in zip(first, items, strict=True)
    ]
    return label, first
