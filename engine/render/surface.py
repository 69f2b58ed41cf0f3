"""A skinned body as a renderer wants it: the skin of every moment, its normals and colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.body.fit import BodyMotion, fit
from engine.body.smpl import Body
from engine.motion.rotation import normalize
from engine.motion.skeleton import JOINT_NAMES
from engine.render.palette import roles

_CHUNK = 16  # frames whose skin is kept
_EDGE = 0.42, 0.78  # skin weights between which one colour passes into the next
SEE_THROUGH = 0.55  # opacity of a body with its skeleton inside
REGIONS = ("head", "left", "right")  # painted over the suit
# Gloves and shoes tell left from right, as the limbs of the other figure do.
_OWN = {"neck": "head", "head": "head"} | {
    f"{side}_{name}": side for side in ("left", "right") for name in ("wrist", "ankle", "foot")
}


@dataclass(frozen=True, eq=False)
class Surface:
    """Skin at one moment: vertices and unit normals [V, 3] float32 in metres, faces [F, 3],
    colours [V, 3] float32 in 0..1, opacity 0..1."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    opacity: float = 1.0


class SkinnedClip:
    """A body that follows a clip: joints [T, 22, 3] in metres, Y up. Not for several threads."""

    def __init__(self, joints: np.ndarray, body: Body, accent: str, opacity: float = 1.0) -> None:
        self.motion: BodyMotion = fit(joints, body)
        self.opacity = opacity
        self.faces = body.faces
        self.colours = body_colours(self.motion.body, accent)
        self._first, self._skins = -1, np.zeros((0, 0, 3), dtype=np.float32)

    def surface(self, index: int) -> Surface:
        """The skin at frame `index`."""
        first = index - index % _CHUNK
        if first != self._first:
            part = slice(first, first + _CHUNK)
            motion = self.motion
            self._skins, _ = motion.body.pose(motion.rotations[part], motion.root[part])
            self._first = first
        vertices = self._skins[index - first]
        return Surface(vertices, self._normals(vertices), self.faces, self.colours, self.opacity)

    @cached_property
    def _touching(self) -> Any:
        """Which faces touch which vertex: sparse [V, F]."""
        from scipy.sparse import csr_matrix

        count = len(self.faces)
        where = (self.faces.T.reshape(-1), np.tile(np.arange(count), 3))
        shape = (len(self.colours), count)
        return csr_matrix((np.ones(3 * count, dtype=np.float32), where), shape=shape)

    def _normals(self, vertices: np.ndarray) -> np.ndarray:
        a, b, c = (vertices[self.faces[:, corner]] for corner in range(3))
        u, v = b - a, c - a
        across = u[:, [1, 2, 0]] * v[:, [2, 0, 1]] - u[:, [2, 0, 1]] * v[:, [1, 2, 0]]
        return normalize(self._touching @ across)


def body_colours(body: Body, accent: str) -> np.ndarray:
    """Colours [V, 3] float32 of a body: a suit in the accent, gloves and shoes by side."""
    table = roles(accent)
    colours = np.tile(np.array(table["torso"]), (len(body.weights), 1))
    for role, share in zip(REGIONS, regions(body).T, strict=True):
        colours += share[:, None] * (np.array(table[role]) - colours)
    return colours.astype(np.float32)


def regions(body: Body) -> np.ndarray:
    """How much each vertex is head, left end, right end: [V, 3] in 0..1."""
    low, high = _EDGE
    columns = [[i for i, n in enumerate(JOINT_NAMES) if _OWN.get(n) == role] for role in REGIONS]
    share = np.stack([body.weights[:, own].sum(axis=1) for own in columns], axis=1)
    return np.clip((share - low) / (high - low), 0.0, 1.0)
