"""Rotations as quaternions, matrices and 6-d vectors, for numpy arrays and torch tensors alike.

Quaternions are (w, x, y, z). Every function works on the last axis (or last two for matrices),
broadcasts over the leading ones, and returns the kind of array it was given.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

Array = TypeVar("Array")

_TINY = 1e-12


def _lib(array: Any) -> Any:
    """numpy for arrays, torch for tensors; torch is only imported when a tensor already exists."""
    if isinstance(array, (np.ndarray, np.generic)):  # single vectors give scalars
        return np
    import torch

    return torch


def cross(a: Array, b: Array) -> Array:
    """Cross product of [..., 3] vectors (component-wise: numpy's own is several times slower)."""
    u: Any = a
    v: Any = b
    ux, uy, uz = u[..., 0], u[..., 1], u[..., 2]
    vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
    parts = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
    return _lib(parts[0]).stack(parts, axis=-1)


def normalize(vectors: Array) -> Array:
    """Unit vectors along the last axis; a zero vector stays zero, gradients stay finite."""
    v: Any = vectors
    squared = (v * v).sum(axis=-1, keepdims=True)
    return v / _lib(v).sqrt(squared.clip(_TINY * _TINY, None))


def quat_mul(a: Array, b: Array) -> Array:
    """Hamilton product: rotating by the result rotates by `b` first, then by `a`."""
    p: Any = a
    q: Any = b
    pw, px, py, pz = p[..., 0], p[..., 1], p[..., 2], p[..., 3]
    qw, qx, qy, qz = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    parts = (
        pw * qw - px * qx - py * qy - pz * qz,
        pw * qx + px * qw + py * qz - pz * qy,
        pw * qy - px * qz + py * qw + pz * qx,
        pw * qz + px * qy - py * qx + pz * qw,
    )
    return _lib(parts[0]).stack(parts, axis=-1)


def quat_inv(quaternion: Array) -> Array:
    """Inverse of unit quaternions [..., 4]."""
    q: Any = quaternion
    return _lib(q).stack((q[..., 0], -q[..., 1], -q[..., 2], -q[..., 3]), axis=-1)


def quat_rotate(quaternion: Array, vectors: Array) -> Array:
    """Rotate [..., 3] vectors by unit quaternions [..., 4]."""
    q: Any = quaternion
    v: Any = vectors
    axis = q[..., 1:]
    twice = 2 * cross(axis, v)
    return v + q[..., :1] * twice + cross(axis, twice)


def quat_between(source: Array, target: Array) -> Array:
    """The shortest rotation taking direction `source` to `target`, both [..., 3].

    Opposite directions have no shortest rotation: half a turn about Y is taken, or about X
    where the direction itself is vertical.
    """
    u: Any = source
    v: Any = target
    lib = _lib(u)
    lengths = lib.sqrt((u * u).sum(axis=-1) * (v * v).sum(axis=-1))
    scalar = lengths + (u * v).sum(axis=-1)
    axis = cross(u, v)
    opposite = scalar <= 1e-9 * lengths
    zero = lib.zeros_like(scalar)
    vertical = lib.abs(u[..., 1]) > 0.9 * lib.sqrt((u * u).sum(axis=-1))
    one = lib.ones_like(scalar)
    sideways, upright = lib.where(vertical, one, zero), lib.where(vertical, zero, one)
    fallback = lib.stack((zero, sideways, upright, zero), -1)
    exact = lib.stack((scalar, axis[..., 0], axis[..., 1], axis[..., 2]), -1)
    return normalize(lib.where(opposite[..., None], fallback, exact))


def quat_to_matrix(quaternion: Array) -> Array:
    """Unit quaternions [..., 4] to rotation matrices [..., 3, 3]."""
    q: Any = quaternion
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    lib = _lib(q)
    return lib.stack([lib.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_to_quat(matrix: Array) -> Array:
    """Rotation matrices [..., 3, 3] to unit quaternions [..., 4] with w >= 0."""
    m: Any = matrix
    lib = _lib(m)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1], m[..., 1, 2], m[..., 0, 2]
    d, e, f = m[..., 2, 0], m[..., 1, 0], m[..., 0, 1]
    # Four equivalent forms; the one with the largest leading square is the accurate one.
    forms = lib.stack((
        lib.stack((1 + xx + yy + zz, a - b, c - d, e - f), -1),
        lib.stack((a - b, 1 + xx - yy - zz, f + e, c + d), -1),
        lib.stack((c - d, f + e, 1 - xx + yy - zz, b + a), -1),
        lib.stack((e - f, c + d, b + a, 1 - xx - yy + zz), -1),
    ), -2)  # fmt: skip
    squares = lib.stack(
        (1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz), -1
    )
    best = squares.argmax(-1)[..., None, None]
    if lib is np:
        chosen = np.take_along_axis(forms, best, axis=-2)[..., 0, :]
    else:
        chosen = forms.gather(-2, best.expand(*best.shape[:-1], 4))[..., 0, :]
    quaternion = normalize(chosen)
    return lib.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def slerp(start: Array, end: Array, weight: Any) -> Array:
    """Spherical interpolation of unit quaternions along the shorter way.

    `weight` is a number or broadcasts against [...]; 0 gives `start`, 1 gives `end`.
    """
    p: Any = start
    q: Any = end
    lib = _lib(p)
    if lib is np:
        weight = np.asarray(weight, dtype=p.dtype)
    else:
        weight = lib.as_tensor(weight, dtype=p.dtype, device=p.device)
    dot = (p * q).sum(axis=-1)
    q = lib.where((dot < 0)[..., None], -q, q)
    angle = lib.arccos(lib.abs(dot).clip(0.0, 1.0 - 1e-7))
    sine = lib.sin(angle)
    a = (lib.sin((1 - weight) * angle) / sine)[..., None]
    b = (lib.sin(weight * angle) / sine)[..., None]
    return normalize(a * p + b * q)


def slerp_directions(start: np.ndarray, end: np.ndarray, weight: Any) -> np.ndarray:
    """Spherical interpolation of unit directions [..., 3]; opposite directions turn about Y."""
    turn = quat_between(start, end)
    still = np.zeros_like(turn)
    still[..., 0] = 1.0
    return quat_rotate(slerp(still, turn, weight), start)


def matrix_to_rot6d(matrix: Array) -> Array:
    """Rotation matrices [..., 3, 3] to their first two COLUMNS, one after the other, [..., 6]."""
    m: Any = matrix
    lib = _lib(m)
    parts = [m[..., row, column] for column in (0, 1) for row in (0, 1, 2)]
    return lib.stack(parts, axis=-1)


def rot6d_to_matrix(rot6d: Array) -> Array:
    """Any two 3-d columns [..., 6] to the nearest rotation by Gram-Schmidt, [..., 3, 3]."""
    r: Any = rot6d
    x = normalize(r[..., :3])
    z = normalize(cross(x, r[..., 3:]))
    return _lib(r).stack((x, cross(z, x), z), axis=-1)


def axis_matrix(axis: str, angle: Array) -> Array:
    """Rotation matrices [..., 3, 3] by `angle` radians [...] about "X", "Y" or "Z"."""
    a: Any = angle
    lib = _lib(a)
    c, s = lib.cos(a), lib.sin(a)
    one, zero = lib.ones_like(a), lib.zeros_like(a)
    rows = {
        "X": ((one, zero, zero), (zero, c, -s), (zero, s, c)),
        "Y": ((c, zero, s), (zero, one, zero), (-s, zero, c)),
        "Z": ((c, -s, zero), (s, c, zero), (zero, zero, one)),
    }[axis.upper()]
    return lib.stack([lib.stack(row, axis=-1) for row in rows], axis=-2)


def euler_to_matrix(angles: Array, order: str) -> Array:
    """Euler angles [..., len(order)] in radians to matrices: "ZXY" gives Rz @ Rx @ Ry.

    That is the meaning of a BVH file's channel order: the last rotation acts on a point first.
    """
    a: Any = angles
    result: Any = None
    for index, axis in enumerate(order):
        step = axis_matrix(axis, a[..., index])
        result = step if result is None else result @ step
    return result


def axis_angle_to_matrix(vectors: Array) -> Array:
    """Rotation vectors [..., 3] (direction = axis, length = angle in radians) to matrices."""
    v: Any = vectors
    lib = _lib(v)
    angle = lib.sqrt((v * v).sum(axis=-1, keepdims=True).clip(_TINY * _TINY, None))
    half = 0.5 * angle
    vector_part = v * (lib.sin(half) / angle)
    parts = (lib.cos(half)[..., 0], vector_part[..., 0], vector_part[..., 1], vector_part[..., 2])
    return quat_to_matrix(lib.stack(parts, axis=-1))
