"""Gradients of every method: against finite differences, plain autograd, and each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from engine.tuning.methods.base import pass_generator
from engine.tuning.methods.chain import EasyTuneChain
from engine.tuning.methods.registry import MethodConfig, build, make_method
from engine.tuning.methods.weights import FixedWeights, step_weights
from engine.tuning.problem import Batch, Problem
from tests.tuning.toys import Looker, Plain, shift, toy, toy_batch, tuned

FORMS = ("x_0", "x_prev")


def gradients(method, problem: Problem, batch: Batch, number: int = 0) -> list[torch.Tensor]:
    looker = Looker(tuned(problem))
    method(problem, looker, batch, number)
    return looker.gradients


def check_slope(problem: Problem, gradient: torch.Tensor, loss: Callable[[], float]) -> None:
    """`gradient` is that of `loss`, along two random directions (central differences)."""
    assert float(gradient.norm()) > 1e-6
    for seed in range(2):
        direction = torch.randn(len(gradient), generator=torch.Generator().manual_seed(seed))
        direction = (direction / direction.norm() + (gradient / gradient.norm()).cpu()).double()
        step = 1e-3
        shift(problem, direction, step)
        above = loss()
        shift(problem, direction, -2 * step)
        below = loss()
        shift(problem, direction, step)
        measured, computed = (above - below) / (2 * step), float(gradient.double() @ direction)
        assert measured == pytest.approx(computed, rel=2e-3, abs=1e-6)


def inputs(problem: Problem, batch: Batch) -> list[torch.Tensor]:
    """x_t of every step at the weights as they are, and the finished latents."""
    guided, x_t, seen = problem.guided(batch), batch.noise, [batch.noise]
    with torch.no_grad():
        for index in range(problem.steps):
            x_t = problem.step(x_t, guided, index).x_prev
            seen.append(x_t)
    return seen


@torch.no_grad()
def end_loss(problem: Problem, batch: Batch, x_t: torch.Tensor, first: int) -> float:
    """-reward of the trajectory from x_t at step `first` on."""
    guided = problem.guided(batch)
    for index in range(first, problem.steps):
        x_t = problem.step(x_t, guided, index).x_prev
    return -float(problem.score_end(x_t, batch).total.mean())


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_full_draft_is_the_gradient_of_the_end(guidance: float) -> None:
    problem, bank = toy(4, guidance=guidance, double=True)
    batch = toy_batch(problem, bank)
    (gradient,) = gradients(make_method("draft", 4), problem, batch)
    check_slope(problem, gradient, lambda: end_loss(problem, batch, batch.noise, 0))


def test_truncated_draft_holds_what_came_before() -> None:
    problem, bank = toy(4, double=True)
    batch = toy_batch(problem, bank)
    held = inputs(problem, batch)[2]
    (gradient,) = gradients(make_method("draft", 4, k=2), problem, batch)
    check_slope(problem, gradient, lambda: end_loss(problem, batch, held, 2))


def test_checkpointing_changes_memory_only() -> None:
    problem, bank = toy(4)
    batch = toy_batch(problem, bank)
    (plain,) = gradients(make_method("draft", 4), problem, batch)
    (again,) = gradients(make_method("draft", 4, checkpoint=True), problem, batch)
    torch.testing.assert_close(again, plain)


@pytest.mark.parametrize("form", FORMS)
def test_each_easytune_update_is_its_own_steps_gradient(form) -> None:
    problem, bank = toy(3, form, double=True)
    batch = toy_batch(problem, bank)
    found = gradients(make_method("easytune", 3, weighting="linear"), problem, batch)
    held, weights = inputs(problem, batch), step_weights("linear", 3)
    for index, gradient in enumerate(found):

        @torch.no_grad()
        def loss(index: int = index) -> float:
            step = problem.step(held[index], problem.guided(batch), index)
            reward = problem.score_step(step, batch).total.mean()
            return -float(weights[index] * reward)

        check_slope(problem, gradient, loss)


def test_easytune_moves_theta_inside_the_trajectory() -> None:
    problem, bank = toy(3)
    batch = toy_batch(problem, bank)
    start = inputs(problem, batch)
    learner = Plain(tuned(problem), rate=0.5)
    seen = make_method("easytune", 3, weighting="uniform")(problem, learner, batch, 0)
    assert learner.updates == 3
    untouched = problem.score_end(start[-1], batch).total.mean()
    assert seen.reward > float(untouched)


def test_refl_differentiates_one_late_prediction() -> None:
    problem, bank = toy(4, double=True)
    batch = toy_batch(problem, bank)
    method = make_method("refl", 4, k=2, seed=5)
    stops = {method.plan(4, pass_generator(5, number)).stop for number in range(30)}
    assert stops == {2, 3}
    stop, held = method.plan(4, pass_generator(5, 1)).stop, inputs(problem, batch)
    (gradient,) = gradients(method, problem, batch, number=1)

    @torch.no_grad()
    def loss() -> float:
        step = problem.step(held[stop], problem.guided(batch), stop)
        return -float(problem.score_end(step.x_0, batch).total.mean())

    check_slope(problem, gradient, loss)


def test_draft_lv_averages_over_fresh_noise() -> None:
    problem, bank = toy(3, double=True)
    batch = toy_batch(problem, bank)
    method = make_method("draft-lv", 3, seed=2)
    (gradient,) = gradients(method, problem, batch, number=7)
    held, generator = inputs(problem, batch), pass_generator(2, 7)
    alpha = problem.alpha(2)
    noises = [torch.randn(held[-1].shape, generator=generator).double() for _ in range(2)]
    starts = [held[2], *(alpha**0.5 * held[3] + (1 - alpha) ** 0.5 * n for n in noises)]
    check_slope(
        problem, gradient, lambda: sum(end_loss(problem, batch, x, 2) for x in starts) / 3
    )  # fmt: skip


def test_alignprop_is_draft_of_a_random_depth() -> None:
    problem, bank = toy(4)
    batch = toy_batch(problem, bank)
    method = make_method("alignprop", 4, seed=3)
    depths = [len(method.plan(4, pass_generator(3, number)).trained) for number in range(40)]
    assert set(depths) == {1, 2, 3, 4}
    for number in range(3):
        (found,) = gradients(method, problem, batch, number)
        (expected,) = gradients(make_method("draft", 4, k=depths[number]), problem, batch)
        torch.testing.assert_close(found, expected)


def test_drtune_sums_over_the_samplers_linear_path() -> None:
    """Each trained step counts by a product of numbers: no Jacobian of the network between."""
    problem, bank = toy(6, double=True)
    batch = toy_batch(problem, bank)
    method = make_method("drtune", 6, k=3, seed=1)
    plan = method.plan(6, pass_generator(1, 0))
    assert plan.trained == {i for i in (0, 2, 4) if i <= plan.stop}
    (found,) = gradients(method, problem, batch)
    held, guided = inputs(problem, batch), problem.guided(batch)
    end = problem.step(held[plan.stop], guided, plan.stop).x_0.detach().requires_grad_()
    (pull,) = torch.autograd.grad(-problem.score_end(end, batch).total.mean(), end)
    one, zero = torch.ones(1, 1, 1).double(), torch.zeros(1, 1, 1).double()
    expected = torch.zeros_like(found)
    for index in plan.trained:
        at = problem.finish(one, zero, index)
        slope = float(at.x_0 if index == plan.stop else at.x_prev)
        for later in range(index + 1, plan.stop + 1):
            at = problem.finish(zero, one, later)
            slope *= float(at.x_0 if later == plan.stop else at.x_prev)
        output = problem.predict(held[index], guided, index)
        part = torch.autograd.grad((slope * pull * output).sum(), tuned(problem))
        expected += torch.cat([g.flatten() for g in part])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("window", [None, (1, 3)])
@pytest.mark.parametrize("micro_batch", [None, 4])
def test_batched_equals_the_chain_form(form, window, micro_batch) -> None:
    problem, bank = toy(5, form)
    batch = toy_batch(problem, bank)
    first, last = window or (0, 4)
    weights = FixedWeights(step_weights("linear", 5, first, last))
    (chain,) = gradients(EasyTuneChain(weights, once=True), problem, batch)
    config = MethodConfig(window=window, micro_batch=micro_batch, updates_per_pass=1,
                          normalise=False)  # fmt: skip
    (batched,) = gradients(build(config, 5), problem, batch)
    assert float((batched - chain).norm() / chain.norm()) < 1e-5
    assert float((batched - chain).abs().max()) < 1e-5


def test_batched_minibatches_share_out_the_same_gradient() -> None:
    problem, bank = toy(4)
    batch = toy_batch(problem, bank)
    whole = make_method("easytune-batched", 4, updates_per_pass=1)
    parts = make_method("easytune-batched", 4, updates_per_pass=4)
    (expected,) = gradients(whole, problem, batch)
    found = gradients(parts, problem, batch)
    assert len(found) == 4
    torch.testing.assert_close(sum(found) / 4, expected, rtol=1e-4, atol=1e-6)


class _Spy:
    """Notes what moves the network's output, and lets it."""

    captured = False

    def __init__(self, push, pulls) -> None:
        self.push, self.pulls = push, pulls

    def __call__(self, problem, parameters, given) -> None:
        self.pulls.append(given.pull)
        self.push(problem, parameters, given)


