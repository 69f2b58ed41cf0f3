"""export: a motion file to the format of another program."""

from __future__ import annotations

import json as jsonlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import StudioError
from engine.evaluation.physical import foot_skate
from engine.files import write_bytes
from engine.motion.export import FILES, VIDEOS, Options, check_format, export_bytes
from engine.motion.export_take import locked, make_take
from engine.motion.formats.load import read_raw
from engine.motion.formats.skin import Skin
from engine.motion.kinematics import bone_lengths
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS


@dataclass(frozen=True)
class Exported:
    """A file that was written, and the share of skating frames before and after the foot lock."""

    path: Path
    format: str
    fps: float
    skate_before: float
    skate_after: float


def run(
    source: Path,
    format: str,
    options: Options,
    output: Path | None,
    as_json: bool = False,
    look: str = "skeleton",
    body: Path | None = None,
) -> Exported:
    """Export a motion file, print what was written; raises StudioError for what cannot be."""
    motion = Motion.load(source, longest=round(LONGEST_SECONDS * FPS))
    target = output or source.with_name(source.stem + FILES[check_format(format)])
    if target.absolute() == source.absolute():
        raise StudioError(f"{target} is the motion itself; name another file with --output.")
    write_bytes(target, file_bytes(motion, format, options, look=look, body=body))
    before, after = skate(motion, options.foot_lock)
    done = Exported(target, format, float(options.fps), before, after)
    if as_json:
        print(jsonlib.dumps({**vars(done), "path": str(target)}))
    else:
        print(target)
        if options.foot_lock:
            print(f"Foot lock: {before:.1%} of frames skated before, {after:.1%} after.")
    return done


def file_bytes(
    motion: Motion,
    format: str,
    options: Options,
    size: int = 480,
    look: str = "skeleton",
    body: Path | None = None,
) -> bytes:
    """A motion as a file of any format.

    Videos have `size` pixels of height, 480 or 720, and a `look` (skeleton, body, both). `body`
    is an SMPL or SMPL-X npz for GLB and videos instead of the mannequin.
    """
    if check_format(format) == "glb" and options.skin is None:
        options = replace(options, skin=skin_for(motion, body))
    if format not in VIDEOS:
        return export_bytes(motion, format, options)
    from engine.render.video import render_video

    take = make_take(motion, options.fps, options.foot_lock)
    shown = Motion(take.joints.astype(np.float32), motion.prompt, fps=float(options.fps))
    with tempfile.TemporaryDirectory() as folder:
        path = render_video(
            [shown], Path(folder) / f"motion.{format}", size=size, fps=float(options.fps),
            labels=(motion.prompt,), look=look, body=body,
        )  # fmt: skip
        return path.read_bytes()


def read_back(data: bytes, motion: Motion, format: str, options: Options) -> float | None:
    """Largest distance in metres between a joint of the motion and of its file as `import` reads
    it; None for videos. Feet are compared with where they were locked to."""
    if format in VIDEOS:
        return None
    take = make_take(motion, options.fps, options.foot_lock)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"motion{FILES[format]}"
        path.write_bytes(data)
        found = read_raw(path, y_up=options.y_up).joints
    wanted = take.joints[: len(found)]  # features lack the last frame
    wanted = wanted.astype(np.float32) if found.dtype == np.float32 else wanted
    return float(np.linalg.norm(found - wanted, axis=-1).max())


def skin_for(motion: Motion, body: Path | None = None) -> Skin:
    """The mannequin, or the body of a file with the motion's bone lengths, for a GLB."""
    from engine.body.fit import fit_betas
    from engine.body.smpl import load_body

    person = load_body(body)
    lengths = np.median(bone_lengths(np.asarray(motion.joints, np.float64)), axis=0)
    return person.shaped(fit_betas(person, lengths)).skin()


def skate(motion: Motion, foot_lock: bool) -> tuple[float, float]:
    """Share of frames with a skating toe as the motion is, and with feet locked if they are."""
    before = foot_skate(motion.joints)
    if not foot_lock:
        return before, before
    return before, foot_skate(locked(np.asarray(motion.joints, dtype=np.float64)))
