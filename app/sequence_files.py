"""The files of a sequence that are in reach as soon as it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.commands.bundle import bundle
from engine.commands.edit_receipt import given_files
from engine.commands.export import file_bytes
from engine.edit.parts import Recipe
from engine.files import write_bytes
from engine.motion.export import Options
from engine.motion.motion import Motion

ZIP = "sequence.zip"
IN_ZIP = ("bvh", "glb", "amass", "smplx", "csv")


def write_files(
    folder: Path, recipe: Recipe, motion: Motion, receipt: dict[str, Any], body: Path | None
) -> dict[str, Path]:
    """Write motion, BVH, GLB, receipt and a zip of everything; paths by what they are."""
    data = {
        "npz": motion.to_bytes(),
        "bvh": file_bytes(motion, "bvh", Options(), body=body),
        "glb": file_bytes(motion, "glb", Options(), body=body),
        "json": (json.dumps(receipt, indent=2, ensure_ascii=False) + "\n").encode(),
    }
    names = {"json": "receipt.json"}
    paths = {name: folder / names.get(name, f"sequence.{name}") for name in data}
    for name, path in paths.items():
        write_bytes(path, data[name])
    return {**paths, "zip": write_zip(folder, recipe, motion, receipt)}


def write_zip(
    folder: Path, recipe: Recipe, motion: Motion, receipt: dict[str, Any], video: Path | None = None
) -> Path:
    """Everything in one file, the video too where there is one.

    The motions that the recipe starts from lie in it beside the receipt, so that
    `python -m engine reproduce` needs nothing else.
    """
    extra = given_files(recipe)
    if video is not None:
        extra["motion.mp4"] = video.read_bytes()
    path = folder / ZIP
    write_bytes(path, bundle([motion], [receipt], IN_ZIP, extra=extra))
    return path
