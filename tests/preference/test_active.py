"""Pairs are chosen where the taste is unknown, over all prompts, and now and then again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from engine.preference.active import AGAIN, Proposer, consistency
from tests.preference.votes import motion


def filled(seed: int, prompts: int = 4, each: int = 4) -> Proposer:
    proposer = Proposer(seed)
    for p in range(prompts):
        name = f"prompt {p}"
        some = proposer.add(name, [motion(3 * p + k, prompt=name).joints for k in range(each)])
        proposer.offer(combinations(some, 2))
    return proposer


def ask(proposer: Proposer, count: int) -> Proposer:
    """A voter who likes the faster walk."""
    for _ in range(count):
        proposal = proposer.propose()
        target = float(proposal.first > proposal.second)
        proposer.answered(proposal.first, proposal.second, target)
    return proposer


@pytest.fixture(scope="module")
def asked() -> Proposer:
    return ask(filled(1), 22)


def test_pairs_are_of_one_prompt_and_cover_all_evenly(asked):
    prompts = [asked.prompts[one.first] for one in asked.asked]
    assert prompts == [asked.prompts[one.second] for one in asked.asked]
    counts = Counter(prompts)
    assert len(counts) == 4 and min(counts.values()) >= 3


def test_some_pairs_come_again_swapped():
    proposer = filled(1)
    repeats = []
    for _ in range(3 * AGAIN):
        proposal = proposer.propose()
        if proposal.repeats is not None:
            before = proposer.asked[proposal.repeats]
            assert (proposal.first, proposal.second) == (before.second, before.first)
            repeats.append(proposal.repeats)
        proposer.answered(proposal.first, proposal.second, float(proposal.first > proposal.second))
    assert len(repeats) == 3 and len(set(repeats)) == 3
    pairs = Counter(frozenset((one.first, one.second)) for one in proposer.asked)
    assert max(pairs.values()) == 2 and sum(n == 2 for n in pairs.values()) == 3


def test_votes_teach(asked):
    fresh = filled(1)
    fresh.propose()
    doubt = [one.posterior.doubt(one.gaps).mean() for one in (fresh, asked)]
    assert doubt[1] < 0.6 * doubt[0]
    right = [(asked.expects(a, b) > 0.5) == (a > b) for a, b in asked._pairs]
    assert np.mean(right) > 0.9


def test_after_the_first_ones_the_most_doubtful_pair_is_asked(asked):
    proposal = asked.propose()
    doubt = asked.posterior.doubt(asked.gaps)
    pairs = [frozenset(pair) for pair in asked._pairs]
    known = {frozenset((one.first, one.second)) for one in asked.asked}
    open_ = [d for d, pair in zip(doubt, pairs, strict=True) if pair not in known]
    assert doubt[pairs.index(frozenset((proposal.first, proposal.second)))] >= np.median(open_)


def test_fewer_votes_are_useful_the_more_is_known(asked):
    asked.useful()
    known = asked.posterior
    left = []
    for factor in (1.0, 0.1, 0.01, 1e-4):
        asked.posterior = replace(known, covariance=factor * known.covariance)
        left.append(asked.useful())
    asked.posterior = known
    assert left == sorted(left, reverse=True) and left[0] > 10 and left[-1] == 0


def test_answers_that_say_nothing_or_are_taken_back_teach_nothing():
    proposer = filled(0)
    proposal = proposer.propose()
    before = proposer.posterior.mean.copy()
    proposer.answered(proposal.first, proposal.second, None)
    proposer.answered(proposal.first, proposal.second, 1.0)
    proposer.propose()
    assert not np.array_equal(before, proposer.posterior.mean)
    proposer.forget(proposal.first, proposal.second)
    proposer.propose()
    assert proposer.asked == [] and np.array_equal(before, proposer.posterior.mean)


def test_what_was_voted_elsewhere_is_known_and_not_asked():
    proposer = filled(0)
    for k in range(10):
        some = proposer.add("elsewhere", [motion(20).joints, motion(21 + k).joints])
        proposer.answered(some[0], some[1], 0.0, here=False)
    assert proposer.expects(0, 3) < 0.5  # the faster walk
    for _ in range(10):
        proposal = proposer.propose()
        assert proposer.prompts[proposal.first] != "elsewhere" and proposal.repeats is None
        proposer.answered(proposal.first, proposal.second, 0.5)


def test_consistency_counts_pairs_that_were_asked_twice():
    a, b = frozenset("ab"), frozenset("cd")
    votes = [(a, "a"), (b, None), (a, "a"), (b, "c"), (b, "d"), (a, None)]
    assert consistency(votes) == (1, 2)
