"""Distance fields that add up to smooth shapes: elliptical lofts, blended where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.motion.rotation import normalize

_FAR = np.float32(0.2)  # metres; what a shape says of points outside its box


@dataclass(frozen=True)
class Loft:
    """A tube of elliptical sections from `start` to `end` (metres), round at both ends.

    Each row of `profile` is (share of the way, half width along `side`, half width along the third
    axis, shift along `side`, shift along the third axis); rows in between are interpolated.
    `caps` are how far the round ends stick out, as a share of the smaller half width there.
    `power` 2 makes ellipses, more makes them boxier.
    """

    start: Sequence[float] | np.ndarray
    end: Sequence[float] | np.ndarray
    profile: Sequence[Sequence[float]]
    side: Sequence[float] = (1.0, 0.0, 0.0)
    caps: tuple[float, float] = (1.0, 1.0)
    power: float = 2.0

    def box(self, margin: float) -> tuple[np.ndarray, np.ndarray]:
        """Corners [3], [3] of an axis-aligned box with all of the shape and a margin in it."""
        table = np.asarray(self.profile, dtype=np.float64)
        reach = (table[:, 1:3] + np.abs(table[:, 3:5])).max() * max(1.0, *self.caps) + margin
        ends = np.array([self.start, self.end], dtype=np.float64)
        return ends.min(axis=0) - reach, ends.max(axis=0) + reach

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance [N] of points [N, 3] in metres; negative inside, good near the skin."""
        start, end = (np.asarray(p, dtype=np.float64) for p in (self.start, self.end))
        length = float(np.linalg.norm(end - start))
        along = (end - start) / length
        side = np.asarray(self.side, dtype=np.float64)
        side = normalize(side - along * (side @ along))
        local = (points - start) @ np.stack((side, np.cross(along, side), along), axis=-1)
        table = np.asarray(self.profile, dtype=np.float64)
        share = np.clip(local[:, 2] / length, 0.0, 1.0)
        a, b, u, v = (_interpolate(share, table[:, 0], table[:, i]) for i in range(1, 5))
        over = local[:, 2] - share * length
        cap = np.where(over < 0, self.caps[0], self.caps[1]) * np.minimum(a, b)
        scaled = np.stack(((local[:, 0] - u) / a, (local[:, 1] - v) / b, over / cap), axis=-1)
        radius = (np.abs(scaled) ** self.power).sum(axis=-1) ** (1.0 / self.power)
        steep = np.linalg.norm(scaled / np.stack((a, b, cap), axis=-1), axis=-1)
        steep = np.maximum(steep, 1e-6)
        far = np.linalg.norm(scaled, axis=-1)
        # First-order distance: value over gradient; finite at the axis, where the gradient is 0.
        return np.where(far > 1e-3, (radius - 1.0) * far / steep, -np.minimum(a, b))


def _interpolate(share: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A cubic spline through the rows: light on the skin shows any kink in its curvature."""
    from scipy.interpolate import CubicSpline

    if len(at) < 3:
        return np.interp(share, at, values)
    return np.asarray(CubicSpline(at, values, bc_type="natural")(share))


def ball(centre: Sequence[float], radii: Sequence[float]) -> Loft:
    """An ellipsoid with half axes along X, Y, Z."""
    x, y, z = centre
    thin = 1e-3  # a loft needs a length
    smaller = min(radii[0], radii[2])
    # Along Y the third axis of a loft with side X is -Z, which an ellipsoid does not care about.
    return Loft(
        (x, y - thin, z), (x, y + thin, z), ((0.0, radii[0], radii[2], 0.0, 0.0),),
        caps=(radii[1] / smaller, radii[1] / smaller),
    )  # fmt: skip


def smooth_min(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """Union of two distance fields with the crease filled over `blend` metres."""
    if blend <= 0:
        return np.minimum(first, second)
    overlap = np.maximum(blend - np.abs(first - second), 0.0) / blend
    return np.minimum(first, second) - overlap * overlap * (0.25 * blend)


def smooth_max(first: np.ndarray, second: np.ndarray, blend: float) -> np.ndarray:
    """Intersection of two distance fields with the edge rounded over `blend` metres."""
    return -smooth_min(-first, -second, blend)


@dataclass(frozen=True)
class Group:
    """Shapes blended over `blend` metres with each other, and over `join` with the groups before.

    `cut` are shapes taken out of the group over `cut_blend` metres, and `floor` (y in metres) is
    where it is cut off flat.
    """

    name: str
    shapes: Sequence[Loft]
    blend: float
    join: float
    cut: Sequence[Loft] = ()
    cut_blend: float = 0.02
    floor: float | None = None

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance [N] of points [N, 3] to the group, at most 0.2 m."""
        field = np.full(len(points), _FAR, dtype=np.float64)
        margin = max(2.0 * self.blend, self.join) + 0.06
        for shape in self.shapes:
            near = _inside(points, *shape.box(margin))
            field[near] = smooth_min(field[near], shape.distance(points[near]), self.blend)
        for shape in self.cut:
            near = _inside(points, *shape.box(2.0 * self.cut_blend + 0.01))
            field[near] = smooth_max(field[near], -shape.distance(points[near]), self.cut_blend)
        if self.floor is not None:
            near = field < 0.1
            field[near] = smooth_max(field[near], self.floor - points[near, 1], 0.012)
        return field


def _inside(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.flatnonzero(((points > low) & (points < high)).all(axis=-1))


def distance(groups: Sequence[Group], points: np.ndarray) -> np.ndarray:
    """Signed distance [N] of points [N, 3] to all groups together."""
    field = np.full(len(points), float(_FAR))
    for group in groups:
        field = smooth_min(field, group.distance(points), group.join)
    return field


def surface(
    groups: Sequence[Group], low: np.ndarray, high: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """The skin in a box by marching cubes of `step` metres: vertices [V, 3], faces [F, 3]."""
    from skimage.measure import marching_cubes

    axes = [np.arange(a, b + step, step) for a, b in zip(low, high, strict=True)]
    grid = np.empty([len(axis) for axis in axes], dtype=np.float32)
    y, z = (part.ravel() for part in np.meshgrid(axes[1], axes[2], indexing="ij"))
    for start in range(0, len(axes[0]), 8):  # slabs, to keep memory small
        slab = axes[0][start : start + 8]
        points = np.stack(
            (np.repeat(slab, len(y)), np.tile(y, len(slab)), np.tile(z, len(slab))), axis=-1
        )
        values = distance(groups, points)
        grid[start : start + 8] = values.reshape(len(slab), len(axes[1]), len(axes[2]))
    vertices, faces, _, _ = marching_cubes(grid, 0.0, spacing=(step,) * 3)
    return vertices + np.array([axis[0] for axis in axes]), faces
