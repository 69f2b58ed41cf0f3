"""Published models do all that the base does: generate, tune by every method, compare, evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.backbones.judge import load_judge
from engine.backbones.mdm import Frames, FramesConfig
from engine.commands.import_checkpoint import read_statistics
from engine.compare.walk import decoded_steps, walk
from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import sample
from engine.errors import StudioError
from engine.models.adapter import (
    adapter_tensors,
    attach,
    attach_full,
    detach,
    disabled,
    load_adapter,
    save_adapter,
    weights_hash,
)
from engine.models.reward import LatentReward, MotionReward, RewardConfig, RewardModel
from engine.motion.kinematics import to_skeleton
from engine.pipeline import MotionPipeline
from engine.tuning.learner import Learner
from engine.tuning.methods.registry import METHODS, MethodConfig, build
from engine.tuning.problem import Batch, Problem, PromptBank
from engine.tuning.rewards import published
from engine.tuning.rewards.base import Seen
from engine.tuning.rewards.published import FeatureAlignment, form_for, spm_times
from engine.tuning.rewards.registry import make_reward
from tests.backbones.tiny import FakeSentenceEncoder, model_folder
from tests.shared import SHARED, needs_shared
from tests.tuning.toys import TEXTS

KINDS = ("mld", "mldpp", "motionlcm", "mdm")
PROMPTS = ("a person walks", "someone waves with both hands")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("published")
    return {kind: model_folder(kind, place / kind) for kind in (*KINDS, "spm", "tmr")}


@pytest.fixture
def pipeline(folders: dict[str, Path], request: pytest.FixtureRequest) -> MotionPipeline:
    return MotionPipeline.from_pretrained(folders[request.param], "cpu", FakeSentenceEncoder())


each = pytest.mark.parametrize("pipeline", KINDS, indirect=True)


def steps_of(model: MotionModel) -> int:
    return min(model.steps, 4)


def problem_of(model: MotionModel, form: str = "latent") -> tuple[Problem, PromptBank]:
    """Physics raises a reward that needs no judge."""
    reward = make_reward({"feet": 1.0, "smooth": 1.0}, form, model, None, "cpu")  # type: ignore[arg-type]
    problem = Problem(
        model, reward, steps_of(model), model.guidance_scale, lambda: disabled(model.denoiser)
    )
    return problem, PromptBank(TEXTS, [40, 52, 30, 61], FakeSentenceEncoder(),
                               model, torch.device("cpu"))  # fmt: skip


@each
def test_generation_depends_on_seed_and_prompt_alone(pipeline: MotionPipeline) -> None:
    steps = steps_of(pipeline.model)
    both = pipeline(PROMPTS, [2.0, 4.1], [3, 4], steps=steps)
    assert [motion.frames for motion in both] == [40, 82]
    alone = pipeline(PROMPTS[:1], 2.0, 3, steps=steps)[0]
    np.testing.assert_allclose(alone.joints, both[0].joints, atol=2e-4)
    other = pipeline(PROMPTS[:1], 2.0, 5, steps=steps)[0]
    words = pipeline(PROMPTS[1:], 2.0, 3, steps=steps)[0]
    for changed in (other, words):
        assert np.abs(changed.joints - alone.joints).max() > 1e-3


@each
def test_guidance_matters_and_the_empty_prompt_is_met(pipeline: MotionPipeline) -> None:
    steps = steps_of(pipeline.model)
    weak, strong = (
        pipeline(PROMPTS[:1], 2.0, 3, steps=steps, guidance=scale)[0].joints for scale in (2.0, 9.0)
    )
    assert np.abs(weak - strong).max() > 1e-3
    empty = getattr(pipeline.model.denoiser, "empty", None)
    if empty is not None and not pipeline.model.denoiser.takes_guidance:
        assert torch.equal(empty, FakeSentenceEncoder().encode([""])[0][0, 0])


@each
def test_steps_seen_one_by_one_make_the_same_motion(pipeline: MotionPipeline) -> None:
    steps, scale = steps_of(pipeline.model), pipeline.model.guidance_scale
    walked = walk(pipeline, PROMPTS, [40, 60], [3, 4], scale, steps)
    joints = pipeline.joints(walked.latents, walked.batch.mask, walked.lengths)
    called = pipeline(PROMPTS, [2.0, 3.0], [3, 4], steps=steps)
    for one, motion in zip(joints, called, strict=True):
        np.testing.assert_allclose(one, motion.joints, atol=1e-5)
    assert decoded_steps(pipeline, walked).shape == (steps, 40, 22, 3)


def test_impossible_step_counts_are_sentences(folders: dict[str, Path]) -> None:
    for kind, wrong, words in (("motionlcm", 3, "1, 2 or 4 steps"), ("mdm", 9, "has 6 steps")):
        made = MotionPipeline.from_pretrained(folders[kind], "cpu", FakeSentenceEncoder())
        with pytest.raises(StudioError, match=words):
            made(PROMPTS, 2.0, 1, steps=wrong)


def test_fewer_steps_have_their_own_guidance(folders: dict[str, Path]) -> None:
    made = MotionPipeline.from_pretrained(folders["motionlcm"], "cpu", FakeSentenceEncoder())
    assert [made.model.guidance_at(steps) for steps in (1, 2, 4)] == [8.0, 12.5, 13.5]
    usual, named, other = (
        made(PROMPTS[:1], 2.0, 1, steps=1, guidance=scale)[0].joints for scale in (None, 8.0, 13.5)
    )
    assert np.array_equal(usual, named) and not np.array_equal(usual, other)
    walking = MotionModel.from_pretrained(folders["mld"])
    assert walking.guidance_at(1) == walking.guidance_scale == 7.5


def test_without_its_text_encoder_it_says_how_to_get_it(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EASYTUNE_ENCODERS", str(tmp_path))
    with pytest.raises(StudioError, match=r"hf download sentence-transformers/sentence-t5-large"):
        MotionPipeline.from_pretrained(folders["mld"], "cpu")
    with pytest.raises(StudioError, match="reads text states of 20 channels"):
        MotionPipeline.from_pretrained(folders["mld"], "cpu", FakeSentenceEncoder(7))


@each
@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_tunes(pipeline: MotionPipeline, method: str) -> None:
    model = pipeline.model
    problem, bank = problem_of(model)
    before = weights_hash(model.denoiser)
    learner = Learner(attach(model.denoiser, rank=2), rate=1e-2)
    run = build(MethodConfig(name=method, updates_per_pass=2), problem.steps)
    for number in range(2):
        seen = run(problem, learner, bank.draw(3, 0, number), number)
    assert np.isfinite(seen.reward)
    assert learner.updates >= 2
    assert any(float(value.detach().abs().max()) > 0 for name, value in
               adapter_tensors(model.denoiser).items() if "lora_B" in name)  # fmt: skip
    assert weights_hash(model.denoiser) == before


@each
def test_a_walk_with_gradients_ends_where_sampling_does(pipeline: MotionPipeline) -> None:
    """The same fresh noise in every step, whoever walks, and row by row."""
    problem, bank = problem_of(pipeline.model)
    batch = bank.batch([2, 0, 1], noise_seed=5)

    def end(batch: Batch) -> Tensor:
        guided, x = problem.guided(batch), batch.noise
        for index in range(problem.steps):
            x = problem.step(x, guided, index).x_prev
        return x.detach()

    whole = end(batch)
    sampled = sample(
        pipeline.model.denoiser, pipeline.model.schedule, batch.noise, problem.guided(batch),
        problem.steps,
    )  # fmt: skip
    assert sampled is not None
    torch.testing.assert_close(sampled, whole)
    twice = end(batch.rows(torch.tensor([1, 1])))
    torch.testing.assert_close(twice, whole[[1, 1]], rtol=0, atol=5e-3)  # jumps magnify rounding


@each
def test_mixed_steps_are_the_single_ones_without_their_noise(pipeline: MotionPipeline) -> None:
    problem, bank = problem_of(pipeline.model, "latent_prev")
    batch = bank.batch([0, 1], noise_seed=5)
    guided = problem.guided(batch)
    steps = torch.tensor([0, problem.steps - 1])
    output = problem.predict_mixed(batch.noise, guided, steps)
    mixed = problem.seen_mixed(output, batch.noise, steps)
    for row, index in enumerate(steps.tolist()):
        single = problem.predict(batch.noise, guided, index)[row]
        torch.testing.assert_close(output[row], single, rtol=1e-4, atol=1e-4)
        mean = problem.finish(output, batch.noise, index).x_prev[row]
        torch.testing.assert_close(mixed[row], mean)
    moved = problem.seen_mixed(output + 1, batch.noise, steps) - mixed
    for row, index in enumerate(steps.tolist()):
        torch.testing.assert_close(moved[row].mean(), problem.slopes()[index], rtol=1e-3, atol=1e-4)


@each
def test_adapters_lora_and_full_come_back(pipeline: MotionPipeline, tmp_path: Path) -> None:
    denoiser = pipeline.model.denoiser
    for full in (False, True):
        trained = attach_full(denoiser) if full else attach(denoiser, rank=2)
        with torch.no_grad():
            for value in trained:
                value.add_(0.02)
        save_adapter(denoiser, tmp_path / f"{full}", {"base": {"id": "x"}})
        tuned = pipeline(PROMPTS, 2.0, 1, steps=2)
        detach(denoiser)
        base = pipeline(PROMPTS, 2.0, 1, steps=2)
        load_adapter(denoiser, tmp_path / f"{full}")
        again = pipeline(PROMPTS, 2.0, 1, steps=2)
        np.testing.assert_allclose(again[1].joints, tuned[1].joints, atol=1e-4)
        assert np.abs(base[1].joints - tuned[1].joints).max() > 1e-4
        detach(denoiser)


def test_forms_follow_the_sampler(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = {kind: MotionModel.from_pretrained(folders[kind]) for kind in KINDS}
    assert form_for("latent", models["mld"]) == "x_0"
    assert form_for("latent_prev", models["motionlcm"]) == "x_prev"
    assert form_for("latent_prev", models["mdm"]) == "x_prev"
    assert form_for("x_0", models["mdm"]) == "x_0"
    monkeypatch.setattr(published, "CHECKPOINTS", tmp_path)
    assert form_for("latent", models["mdm"]) == "x_0"  # no judge knows noise on features
    (tmp_path / "spm").symlink_to(folders["spm"])
    assert form_for("latent", models["mdm"]) == "x_prev"


class Tokens(FakeSentenceEncoder):
    """Several vectors per prompt, as judges read them."""

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        return super(FakeSentenceEncoder, self).encode(texts)


def test_spm_judges_noisy_steps(folders: dict[str, Path]) -> None:
    """Timesteps of other chains are told as SPM's own; 0 stays what carries no noise."""
    mdm = MotionModel.from_pretrained(folders["mdm"])
    times = spm_times(mdm.schedule)
    assert times[0] == 0 and times[-1] == 500 and bool((times.diff() >= 0).all())
    spm: Any = load_judge(folders["spm"], "spm")
    term = FeatureAlignment(spm, Tokens(), times)
    problem, bank = problem_of(mdm, "x_prev")
    batch = bank.batch([0, 1, 2], noise_seed=1)
    problem.reward.terms, problem.reward.weights = {"follow": term}, {"follow": 1.0}  # type: ignore
    step = problem.step(batch.noise, problem.guided(batch), 1)
    latents = step.x_prev.detach().requires_grad_()
    after = problem.timestep_after(1)
    scored = problem.reward(Seen(latents, after, batch)).total
    scored.sum().backward()
    assert latents.grad is not None and float(latents.grad.abs().max()) > 0
    features = mdm.vae.decode(latents.detach(), None, batch.frames)
    mask = torch.arange(features.shape[1])[None] < batch.frames[:, None]
    told = times[after].expand(3)
    texts = torch.cat([spm.embed_text(*Tokens().encode([text])) for text in batch.texts])
    expected = (spm.embed_motion(features, mask, told) * texts).sum(-1)
    torch.testing.assert_close(scored.detach(), expected)
    clean = problem.reward(Seen(latents.detach(), 0, batch)).total
    assert not torch.allclose(clean, scored)


