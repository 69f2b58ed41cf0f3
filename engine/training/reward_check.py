"""Held-out pairs for the reward: its embeddings at any noise level, and retrieval from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.diffusion.schedule import Schedule
from engine.evaluation import metrics
from engine.models.captions import CaptionTable
from engine.models.reward import LatentReward, MotionReward
from engine.models.text import TextEncoder
from engine.models.vae import MotionVAE, padded
from engine.training import corpus

PART = 128  # motions embedded at a time


@dataclass(frozen=True)
class HeldOut:
    """Motions with one caption each on one device; keys name what each shows.

    features [K, T, 263], frames_mask [K, T], x_0 [K, N, C], mask [K, N], states [K, L, dim],
    text_mask [K, L].
    """

    features: Tensor
    frames_mask: Tensor
    x_0: Tensor
    mask: Tensor
    states: Tensor
    text_mask: Tensor
    keys: list[tuple[str, str]]

    @classmethod
    @torch.no_grad()
    def make(
        cls, clips: Sequence[Tensor], texts: Sequence[str], keys: list[tuple[str, str]],
        vae: MotionVAE, encoder: TextEncoder, device: torch.device,
    ) -> HeldOut:  # fmt: skip
        """From features [T_i, 263] and one text for each."""
        stride = vae.config.frames_per_token
        x, frames_mask = padded([clip.to(device) for clip in clips], stride)
        x_0 = torch.cat([
            vae.encode(x[i : i + PART], frames_mask[i : i + PART]) for i in range(0, len(x), PART)
        ])  # fmt: skip
        mask = frames_mask[:, ::stride]
        table = CaptionTable.build(texts, encoder, device)
        states, text_mask = table.rows(torch.arange(len(texts), device=device))
        return cls(x, frames_mask, x_0 * mask[..., None], mask, states, text_mask, keys)

    @classmethod
    def validation(
        cls, folder: Path, vae: MotionVAE, encoder: TextEncoder, device: torch.device
    ) -> HeldOut | None:
        """The validation items of a corpus; None where it has too few for a group."""
        items, rows, pools = corpus.load(folder)
        starts = np.concatenate([[0], np.cumsum([item.frames for item in items])])
        chosen = [i for i, item in enumerate(items) if item.split == "val"]
        if len(chosen) < metrics.GROUP:
            return None
        clips = [torch.from_numpy(np.array(rows[starts[i] : starts[i + 1]])) for i in chosen]
        texts = [(items[i].own or tuple(pools[items[i].pool]))[0] for i in chosen]
        keys = [(items[i].content or str(i), items[i].style) for i in chosen]
        return cls.make(clips, texts, keys, vae, encoder, device)

    def noised(self, schedule: Schedule, t: int, seed: int) -> tuple[Tensor, Tensor]:
        """x_t [K, N, C] (x_0 itself at t = 0) with noise from `seed`, and the timesteps [K]."""
        timestep = torch.full((len(self.x_0),), t, device=self.x_0.device)
        if t == 0:
            return self.x_0, timestep
        noise = torch.randn(self.x_0.shape, generator=torch.Generator().manual_seed(seed))
        x_t = schedule.add_noise(self.x_0, noise.to(self.x_0.device), timestep)
        return x_t * self.mask[..., None], timestep


@dataclass(frozen=True)
class Embedded:
    """Unit vectors [K, D] of texts, of decoded latents, and of latents as they are."""

    text: np.ndarray
    motion: np.ndarray
    latent: np.ndarray


@torch.no_grad()
def embed(
    motion: MotionReward, latent: LatentReward, held: HeldOut, vae: MotionVAE, schedule: Schedule,
    t: int, seed: int = 0,
) -> Embedded:  # fmt: skip
    """Embed held-out pairs at noise level `t`; motions are decoded from the latents."""
    x_t, timestep = held.noised(schedule, t, seed)
    texts, motions, latents = [], [], []
    for start in range(0, len(x_t), PART):
        part = slice(start, start + PART)
        z, mask, when = x_t[part], held.mask[part], timestep[part]
        texts.append(motion.embed_text(held.states[part], held.text_mask[part]))
        decoded = vae.decode(z, mask)
        motions.append(motion.embed_motion(decoded, held.frames_mask[part], when))
        latents.append(latent.embed_latent(z, mask, when))
    return Embedded(*(torch.cat(rows).cpu().numpy() for rows in (texts, motions, latents)))


@torch.no_grad()
def embed_captured(motion: MotionReward, held: HeldOut) -> np.ndarray:
    """Unit vectors [K, D] of the motions as captured, which no VAE has touched."""
    rows = []
    for start in range(0, len(held.features), PART):
        part = slice(start, start + PART)
        features, mask = held.features[part], held.frames_mask[part]
        clean = torch.zeros(len(features), dtype=torch.long, device=features.device)
        rows.append(motion.embed_motion(features, mask, clean))
    return torch.cat(rows).cpu().numpy()


def recall(
    query: np.ndarray, found: np.ndarray, keys: Sequence[object], shuffles: int = 5, top: int = 3
) -> np.ndarray:
    """R-precision [top] of rows `query` [K, D] among `found` [K, D], mean over shuffles."""
    rng = np.random.default_rng(0)
    hits = [metrics.r_precision(query, found, rng, keys=keys, top=top) for _ in range(shuffles)]
    return np.mean(hits, axis=0)
