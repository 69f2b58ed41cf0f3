"""Settings of a run: as JSON, as a command line, and those that no run could work with."""

from __future__ import annotations

import json

import pytest

from engine.errors import StudioError
from engine.models.needs import compared
from engine.tuning import preflight
from engine.tuning.prompts import PACKS, Prompt, PromptSet, load_prompts, pack_names
from engine.tuning.settings import Settings, check_name

EVERY = Settings(
    prompts=("everyday", "some prompts.txt"), model="m", reward={"feet": 0.25, "follow": 2.0},
    form="x_prev", method="draft", weighting="adaptive", trust=0.5, preset="standard", minutes=2.5,
    rank=4, alpha=8.0, full=True, rate=1e-4, batch=24, steps=7, seed=9, device="cpu", adapter="old",
)  # fmt: skip


def test_settings_go_through_json():
    assert Settings.from_dict(json.loads(json.dumps(EVERY.to_dict()))) == EVERY
    for damaged in (None, [], {}, {"prompts": ["a"], "colour": "red"}):
        with pytest.raises(StudioError, match="damaged or of another version"):
            Settings.from_dict(damaged)


def test_a_preset_is_longer_where_computing_is_slower():
    quick, timed = Settings(prompts=("a",)), Settings(prompts=("a",), minutes=2.0)
    assert quick.seconds_on("cpu") == 180.0 > quick.seconds_on("cuda") == quick.seconds == 24.0
    assert Settings(prompts=("a",), device="cpu").seconds == 180.0
    assert timed.seconds_on("cpu") == timed.seconds_on("cuda") == 120.0
    assert Settings(prompts=("a",), updates=3).seconds is None


def test_settings_go_through_the_command_line(monkeypatch):
    """The command that a config names, read by the real parser."""
    from typer.testing import CliRunner

    from engine.cli import app
    from engine.commands import tune

    seen = []
    monkeypatch.setattr(tune, "run", lambda request: seen.append(request.settings) or True)
    for settings in (EVERY, Settings(prompts=("hands",)), Settings(prompts=("a",), updates=8)):
        done = CliRunner().invoke(app, settings.command()[3:])
        assert done.exit_code == 0, done.output
        assert seen.pop() == settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompts": ()}, "Say what to tune on"),
        ({"reward": {}}, "at least one term"),
        ({"reward": {"feet": float("nan")}}, "choose a number"),
        ({"minutes": 0.001}, "--minutes 0.001 is out of range"),
        ({"minutes": 1e9}, "out of range"),
        ({"updates": 0}, "--updates 0 is out of range"),
        ({"updates": True}, "is not a number"),
        ({"rate": 0.0}, "--rate 0 is out of range"),
        ({"rate": float("inf")}, "is not a number"),
        ({"batch": 10_000}, "--batch 10000 is out of range"),
        ({"trust": -1.0}, "--trust -1 is out of range"),
        ({"seed": -1}, "seed"),
        ({"steps": 1000}, "steps"),
    ],
)
def test_settings_that_no_run_could_work_with(options, words):
    with pytest.raises(StudioError, match=words):
        Settings(**{"prompts": ("everyday",), **options})


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "x" * 81, "a b", "ü"])
def test_names_that_are_no_folders(name):
    with pytest.raises(StudioError, match="cannot name a folder"):
        check_name(name)


def test_packs_have_prompts_that_only_judge():
    assert pack_names() == ["everyday", "hands", "new-combinations", "sequences", "styles"]
    for name in pack_names():
        found = load_prompts([name.upper()])
        assert found.held_out
        assert not {p.text for p in found.tuned} & {p.text for p in found.validation}
        assert 6 <= len(found.validation) <= 36
        assert 6 <= len(found.checked) <= 12
        assert set(found.checked) <= set(found.validation)
    both = load_prompts(["everyday", "hands"])
    assert len(both.tuned) == sum(len(load_prompts([n]).tuned) for n in ("everyday", "hands"))


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_lists_of_ones_own(tmp_path):
    lines = write(tmp_path, "a.txt", "walk\n\n  run fast \nwalk\n")
    some = load_prompts([lines])
    assert some.tuned == (Prompt("walk", 80), Prompt("run fast", 80))
    assert (some.validation, some.held_out) == (some.tuned, False)
    records = write(tmp_path, "a.jsonl", '{"prompt": "jump", "seconds": 2}\n{"text": "sit"}\n')
    assert load_prompts([records]).tuned == (Prompt("jump", 40), Prompt("sit", 80))
    many = load_prompts([write(tmp_path, "b.txt", "\n".join(f"walk {k}" for k in range(40)))])
    assert (len(many.tuned), len(many.validation), many.held_out) == (30, 10, True)
    assert not set(many.tuned) & set(many.validation)
    config = {
        "prompts": [p.to_dict() for p in many.tuned],
        "validation": {"held_out": True, "prompts": [p.to_dict() for p in many.validation]},
    }
    assert PromptSet.from_config(json.loads(json.dumps(config))) == many
    with pytest.raises(StudioError, match=r"config\.json is damaged"):
        PromptSet.from_config({"prompts": []})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "\n\n", "holds no prompts"),
        ("a.json", "[]", 'holds no "prompts"'),
        ("a.json", "{", "cannot be read as JSON"),
        ("a.json", '{"prompts": ["walk", 3]}', "a.json, prompt 2: '3' is no prompt"),
        ("a.json", '{"prompts": ["walk"], "validation": "x"}', '"validation" is no list'),
        ("a.jsonl", '{"prompt": "walk"}\nwalk', "is no JSONL"),
        ("a.jsonl", '{"prompt": "walk", "seconds": 99}', "prompt 1"),
        ("a.jsonl", '{"prompt": ""}', "prompt 1"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, name, text, words):
    with pytest.raises(StudioError) as caught:
        load_prompts([write(tmp_path, name, text)])
    assert words in str(caught.value)


@pytest.mark.parametrize("source", ["", "nobody", "/etc", "~nobody/x", "a\0b", "x" * 5000])
def test_lists_that_there_are_not(source):
    with pytest.raises(StudioError, match="There is no prompt pack or file"):
        load_prompts([source])
    assert PACKS.is_dir()


def test_predictions_are_lines_through_two_points():
    probe = preflight.Probe((0.5, 0.25), (1e6, 2e5), 8)
    assert probe.pass_seconds(16) == 4.5
    assert probe.pass_bytes(16) == 4.2e6
    off = compared({"seconds": 100.0, "disk_bytes": 0.0}, {"seconds": 110.0})
    assert off == {"seconds": {"predicted": 100.0, "measured": 110.0, "off": 0.1}}