def test_without_published_judges_our_own_reads_the_features(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its latent half is left out, and it is told that what it sees is clean."""
    torch.manual_seed(0)
    sizes = RewardConfig(16, 20, 16, 1, 16, 1, 16, 4, 8, 16, 1, 2)
    own = RewardModel(MotionReward(sizes), LatentReward(sizes))
    own.save_pretrained(tmp_path / "reward")
    monkeypatch.setattr(published, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr("engine.models.registry.CHECKPOINTS", tmp_path)
    monkeypatch.setattr(published, "TransformersTextEncoder", lambda **_: Tokens())
    mld = MotionModel.from_pretrained(folders["mld"])
    reward = make_reward({"follow": 1.0}, "latent", mld, None, "cpu")
    batch = problem_of(mld)[1].batch([0, 1], noise_seed=2)
    total = reward(Seen(batch.noise, 0, batch)).total
    again = RewardModel.from_pretrained(tmp_path / "reward").motion
    features = mld.vae.decode(batch.noise, batch.mask, batch.frames)
    mask = torch.arange(features.shape[1])[None] < batch.frames[:, None]
    seen = again.embed_motion(features, mask, torch.zeros(2, dtype=torch.long))
    texts = torch.cat([again.embed_text(*Tokens().encode([text])) for text in batch.texts])
    torch.testing.assert_close(total, (seen * texts).sum(-1))


@needs_shared
def test_real_features_and_statistics_come_back_as_joints() -> None:
    """HumanML3D's own Mean and Std through a codec and back: the published joints."""
    folder = SHARED / "data" / "reference" / "humanml3d"
    mean, std = read_statistics(folder)
    codec = Frames(FramesConfig())
    codec.feature_mean.copy_(mean)
    codec.feature_std.copy_(std)
    raw = torch.from_numpy(np.load(folder / "012314.vecs.npy")).float()[None]
    normal = codec.encode(raw)
    assert 0.3 < float(normal.std()) < 3.0
    joints, counts = codec.joints(codec.decode(normal), torch.tensor([raw.shape[1]]))
    published_joints = to_skeleton(np.load(folder / "012314.joints.npy"))[: raw.shape[1]]
    assert int(counts[0]) == raw.shape[1]
    assert float(np.abs(joints[0].numpy() - published_joints).max()) < 0.02


def test_which_judge_follows(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch,
                             tmp_path: Path) -> None:  # fmt: skip
    mld = MotionModel.from_pretrained(folders["mld"])
    monkeypatch.setattr(published, "CHECKPOINTS", tmp_path)
    with pytest.raises(StudioError, match=r"--form x_0, or .*import-checkpoint FILE --kind spm"):
        make_reward({"follow": 1.0}, "x_prev", mld, None, "cpu")
    monkeypatch.setattr("engine.backbones.text.PublishedEncoder", lambda *_: Tokens())
    for kind, form in (("tmr", "latent"), ("spm", "latent_prev")):
        (tmp_path / kind).symlink_to(folders[kind])
        reward = make_reward({"follow": 1.0}, form, mld, None, "cpu")  # type: ignore[arg-type]
        batch = problem_of(mld)[1].batch([0, 1], noise_seed=2)
        total = reward(Seen(batch.noise, 0, batch)).total
        assert total.shape == (2,) and float(total.abs().max()) <= 1.0
