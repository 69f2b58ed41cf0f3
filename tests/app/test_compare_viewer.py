"""What the comparing player paints is what the engine measures."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from app.settings import BUNDLES
from engine.evaluation.physical import foot_skate
from tests.motion.bodies import walk

SOURCE = BUNDLES.parent / "src" / "footprints.js"
SCRIPT = """
import { readFileSync } from "node:fs";
const { footprints } = await import(process.argv[1]);
const clips = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(clips.map((joints) => footprints(joints.flat(2), joints.length, 20))));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_red_footprints_are_the_measure_of_sliding_feet():
    rng = np.random.default_rng(0)
    clips = []
    for busy in (0.1, 0.4, 0.8):  # share of frames in which toes move, at up to 1.2 m/s
        clip = np.repeat(walk(1), 60, axis=0)
        moves = rng.random((60, 2)) < busy
        clip[:, [10, 11], 1] = np.where(rng.random((60, 2)) < 0.8, 0.02, 0.08)
        clip[:, [10, 11], 2] += np.cumsum(moves * rng.uniform(0.02, 0.06, (60, 2)), axis=0)
        clips.append(clip)
    done = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT, str(SOURCE)], check=True, text=True,
        input=json.dumps([clip.tolist() for clip in clips]), capture_output=True,
    )  # fmt: skip
    shares = []
    for clip, prints in zip(clips, json.loads(done.stdout), strict=True):
        sliding = {one["frame"] for one in prints if one["slides"]}
        shares.append(len(sliding) / (len(clip) - 1))
        assert shares[-1] == pytest.approx(foot_skate(clip), abs=1e-9)
        for one in prints[:5]:
            toe = clip[one["frame"], {"left": 10, "right": 11}[one["side"]]]
            assert (one["x"], one["z"]) == pytest.approx((toe[0], toe[2]), abs=1e-5)
    assert max(shares) > 0.2 > min(shares)
