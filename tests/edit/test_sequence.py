"""Sequences of prompts: given tokens stay, parts follow each other, seams are smooth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.commands.sequence import parse
from engine.edit.inpaint import inpaint
from engine.edit.latents import encoded
from engine.edit.parts import CONTEXT, Part
from engine.edit.sequence import make_sequence
from engine.errors import StudioError
from engine.evaluation.physical import bone_drift
from engine.motion.canonical import canonicalize
from engine.motion.motion import Motion
from engine.pipeline import Cancelled, MotionPipeline
from tests.motion.bodies import walk
from tests.tiny import load_tiny

WALK, JUMP, WAVE = Part("walk", 2.0), Part("jump", 3.0), Part("wave", 1.6)


@pytest.fixture(scope="module", params=[1, 2], ids=["patch1", "patch2"])
def pipeline(
    request: pytest.FixtureRequest, tiny_model: Path, tiny_patched_model: Path
) -> MotionPipeline:
    return load_tiny(tiny_model if request.param == 1 else tiny_patched_model)


def test_given_tokens_stay_and_the_rest_follows_them(pipeline):
    known = torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0))
    keep = torch.arange(12)[None].repeat(2, 1) < torch.tensor([[5], [8]])

    def made(tokens: torch.Tensor) -> torch.Tensor:
        return inpaint(pipeline, ["walk", "jump"], [48, 48], [1, 2], tokens, keep, guidance=2.0,
                       steps=4)  # fmt: skip

    first, again, other = made(known), made(known), made(known + 1.0)
    assert torch.equal(first[keep], known[keep])
    assert torch.equal(first, again)
    # The free tokens depend on the given ones, though nothing else has changed.
    assert (first - other)[~keep].abs().max() > 1e-3


def test_parts_follow_each_other(pipeline):
    made = make_sequence(pipeline, [WALK, JUMP, WAVE], seed=5)
    assert made.motion.frames == 40 + 60 + 32
    assert made.starts == (0, 40, 100)
    assert made.motion.prompt == "walk, then jump, then wave"
    again = make_sequence(pipeline, [WALK, JUMP, WAVE], seed=5)
    assert np.array_equal(made.motion.joints, again.motion.joints)
    other = make_sequence(pipeline, [WALK, JUMP, Part("sit", 1.6)], seed=5)
    assert torch.equal(made.latents[:, :25], other.latents[:, :25])
    assert not torch.allclose(made.latents[:, 25:], other.latents[:, 25:])


def test_a_single_part_is_what_generate_makes(pipeline):
    made = make_sequence(pipeline, [WALK], seed=9)
    (usual,) = pipeline(["walk"], 2.0, 9)
    assert np.abs(made.motion.joints - usual.joints).max() < 1e-4


def test_going_on_from_a_motion(pipeline):
    before = Motion(walk(62).astype(np.float32))
    past = encoded(pipeline, before)
    assert past.shape[1] == 15  # 62 frames are 15 whole tokens
    made = make_sequence(pipeline, [JUMP], before=before)
    assert torch.equal(made.latents[:, :15], past)
    assert made.starts == (60,)
    assert made.motion.frames == 120
    short = make_sequence(pipeline, [JUMP], before=before, context=4)
    assert not torch.allclose(short.latents[:, 15:], made.latents[:, 15:])
    assert CONTEXT == 8


def test_given_motions_keep_their_own_frames(pipeline):
    before, after = (Motion(walk(62, speed).astype(np.float32)) for speed in (1.2, 0.8))
    made = make_sequence(pipeline, [WAVE], before=before, after=after).motion.joints
    start, end = made[:60], made[-60:]
    assert np.abs(start - canonicalize(before.joints[:60])).max() < 1e-3
    assert np.abs(canonicalize(end) - canonicalize(after.joints[:60])).max() < 1e-3
    moved = np.linalg.norm(np.diff(made, axis=0), axis=-1)
    # Nobody leaps at a seam, and the given speed goes on there.
    assert moved[[59, 91]].max() < 1.5 * np.delete(moved, [59, 91], axis=0).max()
    assert bone_drift(made) < 1e-3
    kept = Motion(canonicalize(walk(62)).astype(np.float32))
    made = make_sequence(pipeline, [WAVE], before=kept).motion.joints
    assert np.array_equal(made[:60], kept.joints[:60])


def test_a_part_between_two_motions(pipeline):
    ends = [Motion(walk(62, speed).astype(np.float32)) for speed in (1.2, 0.8)]
    past, ahead = (encoded(pipeline, motion) for motion in ends)
    made = make_sequence(pipeline, [WAVE], before=ends[0], after=ends[1])
    assert made.motion.frames == 60 + 32 + 60
    assert torch.equal(made.latents[:, :15], past)
    assert torch.equal(made.latents[:, 23:], ahead)
    # What lies between depends on where it has to arrive.
    open_end = make_sequence(pipeline, [WAVE], before=ends[0])
    assert not torch.allclose(made.latents[:, 15:23], open_end.latents[:, 15:23])
    with pytest.raises(StudioError, match=r"1 to 6\.6 seconds"):
        make_sequence(pipeline, [Part("walk", 7.0)], after=ends[1])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([], "1 to 60 parts"),
        ([Part("walk", 0.5)], "1 to 8.2 seconds"),
        ([Part("walk", 9.0)], "1 to 8.2 seconds"),
        ([Part("walk", float("nan"))], "seconds"),
        ([Part("", 2.0)], "prompt|describe|Describe|empty"),
        ([Part("walk", 8.0)] * 8, "at most 60 can be made"),
    ],
)
def test_what_cannot_be_made_is_said(pipeline, parts, sentence):
    with pytest.raises(StudioError, match=sentence):
        make_sequence(pipeline, parts)


def test_it_can_be_cancelled(pipeline):
    asked: list[float] = []
    with pytest.raises(Cancelled):
        make_sequence(pipeline, [WALK, JUMP], progress=asked.append, cancel=lambda: bool(asked))
    assert asked == [0.5]


def test_models_with_one_latent_are_refused(pipeline, monkeypatch):
    monkeypatch.setattr(type(pipeline.model), "own", False)
    with pytest.raises(StudioError, match="latents follow time"):
        make_sequence(pipeline, [WALK])


def test_parts_of_a_command_line():
    assert parse("4: a person: walks") == Part("a person: walks", 4.0)
    for text in ("walk", "4", "four: walk", ": walk"):
        with pytest.raises(StudioError, match="SECONDS: PROMPT"):
            parse(text)


def test_the_verb_writes_motion_and_facts(tiny_model, tmp_path, monkeypatch):
    from engine.commands import sequence as command
    from tests.tiny import FakeTextEncoder

    monkeypatch.setattr("engine.diffusion.model.MotionModel.encoder",
                        lambda self, place: FakeTextEncoder())  # fmt: skip
    how = command.How(tmp_path, model=str(tiny_model), video=False)
    made = command.sequence(["2: walk", "1.6: wave"], how)
    facts = json.loads((tmp_path / "sequence.json").read_text())
    assert [part["starts_at"] for part in facts["parts"]] == [0.0, 2.0]
    loaded = Motion.load(tmp_path / "sequence.npz", longest=1200)
    assert np.array_equal(loaded.joints, made.motion.joints)


def test_seams_are_as_smooth_as_the_rest(shipped_model):
    pipeline = MotionPipeline.from_pretrained(shipped_model)
    parts = [Part("a person walks forward", 4.0), Part("a person kicks with the right leg", 4.0)]
    made = make_sequence(pipeline, parts, seed=3)
    jerk = np.linalg.norm(np.diff(made.motion.joints.astype(float), 3, axis=0), axis=-1).mean(-1)
    seam = jerk[made.starts[1] - 5 : made.starts[1] + 3]
    assert seam.mean() < 3.0 * jerk.mean()
    # A cut shows as several times the jerk of any other moment.
    assert seam.max() < 1.5 * np.delete(jerk, range(made.starts[1] - 5, made.starts[1] + 3)).max()
