"""DeepMimic's and Sony's humanoid3d clips: JSON lists of timed quaternion poses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from engine.data.sources._common import TOES, lift_sunken
from engine.data.sources.base import SourceClip
from engine.errors import StudioError
from engine.motion.canonical import canonicalize
from engine.motion.formats.joints import JointTree
from engine.motion.retarget import Foot, Frame, Rig, retarget
from engine.motion.rotation import axis_matrix, normalize, quat_mul, quat_rotate, quat_to_matrix
from engine.motion.skeleton import FPS, MIN_FRAMES

# Joints in the order of a frame's numbers: name, parent, offset (m; Y up, X forward, Z right),
# count of numbers (4: quaternion w x y z, 1: angle about Z, 0: fixed).
SKELETON: tuple[tuple[str, int, tuple[float, float, float], int], ...] = (
    ("root", -1, (0.0, 0.0, 0.0), 4),
    ("chest", 0, (0.0, 0.236151, 0.0), 4),
    ("neck", 1, (0.0, 0.223894, 0.0), 4),
    ("right_hip", 0, (0.0, 0.0, 0.084887), 4),
    ("right_knee", 3, (0.0, -0.421546, 0.0), 1),
    ("right_ankle", 4, (0.0, -0.40987, 0.0), 4),
    ("right_shoulder", 1, (-0.02405, 0.2435, 0.18311), 4),
    ("right_elbow", 6, (0.0, -0.274788, 0.0), 1),
    ("right_wrist", 7, (0.0, -0.258947, 0.0), 0),
    ("left_hip", 0, (0.0, 0.0, -0.084887), 4),
    ("left_knee", 9, (0.0, -0.421546, 0.0), 1),
    ("left_ankle", 10, (0.0, -0.40987, 0.0), 4),
    ("left_shoulder", 1, (-0.02405, 0.2435, -0.18311), 4),
    ("left_elbow", 12, (0.0, -0.274788, 0.0), 1),
    ("left_wrist", 13, (0.0, -0.258947, 0.0), 0),
)
COLUMNS = 1 + 3 + sum(joint[3] for joint in SKELETON)

LABELS = {
    "backflip": "backflip", "cartwheel": "cartwheel", "crawl": "crawl", "dance_a": "dance-spin",
    "dance_b": "dance", "dance_spin": "spin-in-place", "getup_facedown": "getup",
    "getup_faceup": "getup", "jog": "run", "jump": "jump", "kick": "kick",
    "long_walk": "walk-around",
    "long_zombie": "zombie-walk", "punch": "punch-right-hand", "roll": "roll", "run": "run",
    "sideflip": "sideflip", "spin": "spin-jump", "spinkick": "spinkick",
    "stealthy_walk": "stealthy-walk", "walk": "walk", "zombie_walk": "zombie-walk",
    "punch_forward": "punch-right-hand", "run_forward": "run", "run_left": "run-turn-left",
    "punch_left": "punch-right-hand",  # published as "left": it is the right hand that punches
}  # fmt: skip

# Cycles that close within 15 cm: repeated until they last LOOPED seconds.
CYCLES = frozenset({"jog", "walk", "zombie_walk", "dance_a", "dance_b", "dance_spin"})
LOOPED = 4.0
STRAIGHT = 15.0  # degrees: less is the gait's sway, no turn
# In these the source lets limbs sink below its floor, or stands above the lowest pose: all end
# standing, so the last toes tell where the floor is.
END_STANDING = frozenset({"getup_faceup", "getup_facedown", "sideflip", "roll", "spin"})


class DeepMimic:
    """Acrobatics, dance, getting up, sneaking, running: one or two performances of each."""

    name = "deepmimic"
    licence = (
        "DeepMimic repository MIT, origin of the motion not stated; files sie_*: CC BY-NC 4.0, "
        "(c) 2021 Sony Interactive Entertainment. Non-commercial research"
    )

    def takes(self, root: Path) -> list[str]:
        """List the humanoid motion files, as paths below `root`."""
        files = [
            path for path in root.rglob("*humanoid3d_*.txt") if path.parent.name != "characters"
        ]
        return sorted(
            path.relative_to(root).as_posix() for path in files if "_args" not in path.name
        )

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one file as one clip of any length; cycles are repeated."""
        stem = Path(take).stem
        action = re.sub(r"^(sie_)?humanoid3d_", "", stem)
        kind = re.sub(r"\d+$", "", action)
        twin = mirror_twin(action)
        if twin:
            raise StudioError(f"a {twin}; training mirrors every clip anyway")
        if action == "stealthy_walk":
            raise StudioError("a piece of humanoid3d_stealthy_walk1")
        if kind not in LABELS:
            raise StudioError(f"no label is known for {action!r}")
        times, values = read_frames(root / take)
        if action in CYCLES:
            times, values = repeat(times, values, int(np.ceil(LOOPED / times[-1])))
        world = pose(sample(times, values)).world()
        joints = retarget(world, RIG)
        if len(joints) < MIN_FRAMES:
            raise StudioError(f"only {len(joints)} frames at 20 fps; {MIN_FRAMES} are needed")
        floor = float(joints[..., 1].min())
        if action in END_STANDING:
            floor = float(joints[-5:, TOES, 1].min())
            joints = lift_sunken(joints, floor)
        return [
            SourceClip(stem, canonicalize(joints, floor), LABELS[kind], group=_group(kind, stem))
        ]


