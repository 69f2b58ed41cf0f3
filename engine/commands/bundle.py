"""Everything of some motions in one zip: their files in any formats, and their receipts."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from engine.commands.export import file_bytes
from engine.errors import StudioError
from engine.motion.export import FILES, Options, check_format
from engine.motion.motion import Motion

MAX_MOTIONS = 64
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same motions give the same zip


def bundle(
    motions: Sequence[Motion],
    receipts: Sequence[dict[str, Any]],
    formats: Sequence[str],
    options: Options | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> bytes:
    """A zip with every format of every motion and its receipt.json.

    One motion's files lie at the top as motion.bvh and so on; several motions have a folder each,
    motion_0 and so on. `motion.npz` is always there, as it was generated; the joints npz of
    another rate or with feet locked is motion_joints.npz. `extra` are more files by name. Raises
    StudioError for unknown formats and for numbers that do not fit.
    """
    chosen = options or Options()
    if not 1 <= len(motions) <= MAX_MOTIONS or len(receipts) != len(motions):
        raise StudioError(
            f"{len(motions)} motions and {len(receipts)} receipts cannot be put together; there "
            f"must be 1 to {MAX_MOTIONS} of both."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (motion, receipt) in enumerate(zip(motions, receipts, strict=True)):
            folder = "" if len(motions) == 1 else f"motion_{number}/"
            text = json.dumps(receipt, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
            _put(archive, f"{folder}receipt.json", text.encode())
            _put(archive, f"{folder}motion.npz", motion.to_bytes())
            for name in dict.fromkeys(map(check_format, formats)):
                suffix = "_joints.npz" if name == "npz" else FILES[name]
                _put(archive, f"{folder}motion{suffix}", file_bytes(motion, name, chosen))
        for name, data in (extra or {}).items():
            _put(archive, name, data)
    return buffer.getvalue()


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    packed = name.endswith((".npz", ".mp4", ".gif"))
    entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)
