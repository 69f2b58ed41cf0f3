"""The scoring protocol and the quality benchmark, end to end on a toy dataset and model."""

import json
from dataclasses import replace

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
from engine.evaluation.sampling import SEED_STEP, replications
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


def test_other_recordings_have_the_labels_and_are_neither_scored_nor_test(toy):
    data, evaluator = toy
    reference = protocol.make_reference(data, evaluator, "val", limit=20)
    data.joints = lambda clip: clip
    kept, draws = protocol.other_real(data, reference, 3)
    assert sorted(kept) == list(range(20))
    for found in draws:
        assert [clip.content for clip in found] == [reference.clips[i].content for i in kept]
        assert len({clip.id for clip in found}) == 20
        assert not {clip.id for clip in found} & {clip.id for clip in reference.clips}
    del data.joints
    data.clips = [c for c in data.clips if c.split == "val" or c.content == "bow"]
    reference = protocol.make_reference(data, evaluator, "val")
    kept, draws = protocol.other_real(data, reference, 1)
    assert len(kept) == len(draws[0]) == 16
    assert {reference.clips[i].content for i in kept} == {"bow"}
    data.clips = [replace(c, split="test") if c.split == "train" else c for c in data.clips]
    assert protocol.other_real(data, reference, 2) == ([], [])


def test_shuffles_do_not_count_as_replications(toy):
    data, evaluator = toy
    reference = protocol.make_reference(data, evaluator, "val")
    got = protocol.score(evaluator, reference, [reference.joints] * 3)
    assert got["r1"]["count"] == got["strict_r3"]["count"] == 3
    given = protocol.score(evaluator, reference, [reference.joints] * 3,
                           embeddings=[reference.motion] * 3)  # fmt: skip
    assert given == got


def test_a_part_of_a_reference_keeps_rows_together(toy):
    data, evaluator = toy
    reference = protocol.make_reference(data, evaluator, "val")
    part = reference.part([5, 2])
    assert part.captions == [reference.captions[5], reference.captions[2]]
    assert np.array_equal(part.text[1], reference.text[2])
    assert np.array_equal(part.motion[0], reference.motion[5])
    assert part.clips[0] == reference.clips[5]


def test_every_model_gets_the_same_seeds_and_order(toy):
    data, evaluator = toy
    reference = protocol.make_reference(data, evaluator, "val", limit=5)
    told = []
    made = replications(toy_pipeline(), reference, 2, seed=4, batch=2, progress=told.append)
    assert told == [1, 2]
    assert [len(joints) for joints in made[1]] == [len(joints) for joints in reference.joints]
    alone = toy_pipeline()([reference.captions[3]], reference.seconds[3], 4 + SEED_STEP + 3)
    assert made[1][3] == pytest.approx(alone[0].joints, abs=1e-4)
    assert made[0][3] != pytest.approx(made[1][3], abs=1e-4)


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
    assert rows["other real motions"]["clips"] == 33
    assert set(rows) == {
        "real", "other real motions", "VAE reconstruction", "generated, 1 steps",
        "generated, 2 steps", "generated, 2 steps, not cleaned",
    }  # fmt: skip
    assert rows["generated, 1 steps"]["fid"]["count"] == 2
    assert result["suite"]["prompts"] == 1
    page = path.with_suffix(".md").read_text()
    assert "generated, 1 steps" in page
    assert "stands for each of 33 clips" in page
    assert page.strip() in capsys.readouterr().out


def quality_cases():
    from engine.evaluation.kinematic_suite import parse_case

    return [parse_case({"id": "w", "category": "c", "label": "walk", "prompt": "walk",
                        "seconds": 2.0, "checks": [["forward", ">", 1.0]]})]  # fmt: skip
