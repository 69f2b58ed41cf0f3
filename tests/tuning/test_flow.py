"""Tuning a flow: every method's gradient on it, and our reward told of its noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.diffusion.flow import FlowSchedule
from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule
from engine.errors import StudioError
from engine.models.adapter import attach
from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.models.weights import file_sha256
from engine.tuning.learner import Learner
from engine.tuning.methods.chain import EasyTuneChain
from engine.tuning.methods.registry import METHODS, MethodConfig, build, make_method
from engine.tuning.methods.weights import FixedWeights, step_weights
from engine.tuning.problem import Problem, PromptBank
from engine.tuning.rewards.base import Form, Seen
from engine.tuning.rewards.noise import FlowNoise
from engine.tuning.rewards.registry import FORMS, RewardForm, make_reward
from tests.tiny import TEXT_DIM, tiny
from tests.tuning.test_methods import check_slope, end_loss, gradients, inputs
from tests.tuning.toys import toy, toy_batch

STEPS = 4


def flowing(form: Form = "x_0", double: bool = False) -> tuple[Problem, PromptBank]:
    """The toy problem on a flow."""
    problem, bank = toy(STEPS, form, double=double)
    problem.model.schedule = FlowSchedule()
    return replace(problem), bank  # reads the new schedule


@pytest.mark.parametrize("form", ["x_0", "x_prev"])
def test_batched_equals_the_chain_form(form: Form) -> None:
    problem, bank = flowing(form)
    batch = toy_batch(problem, bank)
    weights = FixedWeights(step_weights("linear", STEPS))
    (chain,) = gradients(EasyTuneChain(weights, once=True), problem, batch)
    config = MethodConfig(updates_per_pass=1, normalise=False, micro_batch=5)
    (batched,) = gradients(build(config, STEPS), problem, batch)
    assert float(chain.norm()) > 1e-6
    assert float((batched - chain).norm() / chain.norm()) < 1e-5


def test_full_draft_is_the_gradient_of_the_end() -> None:
    problem, bank = flowing(double=True)
    batch = toy_batch(problem, bank)
    (gradient,) = gradients(make_method("draft", STEPS), problem, batch)
    check_slope(problem, gradient, lambda: end_loss(problem, batch, batch.noise, 0))


@pytest.mark.parametrize("form", ["x_0", "x_prev"])
def test_each_easytune_update_is_its_own_steps_gradient(form: Form) -> None:
    problem, bank = flowing(form, double=True)
    batch = toy_batch(problem, bank)
    found = gradients(make_method("easytune", STEPS, weighting="linear"), problem, batch)
    held, weights = inputs(problem, batch), step_weights("linear", STEPS)

    @torch.no_grad()
    def loss(index: int) -> float:
        step = problem.step(held[index], problem.guided(batch), index)
        return -float(weights[index] * problem.score_step(step, batch).total.mean())

    for index, gradient in enumerate(found):
        check_slope(problem, gradient, lambda index=index: loss(index))  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_tunes(name: str) -> None:
    problem, bank = flowing()
    learner = Learner(attach(problem.model.denoiser, rank=2), rate=1e-2)
    seen = build(MethodConfig(name=name, updates_per_pass=2), STEPS)(
        problem, learner, bank.draw(3, 0, 0), 0
    )
    assert seen.per_step.isfinite().any() and learner.updates >= 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reward with random weights beside a flow, both of one VAE."""
    model = replace(tiny(), schedule=FlowSchedule())
    model.save_pretrained(tmp_path / "model", half=False)
    torch.manual_seed(0)
    sizes = RewardConfig(16, TEXT_DIM, 16, 1, 16, 1, 16, 4, 8, 16, 1, 2)
    belongs = file_sha256(tmp_path / "model" / "vae.safetensors")
    noise = Schedule().config.to_dict()
    RewardModel(MotionReward(sizes), LatentReward(sizes), belongs, noise).save_pretrained(
        tmp_path / "reward"
    )
    return tmp_path


def test_a_reward_belongs_to_a_flow_by_its_vae(folder: Path) -> None:
    reward = RewardModel.from_pretrained(folder / "reward")
    reward.check_belongs(folder / "model")
    replace(tiny(2), schedule=FlowSchedule()).save_pretrained(folder / "other", half=False)
    with pytest.raises(StudioError, match="another VAE"):
        reward.check_belongs(folder / "other")


def test_noise_is_told_as_the_reward_learned_it() -> None:
    """The same motion and noise, as the reward's own schedule mixes them at that timestep."""
    flow, theirs = FlowSchedule(), Schedule()
    told = FlowNoise(flow, theirs.config.to_dict(), "cpu")
    batch = toy_batch(*toy(STEPS))
    x_0, eps = torch.randn(3, 6, 8), torch.randn(3, 6, 8)
    for t in (60, 120, 500, 800, 999):
        when = torch.full((3,), t)
        heard = told(Seen(flow.add_noise(x_0, eps, when), t, batch))
        assert isinstance(heard.timestep, int) and 0 < heard.timestep < 1000
        expected = theirs.add_noise(x_0, eps, torch.full((3,), heard.timestep))
        assert float((heard.latents - expected).abs().max()) < 0.03  # between two timesteps
        mixed = told(Seen(flow.add_noise(x_0, eps, when), when, batch))
        torch.testing.assert_close(mixed.latents, heard.latents)
        assert bool((torch.as_tensor(mixed.timestep) == heard.timestep).all())
    clean = told(Seen(x_0, 0, batch))
    assert clean.timestep == 0 and torch.equal(clean.latents, x_0)


@pytest.mark.parametrize("form", FORMS)
def test_our_reward_scores_every_step_of_a_flow(folder: Path, form: RewardForm) -> None:
    model = MotionModel.from_pretrained(folder / "model")
    reward = make_reward({"follow": 1.0, "feet": 0.2}, form, model, folder / "reward", "cpu")
    problem = Problem(model, reward, STEPS, 2.0)
    _, bank = toy(STEPS)
    batch = bank.draw(2, 0, 0)
    x_t, guided = batch.noise, problem.guided(batch)
    for index in range(STEPS):
        step = problem.step(x_t.requires_grad_(), guided, index)
        scored = problem.score_step(step, batch).total
        (slope,) = torch.autograd.grad(scored.sum(), x_t)
        assert bool(scored.isfinite().all()) and float(slope.abs().max()) > 0
        seen = problem.seen(step)
        again = problem.score_mixed(seen, torch.full((2,), index), batch).total
        torch.testing.assert_close(again, scored)
        x_t = step.x_prev.detach()
    steps = torch.tensor([0, STEPS - 1])
    both = problem.score_mixed(seen, steps, batch).terms["follow"]
    assert both.shape == (2,) and bool(Tensor.isfinite(both).all())
