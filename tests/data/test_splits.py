"""Splits: whole groups, the same every time, pairs held out on both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.data.captions.labels import mirror_label
from engine.data.splits import UNSEEN, Unit, assign, hash_share

UNITS = st.lists(
    st.builds(
        Unit,
        source=st.sampled_from(["a", "b"]),
        group=st.sampled_from([f"g{n}" for n in range(9)]),
        content=st.sampled_from(["walk", "run", "bow"]),
        style=st.sampled_from(["neutral", "feminine"]),
        prescribed=st.sampled_from(["", "", "train", "test"]),
    )
)


@given(UNITS)
def test_a_group_never_crosses_splits(units):
    splits = assign(units)
    seen = {}
    for unit, split in zip(units, splits, strict=True):
        assert seen.setdefault((unit.source, unit.group), split) == split


@given(UNITS)
def test_order_does_not_matter(units):
    backwards = assign(units[::-1])[::-1]
    assert assign(units) == backwards


def test_shares_are_about_80_8_12():
    units = [Unit("a", f"take{n}", "walk", "neutral") for n in range(4000)]
    splits = assign(units)
    shares = {name: splits.count(name) / 4000 for name in ("train", "val", "test")}
    assert abs(shares["train"] - 0.80) < 0.02
    assert abs(shares["val"] - 0.08) < 0.015
    assert abs(shares["test"] - 0.12) < 0.015


def test_labels_with_four_takes_stay_in_training_and_more_takes_do_not():
    few = [Unit("a", f"backflip{n}", "backflip", "neutral") for n in range(4)]
    assert assign(few * 3) == ["train"] * 12  # many clips of four takes are still four takes
    many = [Unit("a", f"backflip{n}", "backflip", "neutral") for n in range(100)]
    assert set(assign(many)) == {"train", "val", "test"}


def test_unseen_pairs_never_reach_training_and_both_their_sides_are_held_out():
    units = [Unit("a", f"{c}{s}{n}", c, s) for c, s in sorted(UNSEEN) for n in range(50)]
    assert set(assign(units)) == {"unseen"}
    assert {(mirror_label(content), style) for content, style in UNSEEN} == UNSEEN


def test_what_the_source_prescribes_wins():
    units = [
        Unit("hdm05", "mm_1", "squat", "neutral", "test"),
        Unit("hdm05", "bd_1", "squat", "neutral", "train"),
    ]
    assert assign(units) == ["test", "train"]


def test_the_hash_is_the_same_on_every_machine():
    assert hash_share("a/b") == 0.7550791353459881
