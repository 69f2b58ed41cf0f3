"""From a prepared dataset to what training reads: features, captions and sampling weights."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import captions
from engine.data.clip import Clip
from engine.data.compose import then_motion, while_motion
from engine.data.dataset import MotionDataset
from engine.errors import StudioError
from engine.files import write_bytes, write_json
from engine.motion.canonical import canonicalize
from engine.motion.features import joints_to_features
from engine.motion.kinematics import to_skeleton
from engine.motion.mirror import mirror
from engine.motion.resample import resample
from engine.motion.skeleton import MAX_FRAMES, MIN_FRAMES

# Shares of what the denoiser sees; clips as captured come first.
SHARES = {"clip": 0.50, "repeat": 0.08, "then": 0.26, "while": 0.16}
FILES = ("items.jsonl", "features.npy", "pools.json")
RARE = 8  # labels with fewer clips get time-stretched variants
STRETCHES = (0.85, 0.93, 1.08, 1.18)
# Labels whose motion goes on evenly: any piece of them is still what the caption says.
EVEN_FAMILIES = ("locomotion", "dance")
EVEN_LABELS = ("wave-left-hand", "wave-right-hand", "wave-both-hands", "crawl")


@dataclass(frozen=True)
class Item:
    """One training example: `frames` feature rows and the sentences that are true of it."""

    kind: str
    frames: int
    content: str
    style: str
    pool: str
    own: tuple[str, ...]
    even: bool
    split: str


@dataclass(frozen=True)
class Recipe:
    """How to make one item from clips (indices into the dataset)."""

    kind: str
    clips: tuple[int, ...]
    mirrored: bool = False
    stretch: float = 1.0
    seed: int = 0


def build(
    data: Path, out: Path, composed: int = 12_000, pool: int = 300, seed: int = 0, jobs: int = 0
) -> dict[str, int]:
    """Write features.npy [sum of frames, 263], items.jsonl and pools.json to `out`.

    `composed` items are made from two training clips each; `pool` captions are written for each
    combination of labels. Returns how many items of each kind there are.
    """
    dataset = MotionDataset.open(data)
    recipes = plan(dataset, composed, seed)
    jobs = jobs or os.cpu_count() or 1
    made = _parallel(_make_item, recipes, dataset, jobs)
    kept = [entry for entry in made if entry is not None]
    if not any(item.split == "train" for item, _ in kept):
        raise StudioError(f"{data} has no clips to train on: none in the training split is usable.")
    features = [rows for _, rows in kept]
    items = [item for item, _ in kept]
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "features.npy", np.concatenate(features))
    write_bytes(
        out / "items.jsonl",
        "".join(json.dumps(asdict(item)) + "\n" for item in items).encode(),
    )
    keys = sorted({item.pool for item in items if item.pool})
    pools = _parallel(_make_pool, [(key, pool, seed) for key in keys], dataset, jobs)
    write_json(out / "pools.json", dict(zip(keys, pools, strict=True)))
    return dict(Counter(item.kind for item in items))


def load(folder: Path) -> tuple[list[Item], np.ndarray, dict[str, list[str]]]:
    """Items, their stacked feature rows (memory-mapped) and the caption pools."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise StudioError(
            f"{folder} is not a corpus (it has no {missing[0]}). "
            "Make one with: python -m engine train corpus --data DIR --out DIR"
        )
    lines = (folder / "items.jsonl").read_text().splitlines()
    items = [Item(**{**entry, "own": tuple(entry["own"])}) for entry in map(json.loads, lines)]
    pools = json.loads((folder / "pools.json").read_text())
    return items, np.load(folder / "features.npy", mmap_mode="r"), pools


def weights(items: Sequence[Item]) -> np.ndarray:
    """Sampling probability of each item: labels count by their clips to the power 0.4.

    A label seen once is then drawn often enough to be learned, a label with 400 takes does not
    drown it; inside a label every style counts the same.
    """
    clips = Counter(item.content for item in items if item.kind == "clip")
    styles: dict[str, set[str]] = defaultdict(set)
    cell: Counter[tuple[str, str]] = Counter()
    for item in items:
        if item.kind == "clip":
            styles[item.content].add(item.style)
            cell[item.content, item.style] += 1
    raw = np.array([
        clips[i.content] ** 0.4 / len(styles[i.content]) / cell[i.content, i.style]
        if i.kind == "clip"
        else 1.0
        for i in items
    ])  # fmt: skip
    kinds = np.array([item.kind for item in items])
    probability = np.zeros(len(items))
    for kind, share in SHARES.items():
        chosen = kinds == kind
        if chosen.any():
            probability[chosen] = share * raw[chosen] / raw[chosen].sum()
    return probability / probability.sum()


def plan(dataset: MotionDataset, composed: int, seed: int) -> list[Recipe]:
    """Which items to make: every clip, its mirror, stretched rare ones, and compositions."""
    recipes: list[Recipe] = []
    count = Counter(clip.content for clip in dataset.clips if clip.split == "train")
    train = []
    for index, clip in enumerate(dataset.clips):
        if clip.split != "train":
            if clip.split == "val":
                recipes.append(Recipe("clip", (index,)))
            continue
        train.append(index)
        rare = count[clip.content] < RARE
        for stretch in (1.0, *(STRETCHES if rare else ())):
            frames = clip.frames * stretch
            if MIN_FRAMES <= frames <= MAX_FRAMES:
                recipes += [Recipe("clip", (index,), flip, stretch) for flip in (False, True)]
    rng = np.random.default_rng(seed)
    if train and composed:
        recipes += _compositions(dataset.clips, train, composed, rng)
    return recipes


