"""tune in the terminal: from prompts to an adapter that other verbs take; bad input in words."""

from __future__ import annotations

import json

import pytest

from engine.models.adapter import attach, save_adapter
from tests.commands.conftest import command, spawn  # noqa: F401
from tests.tiny import tiny
from tests.tuning import runs

FEET = ("--reward", "feet=1", "--form", "x_0", "--device", "cpu")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where runs/ lies."""
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tune(command, tiny_model, tmp_path, home):  # noqa: F811
    """`tune` with the tiny model and a few prompts, unless other ones are named."""
    prompts = runs.prompt_file(tmp_path)

    def run(*arguments, prompts=prompts, model=tiny_model, most=("--updates", 4, "--batch", 2)):
        extra = ["--prompts", prompts] if prompts else []
        return command(
            "tune", *extra, *(("--model", model) if model else ()), *most, *FEET, "--steps", 2,
            *arguments,
        )  # fmt: skip

    return run


def test_the_adapter_is_at_once_what_other_verbs_take(tiny_model, tmp_path, home):
    """A process of its own with the real text encoder, then `generate` with the run's name."""
    prompts = runs.prompt_file(tmp_path)
    done = spawn(
        "tune", "--prompts", prompts, "--model", tiny_model, "--updates", 4, "--batch", 2,
        "--steps", 2, "--rate", 0.01, *FEET, "--name", "mine", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["session"] == str(home / "runs" / "mine")
    assert said["reason"] == "finished"
    assert "This run needs about" in done.err
    report = runs.report(home / "runs" / "mine")
    assert report == said["report"]
    assert report["updates"] == 4
    assert report["comparison"]["prompts"] == 4  # judged by the shipped evaluator
    assert set(report["predictions"]) == {"memory_bytes", "seconds", "disk_bytes"}
    assert all(one["measured"] > 0 for one in report["predictions"].values())
    card = json.loads((home / "runs/mine/adapter/easytune.json").read_text())
    assert card["words"] == report["words"]
    assert card["reward"] == {"feet": 1.0}
    for options in ([], ["--adapter", "mine"]):
        made = spawn(
            "generate", "a person walks", "--seconds", 1, "--model", tiny_model, "--no-video",
            "--output", tmp_path / f"out{len(options)}", "--json", *options,
        )  # fmt: skip
        assert made.code == 0, made.err
    hashes = [
        json.loads((tmp_path / place / "receipt.json").read_text())["motions"][0]["sha256"]
        for place in ("out0", "out2")
    ]
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--prompts", "nobody"], "There is no prompt pack or file 'nobody'"),
        (["--reward", "fame=1"], "There is no reward term 'fame'; there are follow, feet"),
        (["--reward", "feet=much"], "is no reward weight"),
        (["--method", "magic"], "There is no tuning method 'magic'; choose from easytune"),
        (["--form", "x_9"], "There is no reward form 'x_9'"),
        (["--weighting", "odd"], "There is no step weighting 'odd'"),
        (["--weighting", "window"], "needs a window"),
        (["--preset", "slow"], "There is no preset 'slow'"),
        (["--adapter", "nobody"], "There is no adapter 'nobody'"),
        (["--minutes", "1"], "Give --minutes or --updates, not both"),
        (["--rate", "nan"], "--rate nan is not a number"),
        (["--rank", "0"], "The rank 0 is out of range"),
        (["--name", "../up"], "cannot name a folder"),
        (["--steps", "0"], "steps"),
        (["--device", "abacus"], "cannot be used here"),
    ],
)  # fmt: skip
def test_what_there_is_not(tune, home, options, words):
    assert words in tune(*options).err
    assert not list(home.glob("runs/*"))


def test_other_models_and_adapters(tune, tiny_patched_model, tmp_path, home):
    assert "There is no model 'nobody'" in tune("--model", "nobody").sentence()
    other = tiny()
    other.denoiser.inp.weight.data += 1
    attach(other.denoiser, rank=2)
    save_adapter(other.denoiser, tmp_path / "else", {"base": {"id": "other@1"}})
    said = tune("--adapter", tmp_path / "else").err
    assert "was tuned on another base model (other@1" in said
    assert not list(home.glob("runs/*"))


def test_a_run_can_be_tuned_further_but_not_again(tune, command, home):  # noqa: F811
    assert tune("--name", "one").code == 0
    one = runs.weights(home / "runs/one")
    assert "holds a run already" in tune("--name", "one").sentence()
    said = command("tune", "--resume", "--name", "one").sentence()
    assert "is finished. To tune further, start a run with --adapter one" in said
    assert tune("--name", "two", "--adapter", "one").code == 0
    assert runs.weights(home / "runs/two") != one
    assert runs.weights(home / "runs/one") == one
    start = runs.events(home / "runs/two", "check")[0]["values"]
    assert start["drift"] > 0  # it went on from the first one, and is still measured from the base


def test_resuming_takes_no_new_settings(command, home):  # noqa: F811
    said = command("tune", "--resume", "--rate", "0.1", "--name", "one").sentence()
    assert "leave out --rate" in said
    assert "There is no run in" in command("tune", "--resume", "--name", "one").sentence()
    assert "no interrupted run" in command("tune", "--resume").sentence()
    assert "Say what to tune on" in command("tune").sentence()


def test_the_command_in_the_config_asks_for_the_same_run(tune, home):
    assert tune("--name", "one", "--trust", "0.5", "--rank", "2", "--seed", "3").code == 0
    config = json.loads((home / "runs/one/config.json").read_text())
    assert (
        tune("--name", "two", *config["command"][4:], prompts=None, model=None, most=()).code == 0
    )
    again = json.loads((home / "runs/two/config.json").read_text())
    assert again["settings"] == config["settings"]
    assert runs.weights(home / "runs/one") == runs.weights(home / "runs/two")
