"""Published text encoders, tiny and random, read from folders as the hub has them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize

from engine.backbones import text
from engine.backbones.text import PUBLISHED, Published, PublishedEncoder
from engine.errors import StudioError
from engine.files import write_json

WORDS = ["<pad>", "<unk>", "<start>", "<end>", "a", "person", "walks", "jumps", "high"]
TEXTS = ["a person walks", "jumps", ""]


def save_tokenizer(folder: Path, start: bool) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = "<start> $A <end>" if start else "$A <end>"
    made.post_processor = processors.TemplateProcessing(
        single=ends, special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", unk_token="<unk>", eos_token="<end>"
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        DistilBertConfig,
        DistilBertModel,
        T5Config,
        T5EncoderModel,
    )

    place = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    clip: Any = CLIPTextConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, projection_dim=12, max_position_embeddings=16, bos_token_id=2,
        eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    CLIPTextModelWithProjection(clip).save_pretrained(place / "clip-vit-base-patch32")
    five = T5Config(vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)
    T5EncoderModel(five).save_pretrained(place / "sentence-t5-large")
    bert = DistilBertConfig(vocab_size=len(WORDS), dim=16, hidden_dim=16, n_layers=2, n_heads=2)
    DistilBertModel(bert).save_pretrained(place / "distilbert-base-uncased")
    for name in ("clip-vit-base-patch32", "sentence-t5-large", "distilbert-base-uncased"):
        save_tokenizer(place / name, start=name != "sentence-t5-large")
    dense = place / "sentence-t5-large" / "2_Dense"
    dense.mkdir()
    save_file({"linear.weight": torch.randn(12, 16)}, dense / "model.safetensors")
    write_json(dense / "config.json", {"in_features": 16, "out_features": 12, "bias": False})
    return place


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("EASYTUNE_ENCODERS", str(folder))
    widths = {"clip": 12, "sentence-t5": 12, "t5-tokens": 16, "tokens": 16}
    table = {
        name: Published(one.hub, one.kind, widths[one.kind], 6) for name, one in PUBLISHED.items()
    }
    monkeypatch.setattr(text, "PUBLISHED", table)


@pytest.mark.parametrize(
    "name",
    [
        "clip-vit-base-patch32",
        "sentence-t5-large",
        "sentence-t5-large-tokens",
        "distilbert-base-uncased",
    ],
)
def test_a_prompt_is_the_same_in_any_company(name: str) -> None:
    encoder = PublishedEncoder(name)
    states, mask = encoder.encode(TEXTS)
    assert states.shape[-1] == encoder.dim and not states.requires_grad
    assert bool((states[~mask] == 0).all())
    if "tokens" not in name and name != "distilbert-base-uncased":
        assert states.shape[1] == 1 and bool(mask.all())
    for row, one in enumerate(TEXTS):
        alone, own = encoder.encode([one])
        torch.testing.assert_close(states[row][mask[row]], alone[0][own[0]], atol=1e-5, rtol=0)
    assert not torch.allclose(states[0, 0], states[2, 0])
    long, cut = encoder.encode(["a person walks high jumps a person walks"])
    assert int(cut.sum()) in (1, 6)
    assert bool(long.isfinite().all())


def test_sentence_t5_is_the_mean_through_a_linear_layer_of_unit_length(folder: Path) -> None:
    tokens, mask = PublishedEncoder("sentence-t5-large-tokens").encode(TEXTS)
    weight = load_file(folder / "sentence-t5-large" / "2_Dense" / "model.safetensors")
    mean = tokens.sum(1) / mask.sum(1, keepdim=True)
    sentence, _ = PublishedEncoder("sentence-t5-large").encode(TEXTS)
    torch.testing.assert_close(sentence[:, 0], normalize(mean @ weight["linear.weight"].T, dim=-1))


@pytest.mark.parametrize("name", ["clip-vit-base-patch32", "sentence-t5-large"])
def test_pickled_weights_are_read_apart(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = PublishedEncoder(name).encode(TEXTS)
    shutil.copytree(folder / name, tmp_path / name)
    for file in (tmp_path / name).rglob("model.safetensors"):
        torch.save(load_file(file), file.with_name("pytorch_model.bin"))
        file.unlink()
    monkeypatch.setenv("EASYTUNE_ENCODERS", str(tmp_path))
    torch.testing.assert_close(PublishedEncoder(name).encode(TEXTS)[0], expected)


def test_incomplete_weights_are_no_encoder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "distilbert-base-uncased"
    shutil.copytree(folder / name, tmp_path / name)
    tensors = load_file(tmp_path / name / "model.safetensors")
    tensors.pop(next(key for key in tensors if key.endswith("q_lin.weight")))
    save_file(tensors, tmp_path / name / "model.safetensors", {"format": "pt"})
    monkeypatch.setenv("EASYTUNE_ENCODERS", str(tmp_path))
    with pytest.raises(StudioError, match=r"q_lin\.weight is missing"):
        PublishedEncoder(name).encode(["a"])


def test_clip_reads_at_the_end_of_the_sentence(folder: Path) -> None:
    """The vector is that of the end token, so that what comes before it changes it."""
    a, b, _ = PublishedEncoder("clip-vit-base-patch32").encode(["walks", "walks high", "a"])[0]
    assert not torch.allclose(a, b)


def test_what_is_missing_or_another_encoder_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudioError, match=r"hf download openai/clip-vit-large-patch14"):
        PublishedEncoder("clip-vit-large-patch14")
    monkeypatch.setitem(
        text.PUBLISHED, "distilbert-base-uncased",
        Published("distilbert-base-uncased", "tokens", 768, 6),
    )  # fmt: skip
    with pytest.raises(StudioError, match=r"gives 16 channels, not 768: it is not distilbert"):
        PublishedEncoder("distilbert-base-uncased").encode(["a"])
