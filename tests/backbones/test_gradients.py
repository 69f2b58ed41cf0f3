"""EasyTune's gradients on published models: both forms agree, and match finite differences."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.diffusion.model import MotionModel
from engine.tuning.methods.chain import EasyTuneChain
from engine.tuning.methods.registry import MethodConfig, build, make_method
from engine.tuning.methods.weights import FixedWeights, step_weights
from engine.tuning.problem import Problem, PromptBank
from engine.tuning.rewards.base import Form
from tests.backbones.tiny import FakeSentenceEncoder, model_folder
from tests.tuning.test_methods import end_loss, gradients, inputs
from tests.tuning.toys import TEXTS, ToyReward, shift, tuned

KINDS = ("mld", "motionlcm", "mdm")


def toy(kind: str, folder: Path, form: Form, steps: int) -> tuple[Problem, PromptBank]:
    model = MotionModel.from_pretrained(model_folder(kind, folder))
    model.denoiser.requires_grad_(True)
    bank = PromptBank(TEXTS, [40, 60, 90, 50], FakeSentenceEncoder(), model, torch.device("cpu"))
    return Problem(model, ToyReward(form), steps, model.guidance_scale), bank


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["x_0", "x_prev"])
def test_batched_equals_the_chain_form(kind: str, form: Form, tmp_path: Path) -> None:
    problem, bank = toy(kind, tmp_path, form, 4)
    batch = bank.draw(3, 0, 0)
    weights = FixedWeights(step_weights("linear", 4, 0, 3))
    (chain,) = gradients(EasyTuneChain(weights, once=True), problem, batch)
    config = MethodConfig(updates_per_pass=1, normalise=False, micro_batch=5)
    (batched,) = gradients(build(config, 4), problem, batch)
    assert float(chain.norm()) > 1e-6
    assert float((batched - chain).norm() / chain.norm()) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_a_chained_gradient_goes_through_fresh_noise(kind: str, tmp_path: Path) -> None:
    """DRaFT over the last two steps, against finite differences of the whole rest of the walk."""
    problem, bank = toy(kind, tmp_path, "x_0", 4)
    batch = bank.draw(2, 0, 0)
    (gradient,) = gradients(make_method("draft", 4, k=2), problem, batch)
    held = inputs(problem, batch)
    direction = (gradient / gradient.norm()).double()
    step = 2e-3 / float(gradient.norm()) ** 0.5
    shift(problem, direction, step)
    above = end_loss(problem, batch, held[2], 2)
    shift(problem, direction, -2 * step)
    below = end_loss(problem, batch, held[2], 2)
    measured = (above - below) / (2 * step)
    assert measured == pytest.approx(float(gradient.norm()), rel=0.03)
    assert len(tuned(problem)) > 10
