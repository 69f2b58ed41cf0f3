"""CMU evaluation set of motion prediction: exponential maps, folders train|test/LABEL/*.txt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.canonical import canonicalize
from engine.motion.formats.joints import JointTree
from engine.motion.resample import resample
from engine.motion.retarget import Foot, Frame, Rig, retarget
from engine.motion.rotation import axis_angle_to_matrix, axis_matrix
from engine.motion.skeleton import FPS, MIN_FRAMES

FILE_FPS = 120.0  # not 60 as the publisher says: free fall in the jumps is 9.8 m/s2 only at 120
UNIT = 0.0254 / 0.45

# Name, parent, offset from it in the file's unit: one mean skeleton for all actors.
SKELETON: tuple[tuple[str, int, float, float, float], ...] = (
    ("Hips", -1, 0.0, 0.0, 0.0),
    ("LHipJoint", 0, 0.0, 0.0, 0.0),
    ("LeftUpLeg", 1, 1.65674, -1.80282, 0.62477),
    ("LeftLeg", 2, 2.5972, -7.13576, 0.0),
    ("LeftFoot", 3, 2.49236, -6.8477, 0.0),
    ("LeftToeBase", 4, 0.19704, -0.54136, 2.14581),
    ("LeftToeBase_End", 5, 0.0, 0.0, 1.11249),
    ("RHipJoint", 0, 0.0, 0.0, 0.0),
    ("RightUpLeg", 7, -1.6107, -1.80282, 0.62476),
    ("RightLeg", 8, -2.59502, -7.12977, 0.0),
    ("RightFoot", 9, -2.4678, -6.78024, 0.0),
    ("RightToeBase", 10, -0.23024, -0.63258, 2.13368),
    ("RightToeBase_End", 11, 0.0, 0.0, 1.11569),
    ("LowerBack", 0, 0.0, 0.0, 0.0),
    ("Spine", 13, 0.01961, 2.0545, -0.14112),
    ("Spine1", 14, 0.01021, 2.06436, -0.05921),
    ("Neck", 15, 0.0, 0.0, 0.0),
    ("Neck1", 16, 0.00713, 1.56711, 0.14968),
    ("Head", 17, 0.03429, 1.56041, -0.10006),
    ("Head_End", 18, 0.01305, 1.6256, -0.05265),
    ("LeftShoulder", 15, 0.0, 0.0, 0.0),
    ("LeftArm", 20, 3.54205, 0.90436, -0.17364),
    ("LeftForeArm", 21, 4.86513, 0.0, 0.0),
    ("LeftHand", 22, 3.35554, 0.0, 0.0),
    ("LeftFingerBase", 23, 0.0, 0.0, 0.0),
    ("LeftHandIndex1", 24, 0.66117, 0.0, 0.0),
    ("LeftHandIndex1_End", 25, 0.53306, 0.0, 0.0),
    ("LThumb", 23, 0.0, 0.0, 0.0),
    ("LThumb_End", 27, 0.5412, 0.0, 0.5412),
    ("RightShoulder", 15, 0.0, 0.0, 0.0),
    ("RightArm", 29, -3.49802, 0.75994, -0.32616),
    ("RightForeArm", 30, -5.02649, 0.0, 0.0),
    ("RightHand", 31, -3.36431, 0.0, 0.0),
    ("RightFingerBase", 32, 0.0, 0.0, 0.0),
    ("RightHandIndex1", 33, -0.73041, 0.0, 0.0),
    ("RightHandIndex1_End", 34, -0.58887, 0.0, 0.0),
    ("RThumb", 32, 0.0, 0.0, 0.0),
    ("RThumb_End", 36, -0.59786, 0.0, 0.59786),
)  # fmt: skip
COLUMNS = 3 + 3 * len(SKELETON)

CONTENTS = {
    "basketball": "dribble",
    "basketball_signal": "basketball-signals",
    "directing_traffic": "direct-traffic",
    "jumping": "jump",
    "running": "run",
    "soccer": "kick-ball",
    "walking": "walk",
    "walking_extra": "walk-turn",
    "washwindow": "wash-window",
}
TURNING_WALKS = frozenset({22, 23, 24, 48, 49, 50})  # train/walking: over 60 degrees

# Joints still jump outside of these seconds.
USABLE = {
    "train_walking_26": (0.0, 3.3), "train_walking_27": (0.1, 99.0), "train_walking_50": (0.0, 6.7),
}  # fmt: skip

# Files that hold the same performance as a take of CMU subjects 02-14, compared joint by joint.
COPIES = {
    "test_basketball_1": "06_07", "test_soccer_1": "11_01", "test_washwindow_1": "14_12",
    "train_basketball_1": "06_02", "train_basketball_2": "06_03", "train_basketball_3": "06_04",
    "train_basketball_4": "06_05", "train_basketball_5": "06_06",
    "train_directing_traffic_1": "13_26",
    "train_jumping_1": "13_11", "train_jumping_3": "13_19", "train_jumping_4": "13_32",
    "train_jumping_5": "13_39", "train_soccer_1": "10_01", "train_soccer_2": "10_02",
    "train_soccer_3": "10_03", "train_soccer_4": "10_05", "train_soccer_5": "10_06",
    "train_walking_1": "02_01", "train_walking_13": "08_02", "train_walking_14": "08_03",
    "train_walking_15": "08_08", "train_walking_16": "08_09", "train_walking_17": "08_10",
    "train_walking_18": "10_04", "train_walking_19": "12_01", "train_walking_2": "05_01",
    "train_walking_20": "12_02", "train_walking_21": "12_03", "train_walking_3": "06_01",
    "train_walking_4": "07_01", "train_walking_5": "07_02",
}  # fmt: skip


class CmuEval:
    """Walking, running, jumping, referee's and traffic signals from the CMU library."""

    name = "cmu-eval"
    licence = (
        "CMU motion capture database, free for all uses; credit mocap.cs.cmu.edu (NSF EIA-0196217)"
    )

    def takes(self, root: Path) -> list[str]:
        """List the motion files, as paths below `root`."""
        files = [*root.rglob("train/*/*.txt"), *root.rglob("test/*/*.txt")]
        return sorted(
            file.relative_to(root).as_posix() for file in files if file.parent.name in CONTENTS
        )

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one file as one clip of any length, its floor at the take's lowest joint."""
        path = root / take
        label = path.parent.name
        key = f"{path.parent.parent.name}_{path.stem}"
        if key in COPIES:
            raise StudioError(f"the same performance as take {COPIES[key]} of the source cmu")
        world = read_expmap(path).world()
        joints = resample(retarget(world, RIG), world.fps, FPS)
        start, end = USABLE.get(key, (0.0, float("inf")))
        joints = joints[round(start * FPS) : round(min(end * FPS, len(joints)))]
        if len(joints) < MIN_FRAMES:
            raise StudioError(f"only {len(joints)} usable frames; {MIN_FRAMES} are needed")
        content = CONTENTS[label]
        if label == "walking" and int(key.rsplit("_", 1)[1]) in TURNING_WALKS:
            content = "walk-turn"
        return [SourceClip(key, canonicalize(joints), content, group=key)]


