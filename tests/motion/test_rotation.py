"""Rotations: laws, known values, and numpy and torch agreeing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from engine.motion import rotation as r

RNG = np.random.default_rng(0)
QUATERNIONS = r.normalize(RNG.normal(size=(200, 4)))
VECTORS = RNG.normal(size=(200, 3))


def scipy_rotation(quaternions: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(quaternions, -1, axis=-1))


def test_rotate_and_matrix_agree_with_scipy():
    expected = scipy_rotation(QUATERNIONS)
    np.testing.assert_allclose(r.quat_rotate(QUATERNIONS, VECTORS), expected.apply(VECTORS))
    np.testing.assert_allclose(r.quat_to_matrix(QUATERNIONS), expected.as_matrix(), atol=1e-12)


def test_product_is_composition():
    a, b = QUATERNIONS[:100], QUATERNIONS[100:]
    one_after_other = r.quat_rotate(a, r.quat_rotate(b, VECTORS[:100]))
    np.testing.assert_allclose(r.quat_rotate(r.quat_mul(a, b), VECTORS[:100]), one_after_other)


def test_inverse():
    unit = r.quat_mul(QUATERNIONS, r.quat_inv(QUATERNIONS))
    np.testing.assert_allclose(unit, np.tile([1.0, 0, 0, 0], (200, 1)), atol=1e-12)


def test_between_takes_source_to_target():
    u, v = VECTORS[:100], VECTORS[100:]
    turned = r.quat_rotate(r.quat_between(u, v), r.normalize(u))
    np.testing.assert_allclose(turned, r.normalize(v), atol=1e-9)


@pytest.mark.parametrize("axis", np.eye(3))
def test_between_opposite_directions(axis):
    quaternion = r.quat_between(axis, -axis)
    np.testing.assert_allclose(np.linalg.norm(quaternion), 1.0)
    np.testing.assert_allclose(r.quat_rotate(quaternion, axis), -axis, atol=1e-12)


def test_matrix_to_quaternion_and_back():
    turned_about = np.concatenate((QUATERNIONS, np.eye(4)))  # the half turns are the hard ones
    back = r.matrix_to_quat(r.quat_to_matrix(turned_about))
    sign = np.sign((back * turned_about).sum(-1, keepdims=True))
    np.testing.assert_allclose(back * sign, turned_about, atol=1e-9)
    assert (back[:, 0] >= 0).all()


def test_rot6d_is_two_columns_and_comes_back():
    matrices = r.quat_to_matrix(QUATERNIONS)
    rot6d = r.matrix_to_rot6d(matrices)
    np.testing.assert_array_equal(rot6d[:, :3], matrices[:, :, 0])
    np.testing.assert_array_equal(rot6d[:, 3:], matrices[:, :, 1])
    np.testing.assert_allclose(r.rot6d_to_matrix(rot6d), matrices, atol=1e-12)
    np.testing.assert_allclose(r.rot6d_to_matrix(3.0 * rot6d), matrices, atol=1e-12)


@pytest.mark.parametrize("order", ["XYZ", "ZXY", "ZYX", "YXZ", "Y", "ZX"])
def test_euler_orders(order):
    angles = RNG.uniform(-3, 3, size=(50, len(order)))
    expected = Rotation.from_euler(order, angles)
    np.testing.assert_allclose(r.euler_to_matrix(angles, order), expected.as_matrix(), atol=1e-12)


def test_axis_angle():
    expected = Rotation.from_rotvec(VECTORS).as_matrix()
    np.testing.assert_allclose(r.axis_angle_to_matrix(VECTORS), expected, atol=1e-12)
    np.testing.assert_allclose(r.axis_angle_to_matrix(np.zeros(3)), np.eye(3))


def test_slerp_ends_and_middle():
    a, b = QUATERNIONS[:100], QUATERNIONS[100:]
    np.testing.assert_allclose(np.abs((r.slerp(a, b, 0.0) * a).sum(-1)), 1.0)
    np.testing.assert_allclose(np.abs((r.slerp(a, b, 1.0) * b).sum(-1)), 1.0)
    middle = r.slerp(a, b, 0.5)
    np.testing.assert_allclose(np.abs((middle * a).sum(-1)), np.abs((middle * b).sum(-1)))
    np.testing.assert_allclose(r.slerp(a, a, 0.3), a, atol=1e-9)


def test_direction_slerp_keeps_length_and_passes_through_both_ends():
    u, v = r.normalize(VECTORS[:100]), r.normalize(VECTORS[100:])
    np.testing.assert_allclose(r.slerp_directions(u, v, 0.0), u, atol=1e-9)
    np.testing.assert_allclose(r.slerp_directions(u, v, 1.0), v, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(r.slerp_directions(u, v, 0.4), axis=-1), 1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda q, v: r.quat_mul(q, r.quat_inv(q)),
        r.quat_rotate,
        lambda q, v: r.quat_between(v, q[..., 1:]),
        lambda q, v: r.matrix_to_quat(r.quat_to_matrix(q)),
        lambda q, v: r.rot6d_to_matrix(r.matrix_to_rot6d(r.quat_to_matrix(q))),
        lambda q, v: r.slerp(q, q * 0 + 0.5, 0.3),
        lambda q, v: r.euler_to_matrix(v, "ZXY"),
        lambda q, v: r.axis_angle_to_matrix(v),
    ],
)
def test_torch_equals_numpy(call):
    expected = call(QUATERNIONS, VECTORS)
    got = call(torch.from_numpy(QUATERNIONS), torch.from_numpy(VECTORS))
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-9)


def test_gradients_of_zero_vectors_are_finite():
    zero = torch.zeros(4, 3, requires_grad=True)
    (r.normalize(zero).sum() + r.axis_angle_to_matrix(zero).sum()).backward()
    assert torch.isfinite(zero.grad).all()
