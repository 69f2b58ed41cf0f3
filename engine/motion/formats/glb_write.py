"""Writes GLB: a skinned body, its skeleton and one animation in a glTF 2.0 binary file."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from engine.motion.export_take import Take
from engine.motion.formats.names import joint_names
from engine.motion.formats.skin import Skin, bone_skin
from engine.motion.rotation import matrix_to_quat
from engine.motion.skeleton import N_JOINTS, PARENTS

MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
FLOAT, BYTE, SHORT, INDEX = 5126, 5121, 5123, 5125  # float32, uint8, uint16, uint32
VERTICES, INDICES = 34962, 34963  # buffer view targets
COLOUR = (0.42, 0.55, 0.72, 1.0)


def write_glb(
    take: Take, names: str = "smpl", skin: Skin | None = None, title: str = "motion"
) -> bytes:
    """A GLB file of a take: metres, Y up, facing +Z, as glTF wants it.

    The nodes rest in a T pose that stands on the floor. Each joint has a rotation track; the
    pelvis and joints that slide have translation tracks. `skin` is the body, by default one made
    of the bones; it is bound in its own T pose, so that its proportions may differ a little.
    `title` names the animation. Raises StudioError for unknown names or a skin that does not fit.
    """
    standing = take.rest - (0.0, take.rest[:, 1].min(), 0.0)
    body = bone_skin(standing) if skin is None else skin
    body.check()
    called = joint_names(names)
    buffer = _Buffer()
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "EasyTune Studio"},
        "scene": 0,
        "scenes": [{"nodes": [0, N_JOINTS + 1]}],
        "nodes": _nodes(take.offsets, standing[0], called),
        "meshes": [{"name": "body", "primitives": [_primitive(buffer, body)]}],
        "materials": [_material()],
        "skins": [_skin(buffer, body)],
        "animations": [_animation(buffer, take, title)],
    }
    document |= buffer.document()
    return _pack(document, bytes(buffer.data))


class _Buffer:
    """The binary chunk, and the views and accessors into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, kind: str, code: int, target: int | None = None) -> int:
        """Append an array; returns its accessor's number."""
        dtype = {FLOAT: "<f4", BYTE: "u1", SHORT: "<u2", INDEX: "<u4"}[code]
        data = np.ascontiguousarray(array, dtype=dtype)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": data.nbytes}
        self.views.append(view if target is None else {**view, "target": target})
        self.data += data.tobytes()
        self.data += b"\0" * (-len(self.data) % 4)
        flat = data.reshape(len(data), -1)
        self.accessors.append({
            "bufferView": len(self.views) - 1, "componentType": code, "count": len(data),
            "type": kind, "min": flat.min(axis=0).tolist(), "max": flat.max(axis=0).tolist(),
        })  # fmt: skip
        return len(self.accessors) - 1

    def document(self) -> dict[str, Any]:
        """The parts of the glTF document that describe this buffer."""
        return {
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.data)}],
        }


def _nodes(offsets: np.ndarray, pelvis: np.ndarray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Node 0 holds the skeleton, joint j is node j + 1, the last node is the skinned body."""
    nodes: list[dict[str, Any]] = [{"name": "Armature", "children": [1]}]
    for joint in range(N_JOINTS):
        place = offsets[joint] if joint else pelvis
        node: dict[str, Any] = {"name": names[joint], "translation": place.tolist()}
        if joint in PARENTS:
            node["children"] = [c + 1 for c in range(N_JOINTS) if PARENTS[c] == joint]
        nodes.append(node)
    # A root of its own: glTF ignores what stands above a skinned mesh.
    nodes.append({"name": "body", "mesh": 0, "skin": 0})
    return nodes


def _primitive(buffer: _Buffer, skin: Skin) -> dict[str, Any]:
    strongest = np.argsort(-skin.weights, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(skin.weights, strongest, axis=1)
    weights = weights / weights.sum(axis=1, keepdims=True)
    # Joints without weight must be 0, says the specification.
    joints = np.where(weights > 0, strongest, 0)
    return {
        "attributes": {
            "POSITION": buffer.add(skin.vertices, "VEC3", FLOAT, VERTICES),
            "NORMAL": buffer.add(skin.normals(), "VEC3", FLOAT, VERTICES),
            "JOINTS_0": buffer.add(joints, "VEC4", BYTE, VERTICES),
            "WEIGHTS_0": buffer.add(weights, "VEC4", FLOAT, VERTICES),
        },
        "indices": buffer.add(
            skin.faces.reshape(-1),
            "SCALAR",
            SHORT if len(skin.vertices) < 65536 else INDEX,
            INDICES,
        ),
        "material": 0,
    }


def _material() -> dict[str, Any]:
    surface = {"baseColorFactor": COLOUR, "metallicFactor": 0.0, "roughnessFactor": 0.7}
    return {"name": "body", "pbrMetallicRoughness": surface}


def _skin(buffer: _Buffer, skin: Skin) -> dict[str, Any]:
    inverse = np.tile(np.eye(4), (N_JOINTS, 1, 1))
    inverse[:, 3, :3] = -skin.joints  # glTF matrices are stored by columns
    return {
        "name": "body",
        "skeleton": 1,
        "joints": list(range(1, N_JOINTS + 1)),
        "inverseBindMatrices": buffer.add(inverse.reshape(N_JOINTS, 16), "MAT4", FLOAT),
    }


def _animation(buffer: _Buffer, take: Take, title: str) -> dict[str, Any]:
    time = buffer.add(np.arange(take.frames) / take.fps, "SCALAR", FLOAT)
    tracks = [(joint, "rotation", _turns(take.rotations[:, joint])) for joint in range(N_JOINTS)]
    tracks += [(joint, "translation", take.translations[:, joint]) for joint in (0, *take.sliding)]
    samplers, channels = [], []
    for number, (joint, path, values) in enumerate(tracks):
        kind = "VEC4" if path == "rotation" else "VEC3"
        samplers.append({
            "input": time, "output": buffer.add(values, kind, FLOAT), "interpolation": "LINEAR",
        })  # fmt: skip
        channels.append({"sampler": number, "target": {"node": joint + 1, "path": path}})
    return {"name": title, "samplers": samplers, "channels": channels}


def _turns(rotations: np.ndarray) -> np.ndarray:
    """Matrices [T, 3, 3] to glTF quaternions (x, y, z, w) [T, 4] that never change sign."""
    turns = matrix_to_quat(rotations)
    flips = np.where((turns[1:] * turns[:-1]).sum(-1) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(flips)[:, None]
    return turns[:, [1, 2, 3, 0]]


def _pack(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join((
        struct.pack("<III", MAGIC, 2, length),
        struct.pack("<II", len(text), JSON_CHUNK), text,
        struct.pack("<II", len(binary), BINARY_CHUNK), binary,
    ))  # fmt: skip
