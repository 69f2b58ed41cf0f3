"""Composition: what comes out is a motion, does both things, and hopeless pairs are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.compose import then_motion, while_motion
from engine.data.plausible import moves_like_parts, reaches_into_body, trunk_tilt
from engine.motion.canonical import facing_yaw, rotate_yaw
from engine.motion.feet import planted_feet
from engine.motion.kinematics import bone_directions, bone_lengths, place_bones, to_skeleton
from engine.motion.motion import check_joints
from engine.motion.rotation import axis_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINTS
from tests.motion.bodies import stand, walk, wave

LEGS = [1, 2, 4, 5, 7, 8, 10, 11]
LEFT_HAND, RIGHT_HAND, HEAD = (JOINTS[n] for n in ("left_wrist", "right_wrist", "head"))


def check(joints: np.ndarray | None) -> np.ndarray:
    """A composed motion is canonical, on the skeleton, and does not fall through the floor."""
    assert joints is not None
    assert joints.dtype == np.float32
    check_joints(joints)
    lengths = np.tile(BONE_LENGTHS, (len(joints), 1))
    np.testing.assert_allclose(bone_lengths(joints), lengths, atol=1e-5)
    np.testing.assert_allclose(joints[0, 0, [0, 2]], 0.0, atol=1e-6)
    assert abs(facing_yaw(joints[0])) < 1e-5
    assert joints[..., 1].min() > -0.03
    return joints


def bent(frames: int = 60, degrees: float = 70.0) -> np.ndarray:
    """Standing with the trunk bent forward."""
    joints = stand(frames)
    bones = bone_directions(joints)
    upper = [j for j in range(22) if j not in {0, *LEGS}]
    turn = axis_matrix("X", np.radians(np.float64(degrees)))
    bones[:, upper] = (turn @ bones[:, upper, :, None])[..., 0]
    return place_bones(joints[:, 0], bones)


def test_walk_then_wave():
    joints = check(then_motion(walk(60), wave(70)))
    assert 105 <= len(joints) <= 125
    high = joints[:, LEFT_HAND, 1] > joints[:, HEAD, 1]
    assert high[60:].any()
    assert not high[:45].any()
    assert joints[45, 0, 2] > 2.0  # walked
    assert np.ptp(joints[75:, 0, 2]) < 0.15  # then stands


def test_second_clip_goes_on_where_the_first_looks():
    first = walk(60, turn=0.8)
    joints = check(then_motion(first, walk(60)))
    ending = np.unwrap(facing_yaw(joints))[-1]
    assert ending == pytest.approx(np.unwrap(facing_yaw(first))[-8], abs=0.4)
    heading = joints[-1, 0] - joints[-10, 0]
    assert np.arctan2(heading[0], heading[2]) == pytest.approx(ending, abs=0.2)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.0, 2.0), st.floats(-0.6, 0.6), st.floats(0.0, 6.0), st.integers(24, 120))
def test_joined_walks_move_like_walks(speed, turn, phase, frames):
    a, b = walk(60, 1.2), walk(frames, speed, turn, phase)
    joints = then_motion(a, b)
    if joints is None:
        return
    check(joints)
    fastest = max(np.linalg.norm(np.diff(part, axis=0), axis=-1).max() for part in (a, b))
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < max(1.3 * fastest, 0.21)


def test_standing_feet_do_not_slide_through_the_blend():
    joints = check(then_motion(stand(50), wave(50)))
    planted = planted_feet(joints)
    assert planted[..., 1].all()
    assert np.linalg.norm(np.diff(joints[:, [10, 11]], axis=0), axis=-1).max() < 0.01


def test_too_long_pairs_lose_quiet_frames_only():
    quiet_then_wave = np.concatenate((np.repeat(wave(60)[:1], 90, axis=0), wave(60)))
    joints = check(then_motion(quiet_then_wave, walk(100)))
    assert len(joints) == 196
    assert (joints[:, LEFT_HAND, 1] > joints[:, HEAD, 1]).any()
    assert joints[-1, 0, 2] - joints[0, 0, 2] > 4.0


def test_far_too_long_pairs_are_refused():
    assert then_motion(walk(196), walk(196)) is None


def test_poses_that_do_not_fit_are_refused():
    assert then_motion(walk(60), bent(60)) is None


@pytest.mark.parametrize("frames", [0, 1, 19])
def test_clips_under_a_second_are_refused(frames):
    assert then_motion(walk(60), walk(60)[:frames]) is None
    assert while_motion(walk(60)[:frames], wave(60)) is None


def test_wave_while_walking():
    legs = walk(80, turn=0.5)
    joints = check(while_motion(legs, wave(80)))
    assert len(joints) == 80
    assert (joints[:, LEFT_HAND, 1] > joints[:, HEAD, 1]).mean() > 0.3
    # The canonical heading counts the shoulders, which are new, so compare distances.
    below = [0, *LEGS]
    apart = [points[:, below, None] - points[:, None, below] for points in (joints, legs)]
    np.testing.assert_allclose(*(np.linalg.norm(each, axis=-1) for each in apart), atol=1e-5)
    path = [np.linalg.norm(np.diff(points[:, below], axis=0), axis=-1) for points in (joints, legs)]
    np.testing.assert_allclose(*path, atol=1e-5)


def test_arms_turn_with_the_walker():
    joints = check(while_motion(walk(80, turn=0.8), wave(80)))
    local = rotate_yaw(joints - joints[:, :1], -facing_yaw(joints)[:, None])
    reference = wave(80) - wave(80)[:, :1]
    assert np.abs(local[:, LEFT_HAND] - reference[:, LEFT_HAND]).mean() < 0.08


def test_idle_arm_swings_as_the_walker_does():
    legs = walk(80)
    joints = check(while_motion(legs, wave(80, "left")))
    assert np.ptp(joints[:, RIGHT_HAND, 2] - joints[:, 0, 2]) > 0.2
    other = bone_directions(joints)[:, RIGHT_HAND]
    np.testing.assert_allclose(other, bone_directions(legs)[:, RIGHT_HAND], atol=1e-5)


@pytest.mark.parametrize(("legs", "arms", "expected"), [(80, 74, 80), (120, 60, 69), (50, 120, 50)])
def test_lengths_are_matched(legs, arms, expected):
    assert len(check(while_motion(walk(legs), wave(arms)))) == expected


def test_long_arms_keep_their_liveliest_part():
    idle_then_wave = np.concatenate((np.repeat(wave(60)[:1], 100, axis=0), wave(60)))
    joints = check(while_motion(walk(60), idle_then_wave))
    assert (joints[:, LEFT_HAND, 1] > joints[:, HEAD, 1]).mean() > 0.3


def test_bent_trunks_do_not_mix():
    assert trunk_tilt(bent(degrees=70.0)).min() > np.radians(45)
    assert while_motion(walk(60), bent(60, 70.0)) is None
    assert while_motion(bent(60, 70.0), wave(60)) is None
    assert while_motion(bent(60, 30.0), wave(60)) is None


def test_jumps_and_hands_in_the_body_are_noticed():
    calm = walk(40)
    jumpy = calm.copy()
    jumpy[20:, 20] += 0.5
    assert moves_like_parts(calm, (calm,))
    assert not moves_like_parts(jumpy, (calm,))
    inside = calm.copy()
    inside[20, LEFT_HAND] = 0.5 * (inside[20, 0] + inside[20, 9])
    assert not reaches_into_body(calm, calm)
    assert reaches_into_body(inside, calm)
    assert not reaches_into_body(inside, inside)


def test_inputs_are_not_changed_and_results_are_the_same_each_time():
    a, b = to_skeleton(walk(60)), wave(60)
    copies = a.copy(), b.copy()
    first, again = then_motion(a, b), then_motion(a, b)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(while_motion(a, b), while_motion(a, b))
    np.testing.assert_array_equal(a, copies[0])
    np.testing.assert_array_equal(b, copies[1])
