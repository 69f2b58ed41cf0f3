"""CMU motion capture library, subjects 01-14: Daz-friendly BVH and original ASF/AMC, 120 fps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.data.captions.cmu import CMU_TAKES, kit_captions
from engine.data.sources._common import (
    at_20_fps,
    body_speed,
    file_of,
    files,
    largest_speed,
    pieces,
    quiet_edges,
    steady_spans,
    travel_speed,
    trim_still,
)
from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.formats.asfamc import UNIT_METRES, read_amc, read_asf
from engine.motion.formats.bvh import read_bvh
from engine.motion.retarget import Foot, Frame, Rig, retarget
from engine.motion.skeleton import JOINTS

_ASF = {
    "hip": "hipjoint", "knee": "femur", "ankle": "tibia",
    "shoulder": "clavicle", "elbow": "humerus", "wrist": "radius",
}  # fmt: skip
_DAZ = {
    "hip": "Thigh", "knee": "Shin", "ankle": "Foot",
    "shoulder": "Shldr", "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip


def _points(names: dict[str, str]) -> dict[str, str]:
    return {f"{s}_{joint}": s[0] + name for s in ("left", "right") for joint, name in names.items()}


# Constants: engine.motion.calibration.calibrate over 02_01 and 02_02. The position of a bone is
# its end, so the shoulders are measured from the end of thorax, where nodding cannot move them.
ASF_RIG = Rig(
    unit=UNIT_METRES,
    points=_points(_ASF),
    pelvis=Frame("root", (0.9994, 0.03117, -0.01523, 0.00091)),
    spine=Frame("lowerback", (0.99936, -0.03249, -0.01191, -0.0091)),
    chest=Frame("thorax", (0.99921, -0.03607, -0.00499, -0.0159)),
    neck=Frame("upperneck", (0.99501, 0.0795, -0.05926, 0.01151)),
    feet={
        "left": Foot("lfoot", (0.08831, -0.24241, 0.96615)),
        "right": Foot("rfoot", (-0.10259, -0.28148, 0.95407)),
    },
    shoulder_origin="thorax",
    shoulder_rest={"left": (0.19293, 0.0565, -0.00765), "right": (-0.19369, 0.03675, -0.01317)},
)
# Constants: the same over 07_01, 07_02, 07_03, 08_01, 12_01, 02_01 and 02_02.
DAZ_RIG = Rig(
    unit=0.01,
    points=_points(_DAZ),
    pelvis=Frame("hip", (0.99979, -0.02024, -0.00196, -0.00049)),
    spine=Frame("abdomen", (0.99953, -0.03054, 0.00036, 3e-05)),
    chest=Frame("chest", (0.99962, -0.01181, 0.00146, -0.02471)),
    neck=Frame("neck", (0.99924, -0.01416, 0.01472, 0.03324)),
    feet={
        "left": Foot("lFoot", (0.09475, -0.24805, 0.9641)),
        "right": Foot("rFoot", (-0.09398, -0.24797, 0.9642)),
    },
    shoulder_origin="neck",
    shoulder_rest={"left": (0.11598, -0.04241, -0.01283), "right": (-0.11114, -0.05364, -0.01363)},
)

# Frame 0 of the BVH conversion is an inserted T-pose and the next ones are blended with it.
DAZ_LEAD = 7
_BURST = "limbs jump by decimetres within one frame in this conversion"
DROPPED = {
    **dict.fromkeys(("05_05", "05_06", "05_08", "05_16", "05_17", "05_19", "07_12"), _BURST),
    "05_18": f"{_BURST}, and before that the dancer only stands",
    "14_36": "the same recording as 14_31",
}
_LONG_STANDING = frozenset({"ballet"})  # takes that begin and end with seconds of standing
SHORTEST_SPAN = 40  # frames; between two glitches less is not worth keeping
_NAME = re.compile(r"^\d\d_\d\d$")


class Cmu:
    """Takes by CMU number; where a take exists in both formats the original ASF/AMC is read."""

    name = "cmu"
    licence = (
        "CMU motion capture database, free for all uses; credit mocap.cs.cmu.edu (NSF EIA-0196217)"
    )

    def takes(self, root: Path) -> list[str]:
        """List the take numbers, such as 07_12."""
        return sorted(
            stem for stem in {*files(root, ".bvh"), *files(root, ".amc")} if _NAME.match(stem)
        )

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one take, cut where the body is quietest; pieces that do not show it are left out.

        StudioError for takes that are damaged, not described, or show nothing of their label.
        """
        known = CMU_TAKES.get(take)
        if take in DROPPED or known is None:
            raise StudioError(f"left out: {DROPPED.get(take, 'nobody described this take')}.")
        joints = read_joints(root, take)
        spans = steady_spans(joints, SHORTEST_SPAN)
        if known.content in _LONG_STANDING:
            spans = [trim_still(joints, start, end) for start, end in spans]
        edges = [edge for start, end in spans for edge in quiet_edges(joints, start, end)]
        if not edges:
            raise StudioError("left out: limbs jump within one frame all through the take.")
        whole = SourceClip(
            take, joints, known.content, known.style, known.captions, group=take, actor=take[:2]
        )
        found = pieces(whole, edges)
        if len(found) == 1:  # the crowd described whole takes
            captions = (*known.captions, *crowd_captions(root).get(take, ()))
            found = [replace(found[0], captions=captions)]
        shown = [clip for clip in found if shows(clip.content, clip.joints)]
        if not shown:
            raise StudioError(f"nothing in it looks like {known.content}.")
        return shown


