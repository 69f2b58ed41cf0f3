"""Preparation: resumable, honest about what it skips, clear about what is wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.data import prepare as preparing
from engine.data.archive import open_source
from engine.data.dataset import MotionDataset, read_lines
from engine.data.journal import Journal
from engine.data.prepare import prepare
from engine.data.sources.base import SourceClip
from engine.data.takes import check, cut
from engine.errors import StudioError
from tests.data.published import standing, write

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def published(tmp_path):
    return write(tmp_path / "in", {f"{n:06d}": standing(40 + n) for n in range(12)})


def run(folder, out, jobs=1):
    return prepare([("humanml3d", folder)], out, jobs=jobs, progress=False)


def counting(monkeypatch):
    """Count the takes that are really imported."""
    seen = []
    original = preparing.import_take

    def spy(name, root, take, out):
        seen.append(take)
        return original(name, root, take, out)

    monkeypatch.setattr(preparing, "import_take", spy)
    return seen


def test_a_second_run_imports_nothing_again(published, tmp_path, monkeypatch):
    first = run(published, tmp_path / "out")
    seen = counting(monkeypatch)
    second = run(published, tmp_path / "out")
    assert (first.clips, second.clips, second.reused, seen) == (12, 12, 12, [])
    assert "12 clips" in str(second)


def test_takes_whose_line_was_torn_or_whose_joints_are_gone_are_redone(
    published, tmp_path, monkeypatch
):
    run(published, tmp_path / "out")
    journal = tmp_path / "out" / ".prepare" / "humanml3d.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])  # killed while writing the last line
    (tmp_path / "out/motions/humanml3d/000003.npy").unlink()
    seen = counting(monkeypatch)
    report = run(published, tmp_path / "out")
    assert sorted(seen) == ["000003", "000011"]
    assert report.clips == 12
    assert (
        len(Journal(journal, json.loads(journal.read_text().splitlines()[0])["stamp"]).read()) == 12
    )


def test_other_code_or_another_archive_means_a_fresh_import(published, tmp_path, monkeypatch):
    run(published, tmp_path / "out")
    monkeypatch.setattr(preparing, "code_stamp", lambda name: "other")
    seen = counting(monkeypatch)
    run(published, tmp_path / "out")
    assert len(seen) == 12


def test_a_killed_run_continues_and_ends_like_an_undisturbed_one(tmp_path):
    folder = write(tmp_path / "in", {f"{n:06d}": standing(60) for n in range(400)})
    out = tmp_path / "out"
    code = (
        "import sys; from pathlib import Path; from engine.data.prepare import prepare\n"
        "if __name__ == '__main__':\n"
        "    prepare([('humanml3d', Path(sys.argv[1]))], Path(sys.argv[2]), 1, False)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(folder), str(out)], cwd=REPO)
    journal = out / ".prepare" / "humanml3d.jsonl"
    while child.poll() is None and not (journal.exists() and journal.stat().st_size > 5000):
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (out / "dataset.json").exists(), "it was over before it could be killed"
    report = run(folder, out)
    assert report.clips == 400
    assert 5 < report.reused < 400
    dataset = MotionDataset.open(out)
    assert len({clip.id for clip in dataset.clips}) == 400
    assert all(np.isfinite(dataset.joints(clip)).all() for clip in dataset.clips)
    run(folder, tmp_path / "calm")
    same = ("clips.jsonl", "skipped.jsonl", "dataset.json")
    assert all((out / n).read_bytes() == (tmp_path / "calm" / n).read_bytes() for n in same)


def test_several_processes_give_the_same_dataset(published, tmp_path):
    run(published, tmp_path / "one")
    run(published, tmp_path / "two", jobs=2)
    one, two = (tmp_path / name / "clips.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_leftovers_of_an_earlier_preparation_are_removed(published, tmp_path):
    run(published, tmp_path / "out")
    (published / "train.txt").write_text("000001\n000002\n")
    assert run(published, tmp_path / "out").clips == 2
    files = sorted(path.name for path in (tmp_path / "out/motions/humanml3d").iterdir())
    assert files == ["000001.npy", "000002.npy"]


def _archive(folder: Path, path: Path) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for item in folder.rglob("*"):
                file.write(item, Path("HumanML3D") / item.relative_to(folder))
    else:
        with tarfile.open(path, "w:xz") as tar:
            tar.add(folder, "HumanML3D")
    return path


@pytest.mark.parametrize("name", ["data.zip", "data.tar.xz"])
def test_archives_as_published_are_read_and_not_left_unpacked(published, tmp_path, name):
    report = run(_archive(published, tmp_path / name), tmp_path / "out")
    assert report.clips == 12
    assert not (tmp_path / "out/.prepare/unpacked").exists()


def test_several_paths_of_one_source_come_together(published, tmp_path):
    more = write(tmp_path / "more", {}, lists={"unused": []})
    (more / "new_joints" / "extra.npy").write_bytes(b"")
    report = prepare(
        [("humanml3d", published), ("humanml3d", more)], tmp_path / "out", 1, progress=False
    )
    assert report.clips == 12


@pytest.mark.parametrize("name", ["data.zip", "data.tar.xz", "data.tar.gz"])
def test_damaged_archives_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is no archive" * 40)
    with pytest.raises(StudioError, match=f"{name} is damaged"):
        run(tmp_path / name, tmp_path / "out")


def test_cut_off_archives_are_named_and_can_be_tried_again(published, tmp_path):
    archive = _archive(published, tmp_path / "data.tar.xz")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StudioError, match="damaged"):
        run(archive, tmp_path / "out")
    archive.write_bytes(whole)
    assert run(archive, tmp_path / "out").clips == 12


def test_an_archive_that_changed_is_unpacked_again(published, tmp_path):
    archive = _archive(published, tmp_path / "data.zip")
    first = open_source([archive], tmp_path / "work")
    assert open_source([archive], tmp_path / "work") == first
    write(published, {"000099": standing(50)})
    _archive(published, archive)
    found = sorted(path.name for path in open_source([archive], tmp_path / "work").rglob("*.npy"))
    assert found[-1] == "000099.npy"


def test_archives_that_reach_outside_are_refused(tmp_path):
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("../../evil.txt")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(StudioError, match="unsafe"):
        run(path, tmp_path / "a" / "b" / "out")
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("humanml", ".", "There is no source 'humanml'; known are bandai-namco, cmu"),
        ("humanml3d", "absent", "does not exist"),
        ("humanml3d", "notes.txt", "neither a folder nor an archive"),
        ("deepmimic", "empty", "holds no take of deepmimic"),
    ],
)
def test_wrong_sources_are_explained(tmp_path, name, path, message):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudioError, match=message):
        prepare([(name, tmp_path / path)], tmp_path / "out", 1, progress=False)


def test_without_sources_or_into_a_foreign_folder_nothing_happens(published, tmp_path):
    with pytest.raises(StudioError, match="at least one source"):
        prepare([], tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(StudioError, match="not empty"):
        run(published, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_dataset_is_not_written_into_its_own_source(published):
    with pytest.raises(StudioError, match="inside the source"):
        run(published, published / "prepared")


def test_a_source_that_gives_nothing_names_the_first_reason(tmp_path):
    folder = write(tmp_path / "in", {"000001": standing(10)})
    with pytest.raises(StudioError, match=r"Not one of 1 takes.*10 frames"):
        run(folder, tmp_path / "out")


def test_long_clips_are_cut_evenly_and_keep_the_floor_of_the_take():
    joints = standing(400)
    joints[200:, :, 1] += 0.5  # on a step
    pieces = list(cut(SourceClip("x", joints, "climb")))
    assert [(p.id, len(p.joints), n, of) for p, n, of in pieces] == [
        ("x_01", 133, 1, 3), ("x_02", 134, 2, 3), ("x_03", 133, 3, 3),
    ]  # fmt: skip
    assert abs(pieces[2][0].joints[..., 1].min() - 0.5) < 1e-6


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda j: j[:, :21], "shape"),
        (lambda j: j[:19], "19 frames"),
        (lambda j: j * 1.1, "not on the skeleton"),
        (lambda j: j + np.array([1.0, 0, 0]), "origin"),
        (lambda j: np.where(np.arange(22)[:, None] == 15, np.inf, j), "not finite"),
    ],
)
def test_what_an_importer_gets_wrong_does_not_enter_the_dataset(spoil, message):
    check(standing(60))
    with pytest.raises(StudioError, match=message):
        check(spoil(standing(60)))


def test_skipped_reasons_are_written_even_when_all_is_well(published, tmp_path):
    run(published, tmp_path / "out")
    assert read_lines(tmp_path / "out" / "skipped.jsonl") == []
