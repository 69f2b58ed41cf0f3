"""Adapters: nothing changes until they learn, what is saved is what is loaded, the base stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.errors import StudioError
from engine.models.adapter import (
    adapter_tensors,
    attach,
    attach_full,
    detach,
    disabled,
    load_adapter,
    load_blend,
    save_adapter,
    set_strength,
    weights_hash,
)
from engine.models.denoiser import Condition, Denoiser
from tests.tiny import tiny

CARD = {"name": "feet", "base": {"id": "tiny@0"}, "prompts": ["a person | walks"], "reward": "x"}


@pytest.fixture
def denoiser() -> Denoiser:
    return tiny().denoiser


def predict(denoiser: Denoiser) -> torch.Tensor:
    """The network's output on fixed inputs [2, 5, 8]."""
    generator = torch.Generator().manual_seed(5)
    width = denoiser.config.width
    condition = Condition(
        torch.randn(2, 3, width, generator=generator), torch.ones(2, 3, dtype=torch.bool),
        torch.randn(2, width, generator=generator),
    )  # fmt: skip
    x_t = torch.randn(2, 5, denoiser.config.latent_dim, generator=generator)
    return denoiser(x_t, torch.tensor([10, 700]), condition, torch.tensor([20, 17])).detach()


def learn(denoiser: Denoiser, seed: int, name: str = "default") -> None:
    """Stand-in for tuning: random changes of the adapter's tensors."""
    generator = torch.Generator().manual_seed(seed)
    for value in adapter_tensors(denoiser, name).values():
        value.data += 0.05 * torch.randn(value.shape, generator=generator)


def trained(folder: Path, seed: int, full: bool = False) -> Path:
    made = tiny().denoiser
    if full:
        attach_full(made)
    else:
        attach(made, rank=3, alpha=6)
    learn(made, seed)
    save_adapter(made, folder, CARD)
    return folder


def test_lora_sits_on_attention_and_feed_forward_of_the_blocks_alone(denoiser):
    base = predict(denoiser)
    parameters = attach(denoiser, rank=4)
    assert torch.equal(predict(denoiser), base)
    names = set(adapter_tensors(denoiser))
    assert len(parameters) == len(names) == denoiser.config.layers * 8 * 2
    assert all(name.startswith("base_model.model.blocks.") for name in names)
    trainable = [name for name, value in denoiser.named_parameters() if value.requires_grad]
    assert len(trainable) == len(parameters)
    assert not any(name.startswith("text.") for name in trainable)


def test_attaching_is_the_same_every_time_and_leaves_random_numbers_alone(denoiser):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = attach(denoiser, seed=7)
    assert torch.equal(torch.rand(3), expected)
    second, third = (attach(tiny().denoiser, seed=seed) for seed in (7, 8))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, third, strict=True))


@pytest.mark.parametrize("full", [False, True])
def test_disabled_shows_the_base_and_gives_gradients_back(denoiser, full):
    base = predict(denoiser)
    parameters = attach_full(denoiser) if full else attach(denoiser)
    learn(denoiser, 1)
    tuned = predict(denoiser)
    with disabled(denoiser):
        assert torch.equal(predict(denoiser), base)
    assert torch.equal(predict(denoiser), tuned)
    assert not torch.equal(tuned, base)
    assert all(value.requires_grad for value in parameters)
    assert sum(value.requires_grad for value in denoiser.parameters()) == len(parameters)


@pytest.mark.parametrize("full", [False, True])
def test_a_graph_built_before_disabled_can_still_go_backward(denoiser, full):
    parameters = attach_full(denoiser) if full else attach(denoiser)
    learn(denoiser, 1)
    condition = Condition(torch.ones(1, 2, 16), torch.ones(1, 2, dtype=torch.bool),
                          torch.ones(1, 16))  # fmt: skip
    out = denoiser(torch.ones(1, 4, 8), torch.tensor([5]), condition, torch.tensor([16]))
    with disabled(denoiser):
        predict(denoiser)
    out.square().sum().backward()
    assert all(value.grad is not None for value in parameters)


@pytest.mark.parametrize("full", [False, True])
def test_what_is_saved_is_what_is_loaded(tmp_path, full):
    source = tiny().denoiser
    if full:
        attach_full(source)
    else:
        attach(source, rank=3, alpha=6)
    learn(source, 2)
    save_adapter(source, tmp_path / "a", CARD)
    loaded = tiny().denoiser
    base = predict(loaded)
    found = load_adapter(loaded, tmp_path / "a")
    assert found.kind == ("full" if full else "lora")
    assert torch.allclose(predict(loaded), predict(source), atol=1e-6)
    assert not any(value.requires_grad for value in loaded.parameters())
    set_strength(loaded, 0.0)
    assert torch.equal(predict(loaded), base)
    set_strength(loaded, 0.5)
    half = predict(loaded)
    assert not torch.equal(half, base)
    assert not torch.equal(half, predict(source))
    detach(loaded)
    assert torch.equal(predict(loaded), base)
    assert weights_hash(loaded) == weights_hash(tiny().denoiser)
    assert set(loaded.state_dict()) == set(tiny().denoiser.state_dict())


