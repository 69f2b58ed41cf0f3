"""HDM05, eleven actions as cut ASF/AMC motions of five actors: HDM_ACTOR_ACTION_NNN_120.amc."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from engine.data.sources._common import (
    at_20_fps,
    file_of,
    files,
    lift_sunken,
    pieces,
    quiet_edges,
    standing_floor,
)
from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.formats.asfamc import UNIT_METRES, read_amc, read_asf
from engine.motion.kinematics import to_skeleton
from engine.motion.retarget import Foot, Frame, Quaternion, Rig, Vector, retarget
from engine.motion.skeleton import MIN_FRAMES

CONTENTS = {
    "depositFloorR": "deposit-floor",
    "elbowToKnee1RepsLelbowStart": "elbow-to-knee",
    "grabHighR": "grab-high",
    "hopBothLegs1hops": "hop",
    "jogLeftCircle4StepsRstart": "jog-left-circle",
    "kickLFront1Reps": "kick-left-front",
    "lieDownFloor": "lie-down",
    "rotateArmsBothBackward1Reps": "arm-circles-backward",
    "sneak2StepsLStart": "sneak",
    "squat1Reps": "squat",
    "throwBasketball": "throw-basketball",
}
TEST_ACTOR = "mm"

# Cuts of one take that follow each other: the first frame of one repeats the last of the one
# before (mm's kick 22 repeats 27 frames). Each entry: first and last number of a chain.
CHAINS: dict[str, tuple[tuple[int, int], ...]] = {
    "hopBothLegs1hops": (
        (1, 3), (4, 5), (7, 9), (11, 12), (13, 15), (16, 18), (19, 21), (22, 24), (25, 27),
        (28, 30), (31, 33), (34, 36),
    ),
    "kickLFront1Reps": (
        (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (15, 16), (17, 18), (21, 22), (23, 24),
        (25, 26), (28, 29),
    ),
    "squat1Reps": (
        (1, 4), (5, 8), (9, 12), (13, 16), (18, 20), (21, 24), (25, 28), (29, 32), (33, 36),
        (37, 40), (41, 44), (45, 48), (49, 52),
    ),
}  # fmt: skip
SHARED_FRAMES = {("kickLFront1Reps", 22): 27}

# Short single repetitions that begin and end alike are repeated this often.
LOOPS = {"rotateArmsBothBackward1Reps": 3, "elbowToKnee1RepsLelbowStart": 2}
LONG_ENOUGH = 24  # frames at 20 fps; longer cuts are not looped
DROPPED = {
    ("hopBothLegs1hops", 6): "a single hop too short to use",
    ("hopBothLegs1hops", 10): "a single hop too short to use",
    ("rotateArmsBothBackward1Reps", 1): "too short, and its ends are too far apart to repeat it",
    ("elbowToKnee1RepsLelbowStart", 14): "too short, and its ends are too far apart to repeat it",
    ("elbowToKnee1RepsLelbowStart", 15): "too short, and its ends are too far apart to repeat it",
    ("elbowToKnee1RepsLelbowStart", 22): "too short, and its ends are too far apart to repeat it",
    ("elbowToKnee1RepsLelbowStart", 23): "too short, and its ends are too far apart to repeat it",
    ("lieDownFloor", 14): "the left knee jumps and dips through the floor",
}

_SEGMENTS = {
    "hip": "hipjoint", "knee": "femur", "ankle": "tibia",
    "shoulder": "clavicle", "elbow": "humerus", "wrist": "radius",
}  # fmt: skip


def _rig(
    pelvis: Quaternion, spine: Quaternion, chest: Quaternion, neck: Quaternion,
    feet: tuple[Vector, Vector], shoulders: tuple[Vector, Vector],
) -> Rig:  # fmt: skip
    return Rig(
        unit=UNIT_METRES,
        points={
            f"{s}_{j}": s[0] + name for s in ("left", "right") for j, name in _SEGMENTS.items()
        },
        pelvis=Frame("root", pelvis),
        spine=Frame("lowerback", spine),
        chest=Frame("thorax", chest),
        neck=Frame("upperneck", neck),
        feet={"left": Foot("lfoot", feet[0]), "right": Foot("rfoot", feet[1])},
        shoulder_origin="thorax",
        shoulder_rest={"left": shoulders[0], "right": shoulders[1]},
    )


# Constants per actor: engine.motion.calibration.calibrate over the first 0.15 s of all squat,
# kick, hop, throw and arm-circle cuts, taken as upright and facing forward (so the pitch of the
# head is only good to about 10 degrees), with foot slopes -30, -21, -30, -39, -20 degrees.
RIGS = {
    "bd": _rig(
        (0.99846, 0.04271, -0.01629, 0.03149), (0.99884, -0.04169, 0.00667, 0.02311),
        (0.99495, -0.08365, 0.05458, 0.00975), (0.98935, 0.05296, 0.13339, -0.02406),
        ((0.03959, -0.17175, 0.98434), (-0.0517, -0.15062, 0.98724)),
        ((0.2079, 0.05319, -0.01496), (-0.20586, 0.04614, -0.0193)),
    ),
    "bk": _rig(
        (0.99868, -0.05079, 0.00573, -0.00437), (0.99801, -0.05999, -0.00357, -0.01906),
        (0.97515, -0.21982, -0.02677, 0.00673), (0.98622, -0.16487, 0.00559, 0.01274),
        ((0.06522, -0.17061, 0.98318), (-0.08103, -0.22794, 0.9703)),
        ((0.2206, 0.02701, 0.00804), (-0.22913, 0.01856, 0.0087)),
    ),
    "dg": _rig(
        (0.99848, 0.05282, -0.01492, -0.0056), (0.99131, -0.13041, 0.00504, -0.01641),
        (0.9947, -0.08961, 0.04172, 0.02834), (0.9901, -0.12825, -0.01862, 0.05383),
        ((0.12465, -0.27608, 0.95302), (-0.12944, -0.30929, 0.94212)),
        ((0.26291, -0.00402, 0.00359), (-0.22781, 0.014, -0.00112)),
    ),
    "mm": _rig(
        (0.98803, 0.15251, -0.02283, -0.00359), (0.98462, -0.17328, -0.00732, 0.02124),
        (0.9926, -0.1177, 0.02887, 0.00789), (0.9971, -0.0134, 0.07471, -0.006),
        ((0.11188, -0.25261, 0.96108), (-0.13656, -0.2408, 0.96092)),
        ((0.22782, 0.03781, 0.00648), (-0.23155, 0.03548, -0.00405)),
    ),
    "tr": _rig(
        (0.99959, 0.01611, -0.00973, 0.02181), (0.99798, -0.06314, 0.00278, 0.00692),
        (0.99886, -0.03815, 0.0257, -0.01261), (0.99692, -0.03405, -0.06878, -0.01618),
        ((0.12874, -0.33881, 0.93201), (-0.08304, -0.20984, 0.9742)),
        ((0.22511, 0.03843, 0.02408), (-0.22209, 0.00559, 0.02037)),
    ),
}  # fmt: skip
_NAME = re.compile(r"^HDM_([a-z]{2})_([A-Za-z0-9]+)_(\d{3})_120$")


class Hdm05:
    """Cut motions; consecutive cuts of one take come joined, as the first of them."""

    name = "hdm05"
    licence = "HDM05, CC BY-SA 3.0 (Mueller et al., Univ. Bonn 2007): data obtained from HDM05"

    def takes(self, root: Path) -> list[str]:
        """List the cuts, without those that are joined to the one before."""
        joined = {
            (action, number)
            for action, chains in CHAINS.items()
            for first, last in chains
            for number in range(first + 1, last + 1)
        }
        found = []
        for stem in files(root, ".amc"):
            match = _NAME.match(stem)
            if match and (match[2], int(match[3])) not in joined:
                found.append(stem)
        return found

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one cut or chain; StudioError when it is left out or too short."""
        match = _NAME.match(take)
        if match is None or match[1] not in RIGS or match[2] not in CONTENTS:
            raise StudioError(f"{take} is not one of the eleven HDM05 actions.")
        actor, action, number = match[1], match[2], int(match[3])
        if (action, number) in DROPPED:
            raise StudioError(f"left out: {DROPPED[action, number]}.")
        joints = _read_chain(root, actor, action, number)
        if action in LOOPS and len(joints) < LONG_ENOUGH * 6:
            joints = loop(joints, LOOPS[action])
        joints = at_20_fps(joints, 120.0)
        floor = float(joints[..., 1].min())
        if action == "lieDownFloor":
            floor = standing_floor(joints)
            joints = lift_sunken(joints, floor)
        clip = SourceClip(
            id=take.removesuffix("_120"),
            joints=joints,
            content=CONTENTS[action],
            group=take,
            actor=actor,
            split="test" if actor == TEST_ACTOR else "train",
        )
        if len(joints) < MIN_FRAMES:
            raise StudioError("lasts less than a second, and cannot be repeated.")
        return pieces(clip, quiet_edges(joints), floor)


