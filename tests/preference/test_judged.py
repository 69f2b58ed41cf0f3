"""Votes as comparisons: ties are equal, both bad is against what is real."""

from __future__ import annotations

import numpy as np
import torch

from engine.preference.judged import gather
from engine.preference.learned import LEAST, SIZE, TEMPERATURE, Seen
from engine.preference.records import Pair, Vote
from engine.tuning.rewards.descriptors import NAMES, describe
from engine.tuning.rewards.taste import Taste, TasteTerm
from tests.preference.votes import add_pair, fill, motion, open_store


def test_winner_first_ties_equal_bad_unused_without_real_motion(tmp_path):
    store = open_store(tmp_path)
    votes = fill(store, 4)  # left, right, tie, bad
    judged = gather(store, votes)
    assert [c.target for c in judged.comparisons] == [1.0, 1.0, 0.5]
    for one, vote in zip(judged.comparisons[:2], votes, strict=False):
        assert np.array_equal(judged.joints[one.first], store.motion(vote.winner).joints)
        assert np.array_equal(judged.joints[one.second], store.motion(vote.loser).joints)
    assert (judged.votes, judged.unused) == (4, 1)


def test_both_bad_is_against_the_real_motion(tmp_path):
    store = open_store(tmp_path)
    pair = add_pair(store, 1, 2)
    own = Pair(pair.prompt, pair.first, pair.second, real=store.add_motion(motion(9)))
    looked = gather(store, [Vote(pair, "bad")], lambda _: motion(9).joints)
    for judged in (gather(store, [Vote(own, "bad")]), looked):
        a, b = judged.comparisons
        assert {a.weight, b.weight} == {0.5} and {a.target, b.target} == {1.0}
        assert a.first == b.first and a.second != b.second
        assert np.array_equal(judged.joints[a.first], motion(9).joints)


def test_all_votes_on_a_pair_are_kept_back_together(tmp_path):
    store = open_store(tmp_path)
    pairs = [add_pair(store, 2 * k, 2 * k + 1) for k in range(30)]
    judged = gather(store, [Vote(pair, "left") for pair in pairs for _ in range(2)])
    held = judged.held()
    assert held.sum() == 12 and np.array_equal(held[::2], held[1::2])
    assert not gather(store, [Vote(pairs[0], "left")]).held().any()


def test_the_learned_taste_is_what_tuning_adds_to_the_reward(tmp_path):
    store = open_store(tmp_path)
    pairs = [add_pair(store, k, k + 1 + k % 5) for k in range(12)]
    # The voter likes the faster walk; the reward is indifferent.
    judged = gather(store, [Vote(pair, "right") for pair in pairs])
    seen = Seen.of(judged, np.zeros((len(judged), 2)))
    found = seen.learn()
    assert found.mean.shape == (SIZE,) and seen.by(found) == (12, 12)
    assert seen.by_reward() == (0, 12)
    taste = seen.taste(found)
    stack = torch.stack([torch.from_numpy(j) for j in judged.joints])
    score = taste(stack, torch.ones(stack.shape[:2], dtype=torch.bool)).numpy()
    first = [c.first for c in judged.comparisons]
    second = [c.second for c in judged.comparisons]
    utility = seen.answers.difference[:, 1:] @ found.mean[1:]
    worth = TEMPERATURE / max(found.mean[0], LEAST)
    assert np.allclose(score[first] - score[second], worth * utility, atol=1e-4)


def test_descriptors_see_neither_place_nor_padding_and_can_be_learned_from():
    joints = torch.from_numpy(motion(5, frames=60).joints)[None]
    mask = torch.ones(1, 60, dtype=torch.bool)
    plain = describe(joints, mask)
    assert plain.shape == (1, len(NAMES)) and torch.isfinite(plain).all()
    turn = torch.tensor([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])
    moved = joints @ turn.T + torch.tensor([3.0, 0.0, -2.0])
    assert torch.allclose(describe(moved, mask), plain, atol=2e-3)
    padded = torch.cat([joints, 7 * torch.ones(1, 20, 22, 3)], dim=1)
    longer = torch.cat([mask, torch.zeros(1, 20, dtype=torch.bool)], dim=1)
    assert torch.allclose(describe(padded, longer), plain, atol=1e-4)
    still = joints[:, :1].expand(-1, 60, -1, -1).clone().requires_grad_()
    describe(still, mask).sum().backward()
    assert torch.isfinite(still.grad).all()


def test_a_taste_is_bounded_and_comes_back_from_disk(tmp_path):
    size = len(NAMES)
    taste = Taste(torch.zeros(size), torch.ones(size), torch.linspace(-1, 1, size), 0.3)
    far = 1000 * torch.randn(4, size)
    assert taste.of(far).abs().max() <= 3 * taste.weight.abs().sum()
    taste.save(tmp_path)
    again = Taste.load(tmp_path)
    assert again is not None and torch.equal(again.of(far), taste.of(far))
    # A strong taste is held to the spread of text alignment, a weak one stays weak.
    assert TasteTerm(again, 0.15).scale == 0.5 and TasteTerm(again, 0.6).scale == 1.0
    assert Taste.load(tmp_path / "none") is None
