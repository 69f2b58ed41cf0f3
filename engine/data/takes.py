"""Import one take in a worker process: read, check, cut, write the joints, return the records."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import sources as registry
from engine.data.clip import Clip
from engine.data.dataset import write_motion
from engine.data.sources.base import Source, SourceClip
from engine.errors import StudioError
from engine.motion.skeleton import BONE_LENGTHS, MAX_FRAMES, MIN_FRAMES, N_JOINTS, PARENTS

BONE_TOLERANCE = 0.005  # metres; importers retarget to the exact skeleton, published joints nearly
START_TOLERANCE = 0.01  # metres from the origin
DAMAGE = (ArithmeticError, EOFError, LookupError, OSError, UnicodeError, ValueError, struct.error,
          zlib.error, TypeError, AttributeError)  # fmt: skip


@dataclass(frozen=True)
class TakeResult:
    """The clip records (as JSON objects) of one take and what was skipped in it, with reasons."""

    take: str
    clips: list[dict[str, Any]]
    skipped: list[dict[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TakeResult:
        """Rebuild what `to_json` gave."""
        return cls(value["take"], value["clips"], value["skipped"])


def import_take(name: str, root: Path, take: str, out: Path) -> TakeResult:
    """Import `take` of the source `name` below `root` and write its joints into `out`."""
    source = registry.get(name)
    result = TakeResult(take, [], [])
    try:
        clips = source.clips(root, take)
    except StudioError as error:
        return _skip(result, name, take, str(error))
    except DAMAGE as error:
        return _skip(result, name, take, f"cannot be read: {type(error).__name__}: {error}")
    for clip in clips:
        for piece, part, parts in cut(clip):
            try:
                check(piece.joints)
            except StudioError as error:
                _skip(result, name, take, f"{piece.id}: {error}")
                continue
            write_motion(out, name, piece.id, piece.joints)
            record = _record(piece, take, source, (part, parts))
            result.clips.append(record.to_json())
    if not clips:
        _skip(result, name, take, "the importer found no usable motion in it")
    return result


def cut(clip: SourceClip) -> Iterator[tuple[SourceClip, int, int]]:
    """Yield (piece, part, parts): the clip itself, or equal pieces of at most 196 frames."""
    frames = len(clip.joints)
    parts = -(-frames // MAX_FRAMES)
    if parts <= 1:
        yield clip, 1, 1
        return
    from engine.motion.canonical import canonicalize

    edges = np.linspace(0, frames, parts + 1).round().astype(int)
    for part, (start, end) in enumerate(pairwise(edges), start=1):
        joints = canonicalize(clip.joints[start:end], floor=0.0)  # the floor of the whole take
        yield replace(clip, id=f"{clip.id}_{part:02d}", joints=joints), part, parts


def check(joints: np.ndarray) -> None:
    """Raise StudioError unless joints are a canonical motion [20..196, 22, 3] on the skeleton."""
    if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3):
        raise StudioError(f"has shape {joints.shape} where [frames, {N_JOINTS}, 3] is needed")
    if not MIN_FRAMES <= len(joints) <= MAX_FRAMES:
        raise StudioError(f"has {len(joints)} frames; {MIN_FRAMES} to {MAX_FRAMES} are needed")
    if not np.isfinite(joints).all():
        raise StudioError("holds numbers that are not finite")
    bones = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)
    off = np.abs(bones - BONE_LENGTHS[1:]).max()
    if off > BONE_TOLERANCE:
        raise StudioError(f"is not on the skeleton: a bone is off by {off * 1000:.0f} mm")
    start = np.abs(joints[0, 0, [0, 2]]).max()
    if start > START_TOLERANCE:
        raise StudioError(f"does not start over the origin but {start:.2f} m away")


def _record(clip: SourceClip, take: str, source: Source, piece: tuple[int, int]) -> Clip:
    return Clip(
        id=clip.id,
        source=source.name,
        take=take,
        group=clip.group or take,
        actor=clip.actor,
        content=clip.content,
        style=clip.style or "neutral",
        captions=tuple(clip.captions),
        frames=len(clip.joints),
        split=clip.split,
        licence=source.licence,
        part=piece[0],
        parts=piece[1],
    )


def _skip(result: TakeResult, source: str, take: str, reason: str) -> TakeResult:
    result.skipped.append({"source": source, "take": take, "reason": reason})
    return result
