"""Left becomes right: the mirrored motion."""

from __future__ import annotations

import numpy as np

from engine.motion.kinematics import to_skeleton
from engine.motion.skeleton import MIRROR


def mirror(joints: np.ndarray, keep_bones: bool = False) -> np.ndarray:
    """Mirror joints [..., T, 22, 3] at the plane x = 0 and swap left and right.

    A canonical clip stays canonical, and mirroring twice gives the clip back. The target
    skeleton is not quite symmetric (its left leg is 1 cm longer): with `keep_bones` the mirrored
    clip is put back on the target bones, shifted in height so that its lowest joint stays.
    """
    mirrored = joints[..., list(MIRROR), :].copy()
    mirrored[..., 0] *= -1
    if not keep_bones:
        return mirrored
    restored = to_skeleton(mirrored)
    lowest, target = (part[..., 1].min(axis=(-2, -1), keepdims=True) for part in (restored, joints))
    restored[..., 1] += target - lowest
    return restored
