"""Loss weights, the optimiser step, averaged weights, the clock and the caption table."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.training.common import Average, Clock, Updater
from engine.training.denoiser import SCHEDULES

BUILT = {
    name: Schedule(config)
    for name, config in SCHEDULES.items()
    if isinstance(config, ScheduleConfig)
}
EVERY = torch.arange(1000)


def factor(schedule: Schedule, t: torch.Tensor) -> torch.Tensor:
    """How much an error of the network's output counts as one of x_0, squared, measured."""
    x_t = torch.zeros(1, dtype=torch.float64)
    out = []
    for timestep in t.tolist():
        alpha = float(schedule.alphas_cumprod[timestep])
        moved = schedule.split(torch.ones(1, dtype=torch.float64), x_t, alpha)[0]
        out.append(1.0 / float(moved.square().clamp_min(1e-12)))
    return torch.tensor(out)


@given(st.floats(0.1, 100.0))
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", sorted(BUILT))
def test_weights_lie_between_nothing_and_one(name, limit):
    weight = BUILT[name].loss_weight(EVERY, limit)
    assert weight.shape == (1000,)
    assert bool(((weight > 0) & (weight <= 1)).all())


@given(st.floats(0.5, 50.0), st.lists(st.integers(0, 950), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("name", ["epsilon", "v_prediction"])
def test_an_error_in_x0_never_counts_more_than_the_limit(name, limit, timesteps):
    """Weighted, it counts what it counts, or the limit where that is more."""
    t = torch.tensor(timesteps)
    counts = factor(BUILT[name], t)
    expected = counts.clamp_max(limit)
    assert torch.allclose(BUILT[name].loss_weight(t, limit) * counts, expected.float(), rtol=1e-3)


@pytest.mark.parametrize("name", sorted(BUILT))
def test_noisier_steps_are_never_weighted_less(name):
    weight = BUILT[name].loss_weight(EVERY, 5.0)
    assert bool((weight.diff() >= 0).all())


def test_without_a_limit_or_for_x0_nothing_is_weighted():
    for schedule in BUILT.values():
        assert bool((schedule.loss_weight(EVERY, 0.0) == 1).all())
    assert bool((BUILT["sample"].loss_weight(EVERY, 5.0) == 1).all())


def test_a_prediction_type_that_does_not_exist():
    with pytest.raises(ValueError, match="no prediction type 'guess'"):
        Schedule(ScheduleConfig("guess"))


def line(x: torch.Tensor) -> torch.Tensor:
    return 3 * x[:, :1] - 2 * x[:, 1:] + 0.5


def test_updates_lower_the_loss_and_find_the_line():
    torch.manual_seed(0)
    module = torch.nn.Linear(2, 1)

    def terms(x, y):
        error = module(x) - y
        return torch.stack([error.square().mean(), 1e-6 * module.weight.square().sum()])

    update = Updater(module, terms, weight_decay=0.0)
    assert not update.capture  # graphs are a matter of GPUs
    losses = []
    for _ in range(300):
        x = torch.randn(int(torch.randint(8, 64, ())), 2)  # any shape
        found = update(0.05, x, line(x))
        assert found.shape == (2,)
        assert not found.requires_grad
        losses.append(float(found[0]))
    assert sum(losses[-20:]) < 0.01 * sum(losses[:20])
    assert torch.allclose(module.weight, torch.tensor([[3.0, -2.0]]), atol=0.1)


def test_a_rate_of_zero_changes_nothing():
    module = torch.nn.Linear(2, 1)
    before = [parameter.clone() for parameter in module.parameters()]
    update = Updater(module, lambda x: module(x).square().mean()[None], weight_decay=0.1)
    update(0.0, torch.randn(4, 2))
    for parameter, old in zip(module.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def test_steep_losses_are_clipped():
    module = torch.nn.Linear(1, 1)
    update = Updater(module, lambda x: 1e9 * module(x).sum()[None], weight_decay=0.0)
    update(1e-3, torch.ones(4, 1))
    gradients = torch.cat([p.grad.flatten() for p in module.parameters()])
    assert float(gradients.norm()) == pytest.approx(1.0, rel=1e-3)


def test_the_average_forgets_its_start_and_follows():
    source = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(source.weight, 100.0)
    average = Average(source, 0.99)
    torch.nn.init.constant_(source.weight, 1.0)
    for _ in range(100):
        average.update()
    assert float(average.module.weight) == pytest.approx(1.0, abs=1e-3)
    assert torch.equal(source.weight, torch.ones(1, 1))
    assert not average.module.weight.requires_grad


def test_the_clock_warms_up_falls_and_stops(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("engine.training.common.time.monotonic", lambda: now[0])
    clock = Clock(minutes=1.0, warm_up=0.1, floor=0.05)
    rates = []
    for second in range(61):
        now[0] = 100.0 + second
        assert clock.over == (second >= 60)
        rates.append(clock.rate())
    assert rates[0] == 0.01
    assert rates[:7] == sorted(rates[:7])
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.05)
    now[0] = 1e6
    assert clock.progress == 1.0