def mirror_twin(action: str) -> str:
    """Say of which file a Sony clip is the mirrored copy; empty when it is none."""
    match = re.fullmatch(r"(run_forward|run_right)(\d\d)", action)
    if not match:
        return ""
    kind, number = match[1], int(match[2])
    if kind == "run_right":
        other = number - 7 if number >= 7 else number + 8
        return f"mirrored copy of run_left{other:02d}"
    return f"mirrored copy of sie_humanoid3d_run_forward{number - 1:02d}" if number % 2 else ""


def _group(kind: str, stem: str) -> str:
    """Long takes and the cycles cut out of such takes stay together."""
    return {"walk": "walk", "long_walk": "walk", "stealthy_walk": "stealthy-walk",
            "zombie_walk": "zombie", "long_zombie": "zombie"}.get(kind, stem)  # fmt: skip


def read_frames(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return times [T] in seconds and values [T, 43]: root position, then the joints' numbers."""
    try:
        frames = np.array(json.loads(path.read_text())["Frames"], dtype=float)
    except (ValueError, KeyError, TypeError) as error:
        raise StudioError(f"not a motion of this format: {error}") from error
    if frames.ndim != 2 or frames.shape[1] != COLUMNS or len(frames) < 4:
        raise StudioError(f"frames have the shape {frames.shape}, not [4 or more, {COLUMNS}]")
    if (frames[:-1, 0] <= 0).any():
        raise StudioError("a frame lasts no time")
    times = np.concatenate(([0.0], np.cumsum(frames[:-1, 0])))
    return times, _continuous(frames[:, 1:])


def repeat(times: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Chain `count` cycles: each starts where and as the one before ends.

    A cycle that turns far turns on; what else lies between its last pose and its first, a small
    turn too, is spread evenly over the cycle.
    """
    first, last = values[0], values[-1]
    turn = quat_mul(last[3:7], first[3:7] * np.array([1.0, -1.0, -1.0, -1.0]))
    turn = normalize(turn * np.array([1.0, 0.0, 1.0, 0.0]))  # its part about the vertical
    if abs(turn[0]) > np.cos(np.radians(STRAIGHT) / 2):
        turn = np.array([1.0, 0.0, 0.0, 0.0])
    goal = first.copy()
    goal[[0, 2]] = last[[0, 2]]
    goal[3:7] = quat_mul(turn, first[3:7])
    goal = _continuous(np.stack([last, goal]))[1]
    cycle = _continuous(values + (goal - last) * (times / times[-1])[:, None])
    pieces, starts = [cycle], [times]
    for number in range(1, count):
        moved, before = cycle[1:].copy(), pieces[-1]
        heading = np.array([1.0, 0.0, 0.0, 0.0])
        for _ in range(number):
            heading = quat_mul(turn, heading)
        step = quat_rotate(heading, moved[:, :3] * [1, 0, 1] - first[:3] * [1, 0, 1])
        moved[:, [0, 2]] = before[-1, [0, 2]] + step[:, [0, 2]]
        moved[:, 3:7] = quat_mul(heading, moved[:, 3:7])
        pieces.append(moved)
        starts.append(times[1:] + number * times[-1])
    return np.concatenate(starts), _continuous(np.concatenate(pieces))


def sample(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Read the values at 20 fps by cubic splines through the unevenly timed frames."""
    from scipy.interpolate import CubicSpline

    moments = np.arange(int(np.floor(times[-1] * FPS + 1e-6)) + 1) / FPS
    return np.asarray(CubicSpline(times, values, axis=0)(moments))


def pose(values: np.ndarray) -> JointTree:
    """Build the joint tree of values [T, 43] at 20 fps."""
    offsets = np.array([joint[2] for joint in SKELETON])
    local = np.broadcast_to(np.eye(3), (len(values), len(SKELETON), 3, 3)).copy()
    for index, column, count in _columns():
        if count == 4:
            local[:, index] = quat_to_matrix(normalize(values[:, column : column + 4]))
        elif count == 1:
            local[:, index] = axis_matrix("Z", values[:, column])
    translations = np.repeat(offsets[None], len(values), axis=0)
    translations[:, 0] = values[:, :3]
    names, parents = tuple(j[0] for j in SKELETON), tuple(j[1] for j in SKELETON)
    return JointTree(names, parents, offsets, translations, local, FPS)


def _columns() -> list[tuple[int, int, int]]:
    """(joint, first column in the values, count of numbers) of every joint."""
    found, column = [], 3
    for index, joint in enumerate(SKELETON):
        found.append((index, column, joint[3]))
        column += joint[3]
    return found


def _continuous(values: np.ndarray) -> np.ndarray:
    """Give each quaternion the sign nearer to the one before, so that splines run smoothly."""
    values = values.copy()
    for _, column, count in _columns():
        if count == 4:
            part = values[:, column : column + 4]
            flips = np.where((part[1:] * part[:-1]).sum(axis=1) < 0, -1.0, 1.0)
            part[1:] *= np.cumprod(flips)[:, None]
    return values


# Calibrated (engine.motion.calibration) on walk, long_walk1 and long_walk2. The feet are the
# virtual toe (0.1335, -0.05, 0) m of the ankle's frame, pitched to the target's slope.
RIG = Rig(
    unit=1.0,
    points={
        f"{side}_{point}": f"{side}_{point}"
        for side in ("left", "right")
        for point in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    },
    pelvis=Frame("root", (0.70861, -0.01929, 0.70505, 0.01986)),
    chest=Frame("chest", (0.70385, -0.06502, 0.70488, 0.05919)),
    neck=Frame("neck", (0.67705, -0.12303, 0.71899, 0.09759)),
    feet={
        "left": Foot("left_ankle", (0.97165, -0.23617, -0.01125)),
        "right": Foot("right_ankle", (0.97183, -0.23569, -0.00194)),
    },
)
