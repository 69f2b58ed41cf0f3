"""A tiny model, a reward for it, and a toy corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.models.weights import file_sha256
from engine.training import corpus
from tests.tiny import TEXT_DIM, save_tiny, tiny
from tests.training.toy import toy_dataset

CONFIG = RewardConfig(
    embedding=16, text_dim=TEXT_DIM, text_width=16, text_layers=1, motion_width=16,
    motion_layers=1, motion_feed_forward=32, latent_dim=8, latent_width=16, latent_layers=1,
    heads=2,
)  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Folders of what a run needs."""

    model: Path
    reward: Path
    corpus: Path


def tiny_reward(model: Path) -> RewardModel:
    """Random networks that fit the tiny model."""
    torch.manual_seed(3)
    motion, latent = MotionReward(CONFIG), LatentReward(CONFIG)
    schedule = tiny().schedule.config.to_dict()
    return RewardModel(motion, latent, file_sha256(model / "vae.safetensors"), schedule, "fake")


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("preference")
    model = save_tiny(folder / "model")
    tiny_reward(model).save_pretrained(folder / "reward")
    data = toy_dataset(folder / "data")
    corpus.build(data.folder, folder / "corpus", composed=8, pool=4, jobs=1)
    return Places(model, folder / "reward", folder / "corpus")
