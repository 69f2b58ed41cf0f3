"""Rectified flow: exact where the answer is known, straight, saved, and what rewards are told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.diffusion.ancestral import AncestralSchedule
from engine.diffusion.flow import FlowConfig, FlowSchedule
from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule
from engine.errors import StudioError
from engine.models.backbone import Sampling
from tests.tiny import load_tiny, tiny


def velocity(x_t: Tensor, share: float, mean: float, spread: float) -> Tensor:
    """E[eps - x_0 | x_t] for x_0 of a Gaussian: what a perfect network answers."""
    signal = 1 - share
    variance = (signal * spread) ** 2 + share**2
    away = x_t - signal * mean
    return away * (share - signal * spread**2) / variance - mean


def walked(noise: Tensor, steps: int, mean: float, spread: float) -> Tensor:
    schedule, x = FlowSchedule(), noise
    timesteps = schedule.timesteps(steps)
    for index in range(steps):
        now, after = schedule.coefficients(timesteps, index)
        _, x = schedule.step(velocity(x, now, mean, spread), x, (now, after))
    return x


def test_a_gaussian_is_sampled_exactly_in_the_limit() -> None:
    """The flow of a Gaussian is linear: noise z ends at mean + spread z."""
    noise = torch.linspace(-3, 3, 13, dtype=torch.float64)
    exact = 2.0 + 0.5 * noise
    errors = [float((walked(noise, n, 2.0, 0.5) - exact).abs().max()) for n in (20, 100, 1000)]
    assert errors[2] < 5e-3
    assert errors[0] > 3 * errors[1] > 9 * errors[2]  # Euler: first order in the step


def test_straight_paths_need_one_step() -> None:
    """A single point as the data: the path is a line, and any number of steps is exact."""
    noise = torch.randn(5, dtype=torch.float64)
    for steps in (1, 2, 3, 7):
        assert float((walked(noise, steps, 1.5, 0.0) - 1.5).abs().max()) < 1e-9


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 20, 1000])
def test_steps_go_from_pure_noise_to_the_end(steps: int) -> None:
    schedule = FlowSchedule()
    timesteps = schedule.timesteps(steps)
    rows = [schedule.coefficients(timesteps, index) for index in range(steps)]
    assert timesteps[0] == 999 and len(set(timesteps)) == steps and min(timesteps) >= 0
    assert rows[0][0] == 1.0 and rows[-1][1] == 0.0
    for (_, after), (now, _) in pairwise(rows):
        assert after == now
    lengths = [now - after for now, after in rows]
    assert max(lengths) - min(lengths) < 2e-3 + 1e-9


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_counts_are_sentences(steps: int) -> None:
    with pytest.raises(StudioError, match="walks 1 to 1000 steps"):
        FlowSchedule().timesteps(steps)


def test_the_target_leads_back_to_both_ends() -> None:
    schedule = FlowSchedule()
    x_0, eps = torch.randn(3, 6, 8), torch.randn(3, 6, 8)
    for t in (0, 400, 999):
        when = torch.full((3,), t)
        x_t = schedule.add_noise(x_0, eps, when)
        now = float(schedule.shares[t])
        found, noisier = schedule.step(schedule.target(x_0, eps, when), x_t, (now, 1.0))
        torch.testing.assert_close(found, x_0, atol=1e-5, rtol=0)
        torch.testing.assert_close(noisier, eps, atol=1e-5, rtol=0)


def test_rewards_are_told_the_noise_there_is() -> None:
    """x_t over its scale has the signal and the noise of a variance-preserving schedule."""
    schedule = FlowSchedule()
    when = torch.tensor([0, 250, 700, 998, 999])
    scale = schedule.scales[when].float().view(-1, 1, 1)
    one, none = torch.ones(5, 1, 1), torch.zeros(5, 1, 1)
    signal = schedule.add_noise(one, none, when) / scale
    noise = schedule.add_noise(none, one, when) / scale
    level = schedule.alphas_cumprod[when].float().view(-1, 1, 1)
    torch.testing.assert_close(signal.square(), level)
    torch.testing.assert_close(noise.square(), 1 - level)
    assert float(schedule.alphas_cumprod[-1]) == 0.0
    assert bool((schedule.alphas_cumprod.diff() < 0).all())


@pytest.mark.parametrize("schedule", [FlowSchedule(), Schedule(), AncestralSchedule()])
def test_mixtures_are_what_steps_lead_to(schedule: Sampling) -> None:
    """From a point with known ends, a step with a perfect prediction ends in the mixture told."""
    timesteps = schedule.timesteps(5)
    x_0, eps = torch.randn(4, 3, 2), torch.randn(4, 3, 2)
    for index in range(5):
        signal, noise, kept, left = schedule.mixture(timesteps, index)
        if index + 1 < 5:
            assert schedule.mixture(timesteps, index + 1)[:2] == (kept, left)
        x_t = signal * x_0 + noise * eps
        perfect = {FlowSchedule: eps - x_0, Schedule: signal * eps - noise * x_0}
        output = perfect.get(type(schedule), x_0)
        found, x_prev = schedule.step(output, x_t, schedule.coefficients(timesteps, index))
        torch.testing.assert_close(found, x_0, rtol=0, atol=1e-5)
        if not schedule.stochastic:
            torch.testing.assert_close(x_prev, kept * x_0 + left * eps, rtol=0, atol=1e-5)
    assert (kept, left) == (1.0, 0.0)


def test_an_error_in_x_0_never_counts_more_than_the_limit() -> None:
    schedule, every = FlowSchedule(), torch.arange(1000)
    weight = schedule.loss_weight(every, 5.0)
    assert float((weight / schedule.shares.float().square()).max()) <= 5.0 + 1e-3
    assert float(weight.max()) == 1.0 and bool((weight.diff() >= 0).all())
    assert bool((schedule.loss_weight(every, 0.0) == 1).all())


def test_a_flow_is_saved_generates_and_depends_on_everything(tmp_path: Path) -> None:
    model = replace(tiny(), schedule=FlowSchedule(FlowConfig(500)))
    model.save_pretrained(tmp_path, half=False)
    again = MotionModel.from_pretrained(tmp_path)
    assert isinstance(again.schedule, FlowSchedule) and again.schedule.config == FlowConfig(500)
    assert again.own and again.own_vae() is again.vae
    pipeline = load_tiny(tmp_path)
    made = pipeline(["a person walks"], 2.0, [1])[0].joints
    assert np.array_equal(made, pipeline(["a person walks"], 2.0, [1])[0].joints)
    for prompt, seed, steps in (("jump", 1, 4), ("a person walks", 2, 4), ("a person walks", 1, 7)):
        other = pipeline([prompt], 2.0, [seed], steps=steps)[0].joints
        assert np.abs(other - made).max() > 1e-4
    with pytest.raises(StudioError, match="is a flow"):
        again.ours()


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_config_that_makes_no_schedule(count: int) -> None:
    with pytest.raises(ValueError, match="make no schedule"):
        FlowSchedule(FlowConfig(count))
