"""A GLB with the mannequin as three.js's own loader shows it: joints and skin at some frames."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine.body.fit import fit
from engine.body.smpl import load_body
from engine.commands.export import file_bytes
from engine.motion.export import Options
from engine.motion.motion import Motion
from engine.motion.pose import pose_from_joints, rest_pose
from engine.motion.skeleton import JOINT_NAMES
from tests.motion.bodies import wave

VIEWER = Path(__file__).resolve().parents[2] / "assets" / "viewer"
FRAMES = (0, 17, 39)


def test_three_js_shows_the_motion_on_the_mannequin(tmp_path):
    node = shutil.which("node")
    if not node or not (VIEWER / "node_modules" / "three").is_dir():
        pytest.skip("needs node and, in assets/viewer, npm ci")
    # On the mannequin's own skeleton, so that both poses are the same to rounding.
    joints = pose_from_joints(wave(40), rest_pose()).joints
    motion = Motion(joints.astype(np.float32), "a person waves")
    path = tmp_path / "motion.glb"
    path.write_bytes(file_bytes(motion, "glb", Options()))
    told = subprocess.run(
        [node, "tools/read_glb.mjs", str(path), *map(str, FRAMES)],
        cwd=VIEWER, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    seen = json.loads(told.stdout)
    assert tuple(seen["names"]) == JOINT_NAMES
    assert seen["duration"] == pytest.approx(39 / 20)
    body = load_body()
    assert seen["vertices"] == len(body.vertices)
    skin, _ = fit(motion.joints, body).posed
    for frame, shown in zip(FRAMES, seen["shown"], strict=True):
        apart = np.linalg.norm(np.array(shown["joints"]) - motion.joints[frame], axis=-1)
        assert apart.max() < 1e-3
        # smplx poses the same skin: nothing is mirrored, offset or bound to another joint.
        apart = np.linalg.norm(np.array(shown["skin"]) - skin[frame, ::97], axis=-1)
        assert apart.max() < 1e-4
