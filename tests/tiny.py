"""A tiny motion model with random weights and a text encoder that needs no files."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule
from engine.models.denoiser import Denoiser, DenoiserConfig
from engine.models.vae import MotionVAE, VAEConfig
from engine.motion.features import joints_to_features
from engine.pipeline import MotionPipeline
from tests.motion.bodies import walk

TEXT_DIM = 384  # the real encoder's, so that the command line can use the same model


class FakeTextEncoder:
    """Token states drawn from each word's checksum: fast, and different words differ."""

    dim = TEXT_DIM
    name = "fake"

    def __init__(self, dim: int = TEXT_DIM) -> None:
        self.dim = dim

    def encode(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = [torch.stack([self._word(word) for word in text.split()]) for text in texts]
        states = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        return states, torch.arange(states.shape[1])[None] < lengths[:, None]

    def _word(self, word: str) -> torch.Tensor:
        generator = torch.Generator().manual_seed(zlib.crc32(word.encode()))
        return torch.randn(self.dim, generator=generator)


def tiny(patch: int = 1, text_dim: int = TEXT_DIM, frames_per_token: int = 4) -> MotionModel:
    """A model whose motions are a walk with random disturbances that depend on everything."""
    torch.manual_seed(patch)
    vae = MotionVAE(VAEConfig(8, frames_per_token, 16, 16, 1))
    denoiser = Denoiser(DenoiserConfig(8, 16, 3, 2, 32, text_dim, 1, frames_per_token, patch))
    # Layers that start at zero would hide mistakes: with them, words would not matter at all.
    for parameter in (*denoiser.parameters(), *vae.decoder.parameters()):
        torch.nn.init.normal_(parameter, std=0.2)
    features = torch.from_numpy(joints_to_features(walk(120)))
    vae.feature_mean.copy_(features.mean(0))
    vae.feature_std.copy_(features.std(0) + 0.02)
    vae.feature_mean[3] -= 0.6  # a root so low that feet would sink through the floor
    model = MotionModel(vae, denoiser, Schedule(), steps=4, guidance_scale=2.0)
    for module in (vae, denoiser):
        module.eval().requires_grad_(False)
    return model


def save_tiny(folder: Path, patch: int = 1) -> Path:
    """Write a tiny model; returns its folder."""
    tiny(patch).save_pretrained(folder)
    return folder


def load_tiny(folder: Path) -> MotionPipeline:
    """The model of a folder with the fake text encoder, on the CPU."""
    return MotionPipeline.from_pretrained(folder, "cpu", FakeTextEncoder())
