"""The benchmark of several processes: rows side by side, efficiency against the row of one."""

from __future__ import annotations

import json

import pytest

from benchmarks import scaling
from tests.training import together


def row(processes: int, rate: float, batch: int = 512) -> dict:
    return {
        "processes": processes, "device": "gpu", "motions_per_second": rate, "fuse": False,
        "batch_per_gpu": batch, "graph": True, "ms_per_update": 1.0,
    }  # fmt: skip


def test_efficiency_is_against_one_process_of_the_same_batch(tmp_path):
    rows = [row(1, 100.0), row(2, 180.0), row(4, 360.0), row(4, 50.0, batch=8)]
    path = tmp_path / f"2026-01-01-{scaling.NAME}.json"
    path.write_text(json.dumps({"date": "2026-01-01", "rows": rows}))
    text = scaling.report(tmp_path)
    assert "| 4 | gpu | 512 | 360 | 1.00 | 90.0% |" in text
    found = [one.get("efficiency") for one in json.loads(path.read_text())["rows"]]
    assert found[:3] == pytest.approx([1.0, 0.9, 0.9])
    assert found[3] is None


def test_each_start_adds_a_row(corpus_folder, tmp_path, monkeypatch, tiny_model):
    monkeypatch.setattr(scaling, "DenoiserConfig", lambda **_: together.DENOISER)
    monkeypatch.setattr("sys.argv", [
        "scaling", "--data", str(corpus_folder), "--vae", str(tiny_model), "--seconds", "0.5",
        "--batch-per-gpu", "4", "--device", "cpu", "--out", str(tmp_path),
    ])  # fmt: skip
    for count in (1, 2):
        scaling.main()
        rows = json.loads(next(tmp_path.glob("*.json")).read_text())["rows"]
        assert len(rows) == count
    assert rows[0]["processes"] == 1
    assert rows[0]["finite"]
    assert rows[0]["motions_per_second"] == pytest.approx(4000 / rows[0]["ms_per_update"])
