"""Reads the skeleton animation of a GLB (glTF 2.0 binary) file."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from engine.errors import StudioError
from engine.motion.formats.glb_tracks import Accessors, Track, read_track
from engine.motion.formats.glb_write import BINARY_CHUNK, JSON_CHUNK, MAGIC
from engine.motion.formats.humanoid import Rigged
from engine.motion.formats.joints import World
from engine.motion.formats.names import find_joints
from engine.motion.rotation import quat_to_matrix

MAX_NODES = 5_000
MAX_RATE = 240.0  # frames per second that an animation is read at
# What a document with the wrong kind of value somewhere, or a cut one, raises.
_DAMAGE = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError,
    RecursionError, struct.error,
)  # fmt: skip


def read_glb(data: bytes, start: float, seconds: float) -> tuple[Rigged, float]:
    """The named joints between `start` and `start + seconds`, and the animation's whole length.

    The first animation that moves a known joint is read, at the rate of its keys. The rest pose
    is the skin's bind pose where there is one. Raises StudioError for damaged files and those
    without a human animation.
    """
    try:
        document, binary = _unpack(data)
        return _read(document, binary, start, seconds)
    except _DAMAGE as error:
        reason = f"{type(error).__name__}: {error}"[:120]
        raise StudioError(f"The GLB file is damaged or incomplete ({reason}).") from error


def _unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    magic, version, _ = struct.unpack_from("<III", data)
    if magic != MAGIC or version != 2:
        raise StudioError("This is not a GLB file (glTF 2.0 binary).")
    chunks: dict[int, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, at)
        if at + 8 + length > len(data):
            raise StudioError("The GLB file is cut off.")
        chunks.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 8 + length
    document = json.loads(chunks[JSON_CHUNK])
    if not isinstance(document, dict):
        raise StudioError("The GLB file holds no glTF document.")
    return document, chunks.get(BINARY_CHUNK, b"")


def _read(
    document: dict[str, Any], binary: bytes, start: float, seconds: float
) -> tuple[Rigged, float]:
    nodes = document.get("nodes", [])
    if len(nodes) > MAX_NODES:
        raise StudioError(f"The GLB file has more than {MAX_NODES:,} nodes.")
    names = tuple(str(node.get("name", "")) for node in nodes)
    found = find_joints(names)
    accessors = Accessors(document, binary)
    tracks = _tracks(document, accessors, set(found.values()))
    if not tracks:
        raise StudioError("The GLB file has no animation of a human skeleton.")
    keys = max((track.times for track in tracks.values()), key=len)
    end = float(keys[-1])
    if len(keys) < 2 or not end > keys[0] >= 0:
        raise StudioError("The GLB file's animation has no length.")
    rate = min(1.0 / float(np.median(np.diff(keys))), MAX_RATE)
    first = float(keys[0]) + start
    count = int(np.floor((min(end - first, seconds) + 1e-4) * rate)) + 1
    if count < 2:
        raise StudioError(f"The animation ends before {start:g} seconds.")
    times = first + np.arange(count) / rate
    order = _ancestry(nodes, found.values())
    world = _worlds(nodes, order, tracks, np.minimum(times, end))
    rest = _rest(document, accessors, nodes, order, set(found.values()))
    columns = list(found.values())
    called = tuple(names[node] for node in columns)
    rigged = Rigged(_gathered(called, world, columns, rate), _gathered(called, rest, columns, rate))
    return rigged, end - float(keys[0]) + 1.0 / rate


def _tracks(
    document: dict[str, Any], accessors: Accessors, joints: set[int]
) -> dict[tuple[int, str], Track]:
    """Tracks by node and path of the first animation that moves one of the joints."""
    for animation in document.get("animations", []):
        channels = animation["channels"]
        if joints & {channel["target"].get("node") for channel in channels}:
            return {
                (int(target["node"]), str(target["path"])): read_track(
                    accessors, animation["samplers"][channel["sampler"]], str(target["path"])
                )
                for channel in channels
                if (target := channel["target"]).get("path") in ("translation", "rotation", "scale")
                and "node" in target
            }
    return {}


def _ancestry(nodes: list[Any], wanted: Any) -> list[tuple[int, int]]:
    """(node, parent) of the wanted nodes and all above them, parents first; -1 for no parent."""
    parents = {
        int(child): number
        for number, node in enumerate(nodes)
        for child in node.get("children", [])
    }
    order: list[tuple[int, int]] = []
    seen: set[int] = set()
    for start in wanted:
        path: list[int] = []
        node = start
        while node >= 0 and node not in seen:
            if node in path:
                raise StudioError("The GLB file's nodes form a circle.")
            path.append(node)
            node = parents.get(node, -1)
        for node in reversed(path):
            seen.add(node)
            order.append((node, parents.get(node, -1)))
    return order


def _worlds(
    nodes: list[Any],
    order: list[tuple[int, int]],
    tracks: dict[tuple[int, str], Track],
    times: np.ndarray,
) -> dict[int, np.ndarray]:
    """World matrices [T, 4, 4] by node."""
    world: dict[int, np.ndarray] = {}
    for number, parent in order:
        node = nodes[number]
        if "matrix" in node:
            local = np.broadcast_to(
                np.array(node["matrix"], float).reshape(4, 4).T, (len(times), 4, 4)
            )
        else:
            parts = {
                path: tracks[number, path].at(times) if (number, path) in tracks
                else np.array([node.get(path, default)], dtype=np.float64)
                for path, default in (
                    ("translation", (0, 0, 0)), ("rotation", (0, 0, 0, 1)), ("scale", (1, 1, 1)),
                )
            }  # fmt: skip
            local = _matrices(parts, len(times))
        world[number] = local if parent < 0 else world[parent] @ local
    return world


def _matrices(parts: dict[str, np.ndarray], frames: int) -> np.ndarray:
    turn = parts["rotation"]
    length = np.linalg.norm(turn, axis=-1, keepdims=True)
    if not (length > 1e-6).all():
        raise StudioError("The GLB file has a rotation of no length.")
    rotation = quat_to_matrix((turn / length)[:, [3, 0, 1, 2]])
    matrices = np.tile(np.eye(4), (frames, 1, 1))
    matrices[:, :3, :3] = rotation * parts["scale"][:, None, :]
    matrices[:, :3, 3] = parts["translation"]
    return matrices


def _rest(
    document: dict[str, Any],
    accessors: Accessors,
    nodes: list[Any],
    order: list[tuple[int, int]],
    wanted: set[int],
) -> dict[int, np.ndarray]:
    """World matrices [1, 4, 4] of the wanted nodes at rest: a skin's bind pose that has them all.

    Without such a skin, the nodes' own transforms.
    """
    for skin in document.get("skins", []):
        joints = [int(joint) for joint in skin["joints"]]
        if "inverseBindMatrices" not in skin or not wanted <= set(joints):
            continue
        bound = accessors.read(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(-1, -2)
        if len(bound) >= len(joints) and (np.abs(np.linalg.det(bound)) > 1e-12).all():
            return dict(zip(joints, np.linalg.inv(bound)[:, None], strict=False))
    return _worlds(nodes, order, {}, np.zeros(1))


def _gathered(
    names: tuple[str, ...], world: dict[int, np.ndarray], columns: list[int], fps: float
) -> World:
    matrices = np.stack([world[column] for column in columns], axis=1)
    if not np.isfinite(matrices).all():
        raise StudioError("The GLB file contains values that are not numbers.")
    axes = matrices[..., :3, :3]
    length = np.linalg.norm(axes, axis=-2, keepdims=True)
    if not (length > 1e-12).all():
        raise StudioError("The GLB file scales a joint to nothing.")
    return World(names, matrices[..., :3, 3].copy(), axes / length, fps)
