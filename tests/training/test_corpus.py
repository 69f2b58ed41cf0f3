"""What training reads: which items are made, how often each is drawn, what is said of it."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import captions
from engine.data.dataset import MotionDataset, write_index
from engine.errors import StudioError
from engine.motion.skeleton import MAX_FRAMES, MIN_FRAMES
from engine.training import corpus
from engine.training.corpus import RARE, SHARES, STRETCHES, Item, plan, weights
from tests.training.toy import clip

LABELS, STYLES = ("walk", "run", "bow"), ("neutral", "tired")


def item(kind: str, content: str = "walk", style: str = "neutral") -> Item:
    return Item(kind, 60, content, style, f"{content}|{style}", (), False, "train")


ITEMS = st.lists(
    st.builds(item, st.sampled_from(sorted(SHARES)), st.sampled_from(LABELS),
              st.sampled_from(STYLES)), min_size=1, max_size=60,
)  # fmt: skip


@given(ITEMS)
@settings(deadline=None)
def test_chances_add_up_in_every_mix(items):
    chance = weights(items)
    assert chance.sum() == pytest.approx(1.0)
    assert (chance > 0).all()
    present = {kind: share for kind, share in SHARES.items() if any(i.kind == kind for i in items)}
    for kind, share in present.items():
        got = sum(c for c, i in zip(chance, items, strict=True) if i.kind == kind)
        assert got == pytest.approx(share / sum(present.values()))


@given(ITEMS)
@settings(deadline=None)
def test_labels_styles_and_clips_share_as_documented(items):
    clips = [entry for entry in items if entry.kind == "clip"]
    if not clips:
        return
    chance = weights(clips)
    label: Counter[str] = Counter()
    cell: Counter[tuple[str, str]] = Counter()
    for entry, value in zip(clips, chance, strict=True):
        label[entry.content] += value
        cell[entry.content, entry.style] += value
    counts = Counter(entry.content for entry in clips)
    expected = {name: counts[name] ** 0.4 for name in counts}
    for name in counts:
        assert label[name] == pytest.approx(expected[name] / sum(expected.values()))
        cells = [value for (content, _), value in cell.items() if content == name]
        assert cells == pytest.approx([cells[0]] * len(cells))


def test_shares_are_shares():
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_plan_takes_every_training_clip_and_its_mirror(dataset):
    recipes = [r for r in plan(dataset, 0, 0) if r.stretch == 1.0]
    seen = Counter((recipe.clips[0], recipe.mirrored) for recipe in recipes)
    for index, entry in enumerate(dataset.clips):
        assert seen[index, False] == (entry.split in ("train", "val"))
        assert seen[index, True] == (entry.split == "train")


def test_plan_stretches_only_rare_labels(dataset):
    """Four waves are rare, ten walks are not."""
    stretched = [r for r in plan(dataset, 0, 0) if r.stretch != 1.0]
    assert {dataset.clips[r.clips[0]].content for r in stretched} == {"wave-left-hand"}
    assert {r.stretch for r in stretched} == set(STRETCHES)
    assert len(stretched) == 4 * 2 * len(STRETCHES)


def test_plan_makes_no_clip_too_long_or_too_short():
    short = [clip(k, "bow", "train", frames) for k, frames in enumerate((20, 22, 190, 196))]
    for recipe in plan(MotionDataset("", short, {}), 0, 0):
        frames = short[recipe.clips[0]].frames * recipe.stretch
        assert MIN_FRAMES <= frames <= MAX_FRAMES
    assert len(short) < RARE


def test_plan_composes_training_clips_only(dataset):
    made = [r for r in plan(dataset, 400, 3) if r.kind != "clip"]
    assert len(made) == 400
    for recipe in made:
        assert len(recipe.clips) == 2
        assert all(dataset.clips[index].split == "train" for index in recipe.clips)
        contents = [dataset.clips[index].content for index in recipe.clips]
        if recipe.kind == "repeat":
            assert contents[0] == contents[1]
        if recipe.kind == "while":
            assert captions.content_of(contents[0]).lower
            assert captions.content_of(contents[1]).upper
    kinds = Counter(recipe.kind for recipe in made)
    for kind in ("repeat", "then", "while"):
        assert kinds[kind] / 400 == pytest.approx(SHARES[kind] / (1 - SHARES["clip"]), abs=0.1)


def test_plan_is_repeatable(dataset):
    assert plan(dataset, 50, 1) == plan(dataset, 50, 1)
    assert plan(dataset, 50, 1) != plan(dataset, 50, 2)


def test_build_writes_what_load_reads(dataset, corpus_folder):
    items, rows, pools = corpus.load(corpus_folder)
    assert rows.shape == (sum(entry.frames for entry in items), 263)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert {entry.split for entry in items} == {"train", "val"}
    assert {entry.kind for entry in items} >= {"clip", "then"}
    for entry in items:
        assert MIN_FRAMES - 1 <= entry.frames <= MAX_FRAMES - 1
        assert entry.own or pools[entry.pool]
        assert entry.pool in pools or not entry.pool


def test_mirrored_waves_are_said_to_be_of_the_other_hand(corpus_folder):
    """The first hand a sentence names is the one that waves; the other may be said to rest."""
    items, _, pools = corpus.load(corpus_folder)
    contents = Counter(entry.content for entry in items if entry.kind == "clip")
    assert contents["wave-right-hand"] == 4 * (1 + len(STRETCHES))
    for side in ("right", "left"):
        texts = pools[f"wave-{side}-hand|neutral"]
        own = [text for entry in items if entry.kind == "clip"
               and entry.content == f"wave-{side}-hand" for text in entry.own]  # fmt: skip
        named = [re.search("left|right", text.lower()) for text in texts + own]
        assert {found.group() for found in named if found} == {side}


def test_build_does_not_depend_on_the_number_of_processes(dataset, corpus_folder, tmp_path):
    corpus.build(dataset.folder, tmp_path, composed=12, pool=6, jobs=2)
    for name in ("items.jsonl", "pools.json", "features.npy"):
        assert (tmp_path / name).read_bytes() == (corpus_folder / name).read_bytes()


def test_build_counts_what_it_made(dataset, tmp_path):
    counts = corpus.build(dataset.folder, tmp_path, composed=3, pool=2, jobs=1)
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    assert sum(counts.values()) == len(lines)
    assert counts == dict(Counter(json.loads(line)["kind"] for line in lines))


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_dataset_without_training_clips_is_refused(dataset, tmp_path, split):
    chosen = [entry for entry in dataset.clips if entry.split == split]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "motions").symlink_to(dataset.folder / "motions")
    write_index(tmp_path / "data", chosen, [], {})
    with pytest.raises(StudioError, match="no clips to train on"):
        corpus.build(tmp_path / "data", tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()
