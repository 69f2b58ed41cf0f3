"""Joint positions as an npz: what `motion.npz` holds, at any frame rate."""

from __future__ import annotations

import numpy as np

from engine.errors import StudioError
from engine.files import npz_bytes
from engine.motion.export_take import Take
from engine.motion.formats.smpl_pose import MAX_INPUT_FRAMES, check_rate
from engine.motion.skeleton import FPS, JOINT_NAMES, N_JOINTS


def write_joints_npz(take: Take) -> bytes:
    """An npz with joints float32 [T, 22, 3] (metres, Y up), fps and the joints' names."""
    return npz_bytes({
        "joints": take.joints.astype(np.float32),
        "fps": np.array(float(take.fps)),
        "names": np.array(JOINT_NAMES),
    })  # fmt: skip


def read_joints_npz(arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """Joints [T, 22, 3] as stored and the frame rate (20 where none is given)."""
    joints, rate = arrays["joints"], arrays.get("fps", np.array(FPS))
    if joints.dtype.kind not in "fiu" or joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3):
        raise StudioError(
            f"'joints' is {joints.dtype} of shape {list(joints.shape)}, not numbers "
            f"[frames, {N_JOINTS}, 3]."
        )
    if not 1 <= len(joints) <= MAX_INPUT_FRAMES:
        raise StudioError(
            f"The file has {len(joints):,} frames; 1 to {MAX_INPUT_FRAMES:,} are read."
        )
    if rate.size != 1 or rate.dtype.kind not in "fiu":
        raise StudioError("'fps' is not a number.")
    return joints, check_rate(float(rate.reshape(-1)[0]))
