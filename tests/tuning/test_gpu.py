"""On a GPU some methods replay graphs: the same gradients, also once weights have moved."""

from __future__ import annotations

import pytest
import torch

from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.tuning.learner import DivergedError, Learner
from engine.tuning.methods.reading import Reading
from engine.tuning.methods.registry import make_method
from engine.tuning.rewards.descriptors import NAMES as DESCRIPTORS
from engine.tuning.rewards.registry import make_reward
from engine.tuning.rewards.taste import Taste
from tests.tiny import TEXT_DIM
from tests.tuning.toys import toy, toy_batch, tuned

SIZES = RewardConfig(16, TEXT_DIM, 16, 1, 16, 2, 32, 4, 8, 16, 2, 2)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


BATCHED = {"updates_per_pass": 4}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("easytune-batched", BATCHED),
        ("easytune-batched", {**BATCHED, "trust": 0.5}),
        ("draft", {}),
        ("draft", {"k": 2}),
        ("draft-lv", {}),
    ],
)
def test_captured_passes_move_the_weights_as_eager_ones_do(name, options) -> None:
    moved = []
    for captured in (False, True):
        problem, bank = toy(5, device="cuda")
        method = make_method(name, 5, captured=captured, **options)
        learner = Learner(tuned(problem), rate=1e-3, warm_up=1)
        for number in range(3):
            method(problem, learner, toy_batch(problem, bank), number)
        moved.append(torch.cat([p.detach().flatten() for p in tuned(problem)]))
    start = torch.cat([p.detach().flatten() for p in tuned(toy(5, device="cuda")[0])])
    assert (moved[0] - moved[1]).norm() < 0.05 * (moved[0] - start).norm()


REWARDS = [
    {"follow": 1.0},
    {"follow": 1.0, "feet": 0.2, "floor": 0.3, "smooth": 0.3, "faster": 0.1, "slower": 0.1},
    {"follow": 1.0, "votes": 0.3},
    {"feet": 1.0},
]


@pytest.mark.parametrize("form", ["latent", "x_0", "both"])
@pytest.mark.parametrize("weights", REWARDS)
def test_a_captured_reward_reads_what_an_eager_one_does(form, weights, tmp_path) -> None:
    problem, bank = toy(5, device="cuda")
    model, size = problem.model, len(DESCRIPTORS)
    torch.manual_seed(3)
    RewardModel(MotionReward(SIZES), LatentReward(SIZES)).save_pretrained(tmp_path)
    Taste(torch.zeros(size), torch.ones(size), 0.02 * torch.randn(size)).save(tmp_path)
    problem.reward = make_reward(weights, form, model, tmp_path, "cuda")
    eager, captured = Reading(), Reading(captured=True)
    for seed in range(3):  # other prompts and motions than were recorded
        batch = bank.batch([seed % 4, (seed + 1) % 4, 2], noise_seed=seed)
        steps = torch.full((3,), seed)
        expected = eager(problem, 0.5 * batch.noise, steps, batch)
        found = captured(problem, 0.5 * batch.noise, steps, batch)
        assert torch.allclose(found.total, expected.total, atol=1e-4)
        assert list(found.terms) == list(expected.terms)
        apart = (found.gradient - expected.gradient).norm()
        assert apart < 1e-3 * expected.gradient.norm()
    assert captured._graphs, "nothing was captured"


def test_a_gradient_that_is_no_number_is_told_one_update_later() -> None:
    def learner(*gradients: float) -> Learner:
        weight = torch.nn.Parameter(torch.ones(3, device="cuda"))
        found = Learner([weight], rate=0.1)
        for value in gradients:
            weight.grad = torch.full_like(weight, value)
            found.apply()
        return found

    assert len(learner(1.0, 1.0).norms()) == 2
    with pytest.raises(DivergedError):
        learner(1.0, float("nan")).norms()
    with pytest.raises(DivergedError):
        learner(float("nan"), 1.0)
