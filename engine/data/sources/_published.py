"""What HumanML3D and KIT-ML share: their folder layout, captions with times, length filters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.canonical import canonicalize
from engine.motion.features import Layout, features_to_joints
from engine.motion.skeleton import FPS, MAX_FRAMES, MIN_FRAMES

LISTS = {"train": "train.txt", "val": "val.txt", "test": "test.txt"}


@dataclass(frozen=True)
class Span:
    """Captions of one stretch of a motion, in seconds; (0, 0) is all of it."""

    start: float
    end: float
    captions: tuple[str, ...]


class Published(ABC):
    """A data set in the layout the field shares: new_joints, new_joint_vecs, texts, *.txt lists."""

    name: str
    licence: str
    layout: Layout
    shortest: int  # frames at the published rate, as the published loaders filter
    longest = 199

    def takes(self, root: Path) -> list[str]:
        """List the ids of the train, val and test lists (all.txt or the texts without lists)."""
        return list(splits_of(find_root(root)))

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one id: a clip for its whole-length captions, one for each captioned stretch."""
        folder = find_root(root)
        joints = self.joints(folder, take)
        if not self.shortest <= len(joints) <= self.longest:
            span = f"{self.shortest} to {self.longest}"
            raise StudioError(f"{len(joints)} frames; the published length filter keeps {span}")
        spans = read_captions(folder / "texts" / f"{take}.txt")
        target, split = self.to_target(joints), splits_of(folder)[take]
        clips = [clip for span in spans for clip in self._clip(target, take, span, split)]
        if not clips:
            raise StudioError("no captioned stretch of it is long enough")
        return clips

    def joints(self, folder: Path, take: str) -> np.ndarray:
        """Published joints [T, J, 3] in the published unit and rate, from joints or features."""
        path = folder / "new_joints" / f"{take}.npy"
        if path.exists():
            joints = load(path)
            if joints.ndim != 3 or joints.shape[1:] != (self.layout.joints, 3):
                raise StudioError(self._foreign(path, joints, f"{self.layout.joints}, 3"))
        else:
            path = folder / "new_joint_vecs" / f"{take}.npy"
            features = load(path)
            if features.ndim != 2 or features.shape[1] != self.layout.size:
                raise StudioError(self._foreign(path, features, f"{self.layout.size}"))
            joints = self.joints_of_features(features)
        if not np.isfinite(joints).all():
            raise StudioError("holds numbers that are not finite")
        return joints

    def joints_of_features(self, features: np.ndarray) -> np.ndarray:
        """Features [T, 263 or 251] to joints [T, J, 3]."""
        import torch

        tensor = torch.from_numpy(np.asarray(features, dtype=np.float64))
        return np.asarray(features_to_joints(tensor, self.layout).numpy())

    @abstractmethod
    def to_target(self, joints: np.ndarray) -> np.ndarray:
        """A whole published motion to [T, 22, 3], metres, 20 fps, on the skeleton, floor at 0."""

    def _clip(self, target: np.ndarray, take: str, span: Span, split: str) -> Iterator[SourceClip]:
        part, name = target, take
        if (span.start, span.end) != (0.0, 0.0):
            first, last = (int(time * FPS) for time in (span.start, span.end))
            part, name = target[first:last], f"{take}_{first:03d}-{last:03d}"
            published = len(part) * self.layout.fps / FPS
            if not self.shortest <= published <= self.longest:
                return  # the published loaders drop such stretches too
        if MAX_FRAMES < len(part) <= MAX_FRAMES + 3:
            part = part[:MAX_FRAMES]  # 10 s motions have 199 frames: not worth two clips
        if len(part) >= MIN_FRAMES:
            joints = canonicalize(part, floor=0.0)
            group = take.removeprefix("M")  # M000021 is the mirrored copy of 000021
            yield SourceClip(name, joints, "", captions=span.captions, group=group, split=split)

    def _foreign(self, path: Path, array: np.ndarray, wanted: str) -> str:
        found = f"{path.parent.name}/{path.name} has shape {list(array.shape)}"
        return f"{found}, not [frames, {wanted}]: is this really {self.name}?"


@lru_cache(maxsize=8)
def find_root(root: Path) -> Path:
    """Return the folder with texts/ and new_joints/ or new_joint_vecs/, at most 3 levels deep."""
    level = [root]
    for _ in range(4):
        for folder in level:
            motions = (folder / "new_joints").is_dir() or (folder / "new_joint_vecs").is_dir()
            if motions and (folder / "texts").is_dir():
                return folder
        level = [child for folder in level for child in sorted(folder.iterdir()) if child.is_dir()]
    raise StudioError(
        f"{root} has no folder with texts/ and new_joints/ or new_joint_vecs/. Unpack texts.zip "
        "and run the data set's own notebooks first, then give the folder they wrote."
    )


@lru_cache(maxsize=8)
def splits_of(folder: Path) -> dict[str, str]:
    """Return {id: split} in list order; without lists the split is left to us ("")."""
    found: dict[str, str] = {}
    for split, name in LISTS.items():
        if (folder / name).exists():
            found.update(dict.fromkeys((folder / name).read_text().split(), split))
    if found:
        return found
    if (folder / "all.txt").exists():
        return dict.fromkeys((folder / "all.txt").read_text().split(), "")
    return dict.fromkeys(sorted(path.stem for path in (folder / "texts").glob("*.txt")), "")


def read_captions(path: Path) -> list[Span]:
    """Read lines `caption#tokens#start#end`, captions of the same stretch together."""
    if not path.exists():
        raise StudioError(f"texts/{path.name} is missing")
    spans: dict[tuple[float, float], list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        caption, *rest = line.strip().split("#")
        if caption.strip():
            times = (_seconds(rest[1]), _seconds(rest[2])) if len(rest) >= 3 else (0.0, 0.0)
            spans.setdefault(times, []).append(caption.strip())
    if not spans:
        raise StudioError(f"texts/{path.name} holds no caption")
    return [Span(*times, tuple(dict.fromkeys(lines))) for times, lines in spans.items()]


def load(path: Path) -> np.ndarray:
    """Load an npy file without pickle; StudioError when it is missing."""
    if not path.exists():
        raise StudioError(f"{path.parent.name}/{path.name} is missing")
    return np.asarray(np.load(path, allow_pickle=False))


def _seconds(text: str) -> float:
    value = float(text)
    return 0.0 if np.isnan(value) else value
