"""The protocol of the papers: words, items, lengths, scores; on HumanML3D and on KIT-ML."""

from __future__ import annotations

import os
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.backbones.judge import load_judge
from engine.errors import StudioError
from engine.evaluation.published_data import crop, read_items
from engine.evaluation.published_protocol import Judge, evaluate
from engine.evaluation.words import CLASSES, Words
from engine.motion.features import KIT, joints_to_features
from engine.pipeline import MotionPipeline
from engine.tuning.problem import Problem, PromptBank
from engine.tuning.rewards.published import FeatureAlignment
from engine.tuning.rewards.registry import make_reward
from engine.tuning.rewards.total import WeightedSum
from tests.backbones.test_models import Tokens
from tests.backbones.tiny import FakeSentenceEncoder, model_folder
from tests.commands.conftest import Command, command  # noqa: F401
from tests.data.published import kit_standing, write
from tests.motion.bodies import walk

VOCABULARY = ("sos", "eos", "unk", "a", "person", "walk", "slowly", "stand", "wave")


@pytest.fixture(scope="module")
def words_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glove")
    rng = np.random.default_rng(1)
    np.save(folder / "our_vab_data.npy", rng.normal(size=(len(VOCABULARY), 300)))
    places = {word: row for row, word in enumerate(VOCABULARY)}
    (folder / "our_vab_idx.pkl").write_bytes(pickle.dumps(places, protocol=2))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Walks of many speeds and lengths in the published layout, one with a captioned stretch."""
    root = tmp_path_factory.mktemp("humanml3d")
    features = {}
    for number in range(60):
        frames = (38, 41, 60, 75, 196, 201)[number % 6]
        joints = walk(frames + 1, 0.3 + 0.05 * number, turn=0.02 * number).astype(np.float32)
        features[f"{number:06d}"] = joints_to_features(joints)
    features["M000001"] = features["000001"]
    whole = "a person walks#a/DET person/NOUN walk/VERB#0.0#0.0\n"
    texts = dict.fromkeys(features, whole)
    texts["000004"] = whole + "a person stands#a/DET person/NOUN stand/VERB#1.0#4.5\n"
    texts["000010"] = whole + "too short#too/ADV short/ADJ#1.0#2.0\n"
    names = list(features)
    return write(root, {}, features, texts, {"test": [*names, "999999"], "train": []})


def test_words_have_vectors_and_classes(words_folder: Path) -> None:
    words = Words.read(words_folder)
    vectors, classes, length = words.caption(["a/DET", "person/NOUN", "walk/VERB", "slowly/ADV",
                                              "quixotic/ADJ", "wave/NOUN"])  # fmt: skip
    assert vectors.shape == (22, 300) and classes.shape == (22, 15) and length == 8
    named = [CLASSES[one] for one in classes.argmax(1)]
    assert named[:8] == ["OTHER", "DET", "NOUN", "Act_VIP", "Desc_VIP", "OTHER", "NOUN", "OTHER"]
    assert set(named[8:]) == {"OTHER"} and (classes.sum(1) == 1).all()
    unknown = words.vectors[VOCABULARY.index("unk")]
    assert np.array_equal(vectors[5], unknown) and np.array_equal(vectors[20], unknown)
    assert np.array_equal(vectors[3], words.vectors[VOCABULARY.index("walk")])
    assert words.caption(["a/DET"] * 30)[2] == 22


class Evil:
    def __reduce__(self) -> object:
        return os.mkdir, ("never",)


@pytest.mark.parametrize("value", [{"walk": 0}, {}, {"unk": 99}, {"unk": Evil()}, [1, 2]])
def test_word_lists_that_are_wrong_are_refused(value: object, words_folder: Path,
                                               tmp_path: Path) -> None:  # fmt: skip
    (tmp_path / "our_vab_data.npy").write_bytes((words_folder / "our_vab_data.npy").read_bytes())
    (tmp_path / "our_vab_idx.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(StudioError):
        Words.read(tmp_path)
    assert not Path("never").exists()


def test_items_follow_the_published_loaders(dataset: Path) -> None:
    items = {item.name: item for item in read_items(dataset)}
    assert "000000" not in items and "000005" not in items  # 38 and 201 frames
    assert len(items["000004"].features) == 196 and "M000001" in items
    stretch = items["000004_020-090"]
    assert len(stretch.features) == 70
    assert stretch.captions == (("a person stands", ("a/DET", "person/NOUN", "stand/VERB")),)
    assert not any(name.startswith("000010_") for name in items)
    assert len(read_items(dataset, limit=5)) == 5
    with pytest.raises(StudioError, match=r"no motions with features in its list train\.txt"):
        read_items(dataset, "train")
    rng = np.random.default_rng(0)
    cuts = [crop(items["000003"], rng) for _ in range(300)]
    assert {length for _, length in cuts} == {72, 68}
    assert 150 < sum(length == 72 for _, length in cuts) < 250
    assert all(0 <= first <= 75 - length for first, length in cuts)


def test_kit_is_read_by_its_own_lengths(tmp_path: Path) -> None:
    features = {
        f"{frames:05d}": joints_to_features(kit_standing(frames + 1, lift=5), layout=KIT)
        for frames in (23, 24, 30, 199, 200)
    }
    root = write(tmp_path, {}, features, None, {"test": list(features)})
    items = read_items(root)
    assert [len(item.features) for item in items] == [24, 30, 199]
    assert {item.features.shape[1] for item in items} == {KIT.size}
    rng = np.random.default_rng(0)
    assert {crop(items[1], rng)[1] for _ in range(40)} == {24, 28}


@pytest.fixture(scope="module")
def judge(words_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = model_folder("t2m-evaluator", tmp_path_factory.mktemp("judge"))
    return Judge(load_judge(folder), Words.read(words_folder), batch=7)  # type: ignore[arg-type]


def test_scores_of_real_of_copied_and_of_other_motions(
    dataset: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.evaluation.published_protocol.MULTIMODAL_CAPTIONS", 5)
    items = read_items(dataset)
    lengths: list[int] = []

    def noise(texts, frames, seeds):
        lengths.extend(frames)
        assert len(set(seeds)) == len(seeds)
        rng = np.random.default_rng(seeds[0])
        return [rng.normal(size=(count, 263)).astype(np.float32) for count in frames]

    real = evaluate(judge, items, None, 3)
    assert real["fid"].mean == pytest.approx(0.0, abs=1e-6)
    assert real["r_precision_1"].count == 3 and real["r_precision_1"].half_width >= 0
    made = evaluate(judge, items, noise, 3)
    assert made["fid"].mean > 10 * max(real["fid"].mean, 1e-3)
    assert made["mm_dist"].mean != pytest.approx(real["mm_dist"].mean)
    assert made["multimodality"].mean > 0
    assert all(count % 4 == 0 and 36 <= count <= 196 for count in lengths)
    again = evaluate(judge, items, None, 3)
    assert again == real
    with pytest.raises(StudioError, match="makes 251 features per frame, the dataset has 263"):
        evaluate(judge, items, lambda t, f, s: [np.zeros((n, 251)) for n in f], 1)


def test_embeddings_do_not_depend_on_the_batch(dataset: Path, judge: Judge) -> None:
    motions = [item.features[:36] for item in read_items(dataset)[:9]]
    alone = np.concatenate([judge.motions([one]) for one in motions])
    np.testing.assert_allclose(judge.motions(motions), alone, atol=1e-5)


def test_the_command_prints_the_table(
    dataset: Path,
    words_folder: Path,
    command: Command,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.diffusion.model.PublishedEncoder", lambda *_: FakeSentenceEncoder())
    model = model_folder("mdm", tmp_path / "model")
    judge_folder = model_folder("t2m-evaluator", tmp_path / "judge")
    asked = ["evaluate-published", "--data", dataset, "--words", words_folder, "--model", model,
             "--evaluator", judge_folder, "--replications", 2, "--limit", 6, "--steps", 2,
             "--device", "cpu"]  # fmt: skip
    monkeypatch.setattr("engine.evaluation.published_protocol.MULTIMODAL_SAMPLES", 3)
    done = command(*asked)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "test: 6 motions, 2 replications, seed 0"
    fid = next(line for line in done.out.splitlines() if line.startswith("FID")).split()
    assert float(fid[3]) > float(fid[1])
    assert {"FID", "MM-Dist", "MultiModality"} <= {line.split()[0] for line in
                                                   done.out.splitlines()}  # fmt: skip


@pytest.mark.parametrize("kind", ["mld", "mdm"])
def test_kit_models_are_shown_on_our_skeleton(kind: str, tmp_path: Path) -> None:
    """251 features at 12.5 fps make motions of 22 joints at 20 fps, as long as asked."""
    folder = tmp_path / "model"
    made = {"mdm": partial(model_folder, "mdm", features=KIT.size), "mld": kit_mld}[kind](folder)
    pipeline = MotionPipeline.from_pretrained(made, "cpu", FakeSentenceEncoder())
    motions = pipeline(["a person stands", "a person walks"], [2.0, 4.95], [1, 2], steps=2)
    assert [motion.frames for motion in motions] == [40, 99]
    alone = pipeline(["a person stands"], 2.0, 1, steps=2)[0]
    np.testing.assert_allclose(alone.joints, motions[0].joints, atol=1e-3)
    (raw,) = pipeline.features(["a person stands"], [24], [1], steps=2)
    assert raw.shape == (24, KIT.size)
    with pytest.raises(StudioError, match="Physics terms cannot be tuned on KIT-ML"):
        raised(pipeline, make_reward({"feet": 1.0}, "latent", pipeline.model, None, "cpu"), -1)
    tmr = load_judge(model_folder("tmr", tmp_path / "tmr", features=KIT.size), "tmr")
    follow = WeightedSum(
        "x_0", {"follow": FeatureAlignment(tmr, Tokens())}, {"follow": 1.0}, pipeline.model.vae
    )
    assert raised(pipeline, follow, 0) > 0


def raised(pipeline: MotionPipeline, reward: WeightedSum, index: int) -> float:
    """Size of the reward's gradient in a step's prediction."""
    model = pipeline.model
    problem = Problem(model, reward, 2, model.guidance_scale)
    bank = PromptBank(("a person walks",), [50], FakeSentenceEncoder(), model,
                      torch.device("cpu"))  # fmt: skip
    batch = bank.batch([0], noise_seed=1)
    assert batch.frames.tolist() == [32]  # 31 steps of 80 ms span 2.48 s
    output = problem.predict(batch.noise, problem.guided(batch), index % 2).requires_grad_()
    step = problem.finish(output, batch.noise, index % 2)
    problem.score_step(step, batch).total.sum().backward()
    assert output.grad is not None
    return float(output.grad.abs().max())


def kit_mld(folder: Path) -> Path:
    """A tiny MLD on KIT's features."""
    from dataclasses import replace

    from engine.backbones.mld import MLDVAE
    from engine.commands.import_checkpoint import Trained
    from engine.commands.import_checkpoint import write as convert
    from tests.backbones.tiny import latent, published, statistics

    vae, denoiser = latent("mld")
    other = MLDVAE(replace(vae.config, features=KIT.size))
    torch.nn.init.normal_(other.final_layer.weight, std=0.05)
    state = {**published(other, "vae."), **published(denoiser, "denoiser.")}
    convert("mld", state, statistics(folder / "s", KIT.size), folder / "m", Trained(0, True))
    return folder / "m"


def test_kit_standing_survives_its_features() -> None:
    """What the codec makes of KIT's own features is a person of our size that stands."""
    from engine.backbones.mdm import Frames, FramesConfig

    features = torch.from_numpy(joints_to_features(kit_standing(40, lift=10), layout=KIT))
    codec = Frames(FramesConfig(KIT.size))
    joints, counts = codec.joints(features[None].float(), torch.tensor([39]))
    assert counts.tolist() == [61] and codec.own_frames(61) == 39
    heights = joints[0, :, 15, 1]
    assert float(heights.min()) > 1.3 and float(heights.max()) < 1.9
    wrists = joints[0, -1, 20:22, 1]
    assert float(wrists[0]) > float(heights[-1]) > float(wrists[1])  # the LEFT hand is up
