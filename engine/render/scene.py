"""What surrounds the figure: sky, checker floor, metre marks and the soft shadow, in numpy.

Both backends draw this same background and put their figure on it, so the two look alike and the
OpenGL one does not spend its time shading floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from engine.motion.skeleton import PARENTS
from engine.render.camera import Camera
from engine.render.figure import Figure, Pose
from engine.render.overlay import Overlay, clock, font
from engine.render.palette import INK, PAPER, rgb
from engine.render.parts import FLOOR_Y
from engine.render.surface import Surface

TILE = 0.5  # metres
_LIGHT_TILE, _DARK_TILE, _HAZE, _ZENITH = 231.0, 215.0, 241.0, 229.0
_COARSE = 4  # pixels of the picture per look-up of the shadow, each way
_SHADOW_CELLS, _SHADOW_SPAN = 64, 2.6  # texels and metres of the square under the body
_SHADOW_DEPTH = 0.58  # how dark the darkest contact gets
_DIVIDER = (196, 203, 211)
_MARK_REACH, _MARK_SIGHT, _MARK_INK = 12, 5.5, 92.0  # metres, metres from focus, tones
# Radius in metres of what each joint's bone throws down, by joint (bone from its parent).
_SHADE_RADII = np.array([
    0.12, 0.10, 0.10, 0.12, 0.075, 0.075, 0.12, 0.05, 0.05, 0.13, 0.045, 0.045, 0.10, 0.10, 0.10,
    0.09, 0.07, 0.07, 0.045, 0.045, 0.04, 0.04,
])  # fmt: skip


@dataclass(frozen=True)
class View:
    """One person in a rectangle of the frame; `left` is the rectangle's x in pixels.

    The figure, the skinned surface, or the surface over the figure.
    """

    figure: Figure | None
    pose: Pose
    camera: Camera
    left: int = 0
    overlay: Overlay | None = None
    clock: str = ""
    surface: Surface | None = None


@dataclass(frozen=True)
class SceneFrame:
    """One picture: its size in pixels and one to four views side by side."""

    width: int
    height: int
    views: tuple[View, ...] = field(default_factory=tuple)


@cache
def _tones() -> np.ndarray:
    """Colour of each tone, uint32 [256]: every background colour lies on one cool grey ramp.

    Four bytes in one number each, because looking up numbers is much faster than rows.
    """
    share = np.linspace(0.0, 1.0, 256)[:, None]
    ramp = np.array(rgb(INK)) * (1 - share) + np.array(rgb(PAPER)) * share
    table = np.zeros((256, 4), dtype=np.uint8)
    table[:, :3] = np.rint(ramp * 255)
    return table.view(np.uint32)[:, 0]


def draw_background(view: View) -> np.ndarray:
    """Sky, floor, marks and shadow of one view as uint8 [H,W,3]."""
    camera = view.camera
    rows = (np.arange(camera.height, dtype=np.float64) + 0.5 - camera.height / 2) / camera.focal
    _, up, forward = camera.rotation.T
    slope = forward[1] - up[1] * rows
    horizon = int(np.count_nonzero(slope > -0.02))
    tones = np.empty((camera.height, camera.width), dtype=np.float32)
    if horizon:
        climb = np.linspace(1.0, 0.0, horizon, endpoint=False, dtype=np.float32)[:, None]
        tones[:horizon] = _HAZE + (_ZENITH - _HAZE) * climb
    if horizon < camera.height:
        floor = _Floor.below(camera, horizon, rows[horizon:], slope[horizon:])
        floor.checker(tones[horizon:])
        floor.marks(tones[horizon:], camera)
        floor.shadow(tones[horizon:], view.pose.joints, camera)
    pixels = np.take(_tones(), tones.astype(np.uint8)).view(np.uint8)
    return np.ascontiguousarray(pixels.reshape(*tones.shape, 4)[..., :3])


def compose(scene_frame: SceneFrame, draw_figure: Callable[[np.ndarray, View], None]) -> np.ndarray:
    """The whole picture, uint8 [H,W,3]; `draw_figure(canvas, view)` paints a figure in place."""
    image = np.empty((scene_frame.height, scene_frame.width, 3), dtype=np.uint8)
    for view in scene_frame.views:
        canvas = draw_background(view)
        draw_figure(canvas, view)
        if view.overlay is not None:
            view.overlay.draw(canvas)
        if view.clock:
            clock(view.clock, view.camera.width, view.camera.height).draw(canvas)
        if view.left:
            canvas[:, :1] = np.array(_DIVIDER, dtype=np.uint8)
        image[:, view.left : view.left + view.camera.width] = canvas
    return image


@dataclass(frozen=True)
class _Floor:
    """Pixel rows below the horizon. World x = x0[row] + dx[row] * column, the same for z."""

    top: int
    width: int
    x0: np.ndarray
    dx: np.ndarray
    z0: np.ndarray
    dz: np.ndarray
    footprint: np.ndarray  # metres of floor that one pixel covers in depth, per row
    fade: np.ndarray  # 0 near .. 1 in the haze, per row

    @classmethod
    def below(cls, camera: Camera, top: int, rows: np.ndarray, slope: np.ndarray) -> _Floor:
        right, up, forward = camera.rotation.T
        depth = (FLOOR_Y - camera.position[1]) / slope
        step = depth / camera.focal
        first = (0.5 - camera.width / 2) * step
        x = camera.position[0] + depth * (forward[0] - up[0] * rows) + right[0] * first
        z = camera.position[2] + depth * (forward[2] - up[2] * rows) + right[2] * first
        fade = np.clip((depth - 4.5) / 9.0, 0.0, 1.0)
        fade *= 2.0 - fade
        dx, dz, footprint = right[0] * step, right[2] * step, step / -slope
        columns = [a.astype(np.float32)[:, None] for a in (x, dx, z, dz, footprint, fade)]
        return cls(top, camera.width, *columns)

    def checker(self, tones: np.ndarray) -> None:
        """Fill `tones` with the checker, edges filtered to a pixel, fading into the haze."""
        columns = np.arange(self.width, dtype=np.float32)
        sharp = TILE / np.maximum(self.footprint, 1e-4)
        waves = _square_wave(self.x0, self.dx, columns, sharp)
        waves *= _square_wave(self.z0, self.dz, columns, sharp)
        middle, swing = (_LIGHT_TILE + _DARK_TILE) / 2, (_LIGHT_TILE - _DARK_TILE) / 2
        waves *= swing * (1 - self.fade) * np.clip(sharp - 1.2, 0.0, 1.0)
        waves += middle + (_HAZE - middle) * self.fade
        tones[:] = waves

    def region(self, corners: np.ndarray, camera: Camera) -> tuple[slice, slice] | None:
        """Pixel rows and columns that cover floor corners [N,2] (x, z), or None if out of view."""
        points = np.stack([corners[:, 0], np.full(len(corners), FLOOR_Y), corners[:, 1]], axis=1)
        if ((points - camera.position) @ camera.rotation[:, 2]).min() < 0.3:
            return None
        pixels = camera.project(points)
        left, right = int(pixels[:, 0].min()), int(pixels[:, 0].max()) + 2
        upper, lower = int(pixels[:, 1].min()) - self.top, int(pixels[:, 1].max()) + 2 - self.top
        left, upper = max(left, 0), max(upper, 0)
        right, lower = min(right, self.width), min(lower, len(self.x0))
        return (slice(upper, lower), slice(left, right)) if left < right and upper < lower else None

    def world(self, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        """Floor x and z at the pixels of a region."""
        across = np.arange(columns.start, columns.stop, dtype=np.float32)
        return self.x0[rows] + self.dx[rows] * across, self.z0[rows] + self.dz[rows] * across

    def marks(self, tones: np.ndarray, camera: Camera) -> None:
        """A dot and its number at every metre along both axes through the start."""
        focus = (camera.position + camera.rotation[:, 2] * 4.0)[[0, 2]]
        metres = np.arange(-_MARK_REACH, _MARK_REACH + 1.0)
        along_x = np.stack([metres, 0 * metres], axis=1)
        spots = np.concatenate([along_x, along_x[metres != 0, ::-1]])
        for spot in spots[np.abs(spots - focus).max(axis=1) < _MARK_SIGHT]:
            self._mark(tones, camera, spot)

    def _mark(self, tones: np.ndarray, camera: Camera, spot: np.ndarray) -> None:
        half = _DECAL_METRES / 2
        right = camera.rotation[[0, 2], 0]  # level, as the camera never rolls
        away = np.array([right[1], -right[0]])
        box = spot + np.array([right + away, right - away, -right - away, away - right]) * half
        region = self.region(box, camera)
        if region is None:
            return
        x, z = self.world(*region)
        x, z = x - np.float32(spot[0]), z - np.float32(spot[1])
        u = (x * np.float32(right[0]) + z * np.float32(right[1])) / _DECAL_METRES + 0.5
        v = 0.5 - (x * np.float32(away[0]) + z * np.float32(away[1])) / _DECAL_METRES
        pixels = _DECAL_METRES / float(self.footprint[region[0]].mean())
        image = _decal(round(np.abs(spot).max()), int(np.clip(np.log2(_DECAL_SIZE / pixels), 0, 3)))
        tones[region] -= _sample(image, u, v) * (1 - self.fade[region[0]]) * _MARK_INK

    def shadow(self, tones: np.ndarray, joints: np.ndarray, camera: Camera) -> None:
        """Darken the floor below the body: soft, darker and sharper where it touches."""
        centre = (joints[:, ::2].min(axis=0) + joints[:, ::2].max(axis=0)) / 2
        half = _SHADOW_SPAN / 2
        box = centre + np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
        region = self.region(box, camera)
        if region is None:
            return
        image = _shade(joints, centre)
        # The shadow has no fine detail: look it up at every fourth pixel and blend between.
        rows, columns = region
        height, width = rows.stop - rows.start, columns.stop - columns.start
        across = np.arange(columns.start, columns.stop + _COARSE, _COARSE, dtype=np.float32)
        down = np.minimum(np.arange(rows.start, rows.stop + _COARSE, _COARSE), len(self.x0) - 1)
        u = (self.x0[down] + self.dx[down] * across - np.float32(centre[0])) / _SHADOW_SPAN + 0.5
        v = (self.z0[down] + self.dz[down] * across - np.float32(centre[1])) / _SHADOW_SPAN + 0.5
        # Pillow counts from pixel edges: half a coarse pixel less half a fine one.
        first = 0.5 - 0.5 / _COARSE
        dark = Image.fromarray(_sample(image, u, v)).resize(
            (width, height), Image.Resampling.BILINEAR,
            box=(first, first, first + width / _COARSE, first + height / _COARSE),
        )  # fmt: skip
        tones[region] *= 1.0 - _SHADOW_DEPTH * np.asarray(dark)


def _square_wave(
    start: np.ndarray, step: np.ndarray, columns: np.ndarray, sharp: np.ndarray
) -> np.ndarray:
    """+1 / -1 by tile along one axis, with edges one pixel wide: float32 [rows, columns]."""
    wave = step / (2 * TILE) * columns
    wave += start / (2 * TILE)
    wave -= np.floor(wave)
    wave -= 0.5
    np.abs(wave, out=wave)
    wave -= 0.25
    wave *= 4 * sharp
    return np.clip(wave, -1.0, 1.0, out=wave)


def _sample(image: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Bilinear look-up of a float32 image [H,W] at u, v in 0..1; 0 outside."""
    height, width = image.shape
    padded = np.zeros((height + 2, width + 2), dtype=np.float32)
    padded[1:-1, 1:-1] = image
    x = np.clip(u * width + 0.5, 0.0, width + 0.99)
    y = np.clip(v * height + 0.5, 0.0, height + 0.99)
    column, row = x.astype(np.int32), y.astype(np.int32)
    x -= column
    y -= row
    flat = padded.ravel()
    at = row * (width + 2) + column
    upper = flat[at] * (1 - x) + flat[at + 1] * x
    at += width + 2
    lower = flat[at] * (1 - x) + flat[at + 1] * x
    return upper + (lower - upper) * y


