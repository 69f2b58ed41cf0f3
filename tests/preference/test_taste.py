"""A taste is found from few votes, and what is not known is not claimed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.preference.taste import (
    Answers,
    Fixed,
    agreement,
    cross_agreement,
    fit,
    wilson,
)

SIZE = 20


def answers(count: int, seed: int = 0, noise: float = 0.0) -> Answers:
    """A voter who cares for the third thing only, and answers at random now and then."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, SIZE))
    target = (x[:, 3] > 0).astype(float)
    random = rng.random(count) < noise
    target[random] = rng.integers(2, size=int(random.sum()))
    return Answers(x, target, np.ones(count))


def test_one_thing_among_twenty_is_found_from_sixty_noisy_votes():
    found = fit(answers(60, noise=0.15), SIZE)
    assert np.argmax(np.abs(found.mean)) == 3 and found.mean[3] > 0
    fresh = answers(2000, seed=1)
    right, counted = agreement(found.utility(fresh.difference), fresh)
    assert right / counted > 0.85


def test_without_votes_the_taste_is_the_reward():
    found = fit(answers(0), SIZE, [Fixed(0)])
    assert found.mean[0] == 1 and np.all(found.mean[1:] == 0)


def test_ties_pull_both_together():
    x = np.zeros((40, 2))
    x[:, 0] = 1.0
    liked = Answers(x, np.ones(40), np.ones(40))
    tied = Answers(np.concatenate([x, x]), np.r_[np.ones(40), np.full(40, 0.5)], np.ones(80))
    assert 0 < fit(tied, 2).mean[0] < 0.6 * fit(liked, 2).mean[0]
    assert agreement(np.ones(80), tied) == (40, 40)  # ties are not counted


def test_weights_count():
    x = np.array([[1.0], [1.0]])
    even = Answers(x, np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    more = Answers(x, np.array([1.0, 0.0]), np.array([3.0, 1.0]))
    assert abs(fit(even, 1).mean[0]) < 1e-6 < fit(more, 1).mean[0]


def test_doubt_is_where_the_weights_are_not_known():
    rng = np.random.default_rng(0)
    x = np.zeros((200, 2))
    x[:, 0] = rng.choice([-1.0, 1.0], 200)
    found = fit(Answers(x, (x[:, 0] > 0).astype(float), np.ones(200)), 2)
    known, unknown, same = found.doubt(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    assert unknown > known > 0 and same == pytest.approx(0.0, abs=1e-6)
    assert found.probability(np.array([[1.0, 0.0]]))[0] > 0.8


def test_kept_back_votes_show_learning_by_heart():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, SIZE))
    random = Answers(x, rng.integers(2, size=16).astype(float), np.ones(16))
    right, counted = cross_agreement(random, SIZE, list(range(16)))
    learned = agreement(fit(random, SIZE).utility(x), random)
    assert counted == 16 and learned[0] >= 13 and right <= 11
    many = answers(100, noise=0.15)
    right, counted = cross_agreement(many, SIZE, list(range(100)))
    assert wilson(right, counted)[0] > 0.5


def test_votes_on_one_pair_are_kept_back_together():
    x = np.tile(np.array([[1.0, 0.0], [0.0, 1.0]]), (10, 1))
    both = Answers(x, np.ones(20), np.ones(20))
    # Two pairs only: what is learned from one says nothing of the other.
    assert cross_agreement(both, 2, ["a", "b"] * 10, folds=2) == (0, 20)


@pytest.mark.parametrize(
    ("right", "counted", "low", "high"),
    [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (50, 100, 0.404, 0.596), (0, 0, 0.0, 1.0)],
)
def test_wilson(right, counted, low, high):
    assert wilson(right, counted) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
