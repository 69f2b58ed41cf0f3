"""Retargeting: the target's own pose comes back, whatever the source's frame, unit and rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import StudioError
from engine.motion.calibration import calibrate, standing_slope
from engine.motion.canonical import rotate_yaw
from engine.motion.formats.joints import World
from engine.motion.kinematics import bone_lengths, place_bones
from engine.motion.retarget import (
    MEAN_DIRECTIONS,
    POINTS,
    SIDES,
    TARGET_FOOT_SLOPE,
    Foot,
    Frame,
    Rig,
    bone_directions,
    half_way,
    leg_scale,
    retarget,
)
from engine.motion.rotation import axis_matrix, normalize, quat_to_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINT_NAMES, JOINTS, PARENTS
from tests.shared import SHARED, needs_shared

PARTS = {"pelvis": "hip", "spine": "lumbar", "chest": "thorax", "neck": "head"}
UNIT = 0.01


def rig(**changes) -> Rig:
    made = Rig(
        unit=UNIT,
        points={f"{s}_{p}": f"{s}_{p}" for s in SIDES for p in POINTS},
        feet={side: Foot(f"{side}_foot") for side in SIDES},
        **{part: Frame(name) for part, name in PARTS.items()},
    )
    return replace(made, **changes)


def source(joints, yaw=0.0, seed=0):
    """A World in centimetres whose rotations have arbitrary but constant rest orientations."""
    rng = np.random.default_rng(seed)
    names = [*JOINT_NAMES, *PARTS.values()]
    frames = len(joints)
    rotations = np.empty((frames, len(names), 3, 3))
    turn = axis_matrix("Y", np.full(frames, yaw))
    for index in range(len(names)):
        rest = quat_to_matrix(normalize(rng.normal(size=4)))
        rotations[:, index] = turn @ rest
    positions = np.zeros((frames, len(names), 3))
    positions[:, : len(JOINT_NAMES)] = rotate_yaw(joints, yaw) / UNIT
    return World(tuple(names), positions, rotations, 30.0)


def stand(frames=5) -> np.ndarray:
    root = np.tile([0.2, 0.95, -0.3], (frames, 1))
    return place_bones(root, np.tile(MEAN_DIRECTIONS, (frames, 1, 1)))


TOES = {side: f"{side}_foot" for side in SIDES}


@pytest.mark.parametrize("yaw", [0.0, 1.2, -3.0])
def test_the_targets_own_pose_comes_back(yaw):
    joints = stand()
    slope = float(np.degrees(np.arcsin(MEAN_DIRECTIONS[JOINTS["left_foot"], 1])))
    calibrated = calibrate([source(joints)], rig(), TOES, slope)
    world = source(joints, yaw)
    back = retarget(world, calibrated)
    expected = rotate_yaw(joints, yaw)
    expected_root = expected[:, 0] - 0.5 * (1 - leg_scale(world, calibrated)) * (
        expected[:, 1] + expected[:, 2]
    )
    np.testing.assert_allclose(back[:, 0], expected_root, atol=5e-4)
    trunk = [JOINTS[n] for n in JOINT_NAMES if "foot" not in n]
    np.testing.assert_allclose(
        (back - back[:, :1])[:, trunk], (expected - expected[:, :1])[:, trunk], atol=5e-4
    )
    np.testing.assert_allclose(bone_lengths(back), np.tile(BONE_LENGTHS, (5, 1)), atol=1e-9)


def test_left_stays_left():
    calibrated = calibrate([source(stand())], rig(), TOES, TARGET_FOOT_SLOPE)
    back = retarget(source(stand()), calibrated)[0]
    for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist", "foot"):
        assert back[JOINTS[f"left_{name}"], 0] > back[JOINTS[f"right_{name}"], 0]
    forward = back[JOINTS["left_foot"]] - back[JOINTS["left_ankle"]]
    assert forward[2] > 0


def test_foot_is_pitched_to_the_targets_slope():
    joints = stand(30)
    world = source(joints)
    steep = standing_slope([world], rig(), TOES)
    assert steep == pytest.approx(-26.8, abs=0.1)  # the mean pose's toes point down
    calibrated = calibrate([world], rig(), TOES)
    directions = bone_directions(world, calibrated)[0]
    for side in SIDES:
        toe = directions[JOINTS[f"{side}_foot"]]
        assert np.degrees(np.arcsin(toe[1])) == pytest.approx(TARGET_FOOT_SLOPE, abs=0.01)
        flat, before = toe[[0, 2]], MEAN_DIRECTIONS[JOINTS[f"{side}_foot"]][[0, 2]]
        assert np.cross(flat, before) == pytest.approx(0, abs=1e-3)  # the heading is kept


def test_shrug_moves_only_the_shoulder():
    moved = stand()
    moved[:, [JOINTS["left_shoulder"], JOINTS["left_elbow"], JOINTS["left_wrist"]], 1] += 0.05
    plain = calibrate([source(stand())], rig(shoulder_origin="spine3"), TOES, TARGET_FOOT_SLOPE)
    rest, shrug = retarget(source(stand()), plain), retarget(source(moved), plain)
    rise = (shrug - rest)[0, :, 1]
    assert rise[JOINTS["left_shoulder"]] > 0.03
    others = [i for i, n in enumerate(JOINT_NAMES) if n not in
              {"left_shoulder", "left_elbow", "left_wrist"}]  # fmt: skip
    np.testing.assert_allclose(rise[others], 0, atol=1e-9)


def test_without_a_spine_frame_it_is_half_way():
    low, high = axis_matrix("X", np.zeros(1)), axis_matrix("X", np.full(1, 0.6))
    np.testing.assert_allclose(half_way(low, high), axis_matrix("X", np.full(1, 0.3)), atol=1e-12)
    calibrated = calibrate([source(stand())], rig(spine=None), TOES, TARGET_FOOT_SLOPE)
    directions = bone_directions(source(stand()), calibrated)
    np.testing.assert_allclose(
        directions[0, JOINTS["spine2"]], MEAN_DIRECTIONS[JOINTS["spine2"]], atol=1e-3
    )


def test_scale_of_a_tall_source_shrinks_its_path():
    joints = stand(2)
    joints[1] += [0, 0, 1.0]
    calibrated = calibrate([source(joints)], rig(), TOES, TARGET_FOOT_SLOPE)
    normal = retarget(source(joints), calibrated)
    tall = retarget(source(joints * 2), calibrated)
    np.testing.assert_allclose(
        tall[1, 0, 2] - tall[0, 0, 2], normal[1, 0, 2] - normal[0, 0, 2], atol=1e-9
    )


def test_a_wrong_unit_or_joint_is_an_error():
    calibrated = calibrate([source(stand())], rig(), TOES, TARGET_FOOT_SLOPE)
    with pytest.raises(StudioError, match="unit"):
        retarget(source(stand()), replace(calibrated, unit=10.0))
    with pytest.raises(StudioError, match="tail"):
        retarget(source(stand()), replace(calibrated, neck=Frame("tail")))


@needs_shared
def test_mean_directions_are_those_of_humanml3d():
    mean = np.load(SHARED / "data" / "reference" / "humanml3d" / "Mean.npy")
    pose = np.zeros((22, 3))
    pose[0, 1] = mean[3]
    pose[1:] = mean[4:67].reshape(21, 3)
    bones = normalize(pose[1:] - pose[list(PARENTS[1:])])
    apart = np.degrees(np.arccos((bones * MEAN_DIRECTIONS[1:]).sum(axis=1).clip(-1, 1)))
    assert apart.max() < 6.0  # left and right were averaged, nothing else
    trunk = [JOINTS[n] - 1 for n in ("spine1", "spine2", "spine3", "neck")]
    assert apart[trunk].max() < 2.0
