"""The renderer that needs nothing but numpy: ray-cast tapered capsules with a depth buffer.

Every pixel that a part's bounding box covers is one "fragment"; all fragments of a view are
intersected at once. Pixels on outlines are then cast again at four points each, which gives smooth
edges for a fraction of the cost of supersampling the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.render.camera import Camera
from engine.render.figure import Figure
from engine.render.raster import draw_surface
from engine.render.scene import SceneFrame, View, compose
from engine.render.shading import dot, linear, shade, unit

_SUBSAMPLES = ((-0.125, -0.375), (0.375, -0.125), (-0.375, 0.125), (0.125, 0.375))


class SoftwareRenderer:
    """Draws scene frames on the CPU; keeps no state, so any number of threads may use one."""

    name = "software"

    def frame(self, scene_frame: SceneFrame) -> np.ndarray:
        """The picture as uint8 [H,W,3]."""
        return compose(scene_frame, draw_person)


@dataclass(frozen=True)
class _Cones:
    """Parts of one view as rays' equations: a ray through (a, b) has the local direction
    l0 + a*lu + b*lv and the local origin `eye`; all float32 [P] or [P,3]."""

    l0: np.ndarray
    lu: np.ndarray
    lv: np.ndarray
    eye: np.ndarray
    height: np.ndarray
    radii: np.ndarray
    normal: np.ndarray  # local gradient -> camera space, [P,3,3]

    @classmethod
    def of(cls, view: View) -> _Cones:
        figure, pose, camera = _figure(view), view.pose, view.camera
        bone = pose.rotations[figure.frame_index]
        axes = camera.rotation.T @ bone @ figure.axes  # columns in camera space
        start = np.einsum("pij,pj->pi", bone, figure.starts) + pose.origins[figure.frame_index]
        start = (start - camera.position) @ camera.rotation
        inverse = axes.transpose(0, 2, 1) / figure.scales[:, :, None]
        cast = [inverse[:, :, 2], inverse[:, :, 0], inverse[:, :, 1],
                -np.einsum("pij,pj->pi", inverse, start), figure.heights, figure.radii,
                axes / figure.scales[:, None, :]]  # fmt: skip
        return cls(*(array.astype(np.float32) for array in cast))

    def boxes(self, camera: Camera, view: View) -> np.ndarray:
        """Pixel bounds of each part: int [P,4] as x0, x1, y0, y1 (ends exclusive)."""
        figure = _figure(view)
        biggest = self.radii.max(axis=1)[:, None, None]
        corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (0, 1)])
        local = corners[None] * np.array([1, 1, 0]) * biggest
        ends = np.where(corners[:, 2] > 0, self.height[:, None] + self.radii[:, 1:],
                        -self.radii[:, :1])  # fmt: skip
        local[..., 2] = ends
        scaled = local * figure.scales[:, None, :]
        axes = self.normal * figure.scales[:, None, :]
        start = -np.einsum("pij,pj->pi", axes * figure.scales[:, None, :], self.eye)
        points = np.einsum("pij,pkj->pki", axes, scaled) + start[:, None]
        depth = np.maximum(points[..., 2], 0.05)
        x = points[..., 0] / depth * camera.focal + camera.width / 2
        y = -points[..., 1] / depth * camera.focal + camera.height / 2
        bounds = np.stack([x.min(1) - 1, x.max(1) + 2, y.min(1) - 1, y.max(1) + 2], axis=1)
        limit = np.array([camera.width, camera.width, camera.height, camera.height])
        return np.clip(bounds, 0, limit).astype(np.int64)

    def cast(self, part: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intersect ray (a, b) with its part, for every fragment: (indices that hit, depths)."""
        eye, height, (first, last) = self.eye, self.height, self.radii.T
        taper = first - last
        slant = height * height - taper * taper
        ahead = height * eye[:, 2]
        square = dot(eye, eye)
        top = eye - np.array([0, 0, 1], dtype=np.float32) * height[:, None]
        k0 = slant * square - ahead * ahead + 2 * ahead * taper * first - (height * first) ** 2
        # One look-up of everything that belongs to a part, for all fragments.
        per_part = [
            *self.l0.T, *self.lu.T, *self.lv.T, *eye.T, height, slant, taper * first - ahead,
            k0, square - first * first, dot(top, top) - last * last,
        ]  # fmt: skip
        look = np.take(np.stack(per_part), part, axis=1)
        dx, dy, dz = (look[i] + a * look[3 + i] + b * look[6 + i] for i in range(3))
        ex, ey, ez, high, slope, lean, k0, gap0, gap1 = look[9:]
        dd = dx * dx + dy * dy + dz * dz
        toward = ex * dx + ey * dy + ez * dz
        run = high * dz
        k2 = slope * dd - run * run
        k1 = slope * toward + run * lean
        side = k1 * k1 - k0 * k2
        toward_top = toward - run
        ball0 = toward * toward - dd * gap0
        ball1 = toward_top * toward_top - dd * gap1
        hit = np.flatnonzero((side > 0) | (ball0 > 0) | (ball1 > 0))
        dd, k2, run, slope = dd[hit], k2[hit], run[hit], slope[hit]
        with np.errstate(divide="ignore", invalid="ignore"):  # a ray along the cone misses its side
            t = (-np.sqrt(np.maximum(side[hit], 0)) - k1[hit]) / k2
        along = t * run - lean[hit]
        on_side = (side[hit] > 0) & (along > 0) & (along < slope)
        far = np.float32(1e9)
        t0, t1 = ball0[hit], ball1[hit]
        t0 = np.where(t0 > 0, (-toward[hit] - np.sqrt(np.maximum(t0, 0))) / dd, far)
        t1 = np.where(t1 > 0, (-toward_top[hit] - np.sqrt(np.maximum(t1, 0))) / dd, far)
        depth = np.where(on_side, t, np.minimum(t0, t1))
        good = (depth > 0.05) & (depth < 1e8)
        return hit[good], depth[good]

    def normals(
        self, part: np.ndarray, a: np.ndarray, b: np.ndarray, depth: np.ndarray
    ) -> np.ndarray:
        """Unit surface normals in camera space at hits: float32 [N,3]."""
        ray = self.l0[part] + a[:, None] * self.lu[part] + b[:, None] * self.lv[part]
        point = self.eye[part] + depth[:, None] * ray
        height, (first, last) = self.height, self.radii.T
        taper = first - last
        slant = height * height - taper * taper
        along = height[part] * point[:, 2] - (first * taper)[part]
        share = np.clip(along / slant[part], 0.0, 1.0)
        point[:, 2] -= share * height[part]
        normal = np.einsum("nij,nj->ni", self.normal[part], point)
        return unit(normal)


