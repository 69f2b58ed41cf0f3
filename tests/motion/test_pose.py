"""Rotations from joints: they give the joints back, turn no faster than it, and never flip."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import StudioError
from engine.motion.canonical import rotate_yaw
from engine.motion.kinematics import bone_directions, bone_lengths, place_bones
from engine.motion.pose import Pose, fitted_rest, pose_from_joints, rest_pose, rotation_angle
from engine.motion.rotation import axis_angle_to_matrix, axis_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINTS, PARENTS
from engine.motion.twist import blend_angles, signed_angle, soft_limit
from tests.motion.bodies import stand, walk, wave
from tests.shared import SHARED, needs_shared

MOTIONS = {
    "stand": stand(40),
    "walk": walk(80),
    "curve": walk(80, 1.4, 0.8),
    "wave": wave(60),
    "wave right": wave(60, "right"),
}


def rigid(pose_rotations: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] that the rest pose takes under these local rotations."""
    still = np.zeros((len(pose_rotations), 3))
    return Pose(pose_rotations, still, rest_pose()).joints


@pytest.mark.parametrize("name", MOTIONS)
def test_forward_kinematics_gives_the_joints_back(name: str) -> None:
    joints = MOTIONS[name]
    pose = pose_from_joints(joints)
    assert np.abs(pose.joints - joints).max() < 1e-3
    product = pose.rotations @ pose.rotations.swapaxes(-1, -2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(pose.rotations), 1.0, atol=1e-9)


def test_random_poses_come_back() -> None:
    rng = np.random.default_rng(0)
    turns = axis_angle_to_matrix(rng.normal(0, 0.5, (50, 22, 3)))
    joints = rigid(turns)
    assert np.abs(pose_from_joints(joints).joints - joints).max() < 1e-3


def test_rest_pose_is_a_t_pose_on_the_skeleton() -> None:
    rest = rest_pose()
    np.testing.assert_allclose(bone_lengths(rest), BONE_LENGTHS, atol=1e-9)
    for side, sign in (("left", 1), ("right", -1)):
        reach = rest[JOINTS[f"{side}_wrist"]] - rest[JOINTS[f"{side}_shoulder"]]
        assert sign * reach[0] > 0.5 and np.abs(reach[1:]).max() < 1e-9
    pose = pose_from_joints(np.repeat(rest[None], 30, axis=0))
    still = np.broadcast_to(np.eye(3), (30, 22, 3, 3))
    np.testing.assert_allclose(pose.rotations, still, atol=0.02)


def test_fitted_rest_finds_another_skeleton() -> None:
    rng = np.random.default_rng(1)
    other = rest_pose() * 1.1
    other[[JOINTS["left_hip"], JOINTS["left_collar"]]] += (0.02, 0.03, -0.01)
    pose = Pose(axis_angle_to_matrix(rng.normal(0, 0.4, (60, 22, 3))), np.zeros((60, 3)), other)
    fitted = fitted_rest(pose.joints)
    np.testing.assert_allclose(bone_lengths(fitted), bone_lengths(other), atol=1e-6)
    assert np.abs(pose_from_joints(pose.joints).joints - pose.joints).max() < 1e-3


@pytest.mark.parametrize("name", MOTIONS)
def test_turning_the_motion_turns_the_pelvis_only(name: str) -> None:
    joints = MOTIONS[name]
    turned = rotate_yaw(joints, np.full((len(joints), 1), 2.1))
    first, second = pose_from_joints(joints), pose_from_joints(turned)
    np.testing.assert_allclose(second.rotations[:, 1:], first.rotations[:, 1:], atol=1e-6)
    assert rotation_angle(first.rotations[:, 0].swapaxes(-1, -2) @ second.rotations[:, 0]).min() > 2


@pytest.mark.parametrize("name", MOTIONS)
def test_no_joint_turns_much_faster_than_its_bones(name: str) -> None:
    joints = MOTIONS[name]
    swings = bone_directions(joints)
    moved = np.linalg.norm(np.diff(swings, axis=0), axis=-1).max()
    assert pose_from_joints(joints).angular_speed.max() < 2.0 * moved + np.radians(5.0)


