"""The body in the player: its skin as one small file, and the rotations of each motion."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.body.fit import fit, fit_betas
from engine.body.skinning import sparse
from engine.body.smpl import load_body
from engine.files import write_bytes
from engine.motion.rotation import matrix_to_quat
from engine.motion.skeleton import BONE_LENGTHS
from engine.render.surface import regions

if TYPE_CHECKING:
    from engine.body.smpl import Body
    from engine.motion.motion import Motion


class PageBody:
    """The body that this run of the page shows, its skin written to `folder` for the browser."""

    def __init__(self, path: Path | None, folder: Path) -> None:
        self.path = path
        body = load_body(path)
        self._body = body.shaped(fit_betas(body, BONE_LENGTHS))
        self.folder = folder
        self._file = folder / "body.bin"
        write_bytes(self._file, skin_bytes(self._body))

    @property
    def address(self) -> str:
        """Where the browser finds the skin, relative to the page."""
        return f"gradio_api/file={self._file.as_posix()}"

    def turns(self, motion: Motion) -> str:
        """Local rotations (x, y, z, w) of a motion, float32 [T, 22, 4] in base64."""
        rotations = fit(motion.joints, self._body, shape=False).rotations
        turns = matrix_to_quat(rotations)[..., [1, 2, 3, 0]]
        data = np.ascontiguousarray(turns, dtype="<f4").tobytes()
        return base64.b64encode(data).decode("ascii")


def skin_bytes(body: Body) -> bytes:
    """The skin as body.js reads it: length and JSON of a header, then arrays, all 4-aligned."""
    joints, weights = sparse(body.weights)
    arrays = {
        "rest": body.rest.astype("<f4"),
        "vertices": body.vertices.astype("<f4"),
        "normals": body.skin().normals().astype("<f4"),
        "joints": joints.astype("<u2"),
        "weights": np.round(weights * 65535).astype("<u2"),
        "regions": np.round(regions(body) * 255).astype("u1"),
        "faces": body.faces.astype("<u4"),
    }
    data, entries = bytearray(), []
    for name, array in arrays.items():
        entry = {"name": name, "kind": str(array.dtype), "offset": len(data), "count": array.size}
        entries.append(entry)
        data += array.tobytes() + b"\0" * (-array.nbytes % 4)
    header = json.dumps({"arrays": entries}).encode()
    header += b" " * (-len(header) % 4)
    return struct.pack("<I", len(header)) + header + bytes(data)
