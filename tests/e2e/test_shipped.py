"""The shipped model from a terminal: whole files, human bodies, and what was said is done."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.facts import fact
from engine.evaluation.physical import measure
from engine.files import read_json
from engine.models.weights import file_sha256
from engine.motion.canonical import facing_yaw
from engine.motion.kinematics import bone_lengths
from engine.motion.motion import Motion
from engine.motion.skeleton import BONE_LENGTHS
from engine.pipeline import MotionPipeline
from tests.commands.conftest import spawn
from tests.commands.test_generate import check_npz, check_video, files

README_PROMPT = "a tired person walks forward"
PROMPTS = {
    "raise-right": ("a person raises the right hand above the head", 3.0),
    "raise-left": ("a person raises the left hand above the head", 3.0),
    "forward": ("a person walks forward", 4.0),
    "backward": ("a person walks backward", 4.0),
    "run": ("a person runs forward", 4.0),
    "tired": (README_PROMPT, 4.0),
    "short": ("someone bows", 1.0),
    "long": ("A man walks forward, then waves with his right hand.", 9.8),
}
SEEDS = (1, 2, 3)  # facts are judged by their median: one odd sample is no broken model
MOST_BYTES = 40 * 2**20


@pytest.fixture(scope="module")
def made(shipped_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Motion]]:
    """Motions of every prompt and seed, made by one real process from a file of prompts."""
    folder = tmp_path_factory.mktemp("shipped")
    lines = [
        {"id": f"{name}-{seed}", "prompt": prompt, "seconds": seconds, "seed": seed}
        for name, (prompt, seconds) in PROMPTS.items()
        for seed in SEEDS
    ]
    (folder / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = spawn("generate", "--prompts", "prompts.jsonl", "--output", "out", "--model",
                 shipped_model, "--no-video", "--json", cwd=folder)  # fmt: skip
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["motions"]) == len(lines)
    for line in lines:
        frames = round(20 * line["seconds"])
        check_npz(folder / "out" / line["id"] / "motion.npz", frames, line["prompt"], line["seed"])
    return {
        name: [Motion.load(folder / "out" / f"{name}-{seed}" / "motion.npz") for seed in SEEDS]
        for name in PROMPTS
    }


@pytest.fixture(scope="module")
def pipeline(shipped_model: Path) -> MotionPipeline:
    return MotionPipeline.from_pretrained(shipped_model, "cpu")


def typical(name: str, motions: list[Motion]) -> float:
    """The median of a fact over the seeds."""
    return float(np.median([fact(name, motion.joints) for motion in motions]))


def test_the_readme_command(shipped_model, pipeline, tmp_path):
    """The model by its name, in a process of its own, with a video."""
    done = spawn("generate", README_PROMPT, "--seconds", "2", "--seed", "3", "--output",
                 tmp_path / "out", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert files(tmp_path / "out") == ["motion.mp4", "motion.npz", "receipt.json"]
    joints = check_npz(tmp_path / "out/motion.npz", 40, README_PROMPT, 3)
    check_video(tmp_path / "out/motion.mp4", 40)
    assert json.loads(done.out)["model"] == pipeline.model_id
    assert pipeline.model_id.startswith(f"{shipped_model.name}@")
    here = pipeline([README_PROMPT], 2.0, 3)[0].joints
    assert np.abs(here - joints).max() < 1e-3


def test_the_same_call_gives_the_same_bits(pipeline):
    one, two = (pipeline([README_PROMPT], 4.0, 5)[0].joints for _ in range(2))
    assert np.array_equal(one, two)


def test_company_moves_no_joint_by_a_millimetre(pipeline, made):
    for name, (prompt, seconds) in PROMPTS.items():
        alone = pipeline([prompt], seconds, SEEDS[0])[0].joints
        apart = np.linalg.norm(alone - made[name][0].joints, axis=-1).max()
        assert apart < 1e-3, name


@pytest.mark.parametrize("name", sorted(PROMPTS))
def test_bodies_are_whole(made, name):
    for motion in made[name]:
        motion.validate()
        lengths = bone_lengths(motion.joints)[:, 1:]
        assert np.abs(lengths / BONE_LENGTHS[1:] - 1).max() < 0.01
        found = measure(motion.joints)
        assert found["penetration_max_mm"] < 30
        assert found["spikes"] == 0
        assert found["float_share"] < 0.2
        assert motion.joints[0, 0, [0, 2]] == pytest.approx([0, 0], abs=1e-4)
        assert facing_yaw(motion.joints[0].astype(float)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", sorted(set(PROMPTS) - {"short"}))
def test_seeds_differ(made, name):
    one, two = made[name][0].joints, made[name][1].joints
    assert np.linalg.norm(one - two, axis=-1).max() > 0.02


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_hand_that_was_named_goes_up(made, side):
    other = "left" if side == "right" else "right"
    motions = made[f"raise-{side}"]
    assert typical(f"{side}_hand_up", motions) > 0
    assert typical(f"{other}_hand_up", motions) < -0.2


def test_forward_goes_forward(made):
    assert typical("forward", made["forward"]) > 1.0
    assert abs(typical("heading", made["forward"])) < 30
    assert typical("forward", made["tired"]) > 0.5


def test_backward_goes_backward(made):
    assert typical("forward", made["backward"]) < -0.5
    assert abs(typical("turn", made["backward"])) < 90


def test_running_is_faster_than_walking(made):
    assert typical("speed", made["run"]) > 1.25 * typical("speed", made["forward"])


def test_a_tired_walk_is_slower_than_a_run(made):
    assert typical("speed", made["tired"]) < 0.7 * typical("speed", made["run"])


def test_hashes_are_those_that_were_shipped(shipped_model):
    """Every weights file of every shipped model is listed, and is the one that was listed."""
    folders = [path for path in shipped_model.parent.iterdir() if path.is_dir()]
    for folder in folders:
        manifest = read_json(folder / "sha256.json")
        weights = {path.name for path in folder.glob("*.safetensors")}
        assert weights
        assert set(manifest) >= weights | {"config.json"}
        for name, digest in manifest.items():
            assert file_sha256(folder / name) == digest, folder / name


def test_what_is_shipped_is_small_and_safe(shipped_model):
    paths = [path for path in shipped_model.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in paths) <= MOST_BYTES
    assert {path.suffix for path in paths} <= {".safetensors", ".json", ".md", ".png", ".svg"}
    assert (shipped_model / "README.md").stat().st_size > 500


def test_doctor_finds_the_shipped_model_in_order(shipped_model, tmp_path):
    done = spawn("doctor", "--json", cwd=tmp_path)
    findings = {finding["name"]: finding for finding in json.loads(done.out)}
    assert findings["checkpoints"]["ok"], findings["checkpoints"]
    assert shipped_model.name in findings["checkpoints"]["detail"]
    assert done.code == 0, findings
