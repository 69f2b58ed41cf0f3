"""Motions in, one video file out: staging, rendering and encoding with progress and cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.body.smpl import load_body
from engine.errors import StudioError
from engine.motion.skeleton import FPS, N_JOINTS
from engine.render import palette
from engine.render.backend import get_renderer
from engine.render.camera import Camera, cameras_for
from engine.render.encode import FrameSink, RenderCancelled
from engine.render.figure import Figure, Pose, pose_all
from engine.render.overlay import Overlay, caption
from engine.render.scene import SceneFrame, View
from engine.render.surface import SEE_THROUGH, SkinnedClip

SIZES = (480, 720)
MAX_MOTIONS = 4
LOOKS = ("skeleton", "body", "both")
# Width of one view as a share of the height, by number of views: one is 4:3, two are 16:9.
_VIEW_SHAPES = {1: 4 / 3, 2: 8 / 9, 3: 0.72, 4: 0.62}


class HasJoints(Protocol):
    """Anything with joints [T,22,3] in metres, Y up; a Motion is one."""

    @property
    def joints(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Stage:
    """Everything about a video but its pixels: `scene(i)` for `frames` pictures."""

    width: int
    height: int
    fps: float
    figures: tuple[Figure | None, ...]
    poses: tuple[list[Pose], ...]
    cameras: tuple[list[Camera], ...]
    captions: tuple[Overlay | None, ...]
    bodies: tuple[SkinnedClip | None, ...]

    @property
    def frames(self) -> int:
        """Number of pictures: the longest motion; a shorter one holds its last pose."""
        return max(len(poses) for poses in self.poses)

    def scene(self, index: int) -> SceneFrame:
        """What picture `index` shows."""
        views, left = [], 0
        for figure, poses, cameras, card, body in zip(
            self.figures, self.poses, self.cameras, self.captions, self.bodies, strict=True
        ):
            moment = min(index, len(poses) - 1)
            time = f"{moment / self.fps:.1f} s"
            skin = None if body is None else body.surface(moment)
            views.append(View(figure, poses[moment], cameras[moment], left, card, time, skin))
            left += cameras[moment].width
        return SceneFrame(self.width, self.height, tuple(views))


def stage(
    motions: Sequence[HasJoints],
    *,
    size: int = 480,
    labels: Sequence[str] = (),
    accents: Sequence[str] = (),
    fps: float = FPS,
    azimuth: float | None = None,
    look: str = "skeleton",
    body: Path | str | None = None,
) -> Stage:
    """Place 1 to 4 motions side by side. Arguments as in `render_video`."""
    _check(motions, size, labels, accents, fps)
    check_look(look)
    clips = [_at_rate(motion, fps) for motion in motions]
    names = [*accents, *["base"] * (len(clips) - len(accents))]
    texts = [*labels, *[""] * (len(clips) - len(labels))]
    width = 2 * round(size * _VIEW_SHAPES[len(clips)] / 2)
    cards = tuple(
        caption(text, palette.accent(name), width, size)
        for text, name in zip(texts, names, strict=True)
    )
    pairs = list(zip(clips, names, strict=True))
    return Stage(
        width * len(clips), size, fps,
        tuple(_figure(clip, name, look) for clip, name in pairs),
        tuple(pose_all(clip) for clip in clips),
        tuple(cameras_for(clips, (width, size), fps, azimuth)),
        cards,
        tuple(_skinned(clip, name, look, body) for clip, name in pairs),
    )  # fmt: skip


def check_look(look: str) -> str:
    """The name of a look; StudioError for one that is not offered."""
    if look not in LOOKS:
        raise StudioError(f"Look {look!r} is not offered; choose one of {', '.join(LOOKS)}.")
    return look


def _figure(clip: np.ndarray, accent: str, look: str) -> Figure | None:
    if look == "body":
        return None
    return Figure.for_joints(clip, accent, sticks=look == "both")


def _skinned(
    clip: np.ndarray, accent: str, look: str, body: Path | str | None
) -> SkinnedClip | None:
    if look == "skeleton":
        return None
    opacity = SEE_THROUGH if look == "both" else 1.0
    return SkinnedClip(clip, load_body(body), accent, opacity)


def render_video(
    motions: Sequence[HasJoints],
    path: Path | str,
    *,
    size: int = 480,
    labels: Sequence[str] = (),
    accents: Sequence[str] = (),
    fps: float = FPS,
    backend: str = "auto",
    azimuth: float | None = None,
    look: str = "skeleton",
    body: Path | str | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Path:
    """Render 1 to 4 motions side by side to `path` (.mp4 or .gif) and return the path.

    size: height in pixels, 480 or 720. labels: a caption for each motion, in order, "" for none.
    accents: "base", "tuned" or #rrggbb for each motion. backend: "auto", "pyrender", "software".
    azimuth: degrees from the facing direction to the camera; chosen by the motions when None.
    look: "skeleton", "body" or "both". body: an SMPL or SMPL-X npz instead of the mannequin.
    progress gets 0..1 after each frame; cancel is asked before each frame.
    Raises RenderCancelled (a StudioError; no file is left) and StudioError for bad input.
    """
    plan = stage(
        motions, size=size, labels=labels, accents=accents, fps=fps, azimuth=azimuth, look=look,
        body=body,
    )  # fmt: skip
    sink = FrameSink(path, plan.width, plan.height, fps)
    renderer = get_renderer(backend)
    with sink:
        for index in range(plan.frames):
            if cancel is not None and cancel():
                raise RenderCancelled("The video was cancelled; no file was written.")
            sink.put(renderer.frame(plan.scene(index)))
            if progress is not None:
                progress((index + 1) / plan.frames)
    return sink.path


def _check(
    motions: Sequence[HasJoints],
    size: int,
    labels: Sequence[str],
    accents: Sequence[str],
    fps: float,
) -> None:
    if not 1 <= len(motions) <= MAX_MOTIONS:
        raise StudioError(f"A video shows 1 to {MAX_MOTIONS} motions, not {len(motions)}.")
    if size not in SIZES:
        raise StudioError(f"Video size {size} is not offered; choose 480 or 720.")
    if max(len(labels), len(accents)) > len(motions):
        raise StudioError("There are more labels or accents than motions.")
    if not 1 <= fps <= 120:
        raise StudioError(f"{fps:g} frames per second is not offered; choose 1 to 120.")
    for motion in motions:
        joints = np.asarray(motion.joints)
        if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3) or not len(joints):
            raise StudioError(f"A motion to render has joints [T,22,3], not {joints.shape}.")
        if not np.isfinite(joints).all() or np.abs(joints).max() > 1e4:
            raise StudioError("A motion to render has joints that are not finite positions.")


def _at_rate(motion: HasJoints, fps: float) -> np.ndarray:
    """Joints [T',22,3] in float64 at `fps`, interpolated when the motion's rate differs."""
    joints = np.asarray(motion.joints, dtype=np.float64)
    own = float(getattr(motion, "fps", FPS))
    if own == fps or len(joints) < 2:
        return joints
    times = np.arange(round((len(joints) - 1) * fps / own) + 1) * own / fps
    times = np.minimum(times, len(joints) - 1)
    before = np.minimum(times.astype(int), len(joints) - 2)
    share = (times - before)[:, None, None]
    return joints[before] * (1 - share) + joints[before + 1] * share
