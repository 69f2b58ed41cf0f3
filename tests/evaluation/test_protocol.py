"""The scoring protocol and the quality benchmark, end to end on a toy dataset and model."""

import json

import numpy as np
import pytest
import torch

from benchmarks import quality
from engine.data.dataset import MotionDataset
from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.errors import StudioError
from engine.evaluation import protocol
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_net import EvaluatorNet
from engine.models.denoiser import Denoiser, DenoiserConfig
from engine.models.vae import MotionVAE, VAEConfig
from engine.pipeline import MotionPipeline
from tests.evaluation import figures as fig
from tests.evaluation.test_evaluator import WordEncoder, made_dataset, small


@pytest.fixture
def toy(tmp_path):
    torch.manual_seed(0)
    data = made_dataset(tmp_path / "data")
    return data, Evaluator(EvaluatorNet(small()), WordEncoder())


def toy_pipeline():
    torch.manual_seed(0)
    vae = MotionVAE(VAEConfig(latent_dim=8, encoder_width=16, decoder_width=16))
    denoiser = Denoiser(DenoiserConfig(latent_dim=8, width=16, layers=3, heads=2,
                                       feed_forward=16, text_dim=32))  # fmt: skip
    model = MotionModel(vae.eval(), denoiser.eval(), Schedule(ScheduleConfig()), steps=2)
    return MotionPipeline(model, WordEncoder(), torch.device("cpu"))


def test_real_motions_score_as_real(toy):
    data, evaluator = toy
    reference = protocol.make_reference(data, evaluator, "val")
    assert len(reference.captions) == len(reference.clips) == 48
    got = protocol.score(evaluator, reference, [reference.joints])
    assert got["fid"]["mean"] == pytest.approx(0, abs=1e-6)
    assert got["r3"]["count"] == protocol.SHUFFLES
    assert got["physical"]["jerk"]["ratio"] == pytest.approx(1.0)
    shifted = protocol.score(evaluator, reference, [[j[:, ::-1] for j in reference.joints]] * 2)
    assert shifted["fid"]["mean"] > 1e-3
    assert shifted["fid"]["count"] == 2
    json.dumps(got, allow_nan=False)


def test_the_same_seed_draws_the_same_captions(toy):
    data, evaluator = toy
    one, two = (protocol.make_reference(data, evaluator, "val", seed=3, limit=10) for _ in "ab")
    assert one.captions == two.captions
    assert len(one.clips) == 10
    with pytest.raises(StudioError, match="no clips"):
        protocol.make_reference(data, evaluator, "test")


def test_accuracy_counts_rare_labels_alike(toy):
    data, evaluator = toy
    clips = data.select(split="val")
    evaluator.net.config = small().__class__(
        **{**small().__dict__, "contents": ("bow", "walk"), "styles": ("neutral",)}
    )
    found = protocol.accuracies(evaluator, clips, evaluator.embed_motion(
        [data.joints(clip) for clip in clips]))  # fmt: skip
    assert 0 <= found["content"] <= 1
    assert found["style"] == 1.0
    right = [found["content"] * 32]  # the 16 "raise-up-both-hands" have no class
    assert right[0] == pytest.approx(round(right[0]))


def test_reconstruction_keeps_lengths_and_skeleton():
    pipeline = toy_pipeline()
    real = [fig.walk(frames=61).astype(np.float32), fig.standing(40).astype(np.float32)]
    made = protocol.reconstruct(pipeline.model.vae, real)
    assert [len(one) for one in made] == [60, 39]
    raw = protocol.reconstruct(pipeline.model.vae, real[:1], clean=False)
    alone = protocol.reconstruct(pipeline.model.vae, real[:1])
    assert made[0] == pytest.approx(alone[0], abs=1e-4)
    assert raw[0].shape == alone[0].shape
    assert protocol.joint_error(real, real) == 0
    assert protocol.joint_error(
        real, [one + np.array([0, 0.01, 0]) for one in real]
    ) == pytest.approx(10)


def test_the_benchmark_writes_both_files(toy, tmp_path, monkeypatch, capsys):
    data, evaluator = toy
    evaluator.save_pretrained(tmp_path / "evaluator")
    pipeline = toy_pipeline()
    monkeypatch.setattr(quality.MotionPipeline, "from_pretrained", lambda *_, **__: pipeline)
    monkeypatch.setattr(quality, "load_suite", lambda: quality_cases())
    assert isinstance(data, MotionDataset)
    path = quality.main([
        "--model", "toy", "--data", str(tmp_path / "data"), "--evaluator",
        str(tmp_path / "evaluator"), "--splits", "val", "--steps", "1", "2", "--replications", "2",
        "--limit", "33", "--out", str(tmp_path / "results"), "--device", "cpu",
    ])  # fmt: skip
    result = json.loads(path.read_text())
    rows = result["splits"]["val"]
    assert {"real", "VAE reconstruction", "generated, 1 steps", "generated, 2 steps",
            "generated, 2 steps, not cleaned"} == set(rows)  # fmt: skip
    assert rows["generated, 1 steps"]["fid"]["count"] == 2
    assert result["suite"]["prompts"] == 1
    page = path.with_suffix(".md").read_text()
    assert "generated, 1 steps" in page
    assert page.strip() in capsys.readouterr().out


def quality_cases():
    from engine.evaluation.kinematic_suite import parse_case

    return [parse_case({"id": "w", "category": "c", "label": "walk", "prompt": "walk",
                        "seconds": 2.0, "checks": [["forward", ">", 1.0]]})]  # fmt: skip
