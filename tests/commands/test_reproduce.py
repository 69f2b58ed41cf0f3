"""reproduce: receipts give identical motions, and say why when they cannot."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from engine.commands.generate import BATCH
from engine.commands.receipt import split_receipt
from engine.motion.motion import Motion

PROMPT = "a tired person walks forward"


def same(one: Path, two: Path) -> bool:
    return np.array_equal(Motion.load(one).joints, Motion.load(two).joints)


def reproduce(command, receipt, folder, *more):
    return command("reproduce", receipt, "--output", folder, *more)


def test_samples_come_back_to_the_last_bit(generate, command, tmp_path):
    generate(PROMPT, "--seconds", 1.5, "--seed", 3, "--samples", 3, "--guidance", 4.5, "--steps", 3)
    done = reproduce(command, tmp_path / "out/receipt.json", tmp_path / "again")
    assert done.code == 0, done.err
    assert done.out.count(": identical\n") == 3
    for k in range(3):
        assert same(tmp_path / f"out/motion_{k}.npz", tmp_path / f"again/motion_{k}.npz")


def test_a_motion_from_a_file_of_prompts_comes_back(generate, command, tmp_path):
    """Its last digits depend on what was made with it: the receipt knows."""
    count = BATCH + 2
    lines = [
        json.dumps({"id": f"m{k}", "prompt": f"{PROMPT} {k % 3}", "seconds": 1 + k % 4, "seed": k})
        for k in range(count)
    ]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    generate("--prompts", tmp_path / "prompts.jsonl", "--steps", 1)
    for name in ("m2", f"m{count - 1}"):
        receipt = tmp_path / "out" / name / "receipt.json"
        done = reproduce(command, receipt, tmp_path / name)
        assert done.out == f"{tmp_path / name / 'motion.npz'}: identical\n"
        assert same(tmp_path / "out" / name / "motion.npz", tmp_path / name / "motion.npz")


@pytest.mark.parametrize("prompt", ['it\'s a "tired" person; $HOME', "--- a person walks"])
def test_the_receipts_command_line_makes_the_same_motion(command, tiny_model, tmp_path, prompt):
    command("generate", "--seconds", 1.25, "--seed", 8, "--steps", 2, "--model", tiny_model,
            "--output", tmp_path / "out", "--no-video", "--", prompt)  # fmt: skip
    receipt = json.loads((tmp_path / "out/receipt.json").read_text())
    words = shlex.split(receipt["command"])
    assert words[:4] == ["python", "-m", "engine", "generate"]
    done = command("generate", "--no-video", "--output", tmp_path / "line", *words[4:])
    assert done.code == 0, done.err
    assert same(tmp_path / "out/motion.npz", tmp_path / "line/motion.npz")


def test_another_model_is_refused(generate, command, tmp_path, tiny_patched_model):
    generate(PROMPT, "--seconds", 1)
    receipt = tmp_path / "out/receipt.json"
    done = reproduce(command, receipt, tmp_path / "again", "--model", tiny_patched_model)
    assert "made with another model" in done.sentence()
    assert not (tmp_path / "again").exists()


def test_a_motion_that_is_not_the_same_is_said(generate, command, tmp_path):
    generate(PROMPT, "--seconds", 1)
    path = tmp_path / "out/receipt.json"
    receipt = json.loads(path.read_text())
    receipt["motions"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(receipt))
    done = reproduce(command, path, tmp_path / "again")
    assert done.code == 1
    assert "not identical" in done.out


def test_receipts_split_into_one_for_each_motion(generate, tmp_path):
    generate(PROMPT, "--seconds", 1, "--samples", 2)
    receipt = json.loads((tmp_path / "out/receipt.json").read_text())
    first, second = split_receipt(receipt)
    assert first["together"] == second["together"] == [[PROMPT, 1.0, 0], [PROMPT, 1.0, 1]]
    assert (first["places"], second["places"]) == ([0], [1])
    assert "--seed 1 --samples 1" in second["command"]
    assert split_receipt(first) == [first]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "other"}, "not a receipt"),
        ({"version": 2}, "of version 2"),
        ({"motions": []}, "1 to 64 motions"),
        ({"motions": [{}]}, "damaged (KeyError"),
        ({"motions": 3}, "damaged (TypeError"),
        ({"model_sha256": "../../etc"}, "no SHA-256"),
        ({"model_folder": "/no/such"}, "There is no model"),
        ({"guidance": 1e9}, "out of range"),
        ({"steps": "many"}, "out of range"),
        ({"strength": "much"}, "damaged (ValueError"),
        ({"places": [7]}, "not among those"),
        ({"places": ["x"]}, "damaged (TypeError"),
        ({"together": [["", 1.0, 0]]}, "prompt is empty"),
        ({"together": [["someone else", 1.0, 0]]}, "not among those"),
        ({"together": [["walk", 1.0, 0]] * 65}, "1 to 64 motions"),
        ({"adapter": "mine"}, "damaged (KeyError"),
    ],
)
def test_damaged_receipts(generate, command, tmp_path, change, sentence):
    generate(PROMPT, "--seconds", 1, "--steps", 1)
    path = tmp_path / "out/receipt.json"
    receipt = json.loads(path.read_text())
    receipt.pop("adapter_sha256")
    path.write_text(json.dumps({**receipt, **change}))
    done = reproduce(command, path, tmp_path / "again")
    assert sentence in done.sentence()
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("text", ["", "[]", "null", '"receipt"', "{", "[" * 5000])
def test_files_that_are_no_receipts(command, tmp_path, text):
    (tmp_path / "receipt.json").write_text(text)
    done = reproduce(command, tmp_path / "receipt.json", tmp_path / "again")
    assert "receipt" in done.sentence()
