"""Bandai-Namco-Research-Motiondataset 1 and 2: short, styled, labelled takes in BVH at 30 fps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from engine.data.sources._common import (
    at_20_fps,
    even_edges,
    file_of,
    files,
    net_turn,
    pieces,
    travel_speed,
)
from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.formats.bvh import read_bvh
from engine.motion.retarget import Foot, Frame, Rig, retarget
from engine.motion.skeleton import JOINTS

_JOINTS = {
    "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot",
    "shoulder": "UpperArm", "elbow": "LowerArm", "wrist": "Hand",
}  # fmt: skip

# Constants: engine.motion.calibration.calibrate over all *_walk_normal_* takes. The standing foot
# slopes by -39.6 degrees in this rig; `vector` is pitched to the target's -16.5.
RIG = Rig(
    unit=0.01,
    points={
        f"{side}_{joint}": f"{name}_{side[0].upper()}"
        for side in ("left", "right")
        for joint, name in _JOINTS.items()
    },
    pelvis=Frame("Hips", (0.71641, 0.02933, -0.02996, -0.69642)),
    spine=Frame("Spine", (0.49787, -0.50967, -0.49006, -0.5022)),
    chest=Frame("Chest", (0.47101, -0.52214, -0.47566, -0.52845)),
    neck=Frame("Neck", (0.46408, -0.52571, -0.45799, -0.54636)),
    feet={
        "left": Foot("Foot_L", (0.91982, 0.09127, 0.38157)),
        "right": Foot("Foot_R", (-0.91982, -0.11743, -0.37435)),
    },
    shoulder_origin="Neck",
    shoulder_rest={
        "left": (0.10279, -0.02973, -0.02226),
        "right": (-0.10203, -0.03908, -0.0222),
    },
)

# Takes that show something else than their name says; turns were measured.
WRONG_LABELS = {
    "dataset-2_walk-turn-left_masculine_006": "walk-turn-right",
    "dataset-2_walk-turn-left_masculine_007": "walk-turn-right",
    "dataset-2_walk-turn-right_masculine_006": "walk-turn-left",
    "dataset-2_walk-turn-right_masculine_007": "walk-turn-left",
}
# The parts of a take, in frames at 20 fps, that show what the label says.
USE: dict[str, tuple[tuple[int, int], ...]] = {
    # a U-turn before the turn, or an about-turn after it
    "dataset-2_walk-turn-right_masculine_006": ((40, 173),),
    "dataset-2_walk-turn-left_normal_031": ((0, 97),),
    "dataset-2_walk-turn-left_normal_032": ((0, 75),),
    "dataset-2_walk-turn-left_normal_033": ((0, 92),),
    "dataset-2_walk-turn-right_normal_004": ((0, 107),),
    "dataset-2_walk-turn-right_normal_032": ((0, 71),),
    "dataset-2_walk-turn-right_normal_033": ((0, 87),),
    # several strokes, kicks or gestures in one long take, or standing before and after
    "dataset-1_slash_normal_001": ((0, 100), (100, 190), (190, 268)),
    "dataset-1_slash_normal_002": ((0, 104), (104, 200), (220, 319)),
    "dataset-1_kick_normal_001": ((0, 78), (80, 164), (166, 239)),
    "dataset-1_guide_feminine_001": ((0, 88), (88, 200)),
    "dataset-1_bye_feminine_001": ((0, 190),),
    "dataset-1_byebye_tired_001": ((0, 101), (101, 202)),
    "dataset-1_byebye_feminine_001": ((26, 56),),
    "dataset-1_dance-short_normal_001": tuple(even_edges(180, 1234)),
}
DROPPED = {
    "dataset-1_byebye_not-confident_001": "the hands move less than 7 cm: nothing to see",
}
_STYLES = {"normal": "neutral", "masculinity": "masculine"}
_NAME = re.compile(r"^(dataset-[12])_([a-z-]+)_([a-z-]+)_(\d+)$")


class BandaiNamco:
    """Both data sets; style and content come from the file name."""

    name = "bandai-namco"
    licence = "CC BY-NC 4.0 (Kobayashi et al. 2023, Bandai Namco Research; non-commercial)"

    def takes(self, root: Path) -> list[str]:
        """List the stems of all BVH files named by the published scheme."""
        return [stem for stem in files(root, ".bvh") if _NAME.match(stem)]

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one take; StudioError when it is known to be useless, too short or mislabelled."""
        if take in DROPPED:
            raise StudioError(f"left out: {DROPPED[take]}.")
        match = _NAME.match(take)
        if match is None:
            raise StudioError(f"{take} is not named dataset-N_CONTENT_STYLE_NNN.")
        content = WRONG_LABELS.get(take, match[2])
        world = read_bvh(file_of(root, take, ".bvh"))
        joints = at_20_fps(retarget(world.world(), RIG), world.fps)
        whole = SourceClip(take, joints, content, _STYLES.get(match[3], match[3]), group=take)
        edges = [(first, min(last, len(joints))) for first, last in USE.get(take, ())]
        found = pieces(whole, edges or even_edges(0, len(joints)))
        for clip in found:
            check_label(clip)
        return found


def check_label(clip: SourceClip) -> None:
    """Raise StudioError when a clip measurably contradicts its label."""
    joints, content = clip.joints, clip.content
    if "turn" in content:
        turn = net_turn(joints)
        if (turn if content.endswith("left") else -turn) < 45.0:
            raise StudioError(f"labelled {content}, but the body turns {turn:+.0f} degrees.")
    if content.endswith("-hand"):
        left, right = (joints[:, JOINTS[f"{s}_wrist"], 1].max() for s in ("left", "right"))
        if (left > right) != ("left" in content):
            raise StudioError(f"labelled {content}, but the other hand is the higher one.")
    if content.split("-")[0] in {"walk", "run", "dash"}:
        if travel_speed(joints) < 0.2:
            raise StudioError(f"labelled {content}, but the body stays where it is.")
        travel = joints[-1, 0] - joints[0, 0]
        forward = np.sign(travel[2]) if content != "walk-back" else -np.sign(travel[2])
        if forward < 0 and "turn" not in content:
            raise StudioError(f"labelled {content}, but the body moves the other way.")