@pytest.mark.parametrize("full", [False, True])
def test_strength_moves_the_weights_in_proportion(tmp_path, full):
    folder = trained(tmp_path / "a", 3, full)
    denoiser = tiny().denoiser
    load_adapter(denoiser, folder)
    layer = denoiser.blocks[0].feed_forward[0]
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))

    def change(strength: float) -> torch.Tensor:
        set_strength(denoiser, strength)
        out = layer(x)
        with disabled(denoiser):
            return (out - layer(x)).detach()

    assert torch.allclose(change(1.5), 1.5 * change(1.0), atol=1e-5)


def test_peft_itself_reads_the_folder(tmp_path, denoiser):
    from peft import PeftModel

    folder = trained(tmp_path / "a", 4)
    ours = tiny().denoiser
    load_adapter(ours, folder)
    theirs = PeftModel.from_pretrained(denoiser, str(folder))
    assert torch.equal(predict(theirs.base_model.model), predict(ours))


def test_a_saved_adapter_can_be_tuned_on(tmp_path, denoiser):
    load_adapter(denoiser, trained(tmp_path / "a", 5), trainable=True)
    trainable = {n for n, value in denoiser.named_parameters() if value.requires_grad}
    assert len(trainable) == len(adapter_tensors(denoiser))


@pytest.mark.parametrize("kinds", [(False, False), (False, True), (True, True)])
def test_blends_add_up(tmp_path, kinds):
    folders = [trained(tmp_path / str(i), 6 + i, full) for i, full in enumerate(kinds)]
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))

    def output(*parts: tuple[Path, float]) -> torch.Tensor:
        denoiser = tiny().denoiser
        load_blend(denoiser, parts)
        return denoiser.blocks[1].feed_forward[0](x).detach()

    base = output()
    alone = [output((folder, 1.0)) - base for folder in folders]
    both = output((folders[0], 0.25), (folders[1], 0.75)) - base
    assert torch.allclose(both, 0.25 * alone[0] + 0.75 * alone[1], atol=1e-5)


def test_an_adapter_for_another_base_is_refused(tmp_path, denoiser):
    folder = trained(tmp_path / "a", 7)
    base = predict(denoiser)
    with torch.no_grad():
        denoiser.out.bias[0] += 1e-3
    with pytest.raises(StudioError, match="another base model"):
        load_adapter(denoiser, folder)
    with torch.no_grad():
        denoiser.out.bias[0] -= 1e-3
    assert not hasattr(denoiser, "peft_config")
    assert torch.allclose(predict(denoiser), base, atol=1e-6)


def test_the_hash_is_the_bases_whatever_sits_on_it(tmp_path, denoiser):
    plain = weights_hash(denoiser)
    attach(denoiser)
    attach_full(denoiser, "other")
    learn(denoiser, 8, "other")
    assert weights_hash(denoiser) == plain


def test_damaged_and_foreign_folders_are_explained(tmp_path, denoiser):
    folder = trained(tmp_path / "a", 9)
    with pytest.raises(StudioError, match="holds no adapter"):
        load_adapter(denoiser, tmp_path)
    card = json.loads((folder / "easytune.json").read_text())

    def wrong(text: str, match: str, file: str = "easytune.json") -> None:
        kept = (folder / file).read_text()
        (folder / file).write_text(text)
        with pytest.raises(StudioError, match=match):
            load_adapter(denoiser, folder)
        (folder / file).write_text(kept)

    wrong(json.dumps({**card, "version": 2}), "version 2")
    wrong(json.dumps({**card, "format": "x"}), "does not describe")
    wrong("{", "cannot be read")
    wrong(json.dumps({"r": "many"}), "incomplete", "adapter_config.json")
    wrong(json.dumps({"r": 5, "lora_alpha": 1}), "does not fit", "adapter_config.json")
    weights = folder / "adapter_model.safetensors"
    other = trained(tmp_path / "b", 10) / weights.name
    whole = weights.read_bytes()
    weights.write_bytes(other.read_bytes())
    with pytest.raises(StudioError, match="not the file"):
        load_adapter(denoiser, folder)
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StudioError, match="damaged"):
        load_adapter(denoiser, folder)
    weights.unlink()
    with pytest.raises(StudioError, match="missing"):
        load_adapter(denoiser, folder)
    assert not hasattr(denoiser, "peft_config")


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan"), "1"])
def test_strengths_out_of_range_are_refused(denoiser, strength):
    attach(denoiser)
    with pytest.raises(StudioError, match="strength"):
        set_strength(denoiser, strength)


def test_saving_again_replaces_and_leaves_nothing_beside(tmp_path, denoiser):
    attach(denoiser)
    for seed in (1, 2):
        learn(denoiser, seed)
        save_adapter(denoiser, tmp_path / "a", CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    loaded = tiny().denoiser
    load_adapter(loaded, tmp_path / "a")
    assert torch.equal(predict(loaded), predict(denoiser))
    text = (tmp_path / "a" / "README.md").read_text()
    assert r"a person \| walks" in text
