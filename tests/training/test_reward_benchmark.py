"""The reward's benchmark: rank agreement, gradients, and the page."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from benchmarks.reward import agreement, gradients, markdown, measure, retrieval, spearman
from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.training.reward_check import Embedded, HeldOut
from tests.tiny import FakeTextEncoder, tiny

SMALL = RewardConfig(16, 384, 16, 1, 32, 2, 32, 4, 8, 16, 2, 2)


@pytest.fixture(scope="module")
def base():
    return tiny()


@pytest.fixture(scope="module")
def held(base):
    torch.manual_seed(0)
    clips = [torch.randn(int(n), 263) for n in torch.randint(20, 60, (40,))]
    keys = [(str(i % 4), str(i)) for i in range(40)]
    texts = [f"motion number {i}" for i in range(40)]
    return HeldOut.make(clips, texts, keys, base.vae, FakeTextEncoder(), torch.device("cpu"))


def rows(seed: int, motion_is_latent: bool) -> Embedded:
    rng = np.random.default_rng(seed)
    text, motion, latent = (rng.normal(size=(40, 16)) for _ in range(3))
    return Embedded(text, motion, motion if motion_is_latent else latent)


def test_rank_correlation_is_spearmans():
    first, second = np.random.default_rng(0).normal(size=(2, 7, 30))
    expected = np.mean([spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)])
    assert spearman(first, second) == pytest.approx(expected)
    assert spearman(first, np.exp(first)) == pytest.approx(1.0)
    assert spearman(first, -first) == pytest.approx(-1.0)


def test_agreement_is_full_for_equals_and_none_for_strangers(held):
    kinds = ("all", "same_content", "same_motion")
    same = agreement([rows(seed, True) for seed in range(6)], held.keys)
    assert [same[kind] for kind in kinds] == pytest.approx([1.0] * 3)
    other = agreement([rows(seed, False) for seed in range(6)], held.keys)
    assert [other[kind] for kind in kinds] == pytest.approx([0.0] * 3, abs=0.3)
    assert agreement([rows(0, True)], held.keys)["same_motion"] is None


def test_retrieval_names_every_rank_both_ways(held):
    vectors = np.random.default_rng(0).normal(size=(40, 16))
    found = retrieval(vectors, vectors, held.keys)
    assert len(found) == 10
    assert set(found.values()) == {1.0}


def test_a_page_comes_of_a_split(base, held):
    torch.manual_seed(0)
    reward = RewardModel(MotionReward(SMALL), LatentReward(SMALL))
    args = argparse.Namespace(levels=[0, 500], draws=5, seed=0)
    found = measure(reward, base, held, args)
    assert set(found["levels"]) == {"0", "500"}
    page = markdown({"reward": "r", "model": "m", "parameters": 1, "bytes": 1,
                     "splits": {"val": found}})  # fmt: skip
    assert page.count("| latent, t = ") == 2
    assert "| 0 | " in page
    between = gradients(reward, base, held, 250, 0)["gradient_cosine"]
    assert -1.0 <= between <= 1.0
