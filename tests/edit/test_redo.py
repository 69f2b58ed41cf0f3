"""Half a body made anew: the kept half stays, the new one comes from the prompt, nothing breaks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.edit.parts import CONTEXT
from engine.edit.redo import pieces, redo, title
from engine.errors import StudioError
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.physical import bone_drift, jerk, spikes
from engine.motion.canonical import rotate_yaw
from engine.motion.halves import LOWER, UPPER, combine, heading
from engine.motion.motion import Motion
from engine.motion.skeleton import N_JOINTS
from engine.pipeline import Cancelled, MotionPipeline
from tests.motion.bodies import walk
from tests.tiny import load_tiny


@pytest.fixture(scope="module")
def pipeline(tiny_patched_model: Path) -> MotionPipeline:
    return load_tiny(tiny_patched_model)


@pytest.fixture
def given() -> Motion:
    return Motion(walk(62).astype(np.float32), "walk")


def beside_pelvis(joints: np.ndarray) -> np.ndarray:
    """The upper body as the pelvis sees it."""
    points = joints.astype(np.float64)
    return rotate_yaw(points - points[:, :1], -heading(points)[:, None])[:, UPPER]


def test_every_joint_is_in_one_half():
    assert sorted((*LOWER, *UPPER)) == list(range(N_JOINTS))
    assert 0 in LOWER


def test_combining_a_motion_with_itself_changes_nothing():
    body = walk(50)
    assert np.abs(combine(body, body) - body).max() < 1e-6
    turned = rotate_yaw(body, 1.0) + np.array([3.0, 0.1, -2.0])
    assert np.abs(combine(body, turned) - body).max() < 1e-6


def test_the_upper_body_made_anew_leaves_the_legs_to_the_last_bit(pipeline, given):
    made = redo(pipeline, given, "wave", "upper", seed=3)
    assert np.array_equal(made.joints[:, LOWER], given.joints[:, LOWER])
    assert np.abs(made.joints[:, UPPER] - given.joints[:, UPPER]).max() > 0.02
    assert bone_drift(made.joints) < 1e-3
    assert made.prompt == "walk; upper body: wave"
    again = redo(pipeline, given, "wave", "upper", seed=3)
    assert np.array_equal(made.joints, again.joints)
    other = redo(pipeline, given, "sit", "upper", seed=3)
    assert not np.allclose(made.joints, other.joints, atol=1e-3)


def test_the_lower_body_made_anew_carries_the_upper_as_it_was(pipeline, given):
    made = redo(pipeline, given, "jump", "lower", seed=3)
    assert np.abs(beside_pelvis(made.joints) - beside_pelvis(given.joints)).max() < 1e-5
    assert np.abs(made.joints[:, 0] - given.joints[:, 0]).max() > 0.02
    assert np.abs(made.joints[0, 0, [0, 2]]).max() < 1e-5


def test_the_sampler_sees_the_kept_half(pipeline, given):
    met = redo(pipeline, given, "wave", "upper", held=4)
    ignored = redo(pipeline, given, "wave", "upper", held=0)
    assert not np.allclose(met.joints, ignored.joints, atol=1e-3)


def test_long_motions_are_made_in_pieces(pipeline):
    long = Motion(walk(301).astype(np.float32))
    made = redo(pipeline, long, "wave", "upper")
    assert np.array_equal(made.joints[:, LOWER], long.joints[:, LOWER])
    assert pieces(49, 49) == [(0, 49)]
    for total in (50, 76, 300):
        windows = pieces(total, 49)
        assert windows[0][0] == 0
        assert windows[-1][1] == total
        assert all(end - start <= 49 for start, end in windows)
        assert all(b[0] == a[1] - CONTEXT for a, b in pairwise(windows))


def test_other_proportions_are_put_on_the_skeleton(pipeline):
    child = Motion((0.8 * walk(62)).astype(np.float32))
    assert bone_drift(redo(pipeline, child, "wave", "upper").joints) < 1e-3


def test_what_cannot_be_made_is_said(pipeline, given, monkeypatch):
    with pytest.raises(StudioError, match="no half 'left'"):
        redo(pipeline, given, "wave", "left")
    with pytest.raises(StudioError, match=r"empty|[Dd]escribe"):
        redo(pipeline, given, "", "upper")
    with pytest.raises(Cancelled):
        redo(pipeline, given, "wave", "upper", cancel=lambda: True)
    monkeypatch.setattr(type(pipeline.model), "own", False)
    with pytest.raises(StudioError, match="latents follow time"):
        redo(pipeline, given, "wave", "upper")


def test_titles_do_not_grow_without_end():
    name = ""
    for _ in range(100):
        name = title(name, "wave " * 50, "upper")
    assert len(name) < 3000


def test_walking_is_told_to_wave(shipped_model):
    pipeline = MotionPipeline.from_pretrained(shipped_model)
    (given,) = pipeline(["a person walks forward"], 4.0, 100)
    text = "a person waves with the right hand"
    made = redo(pipeline, given, text, "upper", seed=7)
    hand, head = made.joints[:, 21, 1], made.joints[:, 15, 1]
    assert (hand > head).mean() > 0.5, "no hand is waved"
    assert jerk(made.joints) < 1.5 * jerk(given.joints)
    assert spikes(made.joints).max() < 0.08
    folder = shipped_model.parent / "evaluator"
    if folder.is_dir():
        judge = Evaluator.from_pretrained(folder, pipeline.text)
        before, after = (
            judge.embed_motion([given.joints, made.joints]) @ judge.embed_text([text])[0]
        )
        assert after > before + 0.1
