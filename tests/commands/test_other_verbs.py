"""The data and training verbs: they start, and what is wrong is one sentence."""

from __future__ import annotations

import pytest

from engine.training import corpus
from tests.commands.test_generate import files
from tests.training.toy import toy_dataset


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data", "prepare", "--source", "here", "--out", "{}/out"], "is not NAME=PATH"),
        (["data", "prepare", "--source", "moon={}", "--out", "{}/out"], "moon"),
        (["data", "prepare", "--source", "cmu={}/none", "--out", "{}/out"], "none"),
        (["data", "report", "--data", "{}/none"], "not a prepared dataset"),
        (["train", "corpus", "--data", "{}/none", "--out", "{}/out"], "not a prepared dataset"),
        (["train", "vae", "--data", "{}/none", "--out", "{}/out"], "not a corpus"),
        (["train", "vae", "--data", "{}/none", "--out", "{}/out", "--device", "moon"],
         "device 'moon' cannot be used"),
        (["train", "vae", "--data", "{}/none", "--out", "{}/out", "--frames-per-token", "3"],
         "no power of two"),
        (["train", "vae", "--data", "{}/none", "--out", "{}/out", "--latent-dim", "0"],
         "latent_dim is 0"),
        (["train", "denoiser", "--data", "{}/none", "--vae", "{}/none", "--out", "{}/out"],
         "does not exist"),
        (["train", "denoiser", "--data", "{}/none", "--vae", "{}/none", "--out", "{}/out",
          "--prediction", "guess"], "no prediction type"),
        (["train", "evaluator", "--data", "{}/none", "--out", "{}/out"], "not a prepared dataset"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_sentence(command, tmp_path, arguments, sentence):
    done = command(*(argument.format(tmp_path) for argument in arguments))
    assert sentence in done.sentence()
    assert files(tmp_path) == []


def test_corpus_and_report_of_a_toy(command, tmp_path):
    toy_dataset(tmp_path / "data")
    done = command("train", "corpus", "--data", tmp_path / "data", "--out", tmp_path / "corpus",
                   "--composed", 3, "--pool", 2, "--jobs", 1)  # fmt: skip
    assert done.code == 0, done.err
    assert "'clip'" in done.out
    assert len(corpus.load(tmp_path / "corpus")[0]) > 30
    assert command("data", "report", "--data", tmp_path / "data").code == 0
    assert (tmp_path / "data" / "report").is_dir()


@pytest.mark.parametrize(
    "option",
    [["--minutes", "0"], ["--minutes=-1"], ["--minutes", "nan"], ["--width", "250"],
     ["--layers", "0"], ["--patch", "0"]],
    ids="".join,
)  # fmt: skip
def test_sizes_and_times_that_make_no_sense(command, tmp_path, tiny_model, option):
    toy_dataset(tmp_path / "data")
    corpus.build(tmp_path / "data", tmp_path / "corpus", composed=0, pool=1, jobs=1)
    done = command("train", "denoiser", "--data", tmp_path / "corpus", "--vae", tiny_model,
                   "--out", tmp_path / "out", "--device", "cpu", "--batch", 2, *option)  # fmt: skip
    assert done.sentence()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [["--seed=-1"], ["--seed", "4294967296"], ["--jobs=-1"]])
def test_numbers_out_of_range_are_refused_by_their_option(command, tmp_path, option):
    done = command("train", "corpus", "--data", tmp_path, "--out", tmp_path / "out", *option)
    assert done.code == 2
    assert option[0].split("=")[0] in done.err
    assert "Traceback" not in done.err
