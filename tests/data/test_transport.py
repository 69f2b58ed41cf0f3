"""Packing a dataset for another machine and getting it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.data.clip import Clip
from engine.data.dataset import MotionDataset, write_index, write_motion
from engine.data.transport import pack, unpack
from engine.errors import StudioError


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    clips = []
    for number, frames in enumerate((24, 60)):
        joints = rng.uniform(-1, 1, (frames, 22, 3)).cumsum(axis=0) * 0.02
        joints[..., 0] += np.linspace(0, 20, frames)[:, None]
        write_motion(tmp_path / "data", "made", f"clip-{number}", joints)
        clips.append(
            Clip(f"clip-{number}", "made", "t", "g", "", "walk", "neutral", ("a walk",), frames,
                 "train", "none")
        )  # fmt: skip
    write_index(tmp_path / "data", clips, [], {})
    return tmp_path / "data"


def test_round_trip_within_a_twentieth_of_a_millimetre(dataset: Path, tmp_path: Path) -> None:
    size = pack(dataset, tmp_path / "packed.xz")
    assert size == (tmp_path / "packed.xz").stat().st_size
    assert unpack(tmp_path / "packed.xz", tmp_path / "copy") == 2
    before, after = MotionDataset.open(dataset), MotionDataset.open(tmp_path / "copy")
    assert before.clips == after.clips
    for clip in before.clips:
        assert np.abs(before.joints(clip) - after.joints(clip)).max() < 6e-5


def test_damage_and_misuse_are_explained(dataset: Path, tmp_path: Path) -> None:
    pack(dataset, tmp_path / "packed.xz")
    with pytest.raises(StudioError, match="not empty"):
        unpack(tmp_path / "packed.xz", dataset)
    broken = tmp_path / "broken.xz"
    broken.write_bytes((tmp_path / "packed.xz").read_bytes()[:-50])
    with pytest.raises(StudioError, match="not a packed dataset"):
        unpack(broken, tmp_path / "other")
    broken.write_bytes(b"hello")
    with pytest.raises(StudioError, match="not a packed dataset"):
        unpack(broken, tmp_path / "other")
