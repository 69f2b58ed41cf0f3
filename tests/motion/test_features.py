"""Features against published ones, and the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StudioError
from engine.motion.canonical import canonicalize, rotate_yaw
from engine.motion.features import (
    HUMANML3D,
    KIT,
    TAIL,
    features_to_joints,
    joints_to_features,
    repair_sign_fault,
    smooth_facing,
)
from tests.motion.bodies import walk
from tests.shared import SHARED, needs_shared

SAMPLES = SHARED / "data" / "reference" / "humanml3d"
LIMITS = {
    "yaw": 1e-6, "velocity": 1e-6, "height": 1e-6, "ric": 1e-6, "rot6d": 1e-4, "speed": 1e-6,
    "contact": 0.0,
}  # fmt: skip
metres = st.floats(-5.0, 5.0)
angles = st.floats(-3.1, 3.1)


def recover(features: np.ndarray, layout=HUMANML3D) -> np.ndarray:
    return features_to_joints(torch.from_numpy(features), layout).numpy()


@needs_shared
@pytest.mark.parametrize("fault", [True, False])
@pytest.mark.parametrize("name", ["012314", "000000"])
def test_equal_to_published_features(name, fault):
    joints = np.load(SAMPLES / f"{name}.joints.npy")
    published = np.load(SAMPLES / f"{name}.vecs.npy")
    ours = joints_to_features(joints, upstream_sign_fault=fault)
    # The published joints lack the last frame, and smoothing carries that 80 frames back.
    rows = len(ours) - TAIL
    assert rows > 30
    for part, columns in HUMANML3D.parts.items():
        error = np.abs(ours[:rows, columns] - published[:rows, columns]).max()
        assert error <= LIMITS[part], f"{part}: {error}"


@needs_shared
@pytest.mark.parametrize("name", ["012314", "000000"])
def test_published_features_give_published_joints(name):
    published = np.load(SAMPLES / f"{name}.vecs.npy").astype(np.float32)
    assert np.abs(recover(published) - np.load(SAMPLES / f"{name}.joints.npy")).max() <= 1e-5


@needs_shared
def test_published_sample_with_the_sign_fault():
    published = np.load(SAMPLES / "000612.vecs.npy").astype(np.float32)
    repaired = repair_sign_fault(published)
    assert np.flatnonzero((repaired != published).any(axis=1)).tolist() == [142]
    joints = recover(repaired)
    rows = len(joints) - 1 - TAIL
    faulty, ours = joints_to_features(joints, upstream_sign_fault=True), joints_to_features(joints)
    for part in ("yaw", "velocity", "height", "ric", "speed"):
        columns = HUMANML3D.parts[part]
        # Made from float32 joints, so a few micrometres come in through the differences.
        np.testing.assert_allclose(ours[:rows, columns], published[:rows, columns], atol=5e-6)
    np.testing.assert_allclose(faulty[142, 0], published[142, 0], rtol=0.05)
    np.testing.assert_allclose(ours[142, 0], -faulty[142, 0])


def test_repair_undoes_the_fault_and_nothing_else():
    joints = walk(120, turn=0.9)
    right = joints_to_features(joints)
    np.testing.assert_array_equal(repair_sign_fault(joints_to_features(joints, True)), right)
    np.testing.assert_array_equal(repair_sign_fault(right), right)


def test_layouts():
    assert (HUMANML3D.size, KIT.size) == (263, 251)
    assert HUMANML3D.parts["contact"] == slice(259, 263)
    assert KIT.parts["ric"] == slice(4, 64)
    assert KIT.parts["rot6d"] == slice(64, 184)
    assert KIT.parts["speed"] == slice(184, 247)


def test_kit_round_trip():
    rng = np.random.default_rng(0)
    pose = np.cumsum(rng.normal(size=(1, 21, 3)), axis=1) * 0.1
    path = np.linspace(0, 1, 50)[:, None, None] * np.array([0.3, 0.0, 1.0])
    joints = pose - pose[:, :1] * np.array([1, 0, 1]) + path + 0.01 * rng.normal(size=(50, 21, 3))
    joints[0, 0, [0, 2]] = 0
    features = joints_to_features(joints, layout=KIT)
    assert features.shape == (49, 251)
    np.testing.assert_allclose(recover(features, KIT), joints[:-1], atol=1e-5)


def test_shape_and_dtype():
    features = joints_to_features(walk(40).astype(np.float32))
    assert features.shape == (39, 263)
    assert features.dtype == np.float32


@settings(max_examples=25, deadline=None)
@given(metres, metres, angles, st.floats(-0.8, 0.8))
def test_place_and_heading_do_not_matter(x, z, yaw, turn):
    joints = walk(40, turn=turn)
    moved = rotate_yaw(joints, yaw) + np.array([x, 0.3, z])
    expected = joints_to_features(canonicalize(joints))
    np.testing.assert_allclose(joints_to_features(canonicalize(moved)), expected, atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(0.0, 2.0), st.integers(2, 196))
def test_round_trip(turn, speed, frames):
    joints = walk(frames, speed=speed, turn=turn)
    np.testing.assert_allclose(recover(joints_to_features(joints)), joints[:-1], atol=1e-5)


def test_sign_fault_is_repaired_unless_asked_for():
    joints = walk(120, turn=0.9)  # passes 180 degrees after 3.5 seconds
    repaired, faulty = joints_to_features(joints), joints_to_features(joints, True)
    different = np.flatnonzero(repaired[:, 0] != faulty[:, 0])
    assert len(different) == 1
    np.testing.assert_allclose(repaired[different, 0], -faulty[different, 0])
    np.testing.assert_array_equal(repaired[:, 1:], faulty[:, 1:])
    assert np.abs(recover(repaired) - joints[:-1]).max() < 1e-5
    assert np.abs(recover(faulty) - joints[:-1]).max() > 1e-3


def test_yaw_velocity_is_half_the_turn_and_left_is_negative():
    left, right = (joints_to_features(walk(190, turn=turn))[90:100, 0] for turn in (0.4, -0.4))
    np.testing.assert_allclose(left, -0.5 * 0.4 / 20, rtol=0.02)
    np.testing.assert_allclose(right, -left, rtol=1e-4)


def test_batched_recovery_equals_single():
    rows = np.stack([joints_to_features(walk(50, turn=t)) for t in (-0.5, 0.0, 0.7)])
    both = features_to_joints(torch.from_numpy(rows).reshape(3, 1, 49, 263))
    assert both.shape == (3, 1, 49, 22, 3)
    for index in range(3):
        np.testing.assert_allclose(both[index, 0].numpy(), recover(rows[index]), atol=1e-6)


def test_recovery_is_differentiable():
    rows = torch.from_numpy(joints_to_features(walk(6, turn=0.5))).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: features_to_joints(x)[-1], (rows,), atol=1e-5)


def test_smoothing_equals_scipy():
    from scipy.ndimage import gaussian_filter1d

    forward = np.random.default_rng(1).normal(size=(50, 3))
    expected = gaussian_filter1d(forward, 20, axis=0, mode="nearest")
    np.testing.assert_allclose(smooth_facing(forward), expected, atol=1e-14)


@pytest.mark.parametrize("shape", [(40, 21, 3), (40, 22), (1, 22, 3), (0, 22, 3)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(StudioError, match="shape"):
        joints_to_features(np.zeros(shape))


def test_nan_is_refused():
    joints = walk(30)
    joints[3, 4, 1] = np.nan
    with pytest.raises(StudioError, match="NaN"):
        joints_to_features(joints)


def test_bones_without_length_give_finite_features():
    assert np.isfinite(joints_to_features(np.zeros((30, 22, 3)))).all()
