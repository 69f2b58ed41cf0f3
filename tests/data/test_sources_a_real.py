"""Importers of CMU, HDM05 and Xia on a few real takes of the shared archives."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest

from engine.data.sources.cmu import ASF_RIG, Cmu
from engine.data.sources.hdm05 import Hdm05
from engine.data.sources.xia import Xia
from engine.errors import StudioError
from engine.motion.calibration import calibrate
from engine.motion.formats.asfamc import read_amc, read_asf
from engine.motion.kinematics import bone_lengths
from engine.motion.retarget import leg_scale
from engine.motion.skeleton import BONE_LENGTHS, JOINTS
from tests.shared import SHARED, needs_shared

RAW = SHARED / "data" / "raw"


def _extract(archive, target, wanted) -> None:
    with tarfile.open(RAW / archive) as tar:
        tar.extractall(target, [m for m in tar if wanted(m.name)], filter="data")


@pytest.fixture(scope="module")
def xia(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xia")
    _extract("xia-test.tar.xz", folder, lambda name: name.endswith(".bvh"))
    return folder


@needs_shared
def test_xia_takes(xia):
    source = Xia()
    takes = source.takes(xia)
    assert len(takes) == 9  # rest.bvh is no take
    with pytest.raises(StudioError, match="wrong in this set"):
        source.clips(xia, "depressed_18_000")
    clips = [clip for take in takes if take != "depressed_18_000"
             for clip in source.clips(xia, take)]  # fmt: skip
    assert sorted(clip.content for clip in clips) == ["jump", *["run"] * 3, *["walk"] * 4]
    for clip in clips:
        assert abs(bone_lengths(clip.joints) - BONE_LENGTHS).max() < 1e-6
        assert clip.joints[-1, 0, 2] > 0.5  # forward is +Z
        assert clip.joints[0, JOINTS["left_hip"], 0] > clip.joints[0, JOINTS["right_hip"], 0]
        assert clip.joints[..., 1].min() == pytest.approx(0, abs=1e-9)


HDM_WANTED = ("HDM_mm.asf", "mm_squat1Reps_0", "mm_lieDownFloor_017", "mm_kickLFront1Reps_02",
              "mm_rotateArms")  # fmt: skip


@pytest.fixture(scope="module")
def hdm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hdm05")
    _extract("hdm05-11.tar.xz", folder, lambda name: any(part in name for part in HDM_WANTED))
    return folder


@needs_shared
def test_hdm05_joins_consecutive_cuts(hdm):
    source = Hdm05()
    takes = source.takes(hdm)
    assert "HDM_mm_squat1Reps_037_120" in takes
    assert "HDM_mm_squat1Reps_038_120" not in takes
    (squats,) = source.clips(hdm, "HDM_mm_squat1Reps_037_120")
    assert (squats.content, squats.actor, squats.split) == ("squat", "mm", "test")
    height = squats.joints[:, 0, 1]
    assert ((height[1:] < 0.6) & (height[:-1] >= 0.6)).sum() == 4
    for take in ("HDM_mm_squat1Reps_037_120", "HDM_mm_kickLFront1Reps_021_120"):
        (clip,) = source.clips(hdm, take)
        change = np.linalg.norm(np.diff(clip.joints, n=2, axis=0), axis=-1)
        assert change.max() < 0.4  # nothing jumps where two cuts meet


@needs_shared
def test_hdm05_lies_on_the_floor_its_feet_stood_on(hdm):
    (clip,) = Hdm05().clips(hdm, "HDM_mm_lieDownFloor_017_120")
    assert clip.joints[..., 1].min() > -0.02
    standing = clip.joints[:5, [JOINTS["left_foot"], JOINTS["right_foot"]], 1].min(axis=1)
    assert standing.max() < 0.03
    assert clip.joints[-1, JOINTS["head"], 1] < 0.4


@needs_shared
def test_hdm05_arm_circles_go_round_three_times(hdm):
    takes = [take for take in Hdm05().takes(hdm) if "rotateArms" in take]
    assert len(takes) == 3
    for take in takes:
        (clip,) = Hdm05().clips(hdm, take)
        wrist, shoulder = (clip.joints[:, JOINTS[f"left_{n}"]] for n in ("wrist", "shoulder"))
        arm = wrist - shoulder
        turned = np.degrees(np.unwrap(np.arctan2(arm[:, 1], arm[:, 2])))
        assert abs(turned[-1] - turned[0]) % 360 < 40 or abs(turned[-1] - turned[0]) % 360 > 320
        assert turned[-1] - turned[0] > 300  # up in front, down behind: backward


@pytest.fixture(scope="module")
def cmu(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cmu")
    wanted = {
        "cmu-asfamc-01-03.tar.xz": ("02.asf", "02_01.amc", "02_02.amc", "02_06.amc"),
        "cmu-01-14.tar.xz": ("02_01.bvh", "02_02.bvh"),
    }
    for archive, ends in wanted.items():
        with tarfile.open(RAW / archive) as tar:
            missing = set(ends)
            for member in tar:  # stop early: the archive is large
                name = member.name.rsplit("/", 1)[-1]
                if name in missing:
                    tar.extract(member, folder / archive[:6], filter="data")
                    missing.discard(name)
                if not missing:
                    break
    return folder


@needs_shared
def test_cmu_prefers_amc_and_both_formats_agree(cmu, tmp_path):
    source = Cmu()
    assert source.takes(cmu) == ["02_01", "02_02", "02_06"]
    (amc,) = source.clips(cmu, "02_01")
    (tmp_path / "02_01.bvh").write_bytes(next(cmu.rglob("02_01.bvh")).read_bytes())
    (bvh,) = source.clips(tmp_path, "02_01")
    assert amc.content == "walk"
    assert not np.array_equal(amc.joints, bvh.joints)
    # the conversion starts at AMC frame 6: one frame at 20 fps later
    first, second = amc.joints[1 : len(bvh.joints) + 1], bvh.joints[: len(amc.joints) - 1]
    apart = np.linalg.norm((first - first[:, :1]) - (second - second[:, :1]), axis=-1)
    assert apart.mean() < 0.05
    assert apart[:, :4].max() < 0.05


@needs_shared
def test_cmu_pieces_all_show_the_action(cmu):
    clips = Cmu().clips(cmu, "02_06")
    assert len(clips) == 2
    assert {clip.group for clip in clips} == {"02_06"}
    for clip in clips:
        assert clip.joints[:, 0, 1].min() < 0.65
        assert clip.captions


@needs_shared
def test_cmu_constants_come_from_the_named_takes(cmu):
    asf = read_asf(next(cmu.rglob("02.asf")))
    worlds = [read_amc(next(cmu.rglob(f"{take}.amc")), asf).world() for take in ("02_01", "02_02")]
    made = calibrate(worlds, ASF_RIG, {"left": "lfoot", "right": "rfoot"})
    for part in ("pelvis", "spine", "chest", "neck"):
        assert getattr(made, part).calibration == getattr(ASF_RIG, part).calibration
    assert made.feet == ASF_RIG.feet
    assert made.shoulder_rest == ASF_RIG.shoulder_rest
    assert leg_scale(worlds[0], ASF_RIG) == pytest.approx(0.974, abs=5e-4)
