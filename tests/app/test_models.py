"""The Models tab's cards and verbs, on adapters of a tiny model."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from app.context import Context
from app.generate import offered
from app.models_scene import models_value
from app.models_work import ModelsParts, ModelsWork
from app.visits import Visits
from engine.errors import StudioError
from engine.models import registry
from tests.app.fake_engine import FakeEngine
from tests.tiny import save_tiny

PARTS = ModelsParts("notice", "cards", "download")  # type: ignore[arg-type]
ME = SimpleNamespace(session_hash="me")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EASYTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "CHECKPOINTS", tmp_path / "checkpoints")
    save_tiny(tmp_path / "checkpoints" / "base")
    return tmp_path / "home"


@pytest.fixture
def work(tmp_path):
    context = Context(FakeEngine(), Visits(tmp_path / "visits"))
    yield ModelsWork(context, PARTS)
    context.lane.close()
    context.film_lane.close()


def make(folder, **card):
    from engine.diffusion.model import MotionModel
    from engine.models.adapter import attach, save_adapter

    model = MotionModel.from_pretrained(registry.CHECKPOINTS / "base")
    attach(model.denoiser, rank=1, alpha=2)
    save_adapter(model.denoiser, folder, {"name": folder.name, "base": {"id": "base@1"}, **card})


def act(work, action, name="", text=""):
    event = SimpleNamespace(_data={"action": action, "name": name, "text": text})
    return list(work.act(event, ME))


def test_cards_say_where_a_model_comes_from_and_what_it_is_worth(home):
    make(
        home / "runs" / "feet" / "adapter", created="2026-01-01T10:00:00+00:00", votes=12,
        prompts=["a", "b"], reward={"feet": 1.0}, updates=80, words=["slides less: yes (-0.1)"],
        config={"prompts": ["everyday"], "method": "easytune-batched"},
        measured={"comparison": {"differences": {"foot_skate": {"verdict": "better"}}}},
    )  # fmt: skip
    make(home / "adapters" / "further", created="2026-01-02", config={"adapter": "feet"})
    shown = models_value(["base"])
    json.dumps(shown, allow_nan=False)
    further, feet = shown["items"]
    assert further["lineage"] == ["base", "feet", "further"]
    assert feet["goal"] == "feet stay planted"
    assert feet["report"] == [{"title": "slides less", "answer": "yes (-0.1)", "verdict": "better"}]
    facts = {one["name"]: one["value"] for one in feet["facts"]}
    assert facts["Learned from"] == "2 prompts (everyday)"
    assert facts["Reward"] == "feet 1, 12 votes"
    assert facts["Method"] == "EasyTune, LoRA, 80 updates"


def test_verbs_end_with_a_sentence_and_the_new_list(work, home):
    make(home / "adapters" / "soft")
    (done,) = act(work, "rename", "soft", "softer")
    assert done["notice"]["text"] == "soft is called softer now."
    assert [one["name"] for one in done["cards"]["items"]] == ["softer"]
    (done,) = act(work, "notes", "softer", "keep this")
    assert done["cards"]["items"][0]["notes"] == "keep this"
    (done,) = act(work, "delete", "softer")
    (gone,) = done["cards"]["trash"]
    assert done["cards"]["items"] == []
    (done,) = act(work, "restore", "softer", gone["token"])
    assert done["cards"]["trash"] == []
    (done,) = act(work, "rename", "softer", "../x")
    assert done["notice"]["state"] == "failed"
    (done,) = act(work, "delete", "../../etc")
    assert done["notice"]["state"] == "failed"


def test_export_import_and_merge_go_round(work, home, tmp_path):
    make(home / "adapters" / "soft")
    (done,) = act(work, "export", "soft")
    file = next((tmp_path / "visits").rglob("soft.zip"))
    assert done["download"]["value"] == str(file)
    running, done = work.take_in(str(file))
    assert running["notice"]["state"] == "running"
    assert "soft-2 is in" in done["notice"]["text"]
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK")
    *_, done = work.take_in(str(broken))
    assert done["notice"]["state"] == "failed"
    *_, done = act(work, "merge", "soft")
    assert "full model" in done["notice"]["text"]
    assert (registry.CHECKPOINTS / "soft" / "denoiser.safetensors").is_file()


def test_events_that_change_nothing_still_say_so(work):
    """A generator event that yields nothing would empty the cards."""
    for updates in (act(work, "unheard of"), list(work.take_in(None))):
        assert [one["__type__"] for one in updates] == ["update"]
        assert "value" not in updates[0]


def test_cards_count_votes_by_the_weights(home, work):
    from engine.models.adapter_folder import AdapterFolder
    from engine.preference.tally import Tally

    make(home / "adapters" / "feet", created="2026-01-02")
    digits = AdapterFolder.read(home / "adapters" / "feet").fingerprint[:12]

    def fact() -> list[str]:
        cards = work.open()["cards"]["items"]
        return [one["value"] for card in cards for one in card["facts"] if one["name"] == "Votes"]

    assert fact() == ["unknown"]
    work._context.keeper = SimpleNamespace(tallies=dict)
    assert fact() == ["none yet"]
    work._context.keeper = SimpleNamespace(tallies=lambda: {digits: Tally(3, 1, 2)})
    assert fact() == ["won 3 of 4 blind, 2 without a winner"]

    def broken():
        raise StudioError("The votes cannot be read.")

    work._context.keeper = SimpleNamespace(tallies=broken)
    assert fact() == ["unknown"]


def test_a_merged_model_is_offered_without_a_restart():
    engine = SimpleNamespace(models=lambda: ["base", "feet-merged"])
    assert offered(engine, "base")["choices"] == ["base", "feet-merged"]
    assert offered(engine, "feet-merged")["value"] == "feet-merged"
    assert offered(engine, "gone")["value"] == "base"
