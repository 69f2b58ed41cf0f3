"""export, import and bundle: the files, the lines printed, and the sentences."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from engine.commands.bundle import bundle
from engine.errors import StudioError
from engine.motion.export import FILES, Options
from engine.motion.motion import Motion
from tests.motion.bodies import walk

JOINTS = walk(30, turn=0.5).astype(np.float32)


@pytest.fixture
def motion(tmp_path: Path) -> Path:
    """A motion.npz."""
    path = tmp_path / "walk.npz"
    Motion(JOINTS, prompt="a person walks", seed=1, model="m").save(path)
    return path


@pytest.mark.parametrize("format", sorted(set(FILES) - {"mp4", "gif", "npz"}))
def test_a_file_beside_the_motion_that_import_reads(command, motion, format):
    done = command("export", motion, "--format", format)
    target = motion.with_name("walk" + FILES[format])
    assert (done.code, done.out, done.err) == (0, f"{target}\n", "")
    back = motion.with_name("back.npz")
    done = command("import", target, "--output", back)
    assert done.code == 0, done.err
    joints = Motion.load(back).joints
    assert np.abs(joints - JOINTS[: len(joints)]).max() < 1e-3
    assert len(JOINTS) - len(joints) == (format == "features")


def test_joints_come_back_to_the_last_bit(command, motion):
    target, back = motion.with_name("joints.npz"), motion.with_name("back.npz")
    assert command("export", motion, "--format", "npz", "--output", target).code == 0
    assert command("import", target, "--output", back).code == 0
    assert np.array_equal(Motion.load(back).joints, JOINTS)


def test_a_motion_is_not_written_over(command, motion):
    before = motion.read_bytes()
    assert "the motion itself" in command("export", motion, "--format", "npz").sentence()
    assert motion.read_bytes() == before


def test_options_reach_the_file(command, motion):
    done = command("export", motion, "--format", "bvh", "--fps", 60, "--names", "mixamo",
                   "--order", "xyz")  # fmt: skip
    text = Path(done.out.strip()).read_text()
    assert "JOINT mixamorig:LeftToeBase" in text
    assert "Xrotation Yrotation Zrotation" in text
    assert "Frames: 88\nFrame Time: 0.01666667\n" in text
    target = motion.with_name("y.npz")
    command("export", motion, "--format", "amass", "--y-up", "--output", target)
    with np.load(target) as arrays:
        assert str(arrays["up_axis"]) == "y"


def test_foot_lock_says_what_it_did(command, motion):
    done = command("export", motion, "--format", "csv", "--foot-lock")
    assert "of frames skated before" in done.out
    done = command("export", motion, "--format", "csv", "--foot-lock", "--json")
    said = json.loads(done.out)
    assert said["skate_after"] <= said["skate_before"]
    assert said["format"] == "csv"


def test_videos_have_the_rate_that_was_asked_for(command, motion):
    done = command("export", motion, "--format", "mp4", "--fps", 30)
    reader = imageio_ffmpeg.read_frames(done.out.strip())
    assert next(reader)["fps"] == pytest.approx(30)
    assert sum(1 for _ in reader) == 44
    done = command("export", motion, "--format", "gif")
    with Image.open(done.out.strip()) as film:
        assert film.n_frames == 30


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "fbx"], "'fbx' is not offered"),
        (["--format", "bvh", "--fps", "25"], "choose 20, 30, 60"),
        (["--format", "bvh", "--order", "XYY"], "Rotation order 'XYY'"),
        (["--format", "glb", "--names", "maya"], "Joint names 'maya'"),
        (["--format", "features", "--fps", "60"], "defined at 20"),
    ],
)
def test_what_cannot_be_exported(command, motion, arguments, sentence):
    before = sorted(motion.parent.iterdir())
    assert sentence in command("export", motion, *arguments).sentence()
    assert sorted(motion.parent.iterdir()) == before


def test_import_says_what_was_taken(command, tmp_path):
    long = np.concatenate([walk(180)] * 2).astype(np.float32)
    np.savez(tmp_path / "long.npz", joints=long, fps=20.0)
    done = command("import", tmp_path / "long.npz", "--output", tmp_path / "m.npz", "--start", 2)
    assert "9.80 of 18.00 seconds, from 2 on" in done.out
    done = command("import", tmp_path / "long.npz", "--output", tmp_path / "m.npz", "--json")
    assert json.loads(done.out)["frames"] == 196


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.bvh"], "no file"),
        (["walk.npz", "--start", "9"], "at least 1 are needed"),
        (["walk.npz", "--start=-1"], "from -1.0 seconds on"),
        (["walk.npz", "--output", "motion.bvh"], "should end in .npz"),
    ],
)
def test_what_cannot_be_imported(command, motion, monkeypatch, arguments, sentence):
    monkeypatch.chdir(motion.parent)
    assert sentence in command("import", *arguments).sentence()
    assert list(motion.parent.iterdir()) == [motion]


def test_one_zip_with_everything():
    motions = [Motion(JOINTS, prompt="one"), Motion(JOINTS[::-1].copy(), prompt="two")]
    receipts = [{"seed": 1}, {"seed": 2, "prompt": "hüpfen"}]
    data = bundle(motions, receipts, ["bvh", "glb", "npz", "bvh"], Options(fps=30))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = ["receipt.json", "motion.npz", "motion.bvh", "motion.glb", "motion_joints.npz"]
        assert archive.namelist() == [f"motion_{k}/{name}" for k in range(2) for name in names]
        assert json.loads(archive.read("motion_1/receipt.json")) == receipts[1]
        with np.load(io.BytesIO(archive.read("motion_0/motion.npz"))) as arrays:
            assert np.array_equal(arrays["joints"], JOINTS)
            assert str(arrays["prompt"]) == "one"
        with np.load(io.BytesIO(archive.read("motion_1/motion_joints.npz"))) as arrays:
            assert float(arrays["fps"]) == 30
    assert data == bundle(motions, receipts, ["bvh", "glb", "npz"], Options(fps=30))


def test_one_motion_has_no_folder():
    with zipfile.ZipFile(io.BytesIO(bundle([Motion(JOINTS)], [{}], ["csv"]))) as archive:
        assert archive.namelist() == ["receipt.json", "motion.npz", "motion.csv"]


@pytest.mark.parametrize(
    ("motions", "receipts", "formats", "sentence"),
    [
        ([], [], [], "1 to 64"),
        ([Motion(JOINTS)], [], [], "0 receipts"),
        ([Motion(JOINTS)], [{}], ["zip"], "'zip' is not offered"),
    ],
)
def test_bundles_that_make_no_sense(motions, receipts, formats, sentence):
    with pytest.raises(StudioError, match=sentence):
        bundle(motions, receipts, formats)
