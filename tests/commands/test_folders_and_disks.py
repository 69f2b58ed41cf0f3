"""Folders that cannot be written and disks that are full leave no half-written files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

import numpy as np
import pytest

from engine.errors import StudioError
from engine.files import (
    atomic_write,
    load_npz,
    make_folder,
    read_json,
    save_npz,
    write_bytes,
    write_json,
)
from tests.commands.test_generate import PROMPT, files


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_stands_where_the_folder_should_be(generate, tmp_path):
    (tmp_path / "out").write_text("kept")
    assert "cannot be written" in generate(PROMPT).sentence()
    assert (tmp_path / "out").read_text() == "kept"


def test_a_folder_that_nobody_can_write(command, tiny_model):
    done = command("generate", PROMPT, "--model", tiny_model, "--output", "/proc/motions")
    assert "/proc/motions cannot be written" in done.sentence()
    assert "Choose another folder" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(generate, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    assert "cannot be written" in generate(PROMPT).sentence()


def test_a_folder_stands_where_a_file_should_be(generate, tmp_path):
    (tmp_path / "out" / "motion.npz").mkdir(parents=True)
    assert "motion.npz cannot be written" in generate(PROMPT).sentence()
    assert files(tmp_path) == []


def test_a_folder_stands_where_the_video_should_be(generate, tmp_path):
    (tmp_path / "out" / "motion.mp4").mkdir(parents=True)
    done = generate(PROMPT, "--seconds", 1, video=True)
    assert "motion.mp4 cannot be written" in done.sentence()
    assert files(tmp_path / "out") == ["motion.npz"]


def test_a_name_that_is_too_long(command, tiny_model, tmp_path):
    done = command("generate", PROMPT, "--model", tiny_model, "--output", tmp_path / ("x" * 300))
    assert "cannot be written" in done.sentence()


def test_a_disk_that_fills_up_leaves_nothing(generate, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    said = generate(PROMPT).sentence()
    assert "The disk is full" in said
    assert "Free some space" in said
    assert files(tmp_path) == []


def test_a_full_disk_keeps_what_was_there(generate, tmp_path, monkeypatch):
    assert generate(PROMPT, "--seed", 1).code == 0
    before = (tmp_path / "out/motion.npz").read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    assert "The disk is full" in generate(PROMPT, "--seed", 2).sentence()
    assert (tmp_path / "out/motion.npz").read_bytes() == before
    assert files(tmp_path / "out") == ["motion.npz", "receipt.json"]


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 KiB; needs root and the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_real_full_disk(small_disk, tiny_model, command):
    """Motions fit, the video does not: every file that is there is whole."""
    done = command("generate", PROMPT, "--seconds", "1", "--steps", "1", "--samples", "2",
                   "--model", tiny_model, "--output", small_disk)  # fmt: skip
    assert "The disk is full: the video was not written" in done.sentence()
    left = ["motion_0.npz", "motion_1.npz"]
    assert files(small_disk) == left
    for name in left:
        assert load_npz(small_disk / name)["joints"].shape == (20, 22, 3)
    (small_disk / "filler").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096))
    done = command("generate", PROMPT, "--no-video", "--model", tiny_model, "--output",
                   small_disk / "more")  # fmt: skip
    assert "The disk is full" in done.sentence()
    assert files(small_disk) == sorted([*left, "filler"])


def test_writing_is_all_or_nothing(tmp_path):
    path = tmp_path / "deep" / "file"
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError("the writer broke")
    assert files(tmp_path) == []
    write_bytes(path, b"whole")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"whole"
    assert files(tmp_path) == ["deep/file"]


def test_json_refuses_what_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert files(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\xff"], ids=range(4))
def test_json_that_cannot_be_read(tmp_path, text):
    path = tmp_path / "a.json"
    with pytest.raises(StudioError, match="does not exist"):
        read_json(path)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(StudioError, match="cannot be read as JSON"):
        read_json(path)


def test_folders_are_made_and_tried(tmp_path):
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert files(tmp_path) == []


def test_damaged_archives_never_raise_anything_else(tmp_path):
    """Every byte of an npz is flipped in turn; it is read or refused."""
    path = tmp_path / "a.npz"
    save_npz(path, {"joints": np.arange(60, dtype=np.float32), "prompt": np.array("walk")})
    whole = path.read_bytes()
    refused = 0
    for index in range(len(whole)):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 0xFF]) + whole[index + 1 :])
        try:
            load_npz(path)
        except StudioError as error:
            assert "a.npz" in str(error)
            refused += 1
    assert refused > len(whole) / 2


def test_archives_that_unpack_too_large_are_refused(tmp_path):
    save_npz(tmp_path / "a.npz", {"joints": np.zeros(1_000_000)})
    assert (tmp_path / "a.npz").stat().st_size < 20_000
    with pytest.raises(StudioError, match=r"unpacks to 8,000,\d+ bytes"):
        load_npz(tmp_path / "a.npz", max_bytes=1_000_000)


def test_pickles_in_archives_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", joints=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StudioError, match="not a readable npz"):
        load_npz(tmp_path / "a.npz")