def _compositions(
    clips: Sequence[Clip], train: Sequence[int], number: int, rng: np.random.Generator
) -> list[Recipe]:
    by_label: dict[str, list[int]] = defaultdict(list)
    for index in train:
        if clips[index].content:
            by_label[clips[index].content].append(index)
    labels = sorted(by_label)
    chance = np.array([len(by_label[label]) ** 0.4 for label in labels])
    chance /= chance.sum()
    lower = [name for name in labels if captions.content_of(name).lower]
    upper = [name for name in labels if captions.content_of(name).upper]
    total = 1.0 - SHARES["clip"]

    def pick(names: Sequence[str], p: np.ndarray | None = None) -> int:
        label = names[int(rng.choice(len(names), p=p))]
        return int(rng.choice(by_label[label]))

    recipes = []
    for _ in range(number):
        kind = str(rng.choice(list(SHARES)[1:], p=[SHARES[k] / total for k in list(SHARES)[1:]]))
        if kind == "while" and lower and upper:
            pair = (pick(lower), pick(upper))
        else:
            first = pick(labels, chance)
            second = pick(labels, chance)
            if kind == "repeat":
                second = int(rng.choice(by_label[clips[first].content]))
            kind = "then" if kind == "while" else kind
            pair = (first, second)
        recipes.append(Recipe(kind, pair, bool(rng.integers(2)), 1.0, int(rng.integers(2**31))))
    return recipes


_DATASET: MotionDataset | None = None  # set in each worker process by _start


def _start(dataset: MotionDataset) -> None:
    global _DATASET  # noqa: PLW0603 - one dataset per worker process
    _DATASET = dataset


def _parallel(
    work: Callable[[Any], Any], tasks: Sequence[Any], dataset: MotionDataset, jobs: int
) -> list[Any]:
    if jobs == 1:
        _start(dataset)
        return [work(task) for task in tasks]
    context = get_context("fork") if os.name == "posix" else get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start, (dataset,)) as pool:
        return list(pool.map(work, tasks, chunksize=16))


def _make_item(recipe: Recipe) -> tuple[Item, np.ndarray] | None:
    assert _DATASET is not None
    clips = [_DATASET.clips[index] for index in recipe.clips]
    joints = [_DATASET.joints(clip) for clip in clips]
    made = joints[0] if recipe.kind == "clip" else _compose(recipe.kind, joints)
    if made is None:
        return None
    if recipe.stretch != 1.0:
        made = resample(made, 1.0, recipe.stretch)
    if recipe.mirrored:
        made = mirror(made, keep_bones=True)
    if not MIN_FRAMES <= len(made) <= MAX_FRAMES:
        return None
    rows = joints_to_features(canonicalize(to_skeleton(made), floor=0.0))
    content, style = clips[0].content, clips[0].style
    if recipe.mirrored and content:
        content = captions.mirror_label(content)
    own = _sentences(recipe, clips)
    if recipe.kind == "clip" and content:
        own += _measured(made, content, style, recipe.seed)
    plain = recipe.kind == "clip"
    pool = f"{content}|{style}" if plain and content else ""
    if not pool and not own:
        return None
    item = Item(
        recipe.kind, len(rows), content, style, pool, own, plain and _even(content), clips[0].split
    )
    return item, rows.astype(np.float32)


def _compose(kind: str, joints: Sequence[np.ndarray]) -> np.ndarray | None:
    return while_motion(*joints) if kind == "while" else then_motion(*joints)


def _even(content: str) -> bool:
    return bool(content) and (
        content in EVEN_LABELS or captions.content_of(content).family in EVEN_FAMILIES
    )


def _sentences(recipe: Recipe, clips: Sequence[Clip]) -> tuple[str, ...]:
    """Sentences true of this item alone; labelled clips also read from their label's pool."""
    flip = captions.swap_left_right if recipe.mirrored else str
    if recipe.kind == "clip":
        return tuple(flip(text) for text in clips[0].captions)
    rng = np.random.default_rng(recipe.seed)
    names = [
        captions.mirror_label(clip.content) if recipe.mirrored else clip.content for clip in clips
    ]
    out = []
    for _ in range(4):
        if recipe.kind == "repeat":
            out.append(captions.sample(names[0], clips[0].style, rng, "all"))
            continue
        styles = [clip.style for clip in clips]
        join = captions.while_ if recipe.kind == "while" else captions.then
        out.append(join((names[0], styles[0]), (names[1], styles[1]), rng, "all"))
    return tuple(text if rng.random() > 0.25 else captions.rough(text, rng) for text in out)


def _measured(joints: np.ndarray, content: str, style: str, seed: int) -> tuple[str, ...]:
    """Sentences that mention what was measured on this clip: pace, distance, which hand."""
    facts = captions.attributes(joints, content)
    rng = np.random.default_rng([seed, len(joints)])
    if not facts:
        return ()
    return tuple(captions.sample(content, style, rng, "all", facts) for _ in range(3))


def _make_pool(task: tuple[str, int, int]) -> list[str]:
    key, number, seed = task
    content, style = key.split("|")
    digest = hashlib.sha256(f"{seed}|{key}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    texts = []
    for _ in range(number):
        text = captions.sample(content, style, rng, "all")
        texts.append(captions.rough(text, rng) if rng.random() < 0.35 else text)
    return sorted(set(texts))
