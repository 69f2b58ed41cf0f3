"""Tuned models: listed with lineage, renamed, thrown away and back, packed, unpacked, merged."""

from __future__ import annotations

import json
import os
import socket
import stat
import zipfile

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from engine.adapters import changes, parcel, shelf
from engine.adapters.merge import merge
from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.models import registry
from engine.models.adapter import attach, attach_full, load_adapter, save_adapter
from engine.tuning.session import process_start
from tests.tiny import load_tiny, save_tiny, tiny

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own, and checkpoints/ with one tiny base."""
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "CHECKPOINTS", tmp_path / "checkpoints")
    save_tiny(tmp_path / "checkpoints" / "base")
    return tmp_path / "home"


def make(folder, full=False, patch=1, **card):
    """An adapter whose tensors are all different from the base's."""
    model = tiny(patch)
    if patch == 1:
        model = MotionModel.from_pretrained(registry.CHECKPOINTS / "base")
    trained = attach_full(model.denoiser) if full else attach(model.denoiser, rank=2, alpha=4)
    torch.manual_seed(5)
    with torch.no_grad():
        for value in trained:
            value.add_(0.1 * torch.randn_like(value))
    told = {"name": folder.name, "base": {"id": "base@1"}, "prompts": ["a person <b>waves</b>"]}
    save_adapter(model.denoiser, folder, {**told, **card})
    return folder


def test_a_parcel_goes_round_and_leaves_the_strangers_text_behind(home, tmp_path):
    folder = make(home / "adapters" / "soft", reward={"feet": 1.0}, words=["slides less: yes"])
    file = parcel.export("soft", tmp_path / "soft.zip")
    with zipfile.ZipFile(file, "a") as archive:
        names = archive.namelist()
    assert set(names) == {f"soft/{name}" for name in parcel.LIMITS}
    assert parcel.export("soft", tmp_path / "again.zip").read_bytes() == file.read_bytes()
    _replace(file, "README.md", b"<script>alert(1)</script>")
    found = parcel.import_zip(file)
    assert found.name == "soft-2"
    assert found.prompts == ("a person <b>waves</b>",)
    assert found.words == ("slides less: yes",)
    assert (found.folder / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()
    assert b"script" not in (found.folder / "README.md").read_bytes()
    assert parcel.import_zip(file, "other").name == "other"


def _replace(file, part, data, name=None, **marks):
    """Put `data` in place of a part of a zip, or beside it under another `name`."""
    with zipfile.ZipFile(file) as archive:
        kept = {info.filename: archive.read(info) for info in archive.infolist()}
    old = next((key for key in kept if key.endswith(part)), None)
    if old and (name or data is None):
        del kept[old]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in kept.items():
            archive.writestr(key, data if key == old and data is not None else value)
        if name:
            info = zipfile.ZipInfo(name)
            for key, value in marks.items():
                setattr(info, key, value)
            archive.writestr(info, data or b"")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("README.md", b"x", "../../README.md"), "no part of a tuned model"),
        (("README.md", b"x", "/README.md"), "no part of a tuned model"),
        (("README.md", b"x", "a/b/README.md"), "no part of a tuned model"),
        (("README.md", b"x", "soft\\..\\README.md"), "no part of a tuned model"),
        (("nothing", b"x", "soft/adapter_model.bin"), "safetensors only"),
        (("nothing", b"x", "soft/run.py"), "no part of a tuned model"),
        (("nothing", b"x", "README.md"), "twice"),
        (("README.md", b"x", "elsewhere/README.md"), "several folders"),
        ((WEIGHTS, None), "missing"),
        ((WEIGHTS, b"\x80\x04junk"), "damaged"),
        (("easytune.json", b"[" * 100_000), "cannot be read as JSON"),
        (("easytune.json", b"{}"), "does not describe an adapter"),
        (("README.md", bytes(3_000)), "unpacks to more"),
    ],
)
def test_strange_parcels_are_refused_and_nothing_is_left(
    home, tmp_path, monkeypatch, change, words
):
    make(home / "adapters" / "soft")
    file = parcel.export("soft", tmp_path / "soft.zip")
    monkeypatch.setitem(parcel.LIMITS, "README.md", 2_000)
    _replace(file, *change)
    with pytest.raises(StudioError, match=words):
        parcel.import_zip(file)
    assert [one.name for one in (home / "adapters").iterdir()] == ["soft"]
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".md"] == []


def test_links_and_giants_are_refused(home, tmp_path, monkeypatch):
    make(home / "adapters" / "soft")
    file = parcel.export("soft", tmp_path / "soft.zip")
    _replace(file, "README.md", b"/etc/passwd", "soft/README.md",
             external_attr=(stat.S_IFLNK | 0o777) << 16)  # fmt: skip
    with pytest.raises(StudioError, match="no part"):
        parcel.import_zip(file)
    monkeypatch.setattr(parcel, "MOST_ZIP", 1000)
    with pytest.raises(StudioError, match="larger than"):
        parcel.import_zip(file)
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(StudioError, match="no zip file"):
        parcel.import_zip(tmp_path / "text.zip")


