"""What the evaluator is trained on: features of clips and mirrored clips, captions, balance."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import torch
from torch import Tensor

from engine.data.clip import Clip
from engine.data.dataset import MotionDataset
from engine.data.splits import hash_share
from engine.errors import StudioError
from engine.evaluation.evaluator import pad
from engine.models.captions import CaptionTable
from engine.models.text import TextEncoder
from engine.motion.features import joints_to_features
from engine.motion.mirror import mirror


@dataclass(frozen=True)
class Item:
    """One training motion: a clip as it is, or mirrored with its words swapped."""

    clip: Clip
    mirrored: bool
    content: str

    @property
    def key(self) -> tuple[str, str]:
        """(content, style): motions of one key are never each other's wrong answer."""
        return (self.content or self.clip.id, self.clip.style)


@dataclass
class Bank:
    """Everything resident on one device: motions, captions and who may stand for whom.

    features [N,T,263] fp16 and lengths [N] (CPU); captions of item n are rows
    caption_rows[n] [U] of the table `texts`; keys [N] number the (content, style) pairs;
    allowed [U,K] says which captions were drawn for which key; contents, styles [N] are class
    numbers (-1 = unknown); weights [N] balance the sampling by label.
    """

    items: list[Item]
    features: Tensor
    lengths: Tensor
    captions: list[str]
    caption_rows: Tensor
    texts: CaptionTable
    keys: Tensor
    allowed: Tensor
    contents: Tensor
    styles: Tensor
    weights: Tensor


def shown_to_judge(clip: Clip, unseen_share: float) -> bool:
    """Whether a clip of the "unseen" split is in the share the evaluator learns from.

    A judge that never met "an elderly person waves" cannot tell whether a generator makes it well:
    trained without, it names 55 to 63 % of those real clips right. So it may be shown a part of
    them, by group; what is scored is the rest. The generator sees none either way.
    """
    return clip.split == "unseen" and hash_share(f"judge/{clip.group}") < unseen_share


def make_items(clips: Sequence[Clip], with_mirrored: bool = True) -> list[Item]:
    """Items of clips and, when asked, of their mirror images with the mirrored label."""
    from engine.data.captions import mirror_label

    items = [Item(clip, False, clip.content) for clip in clips]
    if with_mirrored:
        items += [
            Item(clip, True, mirror_label(clip.content) if clip.content else "") for clip in clips
        ]
    return items


def item_features(data: MotionDataset, items: Sequence[Item], jobs: int | None) -> list[np.ndarray]:
    """Features [T-1,263] of every item, computed by `jobs` processes (None: one per core)."""
    joints = [_item_joints(data, item) for item in items]
    jobs = jobs or min(16, os.cpu_count() or 1)
    if jobs == 1 or len(joints) < 200:
        return [joints_to_features(one) for one in joints]
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        return list(pool.map(joints_to_features, joints, chunksize=32))


def _item_joints(data: MotionDataset, item: Item) -> np.ndarray:
    joints = data.joints(item.clip)
    return mirror(joints) if item.mirrored else joints


def draw_captions(
    items: Sequence[Item], per_item: int, rng: np.random.Generator, kind: str, typos: float = 0.1
) -> list[list[str]]:
    """`per_item` captions for each item: from the grammar, and its own free captions."""
    return [[_caption(item, rng, kind, typos) for _ in range(per_item)] for item in items]


def _caption(item: Item, rng: np.random.Generator, kind: str, typos: float) -> str:
    from engine.data.captions import swap_left_right
    from engine.data.captions.grammar import sample

    own = item.clip.captions
    if own and (not item.content or rng.random() < 0.3):
        text = own[int(rng.integers(len(own)))]
        text = swap_left_right(text) if item.mirrored else text
    elif item.content:
        text = sample(item.content, item.clip.style, rng, kind)  # type: ignore[arg-type]
    else:
        raise StudioError(f"Clip {item.clip.id} has neither a label nor a caption.")
    if rng.random() < typos:
        from engine.data.captions.noise import rough

        text = rough(text, rng)
    return text


def balance(items: Sequence[Item], power: float) -> np.ndarray:
    """Sampling weights [N]: a content's share grows with its count to the power of 1 - `power`.

    Inside a content the same is done for its styles; power 0 = as counted, 1 = all alike.
    """
    contents = Counter(item.key[0] for item in items)
    keys = Counter(item.key for item in items)
    per_content: Counter[str] = Counter()
    for (content, _), count in keys.items():
        per_content[content] += count ** (1 - power)  # type: ignore[assignment]
    weights = [
        contents[item.key[0]] ** (1 - power)
        * keys[item.key] ** (1 - power)
        / (per_content[item.key[0]] * keys[item.key])
        for item in items
    ]
    return np.asarray(weights) / np.sum(weights)


def build_bank(
    data: MotionDataset,
    clips: Sequence[Clip],
    encoder: TextEncoder,
    device: torch.device,
    rng: np.random.Generator,
    *,
    contents: Sequence[str],
    styles: Sequence[str],
    per_item: int,
    kind: str = "all",
    with_mirrored: bool = True,
    power: float = 0.6,
    typos: float = 0.1,
    jobs: int | None = None,
) -> Bank:
    """Put motions and captions of `clips` on the device; StudioError when there are none."""
    if not clips:
        raise StudioError("There are no clips to train on; prepare a dataset first.")
    items = make_items(clips, with_mirrored)
    features, lengths = pad(item_features(data, items, jobs))
    drawn = draw_captions(items, per_item, rng, kind, typos)
    texts = list(dict.fromkeys(text for row in drawn for text in row))
    number = {text: index for index, text in enumerate(texts)}
    rows = torch.tensor([[number[text] for text in row] for row in drawn])
    key_number: dict[tuple[str, str], int] = {}
    keys = torch.tensor([key_number.setdefault(item.key, len(key_number)) for item in items])
    allowed = torch.zeros(len(texts), len(key_number), dtype=torch.bool)
    allowed[rows.flatten(), keys.repeat_interleave(per_item)] = True
    content_of = {name: index for index, name in enumerate(contents)}
    style_of = {name: index for index, name in enumerate(styles)}
    return Bank(
        items, features.half().to(device), lengths, texts, rows.to(device),
        CaptionTable.build(texts, encoder, device), keys.to(device), allowed.to(device),
        torch.tensor([content_of.get(item.content, -1) for item in items], device=device),
        torch.tensor([style_of.get(item.clip.style, -1) for item in items], device=device),
        torch.as_tensor(balance(items, power)),
    )  # fmt: skip
