"""The Motion value: what it says about itself, saving, loading, refusing."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest

from engine.errors import StudioError
from engine.motion.features import joints_to_features
from engine.motion.motion import Motion
from tests.motion.bodies import walk


def walking(frames: int = 40) -> np.ndarray:
    return walk(frames).astype(np.float32)


def test_properties():
    motion = Motion(walking(50))
    motion.validate()
    assert (motion.frames, motion.seconds) == (50, 2.5)
    np.testing.assert_array_equal(motion.features, joints_to_features(motion.joints))


@pytest.mark.parametrize("seed", [None, 0, 7, 2**63 + 5])
def test_save_and_load(tmp_path, seed):
    motion = Motion(walking(), "läuft „vorwärts“ 走", seed, "base-1")
    path = tmp_path / "deep" / "motion.npz"
    motion.save(path)
    loaded = Motion.load(path)
    np.testing.assert_array_equal(loaded.joints, motion.joints)
    assert loaded.joints.dtype == np.float32
    assert (loaded.prompt, loaded.seed, loaded.model, loaded.fps) == (
        motion.prompt, seed, "base-1", 20.0,
    )  # fmt: skip


def test_file_has_the_promised_keys_and_no_pickle(tmp_path):
    Motion(walking(), "walks", 3).save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert set(file.files) == {"joints", "fps", "prompt", "seed", "model"}
        assert file["joints"].dtype == np.float32
        assert (file["fps"], file["prompt"], file["seed"]) == (20.0, "walks", 3)


def test_joints_alone_are_enough(tmp_path):
    np.savez(tmp_path / "m.npz", joints=walking())
    assert Motion.load(tmp_path / "m.npz").prompt == ""


def broken(name: str) -> np.ndarray:
    joints = walking()
    match name:
        case "nan":
            joints[7, 3, 0] = np.nan
        case "infinite":
            joints[0, 0, 0] = np.inf
        case "inches":
            joints *= 39.37
        case "millimetres":
            joints *= 1000
        case "tiny":
            joints *= 0.01
        case "collapsed":
            joints[:] = 0
        case "joints":
            joints = joints[:, :21]
        case "flat":
            joints = joints.reshape(len(joints), -1)
        case "short":
            joints = joints[:19]
        case "long":
            joints = np.repeat(joints, 5, axis=0)[:197]
    return joints


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nan", "NaN.*frame 7"), ("infinite", "infinite"), ("inches", "bone|units"),
        ("millimetres", "metres"), ("tiny", "bone"), ("collapsed", "bone"), ("joints", "shape"),
        ("flat", "shape"), ("short", "19 frames"), ("long", "197 frames"),
    ],
)  # fmt: skip
def test_bad_motions_are_refused(tmp_path, name, says):
    with pytest.raises(StudioError, match=says):
        Motion(broken(name)).validate()
    np.savez(tmp_path / "bad.npz", joints=broken(name))
    with pytest.raises(StudioError, match=r"bad\.npz"):
        Motion.load(tmp_path / "bad.npz")


def test_another_frame_rate_is_refused():
    with pytest.raises(StudioError, match="30"):
        Motion(walking(), fps=30.0).validate()


@pytest.mark.parametrize(
    "arrays",
    [
        {"poses": np.zeros(3)},
        {"joints": np.array(["a"])},
        {"joints": walking(), "prompt": np.array(["a", "b"])},
        {"joints": walking(), "seed": np.array(1.5)},
        {"joints": walking(), "fps": np.array("20")},
        {"joints": walking(), "prompt": np.array("x" * 20_000)},
    ],
)
def test_files_that_are_no_motion(tmp_path, arrays):
    np.savez(tmp_path / "odd.npz", **arrays)
    with pytest.raises(StudioError, match=r"odd\.npz"):
        Motion.load(tmp_path / "odd.npz")


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "p.npz", joints=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StudioError):
        Motion.load(tmp_path / "p.npz")
    (tmp_path / "q.npz").write_bytes(pickle.dumps(walking()))
    with pytest.raises(StudioError):
        Motion.load(tmp_path / "q.npz")


def test_missing_cut_and_bloated_files(tmp_path):
    with pytest.raises(StudioError, match="does not exist"):
        Motion.load(tmp_path / "none.npz")
    Motion(walking()).save(tmp_path / "m.npz")
    whole = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StudioError, match=r"cut\.npz"):
        Motion.load(tmp_path / "cut.npz")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("joints.npy", b"\0" * 20_000_000)
    with pytest.raises(StudioError, match="unpacks"):
        Motion.load(tmp_path / "bomb.npz")