def _straightening_arm(frames: int) -> np.ndarray:
    """An arm that points forward, bends inwards, straightens and bends the other way by a trace."""
    bones = np.repeat(bone_directions(stand(1)), frames, axis=0)
    bend = np.concatenate(
        (np.linspace(0.9, -0.06, frames // 2), np.linspace(-0.06, 0.9, frames // 2))
    )
    noise = np.random.default_rng(3).normal(0, 0.01, frames)
    bones[:, JOINTS["left_elbow"]] = (0.0, 0.0, 1.0)
    inward = axis_matrix("Y", -(bend + noise)) @ np.array([0.0, 0.0, 1.0])
    bones[:, JOINTS["left_wrist"]] = inward
    return place_bones(np.zeros((frames, 3)), bones)


def test_an_elbow_that_passes_straight_does_not_flip() -> None:
    # The plane of the bend turns by 180 degrees there; the upper arm must not follow.
    pose = pose_from_joints(_straightening_arm(60))
    assert np.degrees(pose.angular_speed[:, JOINTS["left_shoulder"]].max()) < 12
    assert np.degrees(pose.angular_speed[:, JOINTS["left_elbow"]].max()) < 16


@pytest.mark.parametrize("side", ["left", "right"])
def test_bent_limbs_are_hinges(side: str) -> None:
    rng = np.random.default_rng(4)
    turns = np.repeat(np.eye(3)[None, None], 40, axis=0).repeat(22, axis=1).copy()
    sign = 1.0 if side == "left" else -1.0
    turns[:, JOINTS[f"{side}_hip"]] = axis_angle_to_matrix(np.array([-0.8, 0.25, 0.1 * sign]))
    turns[:, JOINTS[f"{side}_knee"]] = axis_matrix("X", np.full(40, 1.2))
    turns[:, JOINTS[f"{side}_shoulder"]] = axis_angle_to_matrix(np.array([0.3, -0.4, -0.9 * sign]))
    turns[:, JOINTS[f"{side}_elbow"]] = axis_matrix("Y", np.full(40, -sign * 1.4))
    joints = rigid(turns) + rng.normal(0, 1e-4, (40, 1, 3))
    found = pose_from_joints(joints).rotations
    for name in ("hip", "knee", "shoulder", "elbow"):
        joint = JOINTS[f"{side}_{name}"]
        off = rotation_angle(found[:, joint].swapaxes(-1, -2) @ turns[:, joint])
        assert np.degrees(off.max()) < 6, name


def test_straight_leg_follows_the_foot_without_wringing_the_ankle() -> None:
    turns = np.repeat(np.eye(3)[None, None], 30, axis=0).repeat(22, axis=1).copy()
    turns[:, JOINTS["left_hip"]] = axis_matrix("Y", np.full(30, 0.9))
    found = pose_from_joints(rigid(turns)).rotations
    angle = np.degrees(rotation_angle(found))
    assert angle[:, JOINTS["left_hip"]].min() > 20
    assert angle[:, JOINTS["left_ankle"]].max() < 20


def test_another_body_points_its_bones_alike() -> None:
    joints = MOTIONS["wave"]
    rest = rest_pose() * 1.2
    pose = pose_from_joints(joints * 1.2, rest)
    # The made-up body has another pelvis: its hips end up elsewhere, its hands and feet do not.
    error = np.linalg.norm(pose.joints - joints * 1.2, axis=-1)
    assert error.mean() < 0.015 and error[:, -2:].max() < 0.01
    assert pose.rest is not None and np.array_equal(pose.rest, rest)


def test_blended_angles_follow_hints_and_rest_without_them() -> None:
    angle = np.linspace(-1.5, 1.5, 60)
    blended = blend_angles([(angle, np.ones(60))], 0.0)
    np.testing.assert_allclose(blended[10:-10], angle[10:-10], atol=0.02)
    nothing = blend_angles([(angle, np.zeros(60))], 0.02)
    np.testing.assert_allclose(nothing, 0.0, atol=1e-9)


def test_blended_angles_never_wind_up() -> None:
    angle = np.linspace(0.0, 4 * np.pi, 200)  # two full turns
    wrapped = np.angle(np.exp(1j * angle))
    blended = blend_angles([(wrapped, np.ones(200))], 0.02)
    assert np.abs(blended).max() < np.radians(125)
    assert np.abs(np.diff(blended)).max() < np.radians(30)


def test_soft_limit_keeps_small_angles_and_bounds_large_ones() -> None:
    angle = np.linspace(-4, 4, 101)
    limited = soft_limit(angle, 1.5)
    small = np.abs(angle) <= 0.75
    np.testing.assert_allclose(limited[small], angle[small])
    assert np.abs(limited).max() <= 1.5
    assert (np.diff(limited) >= 0).all()


def test_signed_angle_is_about_the_axis() -> None:
    axis = np.array([[0.0, 1.0, 0.0]])
    source, target = np.array([[1.0, 5.0, 0.0]]), np.array([[0.0, -2.0, -1.0]])
    np.testing.assert_allclose(signed_angle(source, target, axis), [np.pi / 2])


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 21, 3)), np.zeros((0, 22, 3)), np.full((4, 22, 3), np.nan)]
)
def test_bad_joints_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(StudioError):
        pose_from_joints(bad)


def test_a_single_frame_is_a_pose_too() -> None:
    joints = MOTIONS["walk"][:1]
    assert np.linalg.norm(pose_from_joints(joints).joints - joints, axis=-1).max() < 2e-3


def test_collapsed_joints_still_give_rotations() -> None:
    pose = pose_from_joints(np.zeros((20, 22, 3)))
    assert np.isfinite(pose.rotations).all()


@needs_shared
@pytest.mark.parametrize("name", ["000000", "012314"])
def test_published_motion_round_trip(name: str) -> None:
    joints = np.load(SHARED / "data" / "reference" / "humanml3d" / f"{name}.joints.npy")
    pose = pose_from_joints(joints)
    assert np.abs(pose.joints - joints).max() < 1e-3
    assert pose.angular_speed.max() * 20.0 < 25.0  # radians per second; a tennis service is in it
    assert len(PARENTS) == pose.rotations.shape[1]
