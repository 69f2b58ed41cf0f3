"""Physical measures of motions: skating feet, floor, jerk, bones, spikes; real ones as the scale.

Joints are [T,22,3] metres, Y up, floor at y = 0, 20 fps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.errors import StudioError
from engine.evaluation.body import smooth
from engine.motion.skeleton import FPS, JOINTS, N_JOINTS, PARENTS

TOES = (JOINTS["left_foot"], JOINTS["right_foot"])
FEET = (*TOES, JOINTS["left_ankle"], JOINTS["right_ankle"])
GRAVITY = 9.81
SPIKE_METRES = 0.08

MEASURES: dict[str, str] = {
    "foot_skate": "share of frames in which a toe under 5 cm slides faster than 0.5 m/s",
    "penetration_mm": "mean depth of the lowest foot joint under the floor, millimetres",
    "penetration_max_mm": "greatest depth of a foot joint under the floor, millimetres",
    "float_share": "share of frames with nothing within 6 cm of the floor and no free fall",
    "jerk": "mean third derivative of the joints, m/s^3",
    "bone_drift": "largest change of a bone's length in the clip, share of its length",
    "spikes": "one-frame spikes over 8 cm per clip",
    "spike_mm": "largest one-frame spike, millimetres",
}


def foot_skate(joints: np.ndarray) -> float:
    """Share of frames with a skating toe, as MotionLCM measures it.

    A toe skates between two frames when it is under 5 cm in both and moves level at over 0.5 m/s,
    both at that moment and on the average of five frames (zeros beyond the ends). Either foot.
    """
    toes = _joints(joints)[:, list(TOES)]
    velocity = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * FPS
    padded = np.pad(velocity, ((2, 2), (0, 0)))
    mean = np.stack([padded[i : i + len(velocity)] for i in range(5)]).mean(axis=0)
    down = (toes[:-1, :, 1] < 0.05) & (toes[1:, :, 1] < 0.05)
    return float((down & (velocity > 0.5) & (mean > 0.5)).any(axis=1).mean())


def penetration(joints: np.ndarray) -> np.ndarray:
    """Depth [T] in metres of the lowest foot joint under the floor (0 when above it)."""
    return np.maximum(0.0, -_joints(joints)[:, FEET, 1].min(axis=1))


def float_share(joints: np.ndarray) -> float:
    """Share of frames in which the body hovers: lowest joint over 6 cm, and not in free flight.

    Free flight is a root that accelerates downward at more than 0.4 g (averaged over 0.15 s).
    """
    joints = _joints(joints)
    height = smooth(joints[:, 0, 1], 1.0)
    fall = np.zeros(len(height))
    fall[1:-1] = np.diff(height, n=2) * FPS**2
    fall[[0, -1]] = fall[[1, -2]]
    return float(((joints[..., 1].min(axis=1) > 0.06) & (fall > -0.4 * GRAVITY)).mean())


def jerk(joints: np.ndarray) -> float:
    """Mean magnitude of the joints' third derivative, m/s^3."""
    return float(np.linalg.norm(np.diff(_joints(joints), n=3, axis=0), axis=-1).mean() * FPS**3)


def bone_drift(joints: np.ndarray) -> float:
    """Largest (longest - shortest) / mean length of any bone over the clip."""
    joints = _joints(joints)
    bones = joints[:, 1:] - joints[:, list(PARENTS[1:])]
    length = np.linalg.norm(bones, axis=-1)
    return float((np.ptp(length, axis=0) / np.maximum(length.mean(axis=0), 1e-9)).max())


def spikes(joints: np.ndarray) -> np.ndarray:
    """Size [T] in metres of one-frame spikes: how far a joint leaps off and straight back, else 0.

    Out and back are each at least twice as long as the way between the frames around the spike;
    the fastest real limbs (a tennis serve, a kick) turn around less sharply than that.
    """
    joints = _joints(joints)
    out, back = joints[1:-1] - joints[:-2], joints[2:] - joints[1:-1]
    size = np.minimum(np.linalg.norm(out, axis=-1), np.linalg.norm(back, axis=-1))
    returned = np.linalg.norm(out + back, axis=-1) < 0.5 * size
    found = np.zeros(len(joints))
    found[1:-1] = np.where(returned, size, 0.0).max(axis=1)
    return found


def measure(joints: np.ndarray) -> dict[str, float]:
    """Every measure of MEASURES for one motion [T,22,3]."""
    depth, jumps = penetration(joints), spikes(joints)
    return {
        "foot_skate": foot_skate(joints),
        "penetration_mm": float(depth.mean() * 1000),
        "penetration_max_mm": float(depth.max() * 1000),
        "float_share": float_share(joints),
        "jerk": jerk(joints),
        "bone_drift": bone_drift(joints),
        "spikes": float((jumps > SPIKE_METRES).sum()),
        "spike_mm": float(jumps.max() * 1000),
    }


def summary(motions: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean of every measure over motions; maxima too for those where the worst clip counts."""
    if not motions:
        raise StudioError("No motions to measure.")
    rows = [measure(joints) for joints in motions]
    means = {name: float(np.mean([row[name] for row in rows])) for name in MEASURES}
    for name in ("penetration_max_mm", "bone_drift", "spike_mm"):
        means[f"worst_{name}"] = float(np.max([row[name] for row in rows]))
    return means


def compare(generated: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> dict[str, dict]:
    """Per measure: generated mean, real mean and their ratio (None where real is 0)."""
    ours, theirs = summary(generated), summary(real)
    return {
        name: {
            "value": ours[name],
            "real": theirs[name],
            "ratio": ours[name] / theirs[name] if theirs[name] > 1e-9 else None,
        }
        for name in ours
    }


def _joints(joints: np.ndarray) -> np.ndarray:
    array = np.asarray(joints, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != (N_JOINTS, 3) or len(array) < 4:
        raise StudioError(f"Expected at least 4 frames of [22, 3] joints, not {array.shape}.")
    return array
