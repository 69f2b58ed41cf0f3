"""score: the opinions on a motion file, in a terminal."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.motion.motion import Motion
from tests.motion.bodies import walk


@pytest.fixture
def networks(shipped_model):
    folders = [shipped_model.parent / name for name in ("reward", "evaluator")]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("reward and evaluator are not there")
    return ["--model", shipped_model, "--evaluator", folders[1], "--reward-model", folders[0]]


def test_a_walk_fits_walking_better_than_sitting(command, networks, tmp_path):
    Motion(walk(80).astype(np.float32)).save(tmp_path / "take.npz")

    def asked(prompt: str, *more: str) -> str:
        done = command("score", tmp_path / "take.npz", "--prompt", prompt, *networks, *more)
        assert done.code == 0, done.err
        return str(done.out)

    walks, sits = (
        json.loads(asked(f"a person {does}", "--json")) for does in ("walks forward", "sits down")
    )
    assert walks["seconds"] == 4.0
    for name in ("reward", "similarity"):
        assert -1 <= sits[name] < walks[name] <= 1
    assert "a network's opinion, no measurement" in asked("a person walks forward")


def test_what_is_no_motion_is_said(command, tmp_path):
    (tmp_path / "take.bvh").write_text("HIERARCHY")
    assert "take.bvh" in command("score", tmp_path / "take.bvh", "--prompt", "walk").sentence()
    done = command("score", tmp_path / "take.bvh", "--prompt", " ")
    assert "prompt is empty" in done.sentence()
