"""Legs that follow their ankles, and planted feet that stay put."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StudioError
from engine.motion.canonical import facing
from engine.motion.feet import lock_feet, planted_feet
from engine.motion.kinematics import bone_directions, bone_lengths
from engine.motion.legs import ANKLES, KNEES, TOES, move_ankles
from engine.motion.skeleton import BONE_LENGTHS
from tests.motion.bodies import stand, walk


def sliding(frames: int = 80) -> np.ndarray:
    """Standing on feet that drift to and fro by some centimetres under a body that sways."""
    time = np.arange(frames) / 20
    joints = stand(frames)
    joints[..., 0] += 0.05 * np.sin(2 * np.pi * 0.4 * time)[:, None]
    return joints


def test_present_ankles_change_nothing():
    joints = walk(40, turn=0.3)
    np.testing.assert_array_equal(move_ankles(joints, joints[:, ANKLES]), joints)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 0.3))
def test_legs_keep_their_bones_and_reach_what_they_can(seed, size):
    joints = walk(20)
    target = joints[:, ANKLES] + np.random.default_rng(seed).normal(size=(20, 2, 3)) * size
    moved = move_ankles(joints, target)
    np.testing.assert_allclose(bone_lengths(moved), np.tile(BONE_LENGTHS, (20, 1)), atol=1e-9)
    others = [j for j in range(22) if j not in {*ANKLES, *KNEES, *TOES}]
    np.testing.assert_array_equal(moved[:, others], joints[:, others])
    leg = (BONE_LENGTHS[KNEES] + BONE_LENGTHS[ANKLES])[None]
    reach = np.linalg.norm(target - joints[:, [1, 2]], axis=-1)
    easy = (reach < 0.99 * leg) & (reach > 0.35 * leg)
    np.testing.assert_allclose(moved[:, ANKLES][easy], target[easy], atol=1e-9)


def test_raised_ankle_bends_the_knee_forward():
    joints = stand(10)
    target = joints[:, ANKLES].copy()
    target[..., 1] += np.linspace(0.0, 0.3, 10)[:, None]
    moved = move_ankles(joints, target)
    hip, knee, ankle = moved[:, [1, 2]], moved[:, KNEES], moved[:, ANKLES]
    ahead = knee[..., 2] - 0.5 * (hip + ankle)[..., 2]
    assert (np.diff(ahead, axis=0) > 0).all()
    assert ahead[-1].min() > 0.2
    np.testing.assert_allclose(facing(moved), facing(joints))


def test_standing_feet_are_planted_and_swinging_ones_are_not():
    assert planted_feet(stand(30)).all()
    moving = walk(60)
    moving[:, [7, 10], 1] += 0.2
    assert not planted_feet(moving)[:, 0].any()


def test_sliding_feet_stop():
    joints = sliding()
    locked = lock_feet(joints)
    drift = np.ptp(locked[10:-10, TOES][..., [0, 2]], axis=0).max()
    assert drift < 0.005 < np.ptp(joints[10:-10, TOES][..., 0], axis=0).min()
    np.testing.assert_array_equal(locked[:, 0], joints[:, 0])
    np.testing.assert_allclose(bone_lengths(locked), bone_lengths(joints), atol=1e-9)
    assert np.linalg.norm(np.diff(locked, n=3, axis=0), axis=-1).max() < 0.01


def test_given_contacts_decide():
    joints = sliding()
    free = lock_feet(joints, np.zeros((80, 4)))
    np.testing.assert_array_equal(free, joints)
    left = np.zeros((79, 4))
    left[:, 1] = 1.0
    locked = lock_feet(joints, left)
    assert np.ptp(locked[5:-5, 10, 0]) < 0.005
    np.testing.assert_array_equal(locked[:, 11], joints[:, 11])
    with pytest.raises(StudioError, match="Contacts"):
        lock_feet(joints, np.zeros((40, 4)))


def test_locking_keeps_heads_and_knees():
    joints = sliding()
    locked = lock_feet(joints)
    np.testing.assert_array_equal(locked[:, 15], joints[:, 15])
    turned = (bone_directions(locked)[:, KNEES] * bone_directions(joints)[:, KNEES]).sum(-1)
    assert turned.min() > 0.98
