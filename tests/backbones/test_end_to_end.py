"""From a published file to an evaluated, tuned model: import, generate, tune, compare, evaluate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.backbones.isolated_reader import tensors
from engine.commands.tune import Request
from engine.data.dataset import MotionDataset
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet
from engine.motion.motion import Motion
from tests.backbones.tiny import FakeSentenceEncoder, checkpoint, statistics
from tests.commands.conftest import Command, command  # noqa: F401
from tests.evaluation.test_evaluator import made_dataset
from tests.tiny import TEXT_DIM, FakeTextEncoder
from tests.tuning import runs


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset and an evaluator that knows nothing."""
    folder = tmp_path_factory.mktemp("judged")
    data: MotionDataset = made_dataset(folder / "data")
    assert data.clips
    torch.manual_seed(0)
    config = EvaluatorConfig(
        width=16, recurrent=8, text_dim=TEXT_DIM, text_width=16, text_layers=1, text_heads=2,
        embedding=16, dropout=0.0, contents=("bow", "walk"), styles=("neutral", "proud"),
    )  # fmt: skip
    Evaluator(EvaluatorNet(config)).save_pretrained(folder / "judge")
    return folder


@pytest.mark.parametrize("kind", ["mldpp", "motionlcm", "mdm"])
def test_a_published_model_goes_all_the_way(
    kind: str,
    command: Command,  # noqa: F811
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.diffusion.model.PublishedEncoder", lambda *_: FakeSentenceEncoder())
    monkeypatch.setattr(
        "engine.evaluation.evaluator.TransformersTextEncoder", lambda **_: FakeTextEncoder(),
        raising=False,
    )  # fmt: skip
    monkeypatch.setattr("engine.models.text.TransformersTextEncoder",
                        lambda **_: FakeTextEncoder())  # fmt: skip
    if kind != "mdm":  # one of them in a process of its own, as it always is
        monkeypatch.setattr(
            "engine.commands.import_checkpoint.read_checkpoint",
            lambda path: dict(tensors(torch.load(path, weights_only=True))),
        )
    file, model = tmp_path / "a.ckpt", tmp_path / "model"
    torch.save(checkpoint(kind), file)
    extra = ["--diffusion-steps", 6] if kind == "mdm" else []
    done = command("import-checkpoint", file, "--kind", kind, "--out", model, "--stats",
                   statistics(tmp_path / "stats"), "--json", *extra)  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads(done.out)["kind"] == kind
    assert "every one of them placed" in (model / "README.md").read_text()

    steps = 2 if kind == "motionlcm" else 3
    done = command("generate", "a person walks", "--model", model, "--steps", steps, "--seconds",
                   2, "--output", tmp_path / "out", "--no-video", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert Motion.load(tmp_path / "out" / "motion.npz").frames == 40

    settings = runs.settings(
        model, tmp_path, updates=6, steps=steps, reward={"feet": 1.0, "smooth": 1.0}, rank=2
    )
    folder = tmp_path / "run"
    use = replace(
        runs.parts(), encoder=FakeSentenceEncoder(), reward=None, evaluator=judged / "judge"
    )
    assert runs.tuned(Request(settings, session=folder), use).reason == "finished"
    assert runs.events(folder, "preview") and runs.events(folder, "check")
    report = runs.report(folder)
    assert report["comparison"]["differences"], report["words"]

    done = command(
        "evaluate", "--model", model, "--against-adapter", folder, "--data", judged / "data",
        "--evaluator", judged / "judge", "--limit", 6, "--replications", 2, "--steps", steps,
        "--device", "cpu", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert {"real", "model", "against"} <= set(result["rows"])
    assert result["comparison"]["motions"] == 12
