"""The benchmark that sets models side by side, end to end on toys."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import backbones
from engine.backbones.mdm import MDM, Frames, FramesConfig, MDMConfig
from engine.diffusion.ancestral import AncestralConfig, AncestralSchedule
from engine.diffusion.flow import FlowSchedule
from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet
from tests.tiny import TEXT_DIM, FakeTextEncoder, save_tiny, tiny
from tests.training.toy import toy_dataset


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset, a judge that knows nothing, and one model of each kind of our own."""
    for module in (backbones, "engine.diffusion.model"):
        target = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{target}.TransformersTextEncoder", lambda **_: FakeTextEncoder())
    toy_dataset(tmp_path / "data")
    save_tiny(tmp_path / "ddim")
    replace(tiny(), schedule=FlowSchedule()).save_pretrained(tmp_path / "flow")
    torch.manual_seed(0)
    codec = Frames(FramesConfig())
    codec.feature_std.fill_(0.02)
    frames = MotionModel(
        codec, MDM(MDMConfig(263, 16, 1, 2, 16, TEXT_DIM)), AncestralSchedule(AncestralConfig(4)),
        steps=4, family="mdm",
    )  # fmt: skip
    frames.save_pretrained(tmp_path / "mdm")
    judge = EvaluatorConfig(
        width=16, recurrent=8, text_width=8, text_layers=1, text_heads=1, embedding=8,
        text_encoder="fake", contents=("walk", "wave-left-hand"), styles=("neutral", "tired"),
    )  # fmt: skip
    Evaluator(EvaluatorNet(judge)).save_pretrained(tmp_path / "judge")
    return tmp_path


def given(place: Path, *models: str) -> list[str]:
    return [
        "--models", *models, f"--data={place / 'data'}", f"--evaluator={place / 'judge'}",
        f"--out={place / 'out'}", "--device=cpu", "--replications=2",
    ]  # fmt: skip


def test_each_model_at_each_number_of_steps(place: Path) -> None:
    ddim, flow, mdm = (str(place / name) for name in ("ddim", "flow", "mdm"))
    path = backbones.main(given(place, f"{ddim}:2,3", f"{flow}:2,3", mdm))
    values = json.loads(path.read_text())
    assert values["finished"] and list(values["splits"]) == ["val"]
    real, *rows = values["splits"]["val"]
    assert real["fid"] == pytest.approx(0.0, abs=1e-3) and "steps" not in real
    assert [(row["model"], row["steps"]) for row in rows] == [
        (ddim, 2), (ddim, 3), (flow, 2), (flow, 3), (mdm, 4),
    ]  # fmt: skip
    for row in rows:
        assert {"mm_dist", "fid", "diversity", "content", "style", "foot_skate"} <= set(row)
        assert row["ms_per_motion"] > 0
    assert rows[0]["mm_dist"] != rows[2]["mm_dist"]
    page = path.with_suffix(".md").read_text()
    assert page.count("\n| ") == 7 and f"| {mdm} | 4 | 3.0 |" in page


def test_several_scales_are_several_rows(place: Path) -> None:
    arguments = given(place, f"{place / 'ddim'}:2")
    values = json.loads(backbones.main([*arguments, "--guidance", "1", "4"]).read_text())
    rows = values["splits"]["val"][1:]
    assert [row["guidance"] for row in rows] == [1.0, 4.0]
    assert rows[0]["mm_dist"] != rows[1]["mm_dist"]


def test_nothing_is_measured_when_a_model_is_missing(place: Path) -> None:
    with pytest.raises(StudioError, match="There is no model"):
        backbones.main(given(place, f"{place / 'ddim'}:2", "nowhere:3"))
    assert not (place / "out").exists()
