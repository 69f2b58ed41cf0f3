"""generate: the files it writes, the line it prints, and the sentence when it cannot."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from engine.cli import app
from engine.commands.generate import BATCH
from engine.motion.motion import Motion
from tests.commands.conftest import spawn

PROMPT = "a tired person walks forward"


def files(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def check_npz(path: Path, frames: int, prompt: str, seed: int) -> np.ndarray:
    """The file holds what was promised, without pickle; returns its joints."""
    with np.load(path, allow_pickle=False) as archive:
        assert archive["joints"].dtype == np.float32
        assert archive["joints"].shape == (frames, 22, 3)
        assert np.isfinite(archive["joints"]).all()
        assert float(archive["fps"]) == 20
        assert str(archive["prompt"]) == prompt
        assert int(archive["seed"]) == seed
        joints = archive["joints"]
    assert np.array_equal(Motion.load(path).joints, joints)
    return joints


def check_video(path: Path, frames: int) -> None:
    """The video decodes to `frames` pictures that are neither blank nor the same."""
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["source_size"]
    film = np.stack([np.frombuffer(f, np.uint8).reshape(height, width, 3) for f in reader])
    assert len(film) == frames
    assert height == 480
    assert film.std(axis=(1, 2, 3)).min() > 10
    moved = np.abs(np.diff(film.astype(np.int16), axis=0)).max(axis=-1) > 25
    assert moved.sum(axis=(1, 2)).max() > 200


def test_a_real_process_writes_motion_video_and_receipt(tiny_model, tmp_path):
    """From another folder, with the real text encoder; only the model is a toy."""
    done = spawn("generate", PROMPT, "--seconds", "1.2", "--seed", "7", "--output", "made",
                 "--model", tiny_model, "--json", cwd=tmp_path)  # fmt: skip
    assert done.code == 0, done.err
    assert files(tmp_path) == ["made/motion.mp4", "made/motion.npz", "made/receipt.json"]
    check_npz(tmp_path / "made/motion.npz", 24, PROMPT, 7)
    check_video(tmp_path / "made/motion.mp4", 24)
    lines = done.out.splitlines()
    assert len(lines) == 1
    receipt = json.loads(lines[0])
    assert receipt == json.loads((tmp_path / "made/receipt.json").read_text())
    assert re.fullmatch(rf"{tiny_model.name}@[0-9a-f]{{12}}", receipt["model"])
    assert (receipt["device"], receipt["steps"], receipt["guidance"]) == ("cpu", 4, 2.0)
    joints = np.load(tmp_path / "made/motion.npz")["joints"]
    assert receipt["motions"] == [
        {"prompt": PROMPT, "seconds": 1.2, "seed": 7, "motion": "made/motion.npz",
         "video": "made/motion.mp4", "sha256": hashlib.sha256(joints.tobytes()).hexdigest()}
    ]  # fmt: skip


def test_a_real_process_fails_in_one_sentence(tmp_path):
    done = spawn("generate", PROMPT, "--seconds", "30", "--output", tmp_path / "out")
    assert "ask for 1.0 to 9.8 seconds" in done.sentence()
    assert not (tmp_path / "out").exists()


def test_the_files_names_are_printed(generate, tmp_path):
    assert generate(PROMPT).out == f"{tmp_path / 'out' / 'motion.npz'}\n"
    done = generate(PROMPT, "--seconds", 1, video=True)
    assert done.out == f"{tmp_path / 'out' / 'motion.mp4'}\n"
    assert done.err == ""


def test_no_video_means_no_video(generate, tmp_path):
    assert generate(PROMPT, "--seconds", 1).code == 0
    assert files(tmp_path / "out") == ["motion.npz", "receipt.json"]
    receipt = json.loads((tmp_path / "out/receipt.json").read_text())
    assert "video" not in receipt["motions"][0]


def test_the_same_command_writes_the_same_bytes(generate, tmp_path):
    written = []
    for _ in range(2):
        generate(PROMPT, "--seed", 3)
        written.append((tmp_path / "out/motion.npz").read_bytes())
    assert written[0] == written[1]


def test_samples_are_numbered_and_count_seeds_up(generate, tmp_path):
    done = generate(PROMPT, "--seconds", 1.5, "--seed", 40, "--samples", 3, "--json")
    assert files(tmp_path / "out") == [*(f"motion_{k}.npz" for k in range(3)), "receipt.json"]
    made = [check_npz(tmp_path / f"out/motion_{k}.npz", 30, PROMPT, 40 + k) for k in range(3)]
    assert np.abs(made[0] - made[1]).max() > 0.01
    assert [entry["seed"] for entry in json.loads(done.out)["motions"]] == [40, 41, 42]
    generate(PROMPT, "--seconds", 1.5, "--seed", 41)
    alone = check_npz(tmp_path / "out/motion.npz", 30, PROMPT, 41)
    assert np.abs(alone - made[1]).max() < 1e-3


def test_every_sample_has_its_video(generate, tmp_path):
    assert generate(PROMPT, "--seconds", 1, "--samples", 2, video=True).code == 0
    for k in range(2):
        check_video(tmp_path / f"out/motion_{k}.mp4", 20)


def test_guidance_and_steps_reach_the_receipt_and_the_motion(generate, tmp_path):
    done = generate(PROMPT, "--guidance", 5.5, "--steps", 7, "--json")
    receipt = json.loads(done.out)
    assert (receipt["guidance"], receipt["steps"]) == (5.5, 7)
    one = Motion.load(tmp_path / "out/motion.npz").joints
    generate(PROMPT)
    assert np.abs(one - Motion.load(tmp_path / "out/motion.npz").joints).max() > 1e-3


def test_the_receipt_is_one_plain_line_whatever_the_prompt(generate, tmp_path):
    prompt = 'ein "müder" Mensch\u2028geht 🚶\nvorwärts'
    done = generate(prompt, "--json")
    assert len(done.out.splitlines()) == 1
    assert done.out.isascii()
    read = 'ein "müder" Mensch geht 🚶 vorwärts'
    assert json.loads(done.out)["motions"][0]["prompt"] == read
    check_npz(tmp_path / "out/motion.npz", 80, read, 0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say what to generate"),
        ([""], "prompt is empty"),
        (["   "], "prompt is empty"),
        (["🚶🏃"], "prompt is empty"),
        (["walk " * 2000], "9,999 characters; at most 500"),
        ([PROMPT, "--seconds", "0"], "0.0 seconds cannot be generated"),
        ([PROMPT, "--seconds", "9.9"], "9.9 seconds cannot be generated"),
        ([PROMPT, "--seconds", "nan"], "nan seconds cannot be generated"),
        ([PROMPT, "--seconds", "inf"], "inf seconds cannot be generated"),
        ([PROMPT, "--seconds=-inf"], "-inf seconds cannot be generated"),
        ([PROMPT, "--seed=-1"], "seed -1 is not"),
        ([PROMPT, "--seed", str(2**63)], "seed 9223372036854775808 is not"),
        ([PROMPT, "--seed", str(2**63 - 1), "--samples", "2"], "seed 9223372036854775808 is not"),
        ([PROMPT, "--samples", "0"], "--samples 0 is out of range"),
        ([PROMPT, "--samples", "65"], "--samples 65 is out of range"),
        ([PROMPT, "--guidance", "0"], "Guidance 0.0 is out of range"),
        ([PROMPT, "--guidance", "nan"], "Guidance nan is out of range"),
        ([PROMPT, "--steps", "0"], "0 denoising steps"),
        ([PROMPT, "--steps", "201"], "201 denoising steps"),
        ([PROMPT, "--device", "banana"], "device 'banana' cannot be used here"),
        ([PROMPT, "--device", "cuda:77"], "device 'cuda:77' cannot be used here"),
        ([PROMPT, "--prompts", "none.jsonl"], "not both"),
    ],
)
def test_requests_that_make_no_sense(generate, tmp_path, arguments, sentence):
    assert sentence in generate(*arguments).sentence()
    assert files(tmp_path) == []


def test_a_video_size_that_is_not_offered_is_said_before_the_work(generate, tmp_path):
    done = generate(PROMPT, "--size", 481, video=True)
    assert "Video size 481 is not offered" in done.sentence()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "arguments", [["--seconds", "long"], ["--seed", "1.5"], ["--no-such-option"], ["a", "b"]]
)
def test_arguments_of_the_wrong_kind(command, arguments):
    done = command("generate", PROMPT, *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "generate" in done.err


@pytest.mark.parametrize("name", ["no-such-model", "../base", "/", "mo\0del", ""])
def test_models_that_are_not_there(command, tmp_path, name):
    done = command("generate", PROMPT, "--model", name, "--output", tmp_path / "out")
    assert "There is no model" in done.sentence()
    assert files(tmp_path) == []


def test_a_damaged_model_is_explained(command, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{")
    done = command("generate", PROMPT, "--model", tmp_path / "model", "--output", tmp_path / "out")
    assert "cannot be read as JSON" in done.sentence()


def verbs(group=None, path=()):
    """Every command of the terminal, groups included."""
    import typer.main

    group = group or typer.main.get_command(app)
    yield path
    for name, entry in getattr(group, "commands", {}).items():
        yield from verbs(entry, (*path, name))


@pytest.mark.parametrize("verb", list(verbs()), ids=" ".join)
def test_every_verb_explains_itself(command, verb):
    done = command(*verb, "--help")
    assert done.code == 0
    assert done.out.startswith("Usage:")
    assert len(done.out.splitlines()) > 4
    assert os.linesep not in done.err


def test_the_verbs_are_those_that_are_promised():
    assert {verb[0] for verb in verbs() if verb} >= {"generate", "doctor", "data", "train"}


def test_a_file_larger_than_a_batch(generate, tmp_path):
    count = BATCH + 3
    lines = [json.dumps({"id": str(k), "prompt": PROMPT, "seed": k}) for k in range(count)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    done = generate("--prompts", tmp_path / "many.jsonl", "--seconds", 1, "--steps", 1, "--json")
    assert done.code == 0
    assert len(json.loads(done.out)["motions"]) == count
    written = [f"{k}/{name}" for k in range(count) for name in ("motion.npz", "receipt.json")]
    assert files(tmp_path / "out") == sorted(written)
    last = check_npz(tmp_path / f"out/{count - 1}/motion.npz", 20, PROMPT, count - 1)
    generate(PROMPT, "--seconds", 1, "--steps", 1, "--seed", count - 1)
    assert np.abs(last - Motion.load(tmp_path / "out/motion.npz").joints).max() < 1e-3
