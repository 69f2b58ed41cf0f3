"""Motions to the bytes of files that other programs read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import StudioError
from engine.motion.export_take import Take, make_take
from engine.motion.formats.amass import write_amass
from engine.motion.formats.bvh_write import write_bvh
from engine.motion.formats.glb_write import write_glb
from engine.motion.formats.humanml3d import write_features
from engine.motion.formats.joints_csv import write_csv
from engine.motion.formats.joints_npz import write_joints_npz
from engine.motion.formats.skin import Skin
from engine.motion.formats.smplx import write_smplx
from engine.motion.motion import Motion
from engine.motion.skeleton import FPS

# Every format and what its files are called after the motion's name.
FILES: dict[str, str] = {
    "bvh": ".bvh", "glb": ".glb", "amass": "_amass.npz", "smplx": "_smplx.npz", "csv": ".csv",
    "npz": ".npz", "features": "_features.npy", "mp4": ".mp4", "gif": ".gif",
}  # fmt: skip
VIDEOS = ("mp4", "gif")


@dataclass(frozen=True)
class Options:
    """How to export: frames per second, foot lock, joint names, Euler order, up axis, body.

    `names` and `order` are for BVH (names for GLB too), `y_up` for AMASS and SMPL-X, `skin` is
    the body of a GLB, by default one made of the bones.
    """

    fps: float = FPS
    foot_lock: bool = False
    names: str = "smpl"
    order: str = "ZXY"
    y_up: bool = False
    skin: Skin | None = None


_WRITERS: dict[str, Callable[[Take, Options, str], bytes]] = {
    "bvh": lambda take, options, _: write_bvh(take, options.names, options.order),
    "glb": lambda take, options, title: write_glb(take, options.names, options.skin, title),
    "amass": lambda take, options, _: write_amass(take, options.y_up),
    "smplx": lambda take, options, _: write_smplx(take, options.y_up),
    "csv": lambda take, _options, _title: write_csv(take),
    "npz": lambda take, _options, _title: write_joints_npz(take),
    "features": lambda take, _options, _title: write_features(take),
}


def check_format(name: str) -> str:
    """The name of a format; StudioError for one that is not offered."""
    if name not in FILES:
        raise StudioError(f"Format {name!r} is not offered; choose one of {', '.join(FILES)}.")
    return name


def export_bytes(motion: Motion, format: str, options: Options) -> bytes:
    """A motion as a file of any format but the videos; StudioError for what cannot be written."""
    if check_format(format) not in _WRITERS:
        raise StudioError(f"{format} is a video, which is rendered, not written.")
    take = make_take(motion, options.fps, options.foot_lock)
    return _WRITERS[format](take, options, motion.prompt or "motion")
