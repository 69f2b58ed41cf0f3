"""Receipts of sequences and of halves made anew give the identical motion again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from engine.motion.motion import Motion
from tests.motion.bodies import walk


@pytest.fixture
def edit(command, tiny_model, tmp_path):
    def run(*words):
        done = command(*words, "--model", tiny_model, "--no-video", "--output", tmp_path / "out")
        assert done.code == 0, done.err
        return tmp_path / "out/receipt.json"

    return run


def joints(path: Path) -> np.ndarray:
    return Motion.load(path, 1200).joints


def back(command, receipt: Path, folder: Path) -> np.ndarray:
    done = command("reproduce", receipt, "--output", folder)
    assert done.code == 0, done.err
    assert done.out == f"{folder / 'motion.npz'}: identical\n"
    return joints(folder / "motion.npz")


def test_a_sequence_between_two_motions_comes_back(edit, command, tmp_path):
    for name, speed in (("one", 1.2), ("other", 0.8)):
        Motion(walk(62, speed).astype(np.float32), "walk").save(tmp_path / f"{name}.npz")
    receipt = edit("sequence", "2: walk", "1.6: it's a jump", "--before", tmp_path / "one.npz",
                   "--after", tmp_path / "other.npz", "--seed", 4)  # fmt: skip
    made = joints(tmp_path / "out/sequence.npz")
    for name in ("one.npz", "other.npz"):
        (tmp_path / name).unlink()  # the receipt has copies of its own beside it
    assert np.array_equal(back(command, receipt, tmp_path / "again"), made)


def test_a_half_made_anew_comes_back(edit, command, tmp_path):
    Motion(walk(62).astype(np.float32), "walk").save(tmp_path / "given.npz")
    receipt = edit("redo", tmp_path / "given.npz", "--half", "lower", "--prompt", "jump", "--seed",
                   5)  # fmt: skip
    made = joints(tmp_path / "out/redo.npz")
    assert np.array_equal(back(command, receipt, tmp_path / "again"), made)
    facts = json.loads((tmp_path / "out/redo.json").read_text())
    assert (facts["half"], facts["prompt"], facts["seed"]) == ("lower", "jump", 5)


def test_seconds_made_anew_come_back(edit, command, tmp_path):
    Motion(walk(102).astype(np.float32), "walk").save(tmp_path / "given.npz")
    receipt = edit("redo", tmp_path / "given.npz", "--prompt", "jump", "--from", "1.5", "--to", "3")
    made = joints(tmp_path / "out/redo.npz")
    assert np.array_equal(back(command, receipt, tmp_path / "again"), made)
    assert "--half whole" in (line := json.loads(receipt.read_text())["command"])
    assert "--from 1.5 --to 3" in line
    facts = json.loads((tmp_path / "out/redo.json").read_text())
    assert (facts["half"], facts["from"], facts["to"]) == ("whole", 1.5, 3.0)
    assert len(facts["jerk"]["at_seams"]) == 2
    receipt = edit("redo", tmp_path / "given.npz", "--prompt", "jump", "--from", "2", "--half",
                   "upper")  # fmt: skip
    assert json.loads(receipt.read_text())["redo"] == [["upper", "jump", 0, 2.0, 5.1]]
    assert len(json.loads((tmp_path / "out/redo.json").read_text())["jerk"]["at_seams"]) == 1


def test_the_receipts_command_line_makes_the_same_motion(edit, command, tmp_path, monkeypatch):
    edit("sequence", "2: it's a walk; $HOME", "--seed", 4)
    receipt = edit("redo", tmp_path / "out/sequence.npz", "--prompt", "wave 'n' \"go\"")
    made = joints(tmp_path / "out/redo.npz")
    words = shlex.split(json.loads(receipt.read_text())["command"])
    monkeypatch.chdir(tmp_path / "out")
    done = command(*words[3:], "--no-video")
    assert done.code == 0, done.err
    assert np.array_equal(joints(tmp_path / "out/outputs/redo.npz"), made)


def test_a_start_that_is_missing_or_another_is_said(edit, command, tmp_path):
    Motion(walk(62).astype(np.float32), "walk").save(tmp_path / "given.npz")
    receipt = edit("redo", tmp_path / "given.npz", "--prompt", "jump")
    kept = tmp_path / "out/before.npz"
    Motion(walk(60).astype(np.float32), "walk").save(kept)
    done = command("reproduce", receipt, "--output", tmp_path / "again")
    assert "not the motion that it starts from" in done.sentence()
    kept.unlink()
    done = command("reproduce", receipt, "--output", tmp_path / "again")
    assert "must lie beside the receipt as before.npz" in done.sentence()
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"parts": 3}, "damaged (TypeError"),
        ({"parts": [["walk"]]}, "damaged (ValueError"),
        ({"parts": [["walk", "long"]]}, "damaged (ValueError"),
        ({"parts": [["", 2.0]]}, "prompt is empty"),
        ({"redo": [["left", "wave", 0]]}, "halves of a body that there are not"),
        ({"redo": [["whole", "wave", 0, 1.0]]}, "damaged (ValueError"),
        ({"redo": [["whole", "wave", 0, "a", "b"]]}, "damaged (ValueError"),
        ({"redo": [[[], "wave", 0]]}, "halves of a body that there are not"),
        ({"redo": [["upper", "wave", -1]]}, "seed"),
        ({"redo": [["upper", "wave", 0]] * 21}, "halves of a body"),
        ({"before": "0" * 64}, "must lie beside the receipt"),
        ({"motions": []}, "names one motion"),
        ({"guidance": 1e9}, "out of range"),
    ],
)
def test_damaged_receipts(edit, command, tmp_path, change, sentence):
    receipt = edit("sequence", "2: walk")
    receipt.write_text(json.dumps({**json.loads(receipt.read_text()), **change}))
    done = command("reproduce", receipt, "--output", tmp_path / "again")
    assert sentence in done.sentence()
    assert not (tmp_path / "again").exists()


def test_halves_that_there_are_not(command, tmp_path):
    Motion(walk(62).astype(np.float32), "walk").save(tmp_path / "x.npz")
    done = command("redo", tmp_path / "x.npz", "--prompt", "wave", "--half", "left")
    assert "--half is upper or lower or whole, not 'left'" in done.sentence()
