"""HumanML3D and KIT-ML in their published layout, with the real samples where they are at hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.dataset import MotionDataset, read_lines
from engine.data.prepare import prepare
from engine.data.sources.humanml3d import HumanML3D
from engine.data.sources.kit_ml import KitMl, read_features
from engine.errors import StudioError
from engine.motion.features import KIT, joints_to_features
from engine.motion.kinematics import bone_lengths
from engine.motion.skeleton import BONE_LENGTHS, JOINTS
from tests.data.published import TEXT, kit_standing, standing, write
from tests.shared import SHARED, needs_shared

REAL = SHARED / "data" / "reference" / "humanml3d"


@pytest.fixture
def real(tmp_path):
    """The real samples; 000612 has features only, as many researchers keep it."""
    vecs = {name: np.load(REAL / f"{name}.vecs.npy") for name in ("000000", "012314", "000612")}
    joints = {name: np.load(REAL / f"{name}.joints.npy") for name in ("000000", "012314")}
    texts = {"000000": (REAL / "000000.txt").read_text()}
    lists = {"train": ["000000"], "val": ["012314"], "test": ["000612"]}
    return write(tmp_path / "published" / "HumanML3D", joints, vecs, texts, lists)


@needs_shared
def test_real_samples_come_through_unchanged(real, tmp_path):
    prepare([("humanml3d", real.parent)], tmp_path / "out", jobs=1, progress=False)
    dataset = MotionDataset.open(tmp_path / "out")
    clips = {clip.id: clip for clip in dataset.clips}
    assert {name: clip.split for name, clip in clips.items()} == {
        "000000": "train", "012314": "val", "000612": "test",
    }  # fmt: skip
    assert len(clips["000000"].captions) == 4
    assert clips["000000"].captions[3] == "he is flying kick with his left leg"
    for name in ("000000", "012314"):
        published = np.load(REAL / f"{name}.joints.npy")
        np.testing.assert_allclose(dataset.joints(clips[name]), published, atol=2e-6)


@needs_shared
def test_joints_recovered_from_real_features_equal_the_published_joints(real):
    (real / "new_joints" / "012314.npy").unlink()
    recovered = HumanML3D().clips(real, "012314")[0].joints
    np.testing.assert_allclose(recovered, np.load(REAL / "012314.joints.npy"), atol=1e-5)


@needs_shared
def test_prepared_real_joints_give_the_published_features_back(real, tmp_path):
    prepare([("humanml3d", real)], tmp_path / "out", jobs=1, progress=False)
    dataset = MotionDataset.open(tmp_path / "out")
    clip = next(clip for clip in dataset.clips if clip.id == "012314")
    features = joints_to_features(dataset.joints(clip), upstream_sign_fault=True)
    published = np.load(REAL / "012314.vecs.npy")[: len(features)]
    # The facing is smoothed over 80 frames and the published joints lack the last one.
    np.testing.assert_allclose(features[:88, :67], published[:88, :67], atol=3e-6)
    assert (features[:88, 259:] == published[:88, 259:]).all()


def test_captioned_stretches_become_clips_of_their_own(tmp_path):
    lines = TEXT + "sways twice#sway/VERB#1.0#4.0\nsways#x/X#1.0#4.0\ntoo short#x/X#1.0#2.5\n"
    lines += "whole too#x/X#nan#nan\n"
    write(tmp_path, {"000001": standing(120)}, texts={"000001": lines})
    whole, part = HumanML3D().clips(tmp_path, "000001")
    assert whole.captions == ("a person stands", "whole too")
    assert (part.id, part.captions) == ("000001_020-080", ("sways twice", "sways"))
    assert part.joints.shape == (60, 22, 3)
    assert np.abs(part.joints[0, 0, [0, 2]]).max() < 1e-6  # starts over the origin again
    assert part.group == whole.group == "000001"


def test_mirrored_copies_stay_in_the_group_of_their_original(tmp_path):
    write(tmp_path, {"000001": standing(60), "M000001": standing(60)})
    groups = {HumanML3D().clips(tmp_path, take)[0].group for take in ("000001", "M000001")}
    assert groups == {"000001"}


@pytest.mark.parametrize(
    ("name", "joints", "reason"),
    [
        ("short", standing(39), "39 frames"),
        ("long", standing(200), "200 frames"),
        ("nan", np.full((60, 22, 3), np.nan), "not finite"),
        ("kit", kit_standing(60), "is this really humanml3d"),
        ("silent", standing(60), "no caption"),
    ],
)
def test_unusable_files_are_skipped_with_the_reason(tmp_path, name, joints, reason):
    write(tmp_path / "in", {"000001": standing(60), name: joints}, texts={"silent": "\n"})
    prepare([("humanml3d", tmp_path / "in")], tmp_path / "out", jobs=1, progress=False)
    skipped = read_lines(tmp_path / "out" / "skipped.jsonl")
    assert [(item["take"], reason in item["reason"]) for item in skipped] == [(name, True)]
    assert [clip.id for clip in MotionDataset.open(tmp_path / "out").clips] == ["000001"]


def test_ten_second_motions_lose_three_frames_instead_of_being_halved(tmp_path):
    write(tmp_path, {"000001": standing(199)})
    assert [len(clip.joints) for clip in HumanML3D().clips(tmp_path, "000001")] == [196]


def test_damaged_and_missing_files_are_listed(tmp_path):
    names = ["good", "cut", "gone"]
    write(tmp_path / "in", {name: standing(60) for name in names})
    cut = tmp_path / "in" / "new_joints" / "cut.npy"
    cut.write_bytes(cut.read_bytes()[:500])
    (tmp_path / "in" / "new_joints" / "gone.npy").unlink()
    prepare([("humanml3d", tmp_path / "in")], tmp_path / "out", jobs=1, progress=False)
    skipped = {item["take"]: item["reason"] for item in read_lines(tmp_path / "out/skipped.jsonl")}
    assert set(skipped) == {"cut", "gone"}
    assert "cannot be read" in skipped["cut"]
    assert "missing" in skipped["gone"]


def test_pickled_arrays_are_refused(tmp_path):
    write(tmp_path / "in", {"000001": standing(60)})
    np.save(tmp_path / "in/new_joints/000001.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(StudioError, match="cannot be read"):
        prepare([("humanml3d", tmp_path / "in")], tmp_path / "out", jobs=1, progress=False)


def test_without_motion_folders_the_error_says_what_to_do(tmp_path):
    (tmp_path / "texts").mkdir()
    with pytest.raises(StudioError, match="new_joints"):
        HumanML3D().takes(tmp_path)


def test_kit_arrives_on_the_skeleton_at_20_fps_with_left_and_right_in_place(tmp_path):
    write(tmp_path, {"00001": kit_standing(50, lift=25)})
    clip = KitMl().clips(tmp_path, "00001")[0]
    assert clip.joints.shape == (79, 22, 3)  # 49 steps of 0.08 s
    np.testing.assert_allclose(bone_lengths(clip.joints[[0, -1]]), [BONE_LENGTHS] * 2, atol=1e-6)
    assert abs(clip.joints[..., 1].min()) < 1e-6
    assert clip.joints[0, JOINTS["left_wrist"], 0] > 0.1 > -0.1 > clip.joints[0, 21, 0]
    left, right, head = (
        clip.joints[-1, JOINTS[n], 1] for n in ("left_wrist", "right_wrist", "head")
    )
    assert left > head > right
    hips = clip.joints[0, JOINTS["left_hip"], 0] - clip.joints[0, JOINTS["right_hip"], 0]
    assert 0.05 < hips < 0.15  # the level hip bones of KIT would make it twice as wide


def test_kit_features_alone_are_enough_and_stay_available(tmp_path):
    body = kit_standing(60, lift=30)
    features = joints_to_features(body, layout=KIT)
    write(tmp_path / "a", {"00001": body[:-1]}, {"00001": features})
    write(tmp_path / "b", {}, {"00001": features})
    from_joints, from_features = (KitMl().clips(tmp_path / n, "00001")[0].joints for n in "ab")
    np.testing.assert_allclose(from_features, from_joints, atol=1e-4)
    assert read_features(tmp_path / "a", "00001").shape == (59, 251)


def test_kit_stretches_are_cut_by_seconds_not_by_frames(tmp_path):
    lines = TEXT + "lifts the left hand#x/X#1.0#5.0\n"
    write(tmp_path, {"00001": kit_standing(80)}, texts={"00001": lines})
    part = KitMl().clips(tmp_path, "00001")[1]
    assert len(part.joints) == 80  # four seconds at 20 fps
