"""evaluate: the table, the JSON, the paired test, and one sentence for what cannot be judged."""

from __future__ import annotations

import json

import pytest
import torch

from engine.data.dataset import MotionDataset
from engine.diffusion.model import MotionModel
from engine.evaluation import metrics
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet
from engine.models.adapter import attach, save_adapter
from tests.evaluation.test_evaluator import made_dataset
from tests.tiny import TEXT_DIM, save_tiny


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a dataset, an evaluator that knows nothing, and two models."""
    folder = tmp_path_factory.mktemp("judged")
    made_dataset(folder / "data")
    torch.manual_seed(0)
    config = EvaluatorConfig(
        width=16, recurrent=8, text_dim=TEXT_DIM, text_width=16, text_layers=1, text_heads=2,
        embedding=16, dropout=0.0, contents=("bow", "walk"), styles=("neutral", "proud"),
    )  # fmt: skip
    Evaluator(EvaluatorNet(config)).save_pretrained(folder / "judge")
    save_tiny(folder / "one")
    save_tiny(folder / "other", patch=2)
    return folder


@pytest.fixture
def evaluate(command, place):
    """`evaluate` of the small models on CPU, quick."""

    def run(*arguments):
        return command(
            "evaluate", "--model", place / "one", "--data", place / "data", "--evaluator",
            place / "judge", "--limit", 33, "--replications", 2, "--steps", 1,
            "--device", "cpu", *arguments,
        )  # fmt: skip

    return run


def test_the_table_has_real_motions_both_models_and_words(evaluate, place):
    done = evaluate("--against", place / "other")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("val: 33 clips, 2 replications, seed 0, judged by judge")
    header = next(line for line in lines if "other real" in line)
    assert header.split() == ["real", "other", "real", "one", "other"]
    for title in ("R-precision 1", "strict 3", "MM-Dist", "FID", "Diversity", "MultiModality",
                  "content accuracy", "style accuracy", "foot_skate", "jerk"):  # fmt: skip
        assert sum(line.startswith(title) for line in lines) == 1, title
    fid = next(line for line in lines if line.startswith("FID")).split()
    assert float(fid[1]) == 0.0
    assert min(float(value) for value in fid[5::2]) > 0  # of both models
    assert "one beside other, the same captions and seeds (33 captions, 66 motions each):" in lines
    assert any(line.startswith("  follows the text better: ") for line in lines)
    assert "left out of each other's ranking" in done.out


def test_json_is_one_line_that_says_everything(evaluate, place):
    done = evaluate("--against", place / "other", "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert set(result["rows"]) == {"real", "other real", "model", "against"}
    assert result["models"]["model"]["id"].startswith("one@")
    assert result["models"]["model"]["steps"] == 1
    for name in ("r1", "fid", "mm_dist", "diversity", "content", "style"):
        assert result["rows"]["model"][name]["count"] == 2, name
    assert result["rows"]["model"]["physical"]["jerk"]["real"] == pytest.approx(
        result["rows"]["real"]["physical"]["jerk"]["value"]
    )
    alignment = result["comparison"]["differences"]["alignment"]
    assert alignment["low"] <= alignment["difference"] <= alignment["high"]
    assert alignment["prompts"] == 33
    assert len(result["words"]) >= 5


def test_a_model_beside_itself_does_not_differ(evaluate, place):
    done = evaluate("--against", place / "one", "--json")
    result = json.loads(done.out)
    assert result["rows"]["model"] == result["rows"]["against"]
    verdicts = {one["verdict"] for one in result["comparison"]["differences"].values()}
    assert verdicts == {"no difference"}


def test_the_same_call_gives_the_same_numbers(evaluate):
    first, second, other = (
        evaluate("--json", "--limit", 8, "--seed", seed).out for seed in (1, 1, 2)
    )
    assert first == second != other
    result = json.loads(first)
    assert "comparison" not in result
    row = result["rows"]["model"]
    assert row["multimodality"]["count"] == 20
    assert row["multimodality"]["mean"] > 0
    assert metrics.Interval(**row["fid"]).mean > 0


def test_an_adapter_is_judged_beside_its_base(evaluate, place):
    model = MotionModel.from_pretrained(place / "one")
    trained = attach(model.denoiser, rank=2, alpha=8)
    for number, parameter in enumerate(trained):
        torch.nn.init.normal_(parameter, std=0.5, generator=torch.Generator().manual_seed(number))
    save_adapter(model.denoiser, place / "tuned", {"base": {"id": model.model_id}})
    few = ("--json", "--limit", 8, "--replications", 1)
    given = ("--adapter", place / "tuned", "--against", place / "one", *few)
    result = json.loads(evaluate(*given).out)
    assert result["models"]["model"]["name"] == "one + tuned"
    assert result["models"]["against"]["name"] == "one"
    assert result["rows"]["model"]["fid"] != result["rows"]["against"]["fid"]
    off = json.loads(evaluate(*given, "--strength", 0).out)
    assert off["rows"]["model"]["fid"] == off["rows"]["against"]["fid"]
    other = json.loads(evaluate("--against-adapter", place / "tuned", *few).out)
    assert other["rows"]["against"] == result["rows"]["model"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "{}/none"], "not a prepared dataset"),
        (["--data", "{}/none", "--model", "{}/none"], "not a prepared dataset"),
        (["--model", "{}/none"], "There is no model"),
        (["--against", "{}/none"], "There is no model"),
        (["--evaluator", "{}/none"], "There is no evaluator"),
        (["--evaluator", "{}/one"], "evaluator's config.json does not fit"),
        (["--split", "train"], "choose val, test or unseen"),
        (["--split", "test"], "no clips in the split 'test'"),
        (["--guidance", "99"], "Guidance 99"),
        (["--steps", "0"], "denoising steps are out of range"),
        (["--device", "moon"], "device 'moon' cannot be used"),
        (["--adapter", "{}/none"], "There is no adapter"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_sentence(evaluate, place, arguments, sentence):
    assert sentence in evaluate(*(one.format(place) for one in arguments)).sentence()


def test_a_split_too_small_for_groups_has_no_r_precision(evaluate, place):
    done = evaluate("--limit", 8)
    assert done.code == 0, done.err
    assert "R-precision 1" not in done.out.split("\n\n")[1]
    assert len(MotionDataset.open(place / "data").clips) > 8
