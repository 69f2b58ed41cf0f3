"""Pairs are chosen where the taste is unknown, over all prompts, and now and then again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from engine.preference.active import AGAIN, Candidate, Proposer, consistency
from tests.preference.votes import motion


def candidates(prompts: int = 4, each: int = 4) -> list[Candidate]:
    return [
        Candidate(f"prompt {p}", motion(3 * p + k, prompt=f"prompt {p}").joints)
        for p in range(prompts) for k in range(each)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> Proposer:
    """A voter who likes the faster walk."""
    proposer = Proposer(candidates(), seed=1)
    for _ in range(22):
        proposal = proposer.propose()
        proposer.answered(proposal, float(proposal.first > proposal.second))
    return proposer


def test_pairs_are_of_one_prompt_and_cover_all_evenly(asked):
    prompts = [asked.candidates[first].prompt for first, *_ in asked.asked]
    assert prompts == [asked.candidates[second].prompt for _, second, _ in asked.asked]
    counts = Counter(prompts)
    assert len(counts) == 4 and min(counts.values()) >= 3


def test_some_pairs_come_again_swapped():
    proposer = Proposer(candidates(), seed=1)
    repeats = []
    for _ in range(3 * AGAIN):
        proposal = proposer.propose()
        if proposal.repeats is not None:
            first, second, _ = proposer.asked[proposal.repeats]
            assert (proposal.first, proposal.second) == (second, first)
            repeats.append(proposal.repeats)
        proposer.answered(proposal, float(proposal.first > proposal.second))
    assert len(repeats) == 3 and len(set(repeats)) == 3
    pairs = Counter(frozenset(one[:2]) for one in proposer.asked)
    assert max(pairs.values()) == 2 and sum(n == 2 for n in pairs.values()) == 3


def test_votes_teach(asked):
    fresh = Proposer(candidates())
    doubt = [one.posterior.doubt(one.gaps).mean() for one in (fresh, asked)]
    assert doubt[1] < 0.6 * doubt[0]
    right = asked.posterior.utility(asked.gaps) > 0
    assert np.mean(right == (asked.pairs[:, 0] > asked.pairs[:, 1])) > 0.9


def test_after_the_first_ones_the_most_doubtful_pair_is_asked(asked):
    if (len(asked.asked) + 1) % AGAIN == 0:
        pytest.fail("choose another number of votes for this test")
    proposal = asked.propose()
    doubt = asked.posterior.doubt(asked.gaps)
    where = [frozenset(map(int, pair)) for pair in asked.pairs].index(
        frozenset((proposal.first, proposal.second))
    )
    known = {frozenset(one[:2]) for one in asked.asked}
    open_ = [d for d, pair in zip(doubt, asked.pairs, strict=True)
             if frozenset(map(int, pair)) not in known]  # fmt: skip
    assert doubt[where] >= np.quantile(open_, 0.5)


def test_fewer_votes_are_useful_the_more_is_known(asked):
    known = asked.posterior
    left = []
    for factor in (1.0, 0.1, 0.01, 1e-4):
        asked.posterior = replace(known, covariance=factor * known.covariance)
        left.append(asked.useful())
    asked.posterior = known
    assert left == sorted(left, reverse=True) and left[0] > 10 and left[-1] == 0


def test_both_bad_is_no_answer_to_this_question():
    proposer = Proposer(candidates())
    before = proposer.posterior.mean.copy()
    proposer.answered(proposer.propose(), None)
    assert proposer.asked == [] and np.array_equal(before, proposer.posterior.mean)


def test_consistency_counts_pairs_that_were_asked_twice():
    a, b = frozenset("ab"), frozenset("cd")
    votes = [(a, "a"), (b, None), (a, "a"), (b, "c"), (b, "d"), (a, None)]
    assert consistency(votes) == (1, 2)
