"""What importers share: finding files, coming to 20 fps, cutting takes, measuring what happens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.canonical import canonicalize, facing_yaw
from engine.motion.kinematics import to_skeleton
from engine.motion.resample import resample
from engine.motion.skeleton import FPS, JOINTS, MAX_FRAMES, MIN_FRAMES

TOES = [JOINTS["left_foot"], JOINTS["right_foot"]]
STANDING_PELVIS = 0.8  # metres above the lowest toe; lower than that nobody stands


@lru_cache(maxsize=8)
def files(root: Path, suffix: str) -> dict[str, Path]:
    """All files ending in `suffix` below `root`, {stem: path}, sorted; remembered per process."""
    found = sorted(path for path in root.rglob(f"*{suffix}") if path.is_file())
    return {path.stem: path for path in found}


def file_of(root: Path, take: str, suffix: str) -> Path:
    """The file of one take; StudioError when the folder has none."""
    try:
        return files(root, suffix)[take]
    except KeyError:
        raise StudioError(f"{root} holds no file {take}{suffix}.") from None


def at_20_fps(joints: np.ndarray, fps: float) -> np.ndarray:
    """Joints [T, 22, 3] on the skeleton at `fps` to 20 fps, still on the skeleton."""
    rounded = round(fps)  # BVH rounds the frame time: 0.0333333 s is meant as 30 fps
    return to_skeleton(resample(joints, rounded if abs(fps - rounded) < 0.01 else fps, FPS))


def even_edges(start: int, end: int) -> list[tuple[int, int]]:
    """Cut [start, end) into the fewest equal pieces of at most 196 frames."""
    parts = max(1, -(-(end - start) // MAX_FRAMES))
    edges = np.linspace(start, end, parts + 1).round().astype(int)
    return [(int(first), int(last)) for first, last in pairwise(edges)]


def quiet_edges(
    joints: np.ndarray, start: int = 0, end: int | None = None
) -> list[tuple[int, int]]:
    """Cut like `even_edges`, each cut moved by up to 1.5 s to where the body is quietest."""
    end = len(joints) if end is None else end
    speed = np.convolve(body_speed(joints), np.ones(5) / 5, mode="same")
    parts = len(even_edges(start, end))
    if parts == 1:
        return [(start, end)]
    length = (end - start) / parts
    slack = max(0, min(30, int(MAX_FRAMES - length) // 2))
    cuts = [start]
    for index in range(1, parts):
        near = round(start + index * length)
        window = speed[near - slack : near + slack + 1]
        cuts.append(near - slack + int(window.argmin()))
    return list(pairwise([*cuts, end]))


def steady_spans(joints: np.ndarray, shortest: int, limit: float = 0.6) -> list[tuple[int, int]]:
    """The stretches [start, end) without a glitch, at least `shortest` frames long.

    A glitch is a joint whose step changes by more than `limit` metres from frame to frame (24 g;
    the fastest boxing here stays under 0.55).
    """
    change = np.linalg.norm(np.diff(joints, n=2, axis=0), axis=-1).max(axis=1, initial=0.0)
    bad = [-1, *np.flatnonzero(change > limit) + 1, len(joints)]
    spans = [(last + 2, first - 1) for last, first in pairwise(bad)]
    first, last = spans[0], spans[-1]
    spans[0] = (0, first[1])  # the ends of the take are no glitches
    spans[-1] = (spans[-1][0], last[1] + 1)
    return [(start, end) for start, end in spans if end - start >= min(shortest, len(joints))]


def trim_still(joints: np.ndarray, start: int, end: int, speed: float = 0.6) -> tuple[int, int]:
    """Shorten [start, end) to half a second before and after anything moves faster than `speed`."""
    moving = np.flatnonzero(body_speed(joints[start:end]) > speed)
    if moving.size == 0:
        return start, end
    margin = int(FPS) // 2
    first, last = start + int(moving[0]), start + int(moving[-1]) + 1
    return max(start, first - margin), min(end, last + margin)


def pieces(
    clip: SourceClip, edges: Sequence[tuple[int, int]], floor: float | None = None
) -> list[SourceClip]:
    """Cut a whole take's joints (any place) into canonical clips of 20..196 frames.

    The floor is the whole take's, its lowest joint unless given. Ids get _01, _02 ... when the
    take is cut. StudioError when no piece is long enough.
    """
    if floor is None:
        floor = float(clip.joints[..., 1].min())
    long = [(first, last) for first, last in edges if last - first >= MIN_FRAMES]
    if not long:
        raise StudioError(f"{clip.id} lasts less than a second ({len(clip.joints)} frames).")
    numbered = [f"_{index:02d}" if len(long) > 1 else "" for index in range(1, len(long) + 1)]
    return [
        SourceClip(
            id=clip.id + number,
            joints=canonicalize(clip.joints[first:last], floor=floor),
            content=clip.content,
            style=clip.style,
            captions=clip.captions,
            group=clip.group or clip.id,
            actor=clip.actor,
            split=clip.split,
        )
        for number, (first, last) in zip(numbered, long, strict=True)
    ]


def standing_floor(joints: np.ndarray) -> float:
    """Height of the floor under the standing feet (their lowest toe while the body is upright).

    Lying bodies sink below the floor in some sources; taken by the lowest joint, the floor would
    let the standing feet float.
    """
    toes = joints[:, TOES, 1].min(axis=1)
    standing = joints[:, 0, 1] - toes > STANDING_PELVIS
    return float(toes[standing].min() if standing.any() else joints[..., 1].min())


def lift_sunken(joints: np.ndarray, floor: float, tolerance: float = 0.01) -> np.ndarray:
    """Raise the whole body, smoothly in time, where a joint lies below the floor."""
    depth = np.maximum(floor - tolerance - joints[..., 1].min(axis=1), 0.0)
    if not depth.any():
        return joints
    reach = 6  # frames: the lift starts 0.3 s before and is a smooth envelope, not a jolt
    padded = np.pad(depth, 2 * reach)
    widest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    bell = np.hanning(2 * reach + 3)[1:-1]
    smooth = np.convolve(widest, bell / bell.sum(), mode="valid")
    return joints + smooth[:, None, None] * np.array([0.0, 1.0, 0.0])


def body_speed(joints: np.ndarray) -> np.ndarray:
    """Speed in m/s of the fastest joint at every frame, [T]."""
    return np.linalg.norm(np.gradient(joints, axis=0), axis=-1).max(axis=1) * FPS


def net_turn(joints: np.ndarray) -> float:
    """Change of the facing from the first to the last quarter second in degrees, left positive."""
    yaw = np.unwrap(facing_yaw(joints))
    return float(np.degrees(yaw[-5:].mean() - yaw[:5].mean()))


def travel_speed(joints: np.ndarray) -> float:
    """Mean horizontal speed of the pelvis in m/s along its path, steps smoothed over 0.5 s."""
    if len(joints) < MIN_FRAMES:
        return 0.0
    root = joints[:, 0, [0, 2]]
    steps = np.linalg.norm(root[10:] - root[:-10], axis=-1)
    return float(steps.mean() * FPS / 10)


def largest_speed(joints: np.ndarray, names: Iterable[str]) -> float:
    """Largest speed in m/s of the named joints between two frames."""
    columns = [JOINTS[name] for name in names]
    steps = np.linalg.norm(np.diff(joints[:, columns], axis=0), axis=-1)
    return float(steps.max(initial=0.0) * FPS)
