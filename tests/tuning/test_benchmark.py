"""The tuning benchmark, end to end on toys: every part runs, and what it says can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import tuning, tuning_runs
from benchmarks.tuning_runs import Curve, Point
from engine.errors import StudioError
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet
from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.tuning.methods.registry import build
from engine.tuning.rewards.registry import check_weights, parse_weights
from tests.tiny import FakeTextEncoder, save_tiny
from tests.training.toy import toy_dataset


def test_time_to_a_level_is_read_between_points() -> None:
    rewards = [0.1, 0.3, 0.2, 0.6]
    curve = Curve([Point(float(2 * i), i, i, reward) for i, reward in enumerate(rewards)])
    assert curve.best == 0.6
    assert curve.time_to(0.2) == pytest.approx(1.0)
    assert curve.time_to(0.3) == pytest.approx(2.0)
    assert curve.time_to(0.4) == pytest.approx(5.0)
    assert curve.time_to(0.61) is None


def test_times_are_compared_seed_by_seed() -> None:
    def line(*rewards: float) -> Curve:
        return Curve([Point(float(i), i, i, reward) for i, reward in enumerate(rewards)])

    curves = {
        ("draft", 0): line(0.0, 0.1, 0.2), ("draft", 1): line(0.0, 0.2, 0.4),
        ("easytune", 0): line(0.0, 0.4), ("easytune", 1): line(0.0, 0.1, 0.1),
    }  # fmt: skip
    args = tuning.parse(["--data", "x", "--methods", "draft", "easytune", "--seeds", "2"])
    draft, easytune = tuning.speed(curves, args)
    assert (draft["times_faster"], draft["reached"]) == (1.0, 2)
    assert easytune["seconds"] == [0.5, None]
    assert (easytune["times_faster"], easytune["reached"]) == (4.0, 1)


def test_parts_and_methods_have_to_fit() -> None:
    with pytest.raises(StudioError, match="draft"):
        tuning.parse(["--data", "x", "--methods", "refl"])
    with pytest.raises(StudioError, match="windows"):
        tuning.parse(["--data", "x", "--parts", "speeed"])


@pytest.mark.parametrize("steps", [3, 10, 50])
@pytest.mark.parametrize("method", ["easytune", "easytune-batched"])
def test_every_variant_of_the_sweeps_can_be_built(steps: int, method: str) -> None:
    given = ["--data", "x", "--sweep-method", method, "--steps", str(steps)]
    for variants in tuning.SWEEPS.values():
        made = variants(tuning.parse(given))
        assert len(set(made.values())) == len(made)
        for chosen in made.values():
            build(chosen.method, chosen.steps)
            assert check_weights(parse_weights(chosen.weights))


@pytest.fixture
def arguments(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setattr(tuning_runs, "TransformersTextEncoder", lambda **_: FakeTextEncoder())
    toy_dataset(tmp_path / "data")
    save_tiny(tmp_path / "base")
    sizes = RewardConfig(
        embedding=8, text_width=8, text_layers=1, motion_width=8, motion_layers=1,
        motion_feed_forward=8, latent_dim=8, latent_width=8, latent_layers=1, heads=1,
    )  # fmt: skip
    RewardModel(MotionReward(sizes), LatentReward(sizes)).save_pretrained(tmp_path / "reward")
    judge = EvaluatorConfig(
        width=16, recurrent=8, text_width=8, text_layers=1, text_heads=1, embedding=8,
        text_encoder="fake", contents=("walk", "wave-left-hand"), styles=("neutral", "tired"),
    )  # fmt: skip
    Evaluator(EvaluatorNet(judge)).save_pretrained(tmp_path / "evaluator")
    folders = [f"--{name}={tmp_path / name}" for name in ("data", "reward", "evaluator")]
    return [
        *folders, f"--model={tmp_path / 'base'}", f"--out={tmp_path / 'out'}", "--device=cpu",
        "--seconds=0.02", "--batch=2", "--prompts=6", "--rank=2", "--steps", "2", "3",
    ]  # fmt: skip


def test_every_part_runs_and_leaves_the_base_alone(arguments, monkeypatch) -> None:
    seen = []
    validate = tuning_runs.Setup.validate

    def spy(self, steps, weights):
        seen.append((self, steps, weights))
        return validate(self, steps, weights)

    monkeypatch.setattr(tuning_runs.Setup, "validate", spy)
    whole_sweeps = dict(tuning.SWEEPS)
    for name, variants in whole_sweeps.items():  # the last two of each: this is about the paths
        monkeypatch.setitem(
            tuning.SWEEPS, name, lambda args, made=variants: dict([*made(args).items()][-2:])
        )
    path = tuning.main([*arguments, "--methods", "draft", "easytune-batched", "--rates", "1e-3"])
    result = json.loads(path.read_text())
    assert result["finished"]
    whole = {(r["method"], r["steps"]): r["bytes"] for r in result["memory"]}
    assert whole["draft", 3] > whole["draft", 2] > whole["easytune-batched", 3] > 0
    assert whole["draft", 3] > whole["draft, recomputed", 3]
    assert [r["method"] for r in result["runs"]] == ["draft", "easytune-batched"]
    for row in result["runs"]:
        assert row["updates"] > 0
        assert row["metrics"]["fid"] >= 0
        assert row["curve"][0][3] == row["from"]
        assert row["curve"][-1][3] != row["from"]
    assert {r["method"] for r in result["speed"]} == {"draft", "easytune-batched"}
    for name in tuning.SWEEPS:
        assert [row["variant"] == "base" for row in result[name]] == [True, False, False]
    page = path.with_suffix(".md").read_text()
    for heading in ("Memory", "Time to", "Quality", "windows", "rewards", "ranks", "paces"):
        assert heading in page
    setup, steps, weights = seen[0]
    assert validate(setup, steps, weights) == setup.base_reward(steps, weights)


def test_a_cut_run_keeps_what_it_has(arguments, monkeypatch) -> None:
    def broken(*_args) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "race", broken)
    with pytest.raises(KeyboardInterrupt):
        tuning.main([*arguments, "--methods", "draft", "--parts", "memory,speed"])
    out = next(folder for folder in arguments if folder.startswith("--out=")).removeprefix("--out=")
    (stored,) = Path(out).glob("*-tuning.json")
    result = json.loads(stored.read_text())
    assert "finished" not in result
    assert len(result["memory"]) == 4
    assert "not finished" in stored.with_suffix(".md").read_text()
