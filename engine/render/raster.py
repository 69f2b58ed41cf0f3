"""Triangles in numpy: draws a skinned body without OpenGL, with a depth buffer and soft edges."""

from __future__ import annotations

import numpy as np

from engine.render.scene import View
from engine.render.shading import linear, shade, unit
from engine.render.surface import Surface

_FINE = 2  # samples per pixel, each way


def draw_surface(canvas: np.ndarray, view: View, surface: Surface) -> None:
    """Paint a body over the picture uint8 [H, W, 3], in place."""
    camera = view.camera
    height, width = _FINE * camera.height, _FINE * camera.width
    local = ((surface.vertices - camera.position) @ camera.rotation).astype(np.float32)
    if local[:, 2].min() < 0.05:  # the camera is inside the body
        return
    scale = _FINE * camera.focal / local[:, 2]
    flat = np.stack((local[:, 0] * scale + width / 2, height / 2 - local[:, 1] * scale), axis=1)
    face, pixel, shares = _fragments(flat[surface.faces], width, height)
    if not len(face):
        return
    corners = surface.faces[face]
    depth = (local[corners, 2] * shares).sum(axis=1)
    order = np.argsort(-depth, kind="stable")  # the nearest is written last, and stays
    owner = np.full(width * height, -1, dtype=np.int64)
    owner[pixel[order]] = order
    seen = np.flatnonzero(owner >= 0)
    best = owner[seen]
    corners, shares = corners[best], shares[best][..., None]
    normals = ((surface.normals @ camera.rotation).astype(np.float32)[corners] * shares).sum(axis=1)
    places = (local[corners] * shares).sum(axis=1)
    albedo = (linear(surface.colours)[corners] * shares).sum(axis=1)
    # Lamps and shading know camera space as right, up, forward.
    colour = shade(unit(normals), -places, albedo)
    _lay(canvas, seen, colour, width, surface.opacity)


def _fragments(corners: np.ndarray, width: int, height: int) -> tuple[np.ndarray, ...]:
    """Faces [N], fine pixels [N] and barycentric shares [N, 3] of triangles [F, 3, 2]."""
    a, b, c = corners.swapaxes(0, 1)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low = np.maximum(np.ceil(corners.min(axis=1) - 0.5), 0).astype(np.int64)
    high = np.floor(corners.max(axis=1) - 0.5).astype(np.int64) + 1
    size = np.minimum(high, (width, height)) - low
    front = np.flatnonzero((area < 0) & (size > 0).all(axis=1))  # y points down: front is < 0
    wide, count = size[front, 0], size[front].prod(axis=1)
    face = np.repeat(front, count)
    step = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    across = np.repeat(wide, count)
    x, y = low[face, 0] + step % across, low[face, 1] + step // across
    point = np.stack((x, y), axis=1).astype(np.float32) + np.float32(0.5)
    a, b, c = (corners[face, corner] - point for corner in range(3))
    shares = np.stack((
        b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0], c[:, 0] * a[:, 1] - c[:, 1] * a[:, 0],
        a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
    ), axis=1) / area[face, None]  # fmt: skip
    inside = np.flatnonzero((shares >= 0).all(axis=1))
    return face[inside], y[inside] * width + x[inside], shares[inside]


def _lay(
    canvas: np.ndarray, seen: np.ndarray, colour: np.ndarray, width: int, opacity: float
) -> None:
    """Mean of the fine pixels over the picture, by how many of them the body covers."""
    rows, columns = seen // width // _FINE, seen % width // _FINE
    top, left = rows.min(), columns.min()
    shape = rows.max() - top + 1, columns.max() - left + 1
    place = (rows - top) * shape[1] + columns - left
    count = int(np.prod(shape))
    total = np.stack([np.bincount(place, colour[:, k], count) for k in range(3)], axis=1)
    covered = np.bincount(place, minlength=count)[:, None] / _FINE**2
    below = canvas[top : top + shape[0], left : left + shape[1]]
    painted = (total / _FINE**2).reshape(*shape, 3) * opacity
    kept = 1.0 - opacity * covered.reshape(*shape, 1)
    below[:] = np.rint(np.clip(painted + below * kept, 0, 255)).astype(np.uint8)
