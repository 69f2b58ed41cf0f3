"""Canonical frame, mirror and resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StudioError
from engine.motion.canonical import canonicalize, facing, facing_yaw, rotate_yaw
from engine.motion.kinematics import bone_lengths
from engine.motion.mirror import mirror
from engine.motion.resample import resample
from engine.motion.skeleton import BONE_LENGTHS, JOINTS
from tests.motion.bodies import walk, wave

angles = st.floats(-3.1, 3.1)


@settings(max_examples=30, deadline=None)
@given(angles, st.floats(-9, 9), st.floats(-9, 9), st.floats(-2, 2))
def test_canonical_undoes_place_and_heading(yaw, x, z, height):
    joints = walk(30, turn=0.6)
    moved = rotate_yaw(joints, yaw) + np.array([x, height, z])
    np.testing.assert_allclose(canonicalize(moved), joints, atol=1e-9)


def test_canonical_frame():
    joints = canonicalize(rotate_yaw(walk(30), 2.0) + 3.0)
    np.testing.assert_allclose(joints[0, 0, [0, 2]], 0.0, atol=1e-12)
    np.testing.assert_allclose(facing(joints[0]), [0.0, 1.0], atol=1e-12)
    assert joints[..., 1].min() == pytest.approx(0.0, abs=1e-12)
    left, right = joints[0, JOINTS["left_hip"]], joints[0, JOINTS["right_hip"]]
    assert left[0] > 0 > right[0]
    assert joints[-1, 0, 2] > 1.0  # walking forward is +Z


def test_given_floor_is_taken():
    joints = walk(30)
    raised = canonicalize(joints + np.array([0, 1, 0]), floor=0.25)
    np.testing.assert_allclose(raised[..., 1], joints[..., 1] + 0.75)


def test_canonical_keeps_dtype_and_takes_degenerate_poses():
    assert canonicalize(walk(30).astype(np.float32)).dtype == np.float32
    assert np.isfinite(canonicalize(np.zeros((4, 22, 3)))).all()


@given(angles)
def test_facing_yaw_turns_left_for_positive(yaw):
    joints = walk(2)
    assert facing_yaw(rotate_yaw(joints, yaw))[0] == pytest.approx(yaw, abs=1e-9)
    assert rotate_yaw(np.array([0.0, 0.0, 1.0]), 0.5)[0] > 0  # +X is the character's left


def test_rotate_yaw_with_an_angle_per_frame():
    joints = walk(10)
    yaw = np.linspace(0, 1, 10)
    turned = rotate_yaw(joints, yaw[:, None])
    for frame in (0, 5, 9):
        np.testing.assert_allclose(turned[frame], rotate_yaw(joints[frame], yaw[frame]))


@settings(max_examples=20, deadline=None)
@given(st.floats(-1, 1), st.integers(1, 50))
def test_mirror_twice_is_identity(turn, frames):
    joints = walk(frames, turn=turn)
    np.testing.assert_array_equal(mirror(mirror(joints)), joints)


def test_mirror_swaps_sides():
    joints = wave(40, "left")
    mirrored = mirror(joints)
    left, right = JOINTS["left_wrist"], JOINTS["right_wrist"]
    assert mirrored[20, right, 1] > mirrored[20, left, 1] + 0.5
    np.testing.assert_allclose(mirrored[:, right, 0], -joints[:, left, 0])
    np.testing.assert_allclose(facing(mirrored[0]), [0.0, 1.0], atol=1e-12)


def test_mirror_on_the_target_bones():
    joints = walk(40)
    mirrored = mirror(joints, keep_bones=True)
    np.testing.assert_allclose(bone_lengths(mirrored), np.tile(BONE_LENGTHS, (40, 1)), atol=1e-9)
    assert mirrored[..., 1].min() == pytest.approx(joints[..., 1].min(), abs=1e-12)
    assert np.abs(mirrored - mirror(joints)).max() < 0.03
    assert mirror(np.stack((joints, joints)), keep_bones=True).shape == (2, 40, 22, 3)


@given(st.integers(1, 5), st.integers(1, 60))
def test_whole_steps_pick_frames(step, frames):
    values = np.arange(frames, dtype=np.float64)[:, None] ** 2
    np.testing.assert_array_equal(resample(values, 20.0 * step, 20.0), values[::step])


def test_file_frame_times_count_as_whole_steps():
    values = np.random.default_rng(0).normal(size=(600, 2))
    np.testing.assert_array_equal(resample(values, 1 / 0.0083333, 20.0), values[::6])


@settings(max_examples=30, deadline=None)
@given(st.floats(10, 130), st.floats(10, 130), st.integers(4, 80))
def test_cubic_motion_is_kept_exactly(fps_in, fps_out, frames):
    def path(time):
        return 1 + time - 0.5 * time**2 + 0.1 * time**3

    result = resample(path(np.arange(frames) / fps_in), fps_in, fps_out)
    time = np.arange(len(result)) / fps_out
    assert (len(result) - 1) / fps_out <= (frames - 1) / fps_in * (1 + 1e-5)
    assert len(result) / fps_out > (frames - 1) / fps_in * (1 - 1e-5)
    np.testing.assert_allclose(result, path(time), rtol=1e-4, atol=1e-4)


def test_resampling_keeps_speed_where_linear_would_not():
    time = np.arange(90) / 30
    result = resample(np.sin(2 * np.pi * 2 * time), 30.0, 20.0)
    np.testing.assert_allclose(
        result[2:-2], np.sin(2 * np.pi * 2 * np.arange(len(result)) / 20)[2:-2], atol=0.01
    )


def test_resampling_keeps_shape_and_dtype():
    assert resample(np.zeros((31, 22, 3), np.float32), 30, 20).shape == (21, 22, 3)
    assert resample(np.zeros((31, 22, 3), np.float32), 30, 20).dtype == np.float32
    np.testing.assert_allclose(resample(np.array([0.0, 1.0]), 10, 20), [0, 0.5, 1.0])


@pytest.mark.parametrize(("frames", "rates"), [(10, (0, 20)), (10, (30, np.nan)), (0, (30, 20))])
def test_senseless_rates_are_refused(frames, rates):
    with pytest.raises(StudioError):
        resample(np.zeros((frames, 3)), *rates)
