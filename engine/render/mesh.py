"""The mannequin as one merged triangle mesh, posed by one rigid transform per bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.render.figure import FRAMES, Figure, Pose

# Rings per cap and sides, for parts thinner than a limit in metres: fingers need fewer triangles.
_DETAIL = ((0.02, 3, 8), (0.051, 5, 14), (np.inf, 7, 24))


@dataclass(frozen=True)
class FigureMesh:
    """Vertices [V,3] and unit normals [V,3] in their bone's frame, sorted by frame; faces [F,3];
    colours float32 [V,3]; `slices` gives each frame's run of vertices."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    slices: tuple[slice, ...]

    @classmethod
    def of(cls, figure: Figure) -> FigureMesh:
        """Build every part with trimesh once and merge them."""
        order = np.argsort(figure.frame_index, kind="stable")
        vertices, normals, faces, colours, counts = [], [], [], [], np.zeros(len(FRAMES), dtype=int)
        total = 0
        for part in order:
            local, normal, triangles = _capsule(figure.heights[part], *figure.radii[part])
            axes, scale = figure.axes[part], figure.scales[part]
            vertices.append(figure.starts[part] + (local * scale) @ axes.T)
            turned = (normal / scale) @ axes.T
            normals.append(turned / np.linalg.norm(turned, axis=1, keepdims=True))
            # Mirrored parts keep their winding: axes are always right-handed.
            faces.append(triangles + total)
            colours.append(np.tile(figure.colours[part], (len(local), 1)))
            counts[figure.frame_index[part]] += len(local)
            total += len(local)
        ends = np.cumsum(counts)
        slices = tuple(slice(int(b - n), int(b)) for b, n in zip(ends, counts, strict=True))
        return cls(
            np.concatenate(vertices).astype(np.float32),
            np.concatenate(normals).astype(np.float32),
            np.concatenate(faces),
            np.concatenate(colours).astype(np.float32),
            slices,
        )

    def posed(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """World vertices and normals at a moment: float32 [V,3] each, metres."""
        vertices, normals = np.empty_like(self.vertices), np.empty_like(self.normals)
        for run, rotation, origin in zip(self.slices, pose.rotations, pose.origins, strict=True):
            turn = rotation.T.astype(np.float32)
            vertices[run] = self.vertices[run] @ turn + origin.astype(np.float32)
            normals[run] = self.normals[run] @ turn
        return vertices, normals


def _capsule(height: float, first: float, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tapered capsule along +z from the origin: vertices, unit normals, faces."""
    from trimesh.creation import revolve

    thickest = max(first, last)
    rings, sections = next(detail for limit, *detail in _DETAIL if thickest < limit)
    # Where the cone touches both spheres, as an angle above their equators.
    touch = np.arcsin(np.clip((first - last) / height, -0.999, 0.999))
    low = np.linspace(-np.pi / 2, touch, rings)
    high = np.linspace(touch, np.pi / 2, rings)
    radius = np.concatenate([first * np.cos(low), last * np.cos(high)])
    z = np.concatenate([first * np.sin(low), last * np.sin(high) + height])
    radius[[0, -1]] = 0.0
    solid = revolve(np.stack([radius, z], axis=1), sections=sections)
    vertices = np.asarray(solid.vertices, dtype=np.float64)
    taper = first - last
    along = height * vertices[:, 2] - first * taper
    share = np.clip(along / (height**2 - taper**2), 0.0, 1.0)
    normals = vertices.copy()
    normals[:, 2] -= share * height
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return vertices, normals, np.asarray(solid.faces)
