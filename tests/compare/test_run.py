"""Pairs: the same noise on both sides, the pipeline's own motions, and a base left as it was."""

from __future__ import annotations

import numpy as np
import pytest

from engine.compare.choice import ModelChoice
from engine.compare.judge import Judge
from engine.compare.run import compare
from engine.errors import StudioError
from engine.pipeline import Cancelled
from engine.tuning.rewards.base import Scored

PROMPT, BASE = "a person walks", ModelChoice()


class Forward:
    """A reward for one latent channel being high late in the motion."""

    form = "x_0"

    def __call__(self, seen):
        return Scored(seen.latents[:, -2:, 0].mean(dim=1))


def test_both_sides_are_what_the_pipeline_makes(pipe, adapters):
    pair = compare(pipe, PROMPT, 2.0, 5, BASE, ModelChoice(((adapters[0], 0.7),)))
    assert np.array_equal(pair.left.motion.joints, pipe([PROMPT], 2.0, 5)[0].joints)
    pipe.adapt(adapters[0], 0.7)
    tuned = pipe([PROMPT], 2.0, 5)[0]
    pipe.adapt(None)
    assert np.array_equal(pair.right.motion.joints, tuned.joints)
    assert pair.right.motion.model == tuned.model
    assert np.abs(pair.left.motion.joints - tuned.joints).max() > 0.01
    assert pair.right.choice.label == "feet × 0.7"


def test_the_pipeline_is_its_base_afterwards_even_when_a_side_fails(pipe, adapters, tmp_path):
    before = pipe([PROMPT], 1.0, 1)[0].joints
    blend = ModelChoice(((adapters[0], 1.0), (adapters[1], 0.5)))
    compare(pipe, PROMPT, 1.0, 1, blend, BASE)
    assert np.array_equal(pipe([PROMPT], 1.0, 1)[0].joints, before)
    broken = ModelChoice(((adapters[0], 1.0), (tmp_path / "nothing", 0.5)))
    with pytest.raises(StudioError, match="holds no adapter"):
        compare(pipe, PROMPT, 1.0, 1, BASE, broken)
    assert np.array_equal(pipe([PROMPT], 1.0, 1)[0].joints, before)


def test_strength_zero_is_the_base_and_a_blend_is_neither_of_its_parts(pipe, adapters):
    one, two = (ModelChoice(((folder, 1.0),)) for folder in adapters)
    none = ModelChoice(((adapters[0], 0.0), (adapters[1], 0.0)))
    both = ModelChoice(((adapters[0], 1.0), (adapters[1], 1.0)))
    pair = compare(pipe, PROMPT, 1.0, 3, BASE, none)
    assert np.array_equal(pair.left.motion.joints, pair.right.motion.joints)
    first = compare(pipe, PROMPT, 1.0, 3, both, one, inside=False)
    second = compare(pipe, PROMPT, 1.0, 3, both, two, inside=False)
    assert np.array_equal(first.left.motion.joints, second.left.motion.joints)
    for pair in (first, second):
        assert np.abs(pair.left.motion.joints - pair.right.motion.joints).max() > 1e-3


def test_every_step_is_decoded_and_the_last_is_the_motion(pipe):
    pair = compare(pipe, PROMPT, 2.0, 5, BASE, ModelChoice(guidance=5.0), steps=6)
    steps = pair.left.steps
    assert steps.joints.shape == (6, 40, 22, 3)
    assert list(steps.timesteps) == sorted(steps.timesteps, reverse=True)
    assert np.abs(steps.joints[-1] - pair.left.motion.joints).max() < 1e-4
    assert np.abs(steps.joints[0] - steps.joints[-1]).max() > 0.01
    assert pair.right.choice.label == "base, guidance 5"
    assert compare(pipe, PROMPT, 2.0, 5, BASE, BASE, inside=False).left.steps is None


def test_rewards_by_step_and_where_the_reward_pulls(pipe):
    pair = compare(pipe, PROMPT, 2.0, 5, BASE, BASE, judge=Judge(reward=Forward()))
    side = pair.left
    assert side.steps.rewards.shape == (4,)
    assert side.numbers["reward"] == pytest.approx(side.steps.rewards[-1])
    assert side.pull.shape == (40, 22)
    assert side.pull[-8:].mean() > 2 * side.pull[:20].mean() > 0
    assert compare(pipe, PROMPT, 1.0, 5, BASE, BASE).left.pull is None


def test_only_what_has_changed_is_made_again(pipe, adapters):
    half, full = (ModelChoice(((adapters[0], share),)) for share in (0.5, 1.0))
    before = compare(pipe, PROMPT, 1.0, 5, BASE, half)
    after = compare(pipe, PROMPT, 1.0, 5, BASE, full, before=before)
    assert after.left is before.left
    fresh = compare(pipe, PROMPT, 1.0, 5, BASE, full)
    assert np.array_equal(after.right.motion.joints, fresh.right.motion.joints)
    assert np.array_equal(after.left.motion.joints, fresh.left.motion.joints)
    again = compare(pipe, PROMPT, 1.0, 5, BASE, full, before=after)
    assert again.right is not after.right, "an adapter's files may have changed"
    other = compare(pipe, PROMPT, 1.0, 6, BASE, full, before=before)
    assert other.left is not before.left


def test_numbers_name_physics_and_can_be_cancelled(pipe):
    pair = compare(pipe, PROMPT, 1.0, 5, BASE, BASE)
    assert {"foot_skate", "jerk"} <= set(pair.left.numbers)
    assert "reward" not in pair.left.numbers
    with pytest.raises(Cancelled):
        compare(pipe, PROMPT, 1.0, 5, BASE, BASE, cancel=lambda: True)
    with pytest.raises(StudioError, match="prompt is empty"):
        compare(pipe, " ", 1.0, 5, BASE, BASE)
