"""Weights, trust region, names, and runs that go on where they were cut."""

from __future__ import annotations

import json

import pytest
import torch

from engine.errors import StudioError
from engine.models.adapter import attach, disabled
from engine.tuning.learner import Learner
from engine.tuning.methods.adaptive import Adaptive
from engine.tuning.methods.registry import METHODS, MethodConfig, build, make_method
from engine.tuning.methods.weights import step_weights
from engine.tuning.rewards.base import Scored, Seen
from tests.tuning.toys import Looker, Plain, toy, toy_batch, tuned


def test_step_weights() -> None:
    assert step_weights("uniform", 3).tolist() == [1, 1, 1]
    falling = step_weights("linear", 4)
    assert falling.tolist() == pytest.approx([1.6, 1.2, 0.8, 0.4])
    assert step_weights("window", 5, 1, 2).tolist() == [0, 1, 1, 0, 0]
    cut = step_weights("linear", 5, 1, 2)
    assert cut.tolist() == pytest.approx([0, 8 / 7, 6 / 7, 0, 0])
    for wrong in (("late", 4), ("window", 4, 3, 1), ("window", 4, 0, 4), ("uniform", 4, -1)):
        with pytest.raises(StudioError):
            step_weights(*wrong)


def observed(adaptive: Adaptive, scale: list[float], pull: list[float], passes: int = 40) -> None:
    """Step rewards follow the end's by `scale`, in noise of 1 (none at the last step)."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(passes):
        end = torch.randn(64, generator=generator)
        noise = torch.randn(len(scale), 64, generator=generator)
        noise[-1] = 0.0
        adaptive.observe(torch.tensor(scale)[:, None] * end + noise, torch.tensor(pull))


def test_adaptive_weights_follow_what_reaches_the_end() -> None:
    adaptive = Adaptive(4)
    torch.testing.assert_close(adaptive.weights(), step_weights("linear", 4))
    observed(adaptive, [0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0])
    first, half, _, end = adaptive.weights().tolist()
    assert first < half < end  # says nothing of the end < says half of it < is it
    steep = Adaptive(4)
    observed(steep, [0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 8.0, 1.0])
    assert steep.weights().argmax() == 2
    for weights in (adaptive.weights(), steep.weights()):
        assert float(weights.mean()) == pytest.approx(1.0)
        assert float(weights.min()) > 0.02


def test_adaptive_survives_rewards_that_are_no_numbers_or_all_alike() -> None:
    adaptive = Adaptive(3)
    adaptive.observe(torch.full((3, 4), float("nan")), torch.ones(3))
    assert adaptive.passes == 0
    adaptive.observe(torch.ones(3, 4), torch.zeros(3))
    assert torch.isfinite(adaptive.weights()).all()


@pytest.mark.parametrize("form", ["x_0", "x_prev"])
def test_both_forms_measure_the_same(form) -> None:
    """Step-wise and batched read one pull and one reward per step while theta is held."""
    moments = []
    for name in ("easytune", "easytune-batched"):
        problem, bank = toy(4, form)
        method = make_method(name, 4, weighting="adaptive")
        method(problem, Looker(tuned(problem)), toy_batch(problem, bank), 0)
        assert method.weighting.passes == 1
        moments.append(method.weighting.moments)
    torch.testing.assert_close(moments[0], moments[1], rtol=1e-4, atol=1e-6)
    assert float(moments[0].abs().min()) > 0


@pytest.mark.parametrize("name", METHODS)
def test_a_trust_region_holds_on_to_the_base(name: str) -> None:
    moved = {}
    for trust in (0.0, 30.0):
        problem, bank = toy(3)
        start = torch.cat([p.detach().flatten().clone() for p in tuned(problem)])
        learner = Plain(tuned(problem), rate=0.003)
        method = make_method(name, 3, trust=trust)
        for number in range(6):
            method(problem, learner, toy_batch(problem, bank), number)
        end = torch.cat([p.detach().flatten() for p in tuned(problem)])
        moved[trust] = float((end - start).norm())
    assert 0 < moved[30.0] < 0.9 * moved[0.0]


def test_a_trust_region_works_around_an_adapter() -> None:
    """Switching the adapter off and on does not disturb the graph that was built before."""
    problem, bank = toy(3)
    denoiser = problem.model.denoiser
    denoiser.requires_grad_(False)
    lora = attach(denoiser, rank=2)
    problem.base = lambda: disabled(denoiser)
    batch = toy_batch(problem, bank)
    rows = {}
    for trust in (0.0, 1.0):
        method = make_method("easytune", 3, trust=trust)
        looker = Looker(lora)
        method(problem, looker, batch, 0)
        rows[trust] = torch.stack(looker.gradients)
    # B = 0: the tuned model is the base, so the penalty and its gradient are nothing yet.
    torch.testing.assert_close(rows[1.0], rows[0.0])
    with torch.no_grad():
        for parameter in lora:
            parameter.add_(0.1)
    looker = Looker(lora)
    make_method("easytune", 3, trust=1.0)(problem, looker, batch, 0)
    make_method("easytune", 3)(problem, looker, batch, 0)
    assert float((looker.gradients[0] - looker.gradients[3]).norm()) > 1e-3


@pytest.mark.parametrize("micro_batch", [None, 5])
def test_terms_are_those_of_the_end(micro_batch) -> None:
    """Terms that a reward reads on clean latents alone are logged as they are there."""
    problem, bank = toy(4, "x_prev")
    batch, reward = toy_batch(problem, bank), problem.reward

    def only_clean(seen: Seen) -> Scored:
        scored = reward(seen)
        noisy = not isinstance(seen.timestep, torch.Tensor) and seen.timestep > 0
        return Scored(scored.total, {} if noisy else {"flat": scored.terms["flat"]})

    only_clean.form = "x_prev"
    held = make_method("easytune", 4)(problem, Looker(tuned(problem)), batch, 0)
    problem.reward = only_clean
    method = make_method("easytune-batched", 4, micro_batch=micro_batch)
    seen = method(problem, Looker(tuned(problem)), batch, 0)
    assert seen.terms == pytest.approx({"flat": held.terms["flat"]}, rel=1e-4)


def test_a_trust_region_needs_a_base() -> None:
    problem, bank = toy(3)
    problem.base = None
    with pytest.raises(StudioError, match="base"):
        make_method("easytune", 3, trust=1.0)(
            problem, Looker(tuned(problem)), toy_batch(problem, bank), 0
        )


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("form", ["x_0", "x_prev"])
def test_every_method_raises_the_reward(name: str, form) -> None:
    problem, bank = toy(4, form)
    batch = toy_batch(problem, bank)

    @torch.no_grad()
    def reward() -> float:
        guided, x_t = problem.guided(batch), batch.noise
        for index in range(4):
            x_t = problem.step(x_t, guided, index).x_prev
        return float(problem.score_end(x_t, batch).total.mean())

    before = reward()
    method, learner = make_method(name, 4), Learner(tuned(problem), rate=1e-3, warm_up=1)
    for number in range(8):
        seen = method(problem, learner, batch, number)
    assert reward() > before + 0.01
    assert seen.terms.keys() == {"near", "flat"}
    assert torch.isfinite(torch.tensor(seen.reward))


@pytest.mark.parametrize("config", [
    MethodConfig("easytune", weighting="adaptive"),
    MethodConfig("easytune-batched", weighting="adaptive", updates_per_pass=3, seed=4),
    MethodConfig("alignprop", seed=4),
    MethodConfig("draft-lv", seed=4),
])  # fmt: skip
def test_a_run_goes_on_exactly_where_it_was_cut(config: MethodConfig) -> None:
    def run(problem, bank, method, numbers) -> None:
        learner = Plain(tuned(problem), rate=0.01)
        for number in numbers:
            method(problem, learner, toy_batch(problem, bank, number=number), number)

    problem, bank = toy(4)
    run(problem, bank, build(config, 4), range(4))
    whole = {k: v.clone() for k, v in problem.model.denoiser.state_dict().items()}

    problem, bank = toy(4)
    first = build(config, 4)
    run(problem, bank, first, range(2))
    stored = json.loads(json.dumps({"config": config.to_dict(), "state": first.state()}))
    second = build(MethodConfig.from_dict(stored["config"]), 4)
    second.load_state(stored["state"])
    run(problem, bank, second, range(2, 4))
    for name, value in problem.model.denoiser.state_dict().items():
        assert torch.equal(value, whole[name]), name


def test_a_window_is_all_that_is_read() -> None:
    problem, bank = toy(5)
    for name in ("easytune", "easytune-batched"):
        method = make_method(name, 5, weighting="window", window=(1, 2))
        looker = Looker(tuned(problem))
        seen = method(problem, looker, toy_batch(problem, bank), 0)
        assert torch.isnan(seen.per_step).tolist() == [True, False, False, True, True]


@pytest.mark.parametrize(("options", "said"), [
    ({"name": "sft"}, "easytune-batched"),
    ({"name": ["draft"]}, "easytune-batched"),
    ({"name": "draft", "depth": 3}, "updates_per_pass"),
    ({"name": "easytune", "weighting": "late"}, "adaptive"),
    ({"name": "easytune", "weighting": "window"}, "window"),
    ({"name": "easytune", "weighting": "adaptive", "window": (0, 1)}, "window"),
    ({"name": "easytune", "window": (2, 9)}, "window"),
    ({"name": "draft", "k": 0}, "k"),
    ({"name": "draft", "k": 2.5}, "whole"),
    ({"name": "easytune", "trust": -1.0}, "Trust"),
    ({"name": "easytune-batched", "updates_per_pass": 0}, "updates_per_pass"),
])  # fmt: skip
def test_wrong_options_are_refused_in_a_sentence(options, said: str) -> None:
    with pytest.raises(StudioError, match=said):
        make_method(problem_steps=4, **options)
