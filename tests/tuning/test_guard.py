"""The watch over a run: what counts as a collapse, and that it sees one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.models.adapter import attach, disabled
from engine.tuning.guard import Guard, Values, judge
from engine.tuning.presets import Limits
from engine.tuning.problem import Problem
from tests.tuning import runs
from tests.tuning.toys import ToyReward, toy

BASE = Values(reward=0.5, drift=0.0, diversity=0.8, foot_skate=0.1, jerk=20.0, floor=3.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drift": 0.87}, None),
        ({"drift": 0.89}, "have drifted from the base by 0.89"),
        ({"diversity": 0.41}, None),
        ({"diversity": 0.39}, "look alike: diversity 0.39"),
        ({"foot_skate": 0.24}, None),
        ({"foot_skate": 0.26}, "slide in 26% of the frames"),
        ({"jerk": 49.0}, None),
        ({"jerk": 51.0}, "tremble: jerk 51"),
        ({"floor": 27.0}, None),
        ({"floor": 29.0}, "29 mm in the floor"),
        ({"reward": 0.36}, None),
        ({"reward": 0.34}, "fell from 0.50 to 0.34"),
        ({"reward": float("nan")}, "no numbers"),
        ({"drift": float("inf")}, "no numbers"),
    ],
)
def test_what_counts_as_a_collapse(change, words):
    reasons = judge(replace(BASE, **change), BASE, Limits())
    assert len(reasons) == (0 if words is None else 1)
    assert words is None or words in reasons[0]


def test_the_guard_sees_what_happened_to_the_model():
    problem, bank = toy()
    denoiser = problem.model.denoiser
    trained = attach(denoiser, rank=2)
    torch.manual_seed(0)
    problem = Problem(problem.model, ToyReward(), 2, 2.0, lambda: disabled(denoiser))
    limits = replace(runs.ANYTHING, drift=0.1)
    guard = Guard(problem, bank, seeds=(1, 2), limits=limits)
    fresh = guard.check()
    assert fresh.good
    assert fresh.values == guard.base == guard.untouched().values
    assert fresh.values.drift == 0.0
    # How far apart two seeds of a prompt are, from the latents themselves.
    a, b = guard._held
    mask = guard.batches[0].mask[..., None]
    apart = ((a - b).square() * mask).sum((1, 2)) / mask.sum((1, 2)) / a.shape[-1]
    assert guard.base.diversity == pytest.approx(float(apart.sqrt().mean()), rel=1e-5)
    with torch.no_grad():
        for value in trained:
            value.normal_(std=5.0)
    for looks in (1, 2):
        found = guard.check()
        assert not found.good
        assert found.values.drift > 0.1 * guard.base.diversity
        assert guard.collapsed == (looks == 2)
    guard.forgive()
    assert not guard.collapsed
    assert guard.base == fresh.values  # which tuning did not touch
