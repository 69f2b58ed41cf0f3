"""The terminal's train verbs: what they hand on, and how they end when somebody stops them."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.data.dataset import MotionDataset
from engine.training import denoiser, evaluator, reward, vae
from engine.training.loop import Budget, StoppedError

VERBS = {
    "vae": (vae, "train", []),
    "denoiser": (denoiser, "train_from_folder", ["--vae", "v", "--batch", "64"]),
    "reward": (reward, "train", ["--model", "checkpoints/base", "--batch", "64"]),
    "evaluator": (evaluator, "train", ["--batch", "64"]),
}


def call(verb: str, monkeypatch, work) -> object:
    module, name, options = VERBS[verb]
    monkeypatch.setattr(module, name, work)
    monkeypatch.setattr(MotionDataset, "open", lambda _: None)
    arguments = ["train", verb, "--data", "d", "--out", "o", "--device", "cpu", *options]
    return CliRunner().invoke(app, [*arguments, "--minutes", "7", "--updates", "9", "--resume"])


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_budget_and_batch_arrive(verb, monkeypatch):
    seen: list = []
    found = call(verb, monkeypatch, lambda *a, **more: seen.extend([*a, *more.values()]))
    assert found.exit_code == 0, found.output
    assert found.output == "Wrote o\n"
    assert Budget(7.0, 9, True) in seen
    sizes = [value.batch for value in seen if hasattr(value, "batch")]
    assert sizes == ([] if verb == "vae" else [64])


@pytest.mark.parametrize(("rank", "told"), [("0", "Stopped after 5 updates.\n"), ("1", "")])
@pytest.mark.parametrize("verb", sorted(VERBS))
def test_stopped_is_no_success_and_one_process_tells(verb, rank, told, monkeypatch):
    def stopped(*_, **__):
        raise StoppedError("Stopped after 5 updates.")

    monkeypatch.setenv("RANK", rank)
    found = call(verb, monkeypatch, stopped)
    assert (found.exit_code, found.output) == (130, told)