def read_expmap(path: Path) -> JointTree:
    """Read a file's frames (its first row is the rest pose) with the root rotation repaired."""
    try:
        rows = np.loadtxt(path, delimiter=",", ndmin=2)[1:]
    except ValueError as error:
        raise StudioError(f"not a table of numbers: {error}") from error
    if rows.shape[1] != COLUMNS or len(rows) < 2:
        raise StudioError(f"{len(rows)} frames of {rows.shape[1]} numbers; {COLUMNS} are needed")
    # The file's rotations act on row vectors, so each one is the transpose: the opposite angle.
    local = axis_angle_to_matrix(-rows[:, 3:].reshape(len(rows), -1, 3))
    local[:, 0] = repair_root(local[:, 0])
    offsets = np.array([joint[2:] for joint in SKELETON])
    translations = np.repeat(offsets[None], len(rows), axis=0)
    translations[:, 0] = rows[:, :3]
    names, parents = tuple(j[0] for j in SKELETON), tuple(j[1] for j in SKELETON)
    return JointTree(names, parents, offsets, translations, local, FILE_FPS)


def repair_root(rotation: np.ndarray) -> np.ndarray:
    """Undo the publisher's mistake in root rotations [T, 3, 3].

    Angles meant as Rz Ry Rx were composed as Rz Rx Ry: nothing shows near yaw 0 and 180, near
    +-90 the whole body tips over. Of the two solutions the one with |y| <= 90 degrees is right.
    """
    x = np.arcsin(np.clip(rotation[:, 2, 1], -1.0, 1.0))
    y = np.arctan2(-rotation[:, 2, 0], rotation[:, 2, 2])
    z = np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1])
    other = np.abs(y) > np.pi / 2
    x = np.where(other, np.pi - x, x)
    y, z = (np.where(other, angle + np.pi, angle) for angle in (y, z))
    return axis_matrix("Z", z) @ axis_matrix("Y", y) @ axis_matrix("X", x)


POINTS = {
    f"{side}_{point}": f"{side.title()}{joint}"
    for side in ("left", "right")
    for point, joint in (("hip", "UpLeg"), ("knee", "Leg"), ("ankle", "Foot"), ("shoulder", "Arm"),
                         ("elbow", "ForeArm"), ("wrist", "Hand"))
}  # fmt: skip
# Calibrated (engine.motion.calibration) on train/walking 22, 23, 24, 48 and 49.
RIG = Rig(
    unit=UNIT,
    points=POINTS,
    pelvis=Frame("Hips", (0.99776, -0.06565, -8e-05, -0.01282)),
    spine=Frame("LowerBack", (0.99892, -0.0459, -0.00554, 0.00389)),
    chest=Frame("Spine1", (0.99893, -0.04445, -0.01238, -0.0004)),
    neck=Frame("Neck1", (0.99001, -0.13581, -0.03145, 0.02094)),
    feet={
        "left": Foot("LeftFoot", (0.09162, -0.25062, 0.96374)),
        "right": Foot("RightFoot", (-0.10549, -0.28973, 0.95128)),
    },
    shoulder_origin="Neck",
    shoulder_rest={
        "left": (0.19493, 0.05087, -0.00992),
        "right": (-0.19316, 0.04295, -0.00942),
    },
)
