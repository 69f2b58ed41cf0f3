"""Any supported motion file to a Motion: what it is, which part of it, at the engine's rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import StudioError
from engine.files import load_npz
from engine.motion.canonical import canonicalize, facing_yaw
from engine.motion.export_take import PLAY
from engine.motion.formats.amass import read_amass
from engine.motion.formats.bvh import read_bvh
from engine.motion.formats.glb_read import read_glb
from engine.motion.formats.humanml3d import read_features
from engine.motion.formats.humanoid import Rigged, humanoid_joints
from engine.motion.formats.joints_csv import read_csv
from engine.motion.formats.joints_npz import read_joints_npz
from engine.motion.formats.smplx import read_smplx
from engine.motion.kinematics import bone_lengths, finish
from engine.motion.legs import ANKLES, TOES
from engine.motion.motion import MAX_PROMPT, Motion, check_joints
from engine.motion.resample import resample
from engine.motion.skeleton import (
    BONE_LENGTHS,
    FPS,
    MAX_FRAMES,
    MAX_SECONDS,
    MIN_FRAMES,
    MIN_SECONDS,
)

SUFFIXES = (".bvh", ".glb", ".npz", ".csv", ".npy")
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
_ENOUGH = MAX_SECONDS + 1.0  # seconds that are looked at; splines like some more at the end
_FARTHEST = 10_000.0  # metres
_FLOOR = (-0.05, 0.10)  # metres; with the lowest joint between them the floor is at 0 already


@dataclass(frozen=True)
class Loaded:
    """A motion from a file, and what the file had: its rate and its whole length in seconds."""

    motion: Motion
    fps: float
    seconds: float


@dataclass(frozen=True)
class Raw:
    """Joints [T, 22, 3] of a file in metres, Y up, where and how fast the file has them.

    `start` is how many seconds of them are not wanted, `seconds` the file's whole length.
    """

    joints: np.ndarray
    fps: float
    start: float
    seconds: float
    prompt: str = ""


def load_motion(path: Path | str, start: float = 0.0, y_up: bool = False) -> Loaded:
    """Read BVH, GLB, AMASS, SMPL-X or joints npz, joints CSV, or HumanML3D features.

    At most 9.8 seconds are taken, from `start` seconds on, put on the engine's skeleton at 20
    frames a second, moved to the origin, facing +Z. A motion of this program comes back as it was
    written. `y_up` is for AMASS and SMPL-X files that are not Z up. Raises StudioError saying
    what is wrong with the file.
    """
    file = Path(path)
    raw = read_raw(file, start, y_up)
    try:
        motion = _settled(raw)
    except StudioError as error:
        raise StudioError(f"{file.name}: {error}") from error
    return Loaded(replace(motion, prompt=raw.prompt), raw.fps, raw.seconds)


def read_raw(path: Path | str, start: float = 0.0, y_up: bool = False) -> Raw:
    """The joints of a file before they are moved, resampled and checked; arguments and errors as
    for `load_motion`."""
    file = Path(path)
    if not (np.isfinite(start) and start >= 0):
        raise StudioError(f"A motion cannot be read from {start} seconds on.")
    kind = file.suffix.lower()
    if kind not in SUFFIXES:
        raise StudioError(
            f"{file.name} is of no kind that is read; these are: {', '.join(SUFFIXES)}."
        )
    data = _bytes(file)
    try:
        return _read(file, kind, data, start, y_up)
    except StudioError as error:
        raise StudioError(f"{file.name}: {error}") from error


def _read(file: Path, kind: str, data: bytes, start: float, y_up: bool) -> Raw:
    if kind in (".bvh", ".glb"):
        rigged, seconds = _bvh(data, start) if kind == ".bvh" else read_glb(data, start, _ENOUGH)
        return Raw(humanoid_joints(rigged), rigged.world.fps, 0.0, seconds)
    if kind == ".csv":
        return _whole(*read_csv(data), start)
    if kind == ".npy":
        return _whole(*read_features(data), start)
    return _npz(load_npz(file, MAX_UNPACKED_BYTES), start, y_up)


def _whole(joints: np.ndarray, fps: float, start: float) -> Raw:
    return Raw(joints, fps, start, len(joints) / fps)


def _npz(arrays: dict[str, np.ndarray], start: float, y_up: bool) -> Raw:
    if "joints" in arrays:
        return replace(_whole(*read_joints_npz(arrays), start), prompt=_prompt(arrays))
    if "pose_body" in arrays or "body_pose" in arrays:
        return _whole(*read_smplx(arrays, y_up), start)
    if "poses" in arrays:
        return _whole(*read_amass(arrays, y_up), start)
    raise StudioError(
        "The npz holds no motion: there is neither 'joints' nor 'poses' nor 'pose_body' in it."
    )


def _bvh(data: bytes, start: float) -> tuple[Rigged, float]:
    """The wanted part of a BVH file, its rest pose, and its whole length in seconds."""
    tree = read_bvh(data)
    seconds = tree.frames / tree.fps
    first = round(start * tree.fps)
    part = slice(first, first + int(_ENOUGH * tree.fps) + 1)
    if first >= tree.frames:
        raise StudioError(f"The file has {seconds:.1f} seconds; it ends before {start:g}.")
    moving = replace(tree, translations=tree.translations[part], rotations=tree.rotations[part])
    turns = np.broadcast_to(np.eye(3), (1, len(tree.names), 3, 3))
    still = replace(tree, translations=tree.offsets[None], rotations=turns)
    return Rigged(moving.world(), still.world()), seconds


def _settled(raw: Raw) -> Motion:
    """The wanted part at the engine's rate, on its skeleton, at the origin, on the floor."""
    fps, start = raw.fps, raw.start
    first = round(start * fps)
    part = raw.joints[first : first + int(_ENOUGH * fps) + 1]
    count = int((len(part) - 1) * FPS / fps + 1e-6) + 1 if len(part) else 0
    if count < MIN_FRAMES:
        raise StudioError(
            f"From {start:g} seconds on there are {len(part) / fps:.2f} seconds of motion; at "
            f"least {MIN_SECONDS:g} are needed."
        )
    if not np.isfinite(part).all() or np.abs(part).max() > _FARTHEST:
        raise StudioError("The file contains places that are no numbers, or kilometres away.")
    points = resample(part, fps, FPS)[:MAX_FRAMES]
    kept = points if _canonical(points) else _moved(points)
    check_joints(kept)
    kept = kept if _clean(kept) else canonicalize(finish(kept), floor=0.0)
    return Motion(kept.astype(np.float32))


