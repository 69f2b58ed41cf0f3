"""A skinned surface for files that show a body, and the plain one made of the bones themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import StudioError
from engine.motion.rotation import quat_between, quat_rotate
from engine.motion.skeleton import JOINTS, N_JOINTS, PARENTS

# An octahedron along +Y from 0 to 1, widest at a fifth of its length.
_POINTS = np.array(
    [[0, 0, 0], [1, 0.2, 0], [0, 0.2, 1], [-1, 0.2, 0], [0, 0.2, -1], [0, 1, 0]], dtype=np.float64
)
_FACES = np.array(
    [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [5, 2, 1], [5, 3, 2], [5, 4, 3], [5, 1, 4]]
)
_THICKNESS = 0.22  # share of the bone's length
_TIPS = {"head": (0.0, 0.16, 0.02), "left_wrist": (0.16, 0.0, 0.0), "right_wrist": (-0.16, 0, 0)}


@dataclass(frozen=True)
class Skin:
    """A surface bound to the 22 joints.

    vertices: [V, 3] metres in the bind pose. faces: [F, 3] counter-clockwise seen from outside.
    weights: [V, 22], rows sum to 1. joints: [22, 3] where the joints are in the bind pose,
    a T pose: Y up, facing +Z.
    """

    vertices: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    joints: np.ndarray

    def check(self) -> None:
        """Raise StudioError unless the arrays fit each other."""
        count = len(self.vertices)
        fits = (
            self.vertices.shape == (count, 3)
            and self.faces.ndim == 2
            and self.faces.shape[1] == 3
            and self.weights.shape == (count, N_JOINTS)
            and self.joints.shape == (N_JOINTS, 3)
        )
        if not fits or not count or not len(self.faces) or self.faces.max() >= count:
            raise StudioError("The body's vertices, faces and skin weights do not fit each other.")

    def normals(self) -> np.ndarray:
        """Unit vertex normals [V, 3], weighted by area; +Y where a vertex has no face."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        face = np.cross(b - a, c - a)
        total = np.zeros((len(self.vertices), 3))
        for corner in range(3):
            np.add.at(total, self.faces[:, corner], face)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.where(length > 1e-12, total / np.maximum(length, 1e-12), (0.0, 1.0, 0.0))


def bone_skin(rest: np.ndarray) -> Skin:
    """Octahedra along the bones of a T pose [22, 3], each moved by the joint it starts from."""
    bones = [(PARENTS[joint], rest[joint]) for joint in range(1, N_JOINTS)]
    bones += [(JOINTS[name], rest[JOINTS[name]] + np.array(tip)) for name, tip in _TIPS.items()]
    vertices, faces, weights = [], [], []
    for number, (joint, end) in enumerate(bones):
        points, triangles = _octahedron(rest[joint], end)
        vertices.append(points)
        faces.append(triangles + number * 3 * len(_FACES))
        weights.append(np.tile(np.eye(N_JOINTS)[joint], (len(points), 1)))
    return Skin(np.concatenate(vertices), np.concatenate(faces), np.concatenate(weights), rest)


def _octahedron(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [24, 3], one per corner of a face so that faces look flat, and faces [8, 3]."""
    bone = end - start
    length = float(np.linalg.norm(bone))
    wide = _THICKNESS * length
    shape = _POINTS * (0.5 * wide, length, 0.5 * wide)
    turn = quat_between(np.array([0.0, 1.0, 0.0]), bone)
    corners = start + quat_rotate(turn[None], shape)
    return corners[_FACES].reshape(-1, 3), np.arange(3 * len(_FACES)).reshape(-1, 3)