def test_only_what_fits_a_base_here_comes_in(home, tmp_path):
    """A larger network's adapter; and one whose card claims our base, but whose layers differ."""
    make(home / "adapters" / "foreign", patch=2)
    file = parcel.export("foreign", tmp_path / "foreign.zip")
    with pytest.raises(StudioError, match="tuned on another base"):
        parcel.import_zip(file)
    make(home / "adapters" / "soft")
    card = json.loads((home / "adapters" / "foreign" / "easytune.json").read_text())
    ours = json.loads((home / "adapters" / "soft" / "easytune.json").read_text())
    card["base"] = ours["base"]
    config = json.loads((home / "adapters" / "foreign" / "adapter_config.json").read_text())
    _replace(file, "adapter_config.json", json.dumps({**config, "r": 3}).encode())
    _replace(file, "easytune.json", json.dumps(card).encode())
    with pytest.raises(StudioError, match="does not fit"):
        parcel.import_zip(file)


def make_run(home, name, **card):
    run = home / "runs" / name
    make(run / "adapter", name=name, **card)
    (run / "config.json").write_text(json.dumps({"id": name, "name": name, "format": "x"}))
    return run


def test_lineage_survives_a_new_name(home):
    make_run(home, "first", created="2026-01-01")
    make_run(
        home, "second", created="2026-01-02", config={"adapter": "first", "prompts": ["x/a.txt"]}
    )
    changes.rename("first", "feet.v2")
    assert [one.name for one in shelf.entries()] == ["second", "feet.v2"]
    assert shelf.lineage(shelf.entry("second")) == ["base", "feet.v2", "second"]
    assert shelf.entry("second").sources == ("a",)
    run = home / "runs" / "feet.v2"
    assert json.loads((run / "config.json").read_text())["id"] == "feet.v2"
    assert "# feet.v2" in (run / "adapter" / "README.md").read_text()
    changes.delete("feet.v2")
    assert shelf.lineage(shelf.entry("second")) == ["base", "first", "second"]


@pytest.mark.parametrize("new", ["", "a/b", "..", ".x", "-x", "base", "none", "second", "x" * 90])
def test_names_that_cannot_be(home, new):
    make_run(home, "first")
    make_run(home, "second")
    with pytest.raises(StudioError):
        changes.rename("first", new)
    assert {one.name for one in shelf.entries()} == {"first", "second"}


def test_delete_is_undone_and_the_trash_is_emptied_only_when_asked(home):
    make(home / "adapters" / "soft")
    make_run(home, "run")
    shelf.write_notes("run", "  good feet ")
    for name in ("soft", "run"):
        changes.delete(name)
    assert shelf.entries() == []
    assert [one.name for one in changes.thrown()] == ["run", "soft"]
    assert changes.restore("run").notes == "good feet"
    assert (home / "runs" / "run" / "config.json").is_file()
    make(home / "adapters" / "soft")
    with pytest.raises(StudioError, match="called soft by now"):
        changes.restore("soft")
    assert changes.empty() == 1
    assert changes.thrown() == []
    with pytest.raises(StudioError, match="no soft in the trash"):
        changes.restore("soft")


def test_a_run_at_work_is_left_alone(home):
    run = make_run(home, "busy")
    lock = {"pid": os.getpid(), "host": socket.gethostname(), "started": process_start(os.getpid())}
    (run / "lock.json").write_text(json.dumps(lock))
    for act in (lambda: changes.delete("busy"), lambda: changes.rename("busy", "x")):
        with pytest.raises(StudioError, match="being tuned right now"):
            act()


@pytest.mark.parametrize("full", [False, True])
def test_merged_model_does_what_base_and_adapter_do(home, tmp_path, full):
    folder = make(home / "adapters" / "soft", full=full)
    out = merge("soft", tmp_path / "merged", strength=0.5)
    base, tuned, merged = (
        load_tiny(place) for place in [*2 * [registry.CHECKPOINTS / "base"], out]
    )
    load_adapter(tuned.model.denoiser, folder, 0.5)
    plain, wanted, found = (
        pipe(["a person waves"], 2.0, 3)[0].joints for pipe in (base, tuned, merged)
    )
    apart = np.abs(wanted - plain).max()
    assert np.abs(wanted - found).max() < 0.05 * apart  # half precision on disk
    assert "soft, merged" in (out / "README.md").read_text()
    with pytest.raises(StudioError, match="exists already"):
        merge("soft", out)


def test_the_terminal_lists_what_there_is(home):
    from engine.cli import app

    make_run(home, "first", reward={"feet": 1.0}, words=["slides less: yes"], updates=8)
    told = CliRunner().invoke(app, ["adapters", "list", "--json"])
    (row,) = json.loads(told.stdout)
    assert (row["name"], row["lineage"], row["updates"]) == ("first", ["base", "first"], 8)
    assert row["bytes"] > 1000
    assert "base > first  feet=1" in CliRunner().invoke(app, ["adapters", "list"]).stdout


def test_a_damaged_card_is_still_listed(home):
    folder = make(home / "adapters" / "odd")
    (folder / "easytune.json").write_text('{"prompts": 3, "words": {"a": 1}, "reward": [1]}')
    (one,) = shelf.entries()
    assert (one.prompts, one.words, one.reward, one.parent) == ((), (), {}, None)
