"""Opening and reading a prepared dataset, and its report."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.data.clip import Clip
from engine.data.dataset import MotionDataset, safe_name, write_index, write_motion
from engine.data.report import report
from engine.errors import StudioError
from tests.data.published import standing


def clip(number, content="walk", style="neutral", split="train", source="a", frames=60):
    return Clip(
        f"c{number}",
        source,
        f"t{number}",
        f"g{number}",
        "",
        content,
        style,
        (),
        frames,
        split,
        "MIT",
    )


@pytest.fixture
def folder(tmp_path):
    clips = [
        clip(0),
        clip(1, content="bow", style="sad", split="test"),
        clip(2, source="b", split="val", frames=40),
        clip(3, content="", style="happy <&>"),
        clip(4, content="run", style="feminine", split="unseen"),
    ]
    for item in clips:
        write_motion(tmp_path, item.source, item.id, standing(item.frames))
    skipped = [
        {"source": "a", "take": f"t{n}", "reason": f"only {n} frames | too few"} for n in (7, 8)
    ]
    write_index(tmp_path, clips, skipped, {"licences": {"a": "MIT", "b": "CC BY"}})
    return tmp_path


def test_clips_and_joints_come_back(folder):
    dataset = MotionDataset.open(folder)
    assert len(dataset) == 5
    assert dataset.clips[1] == clip(1, content="bow", style="sad", split="test")
    joints = dataset.joints(dataset.clips[2])
    assert (joints.shape, joints.dtype) == ((40, 22, 3), np.float32)
    np.testing.assert_array_equal(joints, standing(40))


def test_select_combines_conditions(folder):
    dataset = MotionDataset.open(folder)
    assert [c.id for c in dataset.select("train")] == ["c0", "c3"]
    assert [c.id for c in dataset.select(content="walk", source="b")] == ["c2"]
    assert dataset.select("train", style="sad") == []
    with pytest.raises(StudioError, match="no split 'dev'"):
        dataset.select("dev")


def test_what_is_no_dataset_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(StudioError, match="data prepare"):
        MotionDataset.open(tmp_path)


def test_damage_is_named(folder):
    lines = (folder / "clips.jsonl").read_text().splitlines()
    (folder / "clips.jsonl").write_text("\n".join([lines[0], lines[1][:30]]))
    with pytest.raises(StudioError, match="line 2"):
        MotionDataset.open(folder)
    (folder / "clips.jsonl").write_text(lines[0].replace('"train"', '"dev"'))
    with pytest.raises(StudioError, match="unknown split 'dev'"):
        MotionDataset.open(folder)


def test_joints_that_do_not_fit_the_index_are_refused(folder):
    dataset = MotionDataset.open(folder)
    write_motion(folder, "a", "c0", standing(59))
    with pytest.raises(StudioError, match="says 60 frames"):
        dataset.joints(dataset.clips[0])
    (folder / "motions/a/c0.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(StudioError, match="cannot be read"):
        dataset.joints(dataset.clips[0])


def test_another_version_is_refused(folder):
    (folder / "dataset.json").write_text('{"format": 99}')
    with pytest.raises(StudioError, match="another version"):
        MotionDataset.open(folder)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "x y?.npy", "..", ""])
def test_ids_cannot_leave_the_folder(name):
    assert "/" not in safe_name(name)
    assert safe_name(name).strip(".") == safe_name(name) != ""


def test_report_counts_what_is_there(folder, tmp_path):
    out = tmp_path / "report"
    assert report(folder, out) == out / "report.md"
    facts = json.loads((out / "report.json").read_text())
    assert facts["clips"] == 5
    assert facts["minutes"] == pytest.approx((4 * 60 + 40) / 20 / 60, abs=0.01)
    assert facts["splits"]["train"]["all"]["clips"] == 2
    assert facts["contents"]["walk"]["val"]["clips"] == 1
    assert facts["contents"]["(captions only)"]["all"]["clips"] == 1
    assert facts["unseen_pairs"] == [["run", "feminine"]]
    assert sum(facts["seconds"]["histogram"]["counts"]) == 5
    assert [item["count"] for item in facts["skipped"]] == [2]  # one reason, two numbers
    text = (out / "report.md").read_text()
    assert "run x feminine" in text
    assert "**b**: CC BY" in text
    assert "only 7 frames / too few" in text


def test_plots_are_well_formed_and_show_every_label(folder, tmp_path):
    report(folder, tmp_path / "report")
    drawn = {path.name: ElementTree.parse(path).getroot() for path in tmp_path.glob("report/*.svg")}
    assert set(drawn) == {"durations.svg", "contents.svg", "styles.svg", "sources.svg"}
    labels = {node.text for node in drawn["styles.svg"].iter() if node.tag.endswith("text")}
    assert {"neutral", "sad", "happy <&>", "feminine"} <= labels
    bars = [node for node in drawn["durations.svg"].iter() if node.tag.endswith("rect")]
    assert len(bars) == 20
