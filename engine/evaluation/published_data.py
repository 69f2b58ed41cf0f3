"""A published dataset as published evaluations read it: its own features, captions with tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.data.sources._published import find_root, splits_of
from engine.errors import StudioError
from engine.motion.features import HUMANML3D, KIT, Layout

SHORTEST = {HUMANML3D.name: 40, KIT.name: 24}
LONGEST = 199
UNIT = 4  # lengths are multiples of the evaluator's movements
# Quirk: the published loaders cut stretches at 20 frames a second, KIT's 12.5 included.
CUT_RATE = 20


@dataclass(frozen=True)
class Item:
    """A test motion: raw features [T, F] and its captions, each with its tokens."""

    name: str
    features: np.ndarray
    captions: tuple[tuple[str, tuple[str, ...]], ...]


def read_items(folder: Path, split: str = "test", limit: int | None = None) -> list[Item]:
    """Motions of a split in list order; captioned stretches are items of their own.

    The length filter is the published one (40, KIT 24, to 199 frames); what is listed but not
    there is passed over, as published loaders do. StudioError when nothing is left.
    """
    root = find_root(folder)
    names = [name for name, of in splits_of(root).items() if of == split]
    items: list[Item] = []
    for name in names:
        path = root / "new_joint_vecs" / f"{name}.npy"
        if path.is_file():
            items += _items(root, name, np.load(path, allow_pickle=False))
        if limit is not None and len(items) >= limit:
            return items[:limit]
    if not items:
        raise StudioError(f"{root} has no motions with features in its list {split}.txt.")
    return items


def layout_of(features: int) -> Layout:
    """The dataset whose features are of this size; StudioError for others."""
    for layout in (HUMANML3D, KIT):
        if layout.size == features:
            return layout
    raise StudioError(f"No published dataset has {features} features per frame.")


def crop(item: Item, rng: np.random.Generator) -> tuple[int, int]:
    """First frame and length of the stretch that a replication looks at.

    Two of three times the longest multiple of 4 frames, else one movement less, from anywhere.
    """
    whole = len(item.features) // UNIT * UNIT
    length = whole - UNIT if rng.integers(3) == 0 else whole
    return int(rng.integers(len(item.features) - length + 1)), length


def _items(root: Path, name: str, features: np.ndarray) -> list[Item]:
    layout = layout_of(features.shape[-1]) if features.ndim == 2 else layout_of(0)
    if not _fits(features, layout):
        return []
    stretches: dict[tuple[float, float], list[tuple[str, tuple[str, ...]]]] = {}
    for line in (root / "texts" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        parts = line.strip().split("#")
        if len(parts) < 2 or not parts[0].strip():
            continue
        times = tuple(_seconds(one) for one in parts[2:4]) if len(parts) >= 4 else (0.0, 0.0)
        stretches.setdefault((times[0], times[1]), []).append(
            (parts[0].strip(), tuple(parts[1].split(" ")))
        )
    made = []
    for (start, end), captions in stretches.items():
        part, label = features, name
        if (start, end) != (0.0, 0.0):
            first, last = int(start * CUT_RATE), int(end * CUT_RATE)
            part, label = features[first:last], f"{name}_{first:03d}-{last:03d}"
        if _fits(part, layout):
            made.append(Item(label, part, tuple(captions)))
    return made


def _fits(features: np.ndarray, layout: Layout) -> bool:
    return SHORTEST[layout.name] <= len(features) <= LONGEST


def _seconds(text: str) -> float:
    value = float(text)
    return 0.0 if np.isnan(value) else value