def _moved(points: np.ndarray) -> np.ndarray:
    """Joints at the origin, facing +Z, on the floor: at 0 already, or under the lowest joint."""
    lowest = float(points[..., 1].min())
    return canonicalize(
        points.astype(np.float64), 0.0 if _FLOOR[0] < lowest < _FLOOR[1] else lowest
    )


def _canonical(points: np.ndarray) -> bool:
    """Whether a motion starts at the origin facing +Z and stands on the floor."""
    start = np.abs(points[0, 0, [0, 2]]).max()
    turned = abs(float(facing_yaw(points[0].astype(np.float64))))
    return bool(start < 1e-3 and turned < 5e-3 and _FLOOR[0] < points[..., 1].min() < _FLOOR[1])


def _clean(points: np.ndarray) -> bool:
    """Whether joints lie on the target skeleton, no foot deeper than `finish` would leave it."""
    play = np.abs(bone_lengths(points) - BONE_LENGTHS).max()
    return bool(play < 2 * PLAY and points[:, [*ANKLES, *TOES], 1].min() > -0.03)


def _prompt(arrays: dict[str, np.ndarray]) -> str:
    said = arrays.get("prompt")
    if said is None or said.ndim != 0 or said.dtype.kind != "U":
        return ""
    return str(said)[:MAX_PROMPT]


def _bytes(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise StudioError(f"There is no file {str(file)!r}.")
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise StudioError(
                f"{file.name} has {size / 2**20:.0f} MB; at most {MAX_FILE_BYTES >> 20} MB are "
                "read. Cut it first."
            )
        return file.read_bytes()
    except (OSError, ValueError) as error:
        raise StudioError(f"{file.name} cannot be read ({error}).") from error
