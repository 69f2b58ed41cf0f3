"""Motions of a model with random weights keep every promise that does not need a trained one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from engine.errors import StudioError
from engine.evaluation.physical import bone_drift, penetration
from engine.motion.canonical import facing_yaw
from engine.pipeline import CACHED_PROMPTS, Cancelled, MotionPipeline
from tests.tiny import FakeTextEncoder, tiny

WORDS = "a tired person walks forward and waves"


def apart(one, other) -> float:
    """Largest distance between joints of two motions, metres."""
    return float(np.linalg.norm(one.joints - other.joints, axis=-1).max())


def test_every_length_is_met_to_the_frame(pipeline):
    frames = list(range(20, 197))
    motions = pipeline([WORDS] * len(frames), [count / 20 for count in frames], 3, steps=1)
    assert [motion.frames for motion in motions] == frames
    assert [motion.joints.shape for motion in motions] == [(count, 22, 3) for count in frames]


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [(1.0, 20), (1.02, 20), (1.03, 21), (4.449, 89), (9.8, 196), (9.79, 196), (9.77, 195)],
)
def test_lengths_between_frames(either, seconds, frames):
    assert either([WORDS], seconds, 0)[0].frames == frames


def test_motions_say_where_they_come_from(pipeline, tiny_model):
    motion = pipeline(["  a person\nwalks "], np.float32(2), np.int64(2**40))[0]
    assert motion.prompt == "a person walks"
    assert (motion.seed, type(motion.seed)) == (2**40, int)
    assert motion.model == pipeline.model_id
    assert motion.model.startswith(f"{tiny_model.name}@")
    assert motion.fps == 20
    assert motion.joints.dtype == np.float32
    motion.validate()


def test_a_single_prompt_needs_no_list(pipeline):
    one = pipeline(WORDS, 2.0, 4)
    assert len(one) == 1
    assert np.array_equal(one[0].joints, pipeline([WORDS], [2.0], [4])[0].joints)


def test_no_prompts_make_no_motions(pipeline):
    assert pipeline([], [], []) == []
    assert pipeline([], 4.0, 0) == []


def test_the_same_call_gives_the_same_bits(either, tiny_model, tiny_patched_model):
    arguments = ([WORDS, "bow"], [3.35, 1.0], [5, 6])
    first, again = either(*arguments), either(*arguments)
    folder = tiny_model if either.model.denoiser.config.patch == 1 else tiny_patched_model
    anew = MotionPipeline.from_pretrained(folder, "cpu", FakeTextEncoder())(*arguments)
    for one, two, three in zip(first, again, anew, strict=True):
        assert np.array_equal(one.joints, two.joints)
        assert np.array_equal(one.joints, three.joints)


def test_company_moves_no_joint_by_a_millimetre(either):
    """In a batch of others: shorter, longer, with longer prompts, in another order."""
    prompts = [WORDS, "bow", WORDS + " and then sits down and stands up again", "kick", WORDS]
    seconds, seeds = [1.0, 9.8, 3.15, 5.3, 7.7], [9, 8, 7, 6, 5]
    together = either(prompts, seconds, seeds)
    for index in range(len(prompts)):
        alone = either([prompts[index]], seconds[index], seeds[index])[0]
        assert apart(alone, together[index]) < 1e-3
    turned = either(prompts[::-1], seconds[::-1], seeds[::-1])[::-1]
    for one, other in zip(together, turned, strict=True):
        assert apart(one, other) < 1e-3


def test_prompt_and_seed_and_length_matter(either):
    base = either([WORDS], 3.0, 1)[0]
    assert apart(base, either([WORDS], 3.0, 2)[0]) > 1e-2
    assert apart(base, either(["a person bows"], 3.0, 1)[0]) > 3e-3
    assert apart(base, either([WORDS], 3.0, 1, guidance=6.0)[0]) > 1e-3
    assert apart(base, either([WORDS], 3.0, 1, steps=9)[0]) > 1e-3


def test_noise_depends_on_the_seed_alone(pipeline):
    alone, _ = pipeline._noise([40], [11])
    torch.manual_seed(123)
    rows, mask = pipeline._noise([196, 40, 61], [3, 11, 11])
    assert torch.equal(rows[1, :10], alone[0])
    assert torch.equal(rows[2, :16], rows[1, :16])
    assert not torch.allclose(rows[0, :10], alone[0])
    assert mask.sum(1).tolist() == [49, 10, 16]
    biggest, _ = pipeline._noise([40], [2**63 - 1])
    assert biggest.std() == pytest.approx(1.0, abs=0.3)


def test_no_random_state_is_touched(pipeline):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    pipeline([WORDS], 2.0, 5)
    assert torch.equal(before, torch.get_rng_state())


def test_bodies_are_whole_and_start_where_they_should(either):
    arguments = ([WORDS] * 12, list(np.linspace(1, 9.8, 12)), list(range(12)))
    raw = either(*arguments, clean=False)
    assert max(penetration(motion.joints).max() for motion in raw) > 0.1, "nothing to clean"
    for motion in either(*arguments):
        assert bone_drift(motion.joints) < 0.01
        assert penetration(motion.joints).max() < 0.03
        assert motion.joints[0, 0, [0, 2]] == pytest.approx([0, 0], abs=1e-5)
        assert facing_yaw(motion.joints[0].astype(float)) == pytest.approx(0, abs=0.02)


def test_cleaning_keeps_the_path(pipeline):
    raw, clean = (pipeline([WORDS], 3.0, 2, clean=flag)[0].joints for flag in (False, True))
    assert bone_drift(raw) < 0.01
    steps = [np.linalg.norm(np.diff(one[:, 0, [0, 2]], axis=0), axis=-1) for one in (raw, clean)]
    assert steps[0] == pytest.approx(steps[1], abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((["walk", ""], 4.0, 0), {}, "prompt is empty"),
        ((["walk" * 2500], 4.0, 0), {}, "10,000 characters"),
        (([None], 4.0, 0), {}, "A prompt is a text"),
        ((["walk"], float("nan"), 0), {}, "nan seconds"),
        ((["walk"], float("inf"), 0), {}, "inf seconds"),
        ((["walk"], 0.9, 0), {}, "0.9 seconds"),
        ((["walk"], 12, 0), {}, "12 seconds"),
        ((["walk"], "4", 0), {}, "4 seconds"),
        ((["walk"], 4.0, -1), {}, "seed -1"),
        ((["walk"], 4.0, 2**63), {}, "seed 9223372036854775808"),
        ((["walk"], 4.0, 1.5), {}, "seed 1.5"),
        ((["walk"], 4.0, True), {}, "seed True"),
        ((["walk"] * 2, [4.0], 0), {}, "2 prompts need 2 seconds, not 1"),
        ((["walk"] * 2, 4.0, [1, 2, 3]), {}, "2 prompts need 2 seeds, not 3"),
        ((["walk"], 4.0, 0), {"guidance": 0.5}, "Guidance 0.5"),
        ((["walk"], 4.0, 0), {"guidance": float("nan")}, "Guidance nan"),
        ((["walk"], 4.0, 0), {"steps": 0}, "0 denoising steps"),
        ((["walk"], 4.0, 0), {"steps": 10_000}, "10000 denoising steps"),
        ((["walk"], 4.0, 0), {"steps": float("nan")}, "nan denoising steps"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_sentence(pipeline, arguments, options, sentence):
    with pytest.raises(StudioError, match=sentence):
        pipeline(*arguments, **options)


def test_odd_prompts_are_only_text(pipeline):
    prompts = ["<b>walk</b> & run", "walk 🚶", "walk\0run", "走路", "a\u2028b"]
    motions = pipeline(prompts, 1.0, 0)
    assert [m.prompt for m in motions] == [
        "<b>walk</b> & run",
        "walk 🚶",
        "walk run",
        "走路",
        "a b",
    ]


def test_prompts_are_encoded_once_and_not_hoarded(tiny_model):
    class Counting(FakeTextEncoder):
        seen = 0

        def encode(self, texts):
            Counting.seen += len(texts)
            return super().encode(texts)

    pipeline = MotionPipeline.from_pretrained(tiny_model, "cpu", Counting())
    pipeline([WORDS, WORDS, "bow"], 1.0, [1, 2, 3], steps=1)
    pipeline([WORDS], 1.0, 4, steps=1)
    assert Counting.seen == 2
    many = [f"walk {number}" for number in range(CACHED_PROMPTS + 20)]
    for start in range(0, len(many), 100):
        pipeline(many[start : start + 100], 1.0, 0, steps=1)
    assert len(pipeline._states) == CACHED_PROMPTS


@pytest.mark.parametrize("part", ["vae", "denoiser"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_broken_weights_are_an_error_not_a_motion(part, value):
    model = tiny()
    module = model.vae.decoder.out if part == "vae" else model.denoiser.out
    module.weight[:, :].fill_(value)
    pipeline = MotionPipeline(model, FakeTextEncoder(), torch.device("cpu"))
    with pytest.raises(StudioError, match="numbers that are no motion"):
        pipeline([WORDS], 2.0, 0)


def test_one_bad_channel_is_not_hidden_by_the_skeleton():
    """A bone without direction gets one; that must not pass for a motion."""
    model = tiny()
    model.vae.feature_mean[40] = float("nan")  # one coordinate of one joint
    pipeline = MotionPipeline(model, FakeTextEncoder(), torch.device("cpu"))
    with pytest.raises(StudioError, match="numbers that are no motion"):
        pipeline([WORDS], 2.0, 0)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_cancel_between_steps_leaves_the_pipeline_usable(pipeline, after):
    before = pipeline([WORDS], 2.0, 0)[0]
    asked = []

    def cancel() -> bool:
        asked.append(None)
        return len(asked) > after

    with pytest.raises(Cancelled):
        pipeline([WORDS], 2.0, 0, cancel=cancel)
    assert len(asked) == after + 1
    assert np.array_equal(pipeline([WORDS], 2.0, 0)[0].joints, before.joints)


def test_asking_to_go_on_changes_nothing(pipeline):
    asked = pipeline([WORDS], 2.0, 0, cancel=lambda: False)[0]
    assert np.array_equal(asked.joints, pipeline([WORDS], 2.0, 0)[0].joints)


def test_an_error_in_cancel_frees_the_pipeline(pipeline):
    def cancel() -> bool:
        raise RuntimeError("the browser is gone")

    with pytest.raises(RuntimeError, match="browser"):
        pipeline([WORDS], 2.0, 0, cancel=cancel)
    assert pipeline([WORDS], 2.0, 0)[0].frames == 40


def test_threads_take_turns_and_get_what_they_asked_for(either):
    jobs = [(f"person number {number} walks", 1.0 + number / 2, number) for number in range(12)]
    alone = [either([prompt], seconds, seed)[0] for prompt, seconds, seed in jobs]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda job: either([job[0]], job[1], job[2])[0], jobs * 2))
    for expected, got in zip(alone * 2, made, strict=True):
        assert np.array_equal(expected.joints, got.joints)


def test_who_waits_for_a_turn_can_be_cancelled(pipeline):
    """A call that stands behind a long one need not wait for its end."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> bool:
        entered.set()
        leave.wait(30)
        return True

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(pipeline, [WORDS], 2.0, 0, cancel=hold)
        assert entered.wait(30)
        with pytest.raises(Cancelled):
            pipeline([WORDS], 2.0, 0, cancel=lambda: True)
        assert not long.done()
        leave.set()
        with pytest.raises(Cancelled):
            long.result(30)


@torch.no_grad()
def test_patches_keep_padding_out(either):
    """With an odd number of tokens the half-empty patch must not let padding in."""
    denoiser = either.model.denoiser
    states, text_mask = either._encode([WORDS])
    condition = denoiser.text(states, text_mask)
    for tokens in (5, 6, 7):
        x_t = torch.randn(1, tokens, 8)
        t, frames = torch.tensor([500]), torch.tensor([tokens * 4])
        alone = denoiser(x_t, t, condition, frames)
        padded = torch.cat([x_t, 1e4 * torch.randn(1, 12, 8)], dim=1)
        mask = torch.arange(tokens + 12)[None] < tokens
        got = denoiser(padded, t, condition, frames, mask)[:, :tokens]
        assert torch.allclose(alone, got, atol=1e-4)
