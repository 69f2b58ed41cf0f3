"""A motion that no model made beside a generated one: its numbers, and that it stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.compare.choice import ModelChoice
from engine.compare.given import fit, given_walk
from engine.compare.judge import Judge
from engine.compare.run import compare
from engine.errors import StudioError
from engine.motion.motion import Motion
from engine.preference.records import SOURCES
from engine.tuning.rewards.base import Scored
from tests.compare.test_run import Forward
from tests.motion.bodies import walk

PROMPT = "a person walks"
FILE = ModelChoice(given="file:1", title="take.bvh")


@pytest.fixture
def motion() -> Motion:
    return Motion(walk(50).astype(np.float32), "take")


def test_it_stands_beside_a_generated_one_as_it_is(pipe, motion):
    judge = Judge(reward=Forward())
    pair = compare(pipe, PROMPT, 2.5, 5, FILE, ModelChoice(), judge=judge, given={FILE: motion})
    assert np.array_equal(pair.left.motion.joints, motion.joints)
    assert pair.left.motion.prompt == PROMPT
    assert pair.left.motion.frames == pair.right.motion.frames
    assert pair.left.steps is None and pair.right.steps is not None
    assert pair.left.pull is not None and pair.left.pull.shape == (50, 22)
    assert {"reward", "foot_skate"} <= set(pair.left.numbers)
    assert (FILE.label, FILE.accent) == ("take.bvh", "other")


def test_the_reward_reads_the_motions_own_latents(pipe, motion):
    """Different motions, different numbers; the latents decode to the motion's length."""
    judge = Judge(reward=Forward())
    other = Motion(walk(50, 0.2).astype(np.float32))
    assert fit(pipe, judge, motion, PROMPT) != fit(pipe, judge, other, PROMPT)
    walked = given_walk(pipe, motion)
    assert walked.latents.shape[1] == 13  # 50 frames, four to a token
    assert bool(walked.batch.mask.all())
    assert torch.equal(walked.steps[0].x_0, walked.latents)


def test_the_prompt_is_what_is_asked_about(pipe, motion):
    asked: list[tuple[str, ...]] = []

    class Asked:
        form = "x_0"

        def __call__(self, seen):
            asked.append(seen.batch.texts)
            return Scored(seen.latents[:, 0, 0])

    fit(pipe, Judge(reward=Asked()), motion, "a person\n sits")
    assert asked == [("a person sits",)]
    with pytest.raises(StudioError, match="prompt is empty"):
        fit(pipe, Judge(reward=Asked()), motion, " ")


def test_without_networks_there_are_no_opinions(pipe, motion):
    assert fit(pipe, Judge(), motion, PROMPT) == {}
    assert "other" in SOURCES