@pytest.mark.parametrize("form", FORMS)
def test_normalised_steps_pull_alike(form) -> None:
    """Whatever a step's coefficient, the gradient in the network's output has one norm."""
    problem, bank = toy(6, form)
    batch = toy_batch(problem, bank)
    norms: dict[bool, list[float]] = {}
    for normalise in (True, False):
        method = make_method(
            "easytune-batched", 6, weighting="uniform", updates_per_pass=1, micro_batch=99,
            normalise=normalise,
        )  # fmt: skip
        pulls: list[torch.Tensor] = []
        method.push = _Spy(method.push, pulls)
        gradients(method, problem, batch)
        order = torch.randperm(18, generator=pass_generator(0, 0))
        rows = [(order // 3 == index).nonzero()[:, 0] for index in range(6)]
        norms[normalise] = [float(pulls[0][own].norm()) for own in rows]
    assert max(norms[True]) / min(norms[True]) == pytest.approx(1.0, abs=1e-3)
    assert max(norms[False]) / min(norms[False]) > 2


def test_chain_updates_once_per_step_but_walks_with_old_weights() -> None:
    problem, bank = toy(3)
    batch = toy_batch(problem, bank)
    whole = gradients(make_method("easytune-chain", 3), problem, batch)
    before = torch.cat([p.detach().flatten() for p in tuned(problem)])
    learner = Plain(tuned(problem), rate=0.1)
    make_method("easytune-chain", 3)(problem, learner, batch, 0)
    after = torch.cat([p.detach().flatten() for p in tuned(problem)])
    assert learner.updates == 3
    torch.testing.assert_close(after, before - 0.1 * sum(whole), rtol=1e-5, atol=1e-6)