def _shade(joints: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Darkness 0..1 on the floor square around `centre` (x, z), float32 [cells, cells]."""
    cells = (
        (np.arange(_SHADOW_CELLS, dtype=np.float32) + 0.5) / _SHADOW_CELLS - 0.5
    ) * _SHADOW_SPAN
    px, pz = cells[None, None, :], cells[None, :, None]
    ends = joints.astype(np.float32)
    begins = ends[np.maximum(PARENTS, 0)]
    ax, az = (
        begins[:, axis, None, None] - np.float32(c) for axis, c in ((0, centre[0]), (2, centre[1]))
    )
    bx, bz = (ends[:, axis, None, None] - begins[:, axis, None, None] for axis in (0, 2))
    length = np.maximum(bx * bx + bz * bz, 1e-6)
    along = np.clip(((px - ax) * bx + (pz - az) * bz) / length, 0.0, 1.0)
    gap = (px - ax - along * bx) ** 2 + (pz - az - along * bz) ** 2
    rise = ends[:, 1] - begins[:, 1]
    height = np.maximum(begins[:, 1, None, None] + along * rise[:, None, None] - FLOOR_Y, 0.0)
    blur = _SHADE_RADII[:, None, None].astype(np.float32) + 0.30 * height
    dark = np.exp(-gap / (blur * blur)) * (0.72 * np.exp(-2.4 * height))
    total = 1.0 - np.prod(1.0 - dark, axis=0)
    rim = np.clip((_SHADOW_SPAN / 2 - np.hypot(px[0], pz[0])) / 0.25, 0.0, 1.0)
    return (total * rim).astype(np.float32)


_DECAL_METRES, _DECAL_SIZE = 0.8, 256


@cache
def _decal(metre: int, level: int) -> np.ndarray:
    """Ink 0..1 of one metre mark, float32, halved `level` times: its dot and its number."""
    image = Image.new("L", (_DECAL_SIZE, _DECAL_SIZE), 0)
    middle = _DECAL_SIZE // 2
    ImageDraw.Draw(image).ellipse([middle - 10, middle - 10, middle + 10, middle + 10], fill=255)
    text = f"{metre} m" if metre else "0"
    letters = Image.new("L", (240, 64), 0)
    ImageDraw.Draw(letters).text((120, 32), text, fill=255, font=font(48), anchor="mm")
    # Stretched away from the viewer, as road markings are, so that it reads at a flat angle.
    letters = letters.resize((160, 104), Image.Resampling.LANCZOS)
    image.paste(letters, (middle - 80, middle + 16))
    small = image.resize((_DECAL_SIZE >> level,) * 2, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255.0
