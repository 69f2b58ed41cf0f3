"""Some seconds made anew: frames outside stay to the bit, crossings are smooth, paths arrive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.edit.crossing import join, lead, place
from engine.edit.parts import Part, Redo
from engine.edit.sequence import make_sequence
from engine.edit.span import redo_span
from engine.errors import StudioError
from engine.evaluation.physical import bone_drift, jerk
from engine.motion.canonical import facing_yaw, rotate_yaw
from engine.motion.halves import LOWER, UPPER
from engine.motion.motion import Motion
from engine.pipeline import MotionPipeline
from tests.motion.bodies import walk
from tests.tiny import load_tiny


@pytest.fixture(scope="module")
def pipeline(tiny_patched_model: Path) -> MotionPipeline:
    return load_tiny(tiny_patched_model)


@pytest.fixture
def given() -> Motion:
    return Motion(walk(122).astype(np.float32), "walk")


def change(half="whole", first=2.05, last=4.0, seed=3):
    return Redo(half, "jump", seed, (first, last))


@pytest.mark.parametrize("half", ["whole", "upper", "lower"])
@pytest.mark.parametrize(("first", "last"), [(2.05, 4.0), (0.0, 1.4), (3.3, 6.1), (0.1, 6.05)])
def test_what_is_outside_stays_to_the_last_bit(pipeline, given, half, first, last):
    made = redo_span(pipeline, given, change(half, first, last))
    start, end = round(20 * first), round(20 * last)
    assert np.array_equal(made.joints[:start], given.joints[:start])
    assert np.array_equal(made.joints[end:], given.joints[end:])
    inside = np.abs(made.joints - given.joints)[start:end]
    assert inside[:, UPPER].max() > 0.02
    assert inside[:, LOWER].max() > 0.02 or half == "upper"
    if half == "upper":
        assert np.array_equal(made.joints[:, LOWER], given.joints[:, LOWER])
    assert bone_drift(made.joints) < 1e-3
    assert made.prompt == f"walk; {half} body: jump ({first:g} to {last:g} s)"
    again = redo_span(pipeline, given, change(half, first, last))
    assert np.array_equal(made.joints, again.joints)


def test_a_path_is_led_to_where_it_has_to_arrive():
    body = walk(60)
    like = rotate_yaw(body[50] + np.array([0.4, 0.0, -0.3]), 1.0)
    made = lead(body, 9, 50, like)
    assert np.abs(made[:10] - body[:10]).max() < 1e-9
    assert np.abs(made[50, 0, [0, 2]] - like[0, [0, 2]]).max() < 1e-9
    assert abs(facing_yaw(made[50]) - facing_yaw(like)) < 1e-9
    assert bone_drift(made) < 1e-3
    assert np.abs(place(made, 50, body[50])[50] - body[50]).max() < 1e-6


def test_a_jump_is_joined_with_the_speed_it_had():
    body = walk(80)
    aside = body[40:] + np.array([0.2, 0.05, 0.1])
    made = np.concatenate((body[:40], join(body[:40], aside)))
    cut = np.concatenate((body[:40], aside))
    assert np.abs(made[60:] - aside[20:]).max() < 1e-6
    assert jerk(made[34:46]) < 0.2 * jerk(cut[34:46])


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (change(first=2.0, last=2.5), "From 1 to 6.6 seconds"),
        (change(first=5.0, last=9.0), "not within the motion's 6.1 seconds"),
        (change(first=-1.0), "not within"),
        (change(first=float("nan")), "not within"),
        (change(first=4.0, last=2.0), "not within"),
        (change(half="left"), "no 'left' of a body"),
        (Redo("whole", "jump", 0), "from when to when"),
        (Redo("whole", "", 0, (1.0, 3.0)), "empty"),
    ],
)
def test_what_cannot_be_made_is_said(pipeline, given, one, sentence):
    with pytest.raises(StudioError, match=sentence):
        redo_span(pipeline, given, one)


def test_a_kick_within_a_walk_crosses_smoothly(shipped_model):
    pipeline = MotionPipeline.from_pretrained(shipped_model, "cpu")
    parts = [Part("a person walks forward", 4.0), Part("a person stands still", 3.0)]
    given = make_sequence(pipeline, parts, 3).motion
    kick = Redo("whole", "a person kicks with the right leg", 5, (4.0, 6.5))
    joints = redo_span(pipeline, given, kick).joints
    assert joints[80:130, 8, 1].max() > given.joints[80:130, 8, 1].max() + 0.2, "no foot is raised"
    for seam in (80, 130):
        assert jerk(joints[seam - 6 : seam + 6]) < 1.5 * jerk(joints[80:130])