def draw_person(canvas: np.ndarray, view: View) -> None:
    """Draw what the view shows onto its background, uint8 [H,W,3], in place."""
    if view.figure is not None:
        draw_figure(canvas, view)
    if view.surface is not None:
        draw_surface(canvas, view, view.surface)


def _figure(view: View) -> Figure:
    assert view.figure is not None
    return view.figure


def draw_figure(canvas: np.ndarray, view: View) -> None:
    """Draw the figure of `view` onto its background, uint8 [H,W,3], in place."""
    camera = view.camera
    cones = _Cones.of(view)
    part, pixel = _fragments(cones.boxes(camera, view), camera.width)
    a, b = _rays(pixel, camera, (0.0, 0.0))
    owner, depth = _nearest(cones, part, a, b, pixel, camera.width * camera.height)
    drawn = np.flatnonzero(owner >= 0)
    a, b = _rays(drawn, camera, (0.0, 0.0))
    flat = canvas.reshape(-1, 3)
    behind = flat.copy() if drawn.size else flat
    flat[drawn] = _colour(cones, view, owner[drawn], a, b, depth[drawn])
    _smooth_outlines(flat, behind, cones, view, owner, part, pixel)


def _fragments(boxes: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """All (part, flat pixel index) pairs covered by the boxes."""
    wide = np.maximum(boxes[:, 1] - boxes[:, 0], 0)
    counts = wide * np.maximum(boxes[:, 3] - boxes[:, 2], 0)
    part = np.repeat(np.arange(len(boxes)), counts)
    within = np.arange(len(part)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(within.astype(np.int32), np.maximum(wide, 1).astype(np.int32)[part])
    return part, (boxes[part, 2] + row) * width + boxes[part, 0] + column


def _rays(
    pixel: np.ndarray, camera: Camera, offset: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Ray slopes through flat pixel indices: x right and y up over depth, float32."""
    row, column = np.divmod(pixel.astype(np.int32), np.int32(camera.width))
    a = (column + np.float32(0.5 + offset[0] - camera.width / 2)) / np.float32(camera.focal)
    b = (row + np.float32(0.5 + offset[1] - camera.height / 2)) / np.float32(-camera.focal)
    return a.astype(np.float32), b.astype(np.float32)


def _nearest(
    cones: _Cones, part: np.ndarray, a: np.ndarray, b: np.ndarray, cell: np.ndarray, cells: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which part each cell shows (int16, -1 for none) and how far away it is."""
    hit, t = cones.cast(part, a, b)
    where = cell[hit]
    depth = np.full(cells, np.inf, dtype=np.float32)
    np.minimum.at(depth, where, t)
    owner = np.full(cells, -1, dtype=np.int16)
    front = t <= depth[where]
    owner[where[front]] = part[hit[front]]
    return owner, depth


def _colour(
    cones: _Cones, view: View, part: np.ndarray, a: np.ndarray, b: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    normal = cones.normals(part, a, b, depth)
    toward = np.stack([-a, -b, -np.ones_like(a)], axis=1)
    return shade(normal, toward, linear(_figure(view).colours)[part])


def _smooth_outlines(
    flat: np.ndarray,
    behind: np.ndarray,
    cones: _Cones,
    view: View,
    owner: np.ndarray,
    part: np.ndarray,
    pixel: np.ndarray,
) -> None:
    """Cast outline pixels again at four points each and average."""
    camera = view.camera
    grid = owner.reshape(camera.height, camera.width)
    edge = np.zeros(grid.shape, dtype=bool)
    across, down = grid[:, 1:] != grid[:, :-1], grid[1:] != grid[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    edges = np.flatnonzero(edge)
    if not edges.size:
        return
    slot = np.full(flat.shape[0], -1, dtype=np.int32)
    slot[edges] = np.arange(len(edges), dtype=np.int32)
    chosen = np.flatnonzero(slot[pixel] >= 0)
    part, pixel = part[chosen], pixel[chosen]
    rays = [_rays(pixel, camera, offset) for offset in _SUBSAMPLES]
    a, b = np.concatenate([ray[0] for ray in rays]), np.concatenate([ray[1] for ray in rays])
    shift = np.arange(4, dtype=np.int32).repeat(len(pixel)) * len(edges)
    cell = np.tile(slot[pixel], 4) + shift
    owner4, depth4 = _nearest(cones, np.tile(part, 4), a, b, cell, 4 * len(edges))
    colours = np.tile(behind[edges].astype(np.float32), (4, 1))
    seen = np.flatnonzero(owner4 >= 0)
    rays = [_rays(edges, camera, offset) for offset in _SUBSAMPLES]
    a, b = (np.concatenate([ray[i] for ray in rays])[seen] for i in (0, 1))
    colours[seen] = _colour(cones, view, owner4[seen], a, b, depth4[seen])
    flat[edges] = (colours.reshape(4, -1, 3).mean(axis=0) + 0.5).astype(np.uint8)
