"""The OpenGL renderer: pyrender draws the lit mannequin off screen, in one thread of its own.

An EGL context works only in the thread that made it, and deleting one context breaks others;
hence one executor thread, made with the renderer and used for every frame, and no deletion.
Only the rectangle around the figure is rendered, with transparency, and laid over the background
that both backends share.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from engine.errors import StudioError
from engine.render.camera import Camera, cameras_for
from engine.render.figure import Figure, pose_all
from engine.render.scene import SceneFrame, View, compose
from engine.render.shading import AMBIENT, LAMPS, ROUGHNESS, linear
from engine.render.surface import Surface

_STEP = 64  # the off-screen picture grows in steps of this, so that it is seldom made anew


class PyrenderRenderer:
    """Draws scene frames with OpenGL; safe to call from any thread.

    Raises whatever the local OpenGL raises when it cannot draw: the constructor draws one frame.
    """

    name = "pyrender"

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="render")
        try:
            self._stage: _GlStage = self._executor.submit(_GlStage).result()
            picture = self._executor.submit(compose, _probe_scene(), self._draw).result()
            if np.ptp(picture.astype(int), axis=-1).max() < 40:
                raise RuntimeError("the test frame shows no figure")
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    def frame(self, scene_frame: SceneFrame) -> np.ndarray:
        """The picture as uint8 [H,W,3]."""
        try:
            return self._executor.submit(compose, scene_frame, self._draw).result()
        except Exception as error:
            raise StudioError(
                f"OpenGL stopped drawing ({type(error).__name__}: {error}). "
                "Set EASYTUNE_RENDERER=software and try again."
            ) from error

    def describe(self) -> str:
        """Which OpenGL driver draws."""
        return self._executor.submit(self._stage.describe).result()

    def _draw(self, canvas: np.ndarray, view: View) -> None:
        area = _area(view)
        if area is None:
            return
        rows, columns = area
        for surface in _surfaces(view):
            colour = self._stage.draw(view.camera, surface, rows, columns)
            if surface.opacity < 1.0:
                colour = (colour * np.float32(surface.opacity)).astype(np.uint8)
            below = canvas[rows, columns]
            keep = (255 - colour[..., 3:]).astype(np.uint16)
            # Premultiplied "over" in integers; +127 rounds.
            below[:] = np.minimum(colour[..., :3] + (below * keep + 127) // 255, 255)


def _surfaces(view: View) -> list[Surface]:
    """What is drawn, from back to front."""
    found = []
    if view.figure is not None:
        mesh = view.figure.mesh
        found.append(Surface(*mesh.posed(view.pose), mesh.faces, mesh.colours))
    return found if view.surface is None else [*found, view.surface]


def _area(view: View) -> tuple[slice, slice] | None:
    """Pixel rows and columns that the figure can cover."""
    pixels = view.camera.project(view.pose.joints)
    pad = 0.26 * view.camera.focal / pixels[:, 2].min()
    low, high = pixels[:, :2].min(0) - pad, pixels[:, :2].max(0) + pad
    left, top = np.maximum(np.floor(low), 0).astype(int)
    right, bottom = np.minimum(np.ceil(high), (view.camera.width, view.camera.height)).astype(int)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


class _GlStage:
    """The pyrender scene: lights, a camera and one mesh. Lives and dies in the render thread."""

    def __init__(self) -> None:
        # EGL needs no display; a choice the user made (osmesa, say) is respected.
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
        # pyrender 0.1.45 still uses np.infty, which numpy 2 removed.
        if not hasattr(np, "infty"):
            np.infty = np.inf  # type: ignore[attr-defined]
        import pyrender

        self._gl = pyrender
        self._scene = pyrender.Scene(bg_color=[0.0, 0.0, 0.0, 0.0], ambient_light=[AMBIENT] * 3)
        self._lamps = [
            (self._scene.add(pyrender.DirectionalLight(np.ones(3), power * np.pi)), direction)
            for direction, power in LAMPS
        ]
        lens = pyrender.IntrinsicsCamera(500, 500, 240, 240, znear=0.1, zfar=100.0)
        self._camera = self._scene.add(lens)
        self._material = pyrender.MetallicRoughnessMaterial(
            metallicFactor=0.0, roughnessFactor=ROUGHNESS, baseColorFactor=[1.0] * 4
        )
        self._target = pyrender.OffscreenRenderer(2 * _STEP, 2 * _STEP)

    def describe(self) -> str:
        """Name of the OpenGL renderer, as the driver gives it."""
        from OpenGL import GL

        platform = self._target._platform
        platform.make_current()
        text = GL.glGetString(GL.GL_RENDERER)
        return text.decode() if isinstance(text, bytes) else "unknown driver"

    def draw(self, camera: Camera, surface: Surface, rows: slice, columns: slice) -> np.ndarray:
        """Premultiplied RGBA uint8 of one rectangle of the camera's picture."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        target = self._target
        target.viewport_height = max(target.viewport_height, -(-height // _STEP) * _STEP)
        target.viewport_width = max(target.viewport_width, -(-width // _STEP) * _STEP)
        self._aim(camera, rows, columns)
        node = self._scene.add(self._mesh(surface))
        try:
            colour, _ = target.render(self._scene, flags=self._gl.RenderFlags.RGBA)
        finally:
            self._scene.remove_node(node)
        return np.asarray(colour[:height, :width])

    def _aim(self, camera: Camera, rows: slice, columns: slice) -> None:
        lens = self._camera.camera
        lens.fx = lens.fy = camera.focal
        # The picture's centre, seen from the upper left corner of the rectangle drawn.
        lens.cx = camera.width / 2 - columns.start
        lens.cy = camera.height / 2 - rows.start
        right, up, forward = camera.rotation.T
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = np.stack([right, up, -forward], axis=1), camera.position
        self._scene.set_pose(self._camera, pose)
        for node, direction in self._lamps:
            self._scene.set_pose(node, _facing(camera.rotation @ direction))

    def _mesh(self, surface: Surface) -> Any:
        opaque = np.ones((len(surface.vertices), 1), dtype=np.float32)
        primitive = self._gl.Primitive(
            positions=surface.vertices, normals=surface.normals, indices=surface.faces,
            material=self._material, color_0=np.hstack([linear(surface.colours), opaque]),
        )  # fmt: skip
        return self._gl.Mesh([primitive])


def _facing(toward: np.ndarray) -> np.ndarray:
    """A pose whose +z points at the light, as pyrender's lights shine along their -z."""
    side = np.cross([0.0, 1.0, 0.0] if abs(toward[1]) < 0.9 else [1.0, 0.0, 0.0], toward)
    side /= np.linalg.norm(side)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([side, np.cross(toward, side), toward], axis=1)
    return pose


def _probe_scene() -> SceneFrame:
    """A small picture of a figure, to see whether drawing works at all."""
    from engine.motion.skeleton import BONE_LENGTHS, PARENTS, REST_DIRECTIONS

    joints = np.zeros((1, 22, 3))
    for joint in range(1, 22):
        step = REST_DIRECTIONS[joint] * BONE_LENGTHS[joint]
        joints[0, joint] = joints[0, PARENTS[joint]] + step
    joints[..., 1] -= joints[..., 1].min()
    camera = cameras_for([joints], (96, 96))[0][0]
    return SceneFrame(96, 96, (View(Figure.for_joints(joints), pose_all(joints)[0], camera),))