def read_joints(root: Path, take: str) -> np.ndarray:
    """A whole take, [T, 22, 3] on the target skeleton at 20 fps, where the source has it."""
    if take in files(root, ".amc"):
        asf = read_asf(file_of(root, take[:2], ".asf"))
        world, rig, lead = read_amc(file_of(root, take, ".amc"), asf).world(), ASF_RIG, 0
    else:
        world, rig, lead = read_bvh(file_of(root, take, ".bvh")).world(), DAZ_RIG, DAZ_LEAD
    joints = retarget(world.skip(lead).every(round(world.fps / 20.0)), rig)
    return at_20_fps(joints, 20.0)


def crowd_captions(root: Path) -> dict[str, list[str]]:
    """KIT-ML's captions of CMU takes, where its annotation file lies beside the motions."""
    path = files(root, ".json").get("kitml-annotations")
    if path is None:
        return {}
    return {take: [text for text, _, _ in notes] for take, notes in kit_captions(path).items()}


def shows(content: str, joints: np.ndarray) -> bool:
    """Whether a piece measurably shows its label; pieces before and after the action do not."""
    test = _SIGNS.get(content)
    return test is None or test(joints)


def _pelvis(joints: np.ndarray) -> np.ndarray:
    return joints[:, 0, 1]


def _rises(joints: np.ndarray, by: float) -> bool:
    return float(np.ptp(_pelvis(joints))) > by


def _hand_to_head(joints: np.ndarray) -> float:
    hands = joints[:, [JOINTS["left_wrist"], JOINTS["right_wrist"]]]
    return float(np.linalg.norm(hands - joints[:, [JOINTS["head"]]], axis=-1).min())


def _hand_over_head(joints: np.ndarray) -> float:
    hands = joints[:, [JOINTS["left_wrist"], JOINTS["right_wrist"]], 1]
    return float((hands - joints[:, [JOINTS["head"]], 1]).max())


_SIGNS: dict[str, Callable[[np.ndarray], bool]] = {
    "ballet": lambda joints: float(body_speed(joints).mean()) > 0.7,
    "climb": lambda joints: _rises(joints, 0.4) and _pelvis(joints).max() > 1.2,
    "climb-ladder": lambda joints: _rises(joints, 0.5),
    "climb-steps": lambda joints: _rises(joints, 0.3),
    "drink": lambda joints: _hand_to_head(joints) < 0.2,
    "dribble-shoot": lambda joints: _hand_over_head(joints) > 0.1,
    "hop": lambda joints: _pelvis(joints).max() > 1.1,
    "jump": lambda joints: _pelvis(joints).max() > 1.2,
    "jump-forward": lambda joints: _pelvis(joints).max() > 1.1 and joints[-1, 0, 2] > 0.7,
    "kick-ball": lambda joints: largest_speed(joints, ("left_foot", "right_foot")) > 5.0,
    "pick-up": lambda joints: _pelvis(joints).min() < 0.65,
    "reach-up": lambda joints: _hand_over_head(joints) > 0.2,
    "run": lambda joints: travel_speed(joints) > 1.5,
    "sit": lambda joints: _pelvis(joints).min() < 0.87 and _rises(joints, 0.08),
    "walk": lambda joints: travel_speed(joints) > 0.4 and joints[-1, 0, 2] > 1.0,
    "wash-window": lambda joints: _hand_over_head(joints) > 0.0,
}
