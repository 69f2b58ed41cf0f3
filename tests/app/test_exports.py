"""Downloads, opened files and the body of the page, without a browser."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.body import PageBody
from app.exports import BUTTONS, Exports, ExportWork
from app.generate_work import GenerateWork
from app.lanes import Lane
from app.open_file import OpenFile
from app.scene import player_value
from app.visits import Result, Visits
from engine.body.smpl import load_body
from engine.errors import StudioError
from engine.motion.motion import Motion
from tests.app.fake_engine import FakeEngine
from tests.app.test_parts import WISH
from tests.motion.bodies import walk, wave

ASKER: Any = SimpleNamespace(session_hash="somebody")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> GenerateWork:
    folder = tmp_path_factory.mktemp("exports")
    lane = Lane("test")
    work = GenerateWork(FakeEngine(), Visits(folder / "results"), lane, lane)
    work.body = PageBody(None, folder / "body")
    return work


@pytest.fixture
def exporter(work: GenerateWork) -> ExportWork:
    names = {name: name for name in Exports.__annotations__}
    return ExportWork(work, Exports(**names))  # type: ignore[arg-type]


@pytest.fixture
def result(work: GenerateWork) -> Result:
    motions = [Motion(joints.astype(np.float32), "walk") for joints in (walk(40), wave(40))]
    return work.visits.of("somebody").add(WISH, motions)


def pressed(exporter: ExportWork, name: str, *options: Any) -> tuple[dict[str, Any], Any]:
    """What the notice says last, and the file that is offered."""
    *_, last = exporter.export(name, *(options or (0, 20, False, "smpl")), ASKER)
    return last["notice"], last["file"]


@pytest.mark.parametrize("name", ["bvh", "glb", "csv", "npz", "features", "amass", "smplx"])
def test_a_button_makes_a_file_and_says_how_it_reads_back(exporter, result, name):
    notice, file = pressed(exporter, name)
    assert notice["state"] == "done", notice
    path = Path(file["value"])
    assert path.parent == result.folder
    assert path.stat().st_size > 1000
    told = notice["text"].split("no joint is further off than ")[1].split(" mm")[0]
    assert 0 <= float(told) < (10 if name in ("amass", "smplx") else 1)
    assert file["visible"]


def test_options_reach_the_file(exporter, result):
    notice, file = pressed(exporter, "bvh", 1, 60, True, "mixamo")
    text = Path(file["value"]).read_text()
    assert "mixamorig:LeftUpLeg" in text
    assert "Frames: 118" in text
    assert "Foot lock:" in notice["text"]


def test_all_is_one_zip_with_receipts(exporter, result):
    notice, file = pressed(exporter, "all")
    assert notice["text"].startswith("2 motions in 7 formats")
    with zipfile.ZipFile(file["value"]) as archive:
        names = set(archive.namelist())
        receipt = json.loads(archive.read("motion_1/receipt.json"))
    assert {f"motion_{k}/motion{end}" for k in (0, 1) for end in (".bvh", ".glb")} <= names
    assert receipt["motions"][0]["seed"] == WISH.seeds[1]
    _, file = pressed(exporter, "all", 0, 60, False, "smpl")
    with zipfile.ZipFile(file["value"]) as archive:
        assert not any("features" in name for name in archive.namelist())


@pytest.mark.parametrize(
    "options",
    [(2, 20, False, "smpl"), (-1, 20, False, "smpl"), (True, 20, False, "smpl"),
     ("0", 20, False, "smpl"), (0, 24, False, "smpl"), (0, 20, False, "../x"), (0, None, 0, None)],
)  # fmt: skip
def test_what_no_control_offers_is_refused(exporter, result, options):
    notice, file = pressed(exporter, "bvh", *options)
    assert notice["state"] == "failed"
    assert file["value"] is None


def test_features_at_another_rate_are_a_sentence(exporter, result):
    notice, _ = pressed(exporter, "features", 0, 60, False, "smpl")
    assert notice["state"] == "failed"
    assert "20 frames a second" in notice["text"]


def test_a_visitor_without_a_result_is_told(exporter):
    *_, last = exporter.export("bvh", 0, 20, False, "smpl", SimpleNamespace(session_hash="new"))
    assert last["notice"]["state"] == "failed"


def test_every_format_has_a_button():
    assert set(BUTTONS) == {
        "bvh", "glb", "amass", "smplx", "csv", "npz", "features", "gif", "all",
    }  # fmt: skip


def opened(work: GenerateWork, path: Path, start: Any = 0) -> dict[Any, Any]:
    """What opening a file changes, by the names of the parts that the test knows."""
    part = OpenFile.__new__(OpenFile)
    part.work, part.notice = work, "notice"  # type: ignore[assignment]
    parts: Any = SimpleNamespace(notice="main")
    work.parts = parts
    work.show = lambda visit, result: {"shown": result}  # type: ignore[method-assign]
    return part.open(str(path), start, False, ASKER)


def test_an_exported_file_opens_as_a_result(work, exporter, result, monkeypatch):
    monkeypatch.setattr(work, "show", work.show)
    path = Path(pressed(exporter, "bvh")[1]["value"])
    told = opened(work, path)
    assert told["notice"]["state"] == "done", told
    shown = told["shown"]
    assert shown.source == "motion-1.bvh"
    assert np.abs(shown.motions[0].joints - result.motions[0].joints).max() < 1e-3
    sent = player_value(shown, body=work.body)
    assert [motion["label"] for motion in sent["motions"]] == ["motion-1.bvh"]
    *_, last = exporter.export("all", 0, 20, False, "smpl", ASKER)
    with zipfile.ZipFile(last["file"]["value"]) as archive:
        assert json.loads(archive.read("receipt.json")) == {"imported": "motion-1.bvh"}


@pytest.mark.parametrize("start", [-1, "soon", None, float("nan"), 1e9, True])
def test_senseless_starts_are_sentences(work, tmp_path, monkeypatch, start):
    monkeypatch.setattr(work, "show", work.show)
    path = tmp_path / "motion.npz"
    Motion(walk(40).astype(np.float32)).save(path)
    assert opened(work, path, start)["notice"]["state"] == "failed"


def test_a_broken_file_is_a_sentence(work, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "show", work.show)
    path = tmp_path / "broken.glb"
    path.write_bytes(b"glTF" + bytes(50))
    notice = opened(work, path)["notice"]
    assert notice["state"] == "failed"
    assert notice["text"].startswith("broken.glb: ")


def test_the_browser_gets_skin_and_turns(work, result):
    data = (work.body.folder / "body.bin").read_bytes()
    (length,) = struct.unpack_from("<I", data)
    arrays = {}
    for entry in json.loads(data[4 : 4 + length])["arrays"]:
        start = 4 + length + entry["offset"]
        assert start % 4 == 0  # what typed arrays of the browser need
        arrays[entry["name"]] = np.frombuffer(data, entry["kind"], entry["count"], start)
    body = load_body()
    assert np.abs(arrays["vertices"].reshape(-1, 3) - body.vertices).max() < 1e-6
    assert arrays["joints"].max() < 22
    weights = arrays["weights"].reshape(-1, 4) / 65535
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-4)
    assert work.body.address.startswith("gradio_api/file=/")
    sent = player_value(result, body=work.body)
    assert sent["body"] == work.body.address
    assert all(len(motion["turns"]) > 1000 for motion in sent["motions"])
    assert player_value(result)["body"] == ""


def test_a_body_that_is_none_stops_the_start(tmp_path):
    path = tmp_path / "body.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(StudioError, match="no SMPL body"):
        PageBody(path, tmp_path)
    assert not (tmp_path / "body.bin").exists()