def _read_chain(root: Path, actor: str, action: str, number: int) -> np.ndarray:
    last = dict(CHAINS.get(action, ())).get(number, number)
    asf = read_asf(file_of(root, f"HDM_{actor}", ".asf"))
    parts = []
    for index in range(number, last + 1):
        path = file_of(root, f"HDM_{actor}_{action}_{index:03d}_120", ".amc")
        world = read_amc(path, asf).world()
        shared = 0 if index == number else SHARED_FRAMES.get((action, index), 1)
        parts.append(retarget(world.skip(shared), RIGS[actor]))
    return np.concatenate(parts)


def loop(joints: np.ndarray, times: int) -> np.ndarray:
    """Repeat a movement that ends about where it began, [T, 22, 3] -> [times * (T - 1) + 1, 22, 3].

    The gap between its ends is spread over the cycle and the seams are smoothed over a tenth of a
    second, so neither place nor speed jumps.
    """
    progress = np.linspace(0.0, 1.0, len(joints))[:, None, None]
    closed = joints - progress * (joints[-1] - joints[0])
    cycle = closed[:-1]
    repeated = np.concatenate([cycle] * times + [closed[-1:]])
    reach = 6  # frames at 120 fps on each side
    bell = np.hanning(2 * reach + 3)[1:-1]
    bell /= bell.sum()
    padded = np.pad(repeated, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    smooth = windows @ bell
    weight = np.zeros(len(repeated))
    fade = np.hanning(4 * reach + 1)
    for seam in range(1, times):
        middle = seam * len(cycle)
        weight[middle - 2 * reach : middle + 2 * reach + 1] = fade
    mixed = repeated + weight[:, None, None] * (smooth - repeated)
    return to_skeleton(mixed)
