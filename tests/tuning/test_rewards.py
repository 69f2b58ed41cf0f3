"""The composite reward: forms, decoding, padding, gradients, caching; weights and names."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.tuning.problem import Batch, PromptBank
from engine.tuning.rewards import physics
from engine.tuning.rewards.base import Seen
from engine.tuning.rewards.descriptors import NAMES as DESCRIPTORS
from engine.tuning.rewards.registry import (
    FORMS,
    NAMES,
    TERMS,
    RewardForm,
    check_weights,
    describe,
    make_reward,
    parse_weights,
)
from engine.tuning.rewards.taste import Taste
from engine.tuning.rewards.total import WeightedSum
from tests.tiny import TEXT_DIM, FakeTextEncoder, tiny

PROMPTS = ("a person walks", "wave the right hand", "turn left and run")
FRAMES = (37, 60, 96)
ALL = dict.fromkeys(NAMES, 1.0)
SIZES = RewardConfig(16, TEXT_DIM, 16, 1, 16, 2, 32, 4, 8, 16, 2, 2)
TEXT_ONLY = {"follow": 1.0}


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return tiny()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("reward")
    RewardModel(MotionReward(SIZES), LatentReward(SIZES)).save_pretrained(path)
    size = len(DESCRIPTORS)
    Taste(torch.zeros(size), torch.ones(size), 0.02 * torch.randn(size)).save(path)
    return path


@pytest.fixture(scope="module")
def bank(model) -> PromptBank:
    return PromptBank(PROMPTS, FRAMES, FakeTextEncoder(), model, torch.device("cpu"))


@pytest.fixture
def batch(bank) -> Batch:
    return bank.batch([0, 1, 2], noise_seed=0)


@pytest.fixture
def make(model, folder):
    def of(form: RewardForm = "x_0", weights: dict[str, float] | None = None) -> WeightedSum:
        return make_reward(weights or ALL, form, model, folder, "cpu")

    return of


def count(monkeypatch, owner, name: str) -> list[int]:
    """Sizes of the first tensor of each call of a method from now on."""
    calls: list[int] = []
    real = getattr(owner, name)

    def counted(first: Tensor, *rest: Tensor) -> Tensor:
        calls.append(len(first))
        return real(first, *rest)

    monkeypatch.setattr(owner, name, counted)
    return calls


@pytest.mark.parametrize("form", FORMS)
def test_the_total_is_the_weighted_sum_of_what_is_logged(make, batch, form):
    weights = {"follow": 1.0, "feet": 0.3, "side": 2.0}
    scored = make(form, weights)(Seen(batch.noise, 0, batch))
    assert list(scored.terms) == list(weights)
    summed = sum(weights[name] * scored.terms[name] for name in weights)
    assert torch.allclose(scored.total, summed)
    assert scored.total.shape == (3,)
    assert all(len(set(value.tolist())) > 1 for value in scored.terms.values())


@pytest.mark.parametrize("form", FORMS)
def test_which_latents_a_form_wants(make, form):
    assert make(form).form == ("x_prev" if "prev" in form else "x_0")


@pytest.mark.parametrize(
    ("form", "weights", "decodings"),
    [
        ("latent", TEXT_ONLY, 0),
        ("latent", ALL, 1),
        ("x_0", TEXT_ONLY, 1),
        ("x_prev", ALL, 1),
        ("x_0", {"feet": 1.0, "floor": 1.0}, 1),
        ("x_0", {"feet": 0.0, "follow": 1.0}, 1),
    ],
)
def test_latents_are_decoded_at_most_once(
    make, model, batch, monkeypatch, form, weights, decodings
):  # fmt: skip
    reward = make(form, weights)
    calls = count(monkeypatch, model.vae, "decode")
    reward(Seen(batch.noise, 0, batch))
    assert len(calls) == decodings


def test_noisy_latents_are_not_decoded_for_physics_alone(make, model, batch, monkeypatch):
    reward = make("latent_prev")
    calls = count(monkeypatch, model.vae, "decode")
    scored = reward(Seen(batch.noise, 300, batch))
    assert calls == [] and list(scored.terms) == ["follow"]


@pytest.mark.parametrize("form", FORMS)
def test_padding_and_company_never_change_a_score(make, batch, form):
    reward = make(form)
    together = reward(Seen(batch.noise, 0, batch))
    noise = batch.noise.clone()
    noise[~batch.mask] = 37.0
    for other in (noise, batch.noise):
        for row in range(3):
            tokens = 30 if other is noise else int(batch.mask[row].sum())
            alone = Batch(
                batch.texts[row : row + 1], batch.states[row : row + 1],
                batch.text_mask[row : row + 1], batch.frames[row : row + 1],
                batch.mask[row : row + 1, :tokens], other[row : row + 1, :tokens],
            )  # fmt: skip
            scored = reward(Seen(alone.noise, 0, alone))
            for name, value in scored.terms.items():
                assert torch.allclose(value, together.terms[name][row], atol=1e-5), name


@pytest.mark.parametrize("form", FORMS)
def test_gradients_reach_real_latents_and_nothing_else(make, model, batch, form):
    reward = make(form)
    latents = batch.noise.clone().requires_grad_()
    reward(Seen(latents, 0, batch)).total.sum().backward()
    assert torch.isfinite(latents.grad).all()
    assert (latents.grad[batch.mask].abs().sum(-1) > 0).all()
    assert not latents.grad[~batch.mask].any()
    term = reward.terms["follow"]
    for reading in getattr(term, "readings", [term]):
        check_frozen(model.vae, reading.network, reading.texts.network)


def check_frozen(*modules: nn.Module) -> None:
    """Nothing in them learns."""
    for module in modules:
        assert not module.training
        assert not any(p.requires_grad or p.grad is not None for p in module.parameters())


@pytest.mark.parametrize("name", [name for name in TERMS if name not in ("feet", "smooth")])
def test_gradients_over_latents_are_those_of_finite_differences(name, folder):
    model = tiny()
    model.vae.double()
    bank = PromptBank(PROMPTS[1:2], [40], FakeTextEncoder(), model, torch.device("cpu"))
    batch = bank.batch([0], 0)
    torch.manual_seed(1)
    latents = (0.3 * torch.randn(1, batch.mask.shape[1], 8)).double().requires_grad_()
    reward = make_reward({name: 1.0}, "x_0", model, folder, "cpu")

    def total(z: Tensor) -> Tensor:
        return reward(Seen(z, 0, batch)).total

    assert total(latents).abs() > 1e-4
    assert torch.autograd.gradcheck(total, (latents,), eps=1e-6, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("form", FORMS)
def test_each_sample_may_have_its_own_timestep(make, batch, form):
    reward = make(form)
    mixed = reward(Seen(batch.noise, torch.tensor([0, 400, 0]), batch))
    clean, noisy = (reward(Seen(batch.noise, when, batch)) for when in (0, 400))
    expected = torch.stack((clean.total[0], noisy.total[1], clean.total[2]))
    assert torch.allclose(mixed.total, expected, atol=1e-5)
    assert float(mixed.terms["feet"][1]) == 0.0
    assert list(noisy.terms) == ["follow"]


@pytest.mark.parametrize("form", FORMS)
def test_the_network_is_told_the_timestep(make, batch, form):
    reward = make(form, TEXT_ONLY)
    early, late = (reward(Seen(batch.noise, when, batch)).total for when in (0, 700))
    assert not torch.allclose(early, late, atol=1e-4)


def test_each_prompt_is_embedded_once(make, bank, monkeypatch):
    reward = make("latent", TEXT_ONLY)
    calls = count(monkeypatch, reward.terms["follow"].texts.network, "embed_text")
    first = bank.batch([0, 0, 1], 0)
    before = reward(Seen(first.noise, 0, first)).total
    for rows in ([1, 0], [2, 1, 2], [0, 1, 2], [0, 0, 1]):
        some = bank.batch(rows, 0)
        scored = reward(Seen(some.noise, 0, some))
    assert calls == [2, 1]
    assert torch.allclose(scored.total, before, atol=1e-6)


def test_text_matters(make, batch):
    reward = make("latent", TEXT_ONLY)
    swapped = replace(batch, texts=batch.texts[::-1], states=batch.states.flip(0),
                      text_mask=batch.text_mask.flip(0))  # fmt: skip
    first, second = (reward(Seen(batch.noise, 0, b)).total for b in (batch, swapped))
    assert not torch.allclose(first[[0, 2]], second[[0, 2]], atol=1e-4)
    assert torch.allclose(first[1], second[1], atol=1e-6)


def test_physics_needs_no_reward_folder(model, batch):
    reward = make_reward({"floor": 1.0}, "x_0", model, None, "cpu")
    assert reward(Seen(batch.noise, 0, batch)).total.shape == (3,)
    with pytest.raises(StudioError, match="needs the folder"):
        make_reward(TEXT_ONLY, "x_0", model, None, "cpu")


def test_a_reward_for_other_latents_is_refused(model, tmp_path):
    sizes = replace(SIZES, latent_dim=12)
    RewardModel(MotionReward(sizes), LatentReward(sizes)).save_pretrained(tmp_path)
    with pytest.raises(StudioError, match="12 channels, the model has 8"):
        make_reward(TEXT_ONLY, "latent", model, tmp_path, "cpu")


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("follow=1,feet=0.2", {"follow": 1.0, "feet": 0.2}),
        (" feet = 2 , follow ", {"follow": 1.0, "feet": 2.0}),
        ("follow", {"follow": 1.0}),
        ("smooth=0,follow=1,", {"follow": 1.0}),
    ],
)
def test_weights_are_read(text, weights):
    assert parse_weights(text) == weights
    assert list(parse_weights(text)) == list(weights)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("walk=1", "no reward term 'walk'; there are follow, feet"),
        ("follow=nan", "from 0 to 100"),
        ("follow=inf", "from 0 to 100"),
        ("follow=-1", "from 0 to 100"),
        ("follow=1e9", "from 0 to 100"),
        ("follow=much", "name=number"),
        ("follow=", "name=number"),
        ("follow=1,follow=2", "given twice"),
        ("", "at least one term"),
        ("feet=0", "at least one term"),
        ("=1", "no reward term ''"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(text, words):
    with pytest.raises(StudioError, match=words):
        parse_weights(text)


@pytest.mark.parametrize("weight", [math.nan, "1", None, True, [1.0]])
def test_weights_from_elsewhere_are_looked_at(weight):
    with pytest.raises(StudioError, match="from 0 to 100"):
        check_weights({"feet": weight})


def test_unknown_forms_are_refused(model, folder):
    with pytest.raises(StudioError, match="no reward form 'x_1'; choose from latent"):
        make_reward(TEXT_ONLY, "x_1", model, folder, "cpu")


def test_every_term_is_told_and_measured():
    told = describe()
    assert [name for name, _, _ in told] == list(NAMES)
    assert all(words and term for _, words, term in told)
    for name, one in TERMS.items():
        assert callable(getattr(physics, name))
        assert 0 < one.scale < 4, "a bounded term stays bounded"


def test_the_page_may_ask_without_torch():
    code = (
        "import sys; from engine.tuning.rewards.registry import describe, parse_weights;"
        "describe(), parse_weights('feet'); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_votes_need_a_reward_that_learned_from_some(model, folder, tmp_path):
    for name in ("config.json", "motion.safetensors", "latent.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(StudioError, match="learned from no votes"):
        make_reward({"follow": 1.0, "votes": 1.0}, "latent", model, tmp_path, "cpu")
    (tmp_path / "taste.json").write_text('{"format": "easytune-taste", "version": 1}')
    with pytest.raises(StudioError, match="damaged"):
        make_reward({"votes": 1.0}, "latent", model, tmp_path, "cpu")
