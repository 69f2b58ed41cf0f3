"""Metrics against closed forms."""

import numpy as np
import pytest

from engine.errors import StudioError
from engine.evaluation import metrics


def rng(seed=0):
    return np.random.default_rng(seed)


def test_r_precision_of_perfect_and_of_shifted_pairs():
    text = np.eye(64)
    assert metrics.r_precision(text, text, rng()).tolist() == [1.0, 1.0, 1.0]
    # every text sits nearest to one rival, then to its own motion
    group = np.arange(32)
    near = np.eye(32) + 1.5 * np.eye(32)[(group + 1) % 32]
    assert metrics.r_precision(np.eye(32), near, rng()).tolist() == [0.0, 1.0, 1.0]


def test_r_precision_of_chance_is_k_over_32():
    text, motion = rng(1).normal(size=(3200, 16)), rng(2).normal(size=(3200, 16))
    got = metrics.r_precision(text, motion, rng(3))
    assert got == pytest.approx(np.array([1, 2, 3]) / 32, abs=0.012)


def test_order_of_the_pairs_does_not_matter_only_the_pairing():
    text, motion = rng(1).normal(size=(32, 8)), rng(2).normal(size=(32, 8))
    order = rng(4).permutation(32)
    whole = metrics.r_precision(text, motion, rng(0))
    assert metrics.r_precision(text[order], motion[order], rng(9)) == pytest.approx(whole)
    assert metrics.r_precision(text, text[order], rng(0))[0] < 0.2


def test_duplicate_captions_neither_miss_nor_help():
    text = np.repeat(np.eye(16), 2, axis=0)  # every caption twice: ties with its twin
    keys = [index // 2 for index in range(32)]
    assert metrics.r_precision(text, text, rng()).tolist() == [0.0, 1.0, 1.0]
    assert metrics.r_precision(text, text, rng(), keys=keys).tolist() == [1.0, 1.0, 1.0]
    wrong = np.roll(text, 2, axis=0)  # everyone has the neighbour's motion
    assert metrics.r_precision(text, wrong, rng(), keys=keys)[0] == 0.0


def test_mm_dist_and_distances():
    text, motion = np.zeros((5, 4)), np.full((5, 4), 3.0)
    assert metrics.mm_dist(text, motion) == pytest.approx(6.0)
    assert metrics.distances(text, motion) == pytest.approx(np.full((5, 5), 6.0))


def test_frechet_of_commuting_gaussians_is_the_closed_form():
    gap, a, b = np.array([1.0, 2.0]), np.diag([4.0, 9.0]), np.diag([1.0, 16.0])
    assert metrics.frechet(gap, a, b) == pytest.approx(5 + (2 - 1) ** 2 + (3 - 4) ** 2)
    turn, _ = np.linalg.qr(rng().normal(size=(2, 2)))
    turned = metrics.frechet(turn @ gap, turn @ a @ turn.T, turn @ b @ turn.T)
    assert turned == pytest.approx(7.0)


def test_frechet_agrees_with_scipys_square_root():
    from scipy.linalg import sqrtm

    a, b = (x @ x.T / 20 for x in (rng(0).normal(size=(6, 20)), rng(1).normal(size=(6, 20))))
    want = np.trace(a + b) - 2 * np.trace(sqrtm(a @ b).real)
    assert metrics.frechet(np.zeros(6), a, b) == pytest.approx(want, rel=1e-9)


def test_fid_of_samples():
    a = rng(0).normal(size=(20000, 3))
    b = rng(1).normal(size=(20000, 3)) * 2 + [1, 0, 0]
    assert metrics.fid(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.fid(a, b) == pytest.approx(1 + 3 * (2 - 1) ** 2, rel=0.03)
    singular = np.zeros((50, 3))
    assert metrics.fid(singular, singular + 2.0) == pytest.approx(12.0)


def test_diversity_and_multimodality_of_gaussians():
    motion = rng(0).normal(size=(5000, 64))
    assert metrics.diversity(motion, rng(1)) == pytest.approx(np.sqrt(2 * 64), rel=0.02)
    captions = np.repeat(rng(2).normal(size=(40, 1, 64)), 30, axis=1)
    assert metrics.multimodality(captions, rng(3)) == 0.0
    spread = captions + rng(4).normal(size=captions.shape)
    assert metrics.multimodality(spread, rng(5)) == pytest.approx(11.2, rel=0.06)
    assert metrics.diversity(motion[:4], rng(1)) >= 0


def test_intervals():
    got = metrics.interval([1.0, 3.0])
    assert (got.mean, got.count) == (2.0, 2)
    assert got.half_width == pytest.approx(1.96 / np.sqrt(2))
    assert metrics.interval([4.0]).half_width == 0
    once = metrics.replicate(lambda g: float(g.normal()), 50, seed=3)
    assert once == metrics.replicate(lambda g: float(g.normal()), 50, seed=3)
    assert once.half_width > 0
    assert metrics.accuracy(np.eye(3), [0, 1, 0]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.r_precision(np.zeros((8, 2)), np.zeros((8, 2)), rng()),
        lambda: metrics.r_precision(np.zeros((32, 2)), np.zeros((32, 2)), rng(), keys=[1]),
        lambda: metrics.mm_dist(np.zeros((2, 3)), np.zeros((3, 3))),
        lambda: metrics.fid(np.zeros((1, 3)), np.zeros((3, 3))),
        lambda: metrics.fid(np.full((4, 3), np.nan), np.zeros((3, 3))),
        lambda: metrics.diversity(np.zeros(5), rng()),
        lambda: metrics.multimodality(np.zeros((5, 1, 2)), rng()),
        lambda: metrics.interval([]),
    ],
)
def test_bad_input_is_refused_with_a_reason(call):
    with pytest.raises(StudioError):
        call()
