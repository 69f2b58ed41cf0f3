"""A prepared dataset: labels in clips.jsonl, joints in motions/SOURCE/ID.npy."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.clip import SPLITS, Clip
from engine.errors import StudioError
from engine.files import read_json, write_bytes, write_json
from engine.motion.skeleton import FPS, N_JOINTS

FORMAT = 1


class MotionDataset:
    """The clips of a prepared folder; joints are read when they are asked for."""

    def __init__(self, folder: Path, clips: Iterable[Clip], info: dict[str, Any]) -> None:
        self.folder = folder
        self.clips = list(clips)
        self.info = info

    @classmethod
    def open(cls, folder: Path | str) -> MotionDataset:
        """Open what `data prepare` wrote; StudioError when it is absent, damaged or too new."""
        folder = Path(folder)
        if not (folder / "dataset.json").exists():
            raise StudioError(
                f"{folder} is not a prepared dataset (it has no dataset.json). "
                "Make one with: python -m engine data prepare --source NAME=PATH --out DIR"
            )
        info = read_json(folder / "dataset.json")
        if not isinstance(info, dict) or info.get("format") != FORMAT:
            raise StudioError(f"{folder}/dataset.json is of another version; prepare it again.")
        return cls(
            folder, [Clip.from_json(line) for line in read_lines(folder / "clips.jsonl")], info
        )

    def __len__(self) -> int:
        return len(self.clips)

    def joints(self, clip: Clip) -> np.ndarray:
        """Return the clip's joints, float32 [T, 22, 3], metres, Y up, 20 fps."""
        path = motion_path(self.folder, clip.source, clip.id)
        try:
            joints = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StudioError(
                f"{path} cannot be read ({error}); prepare the dataset again."
            ) from error
        if joints.shape != (clip.frames, N_JOINTS, 3):
            raise StudioError(
                f"{path} has shape {joints.shape}, clips.jsonl says {clip.frames} frames."
            )
        return joints.astype(np.float32, copy=False)

    def select(
        self,
        split: str | None = None,
        content: str | None = None,
        style: str | None = None,
        source: str | None = None,
    ) -> list[Clip]:
        """Return the clips that match every given condition, in dataset order."""
        if split is not None and split not in SPLITS:
            raise StudioError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        return [
            clip
            for clip in self.clips
            if (split is None or clip.split == split)
            and (content is None or clip.content == content)
            and (style is None or clip.style == style)
            and (source is None or clip.source == source)
        ]


def safe_name(text: str) -> str:
    """Turn an id into a file name: letters, digits, dot, dash and underscore only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip(".") or "_"


def motion_path(folder: Path, source: str, clip_id: str) -> Path:
    """Return where the joints of a clip lie."""
    return folder / "motions" / safe_name(source) / f"{safe_name(clip_id)}.npy"


def write_motion(folder: Path, source: str, clip_id: str, joints: np.ndarray) -> None:
    """Write float32 joints so that the file is whole or absent (not synced: it can be redone)."""
    path = motion_path(folder, source, clip_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        np.save(file, joints.astype(np.float32), allow_pickle=False)
    temporary.replace(path)


def has_motions(folder: Path, records: Iterable[dict[str, Any]]) -> bool:
    """Tell whether the joints of all these clip records are there."""
    return all(motion_path(folder, item["source"], item["id"]).exists() for item in records)


def drop_strays(folder: Path, clips: Iterable[Clip]) -> None:
    """Remove joints that no clip names: left by an earlier preparation or a killed one."""
    named = {motion_path(folder, clip.source, clip.id) for clip in clips}
    for path in (folder / "motions").glob("*/*"):
        if path not in named:
            path.unlink()


def write_index(
    folder: Path, clips: list[Clip], skipped: list[dict[str, str]], info: dict[str, Any]
) -> None:
    """Write clips.jsonl, skipped.jsonl and, last of all, dataset.json."""
    write_lines(folder / "clips.jsonl", [clip.to_json() for clip in clips])
    write_lines(folder / "skipped.jsonl", skipped)
    write_json(folder / "dataset.json", {"format": FORMAT, "fps": FPS, **info})


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value per line, atomically."""
    text = "".join(
        json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values
    )
    write_bytes(path, text.encode())


def read_lines(path: Path) -> list[Any]:
    """Read a JSON-lines file; StudioError names the line that is damaged."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(f"{path} cannot be read: {error}") from error
    values = []
    for number, line in enumerate(lines, start=1):
        try:
            values.append(json.loads(line))
        except ValueError as error:
            raise StudioError(f"{path}, line {number} is not JSON: {error}") from error
    return values
