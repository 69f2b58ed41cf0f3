"""KIT-ML in its published folder layout: 21 joints, 251 features, 12.5 fps, millimetres.

The clips are brought onto the 22-joint skeleton at 20 fps, so that one model learns from all
sources; `read_features` gives the untouched 251-d rows to those who compare with published work.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.data.sources._published import Published, find_root, load
from engine.motion.features import KIT
from engine.motion.kit import kit_to_skeleton


class KitMl(Published):
    """The published clips with their captions and splits, mirrored copies included."""

    name = "kit-ml"
    licence = (
        "KIT Motion-Language dataset (Plappert et al. 2016) on KIT whole-body motion: research "
        "only, do not redistribute"
    )
    layout = KIT
    shortest = 24

    def to_target(self, joints: np.ndarray) -> np.ndarray:
        """[T, 21, 3] in millimetres at 12.5 fps to [T, 22, 3], metres, 20 fps, floor at 0."""
        return kit_to_skeleton(joints)


def read_features(root: Path, take: str) -> np.ndarray:
    """Return the published features [T, 251] at 12.5 fps as they are."""
    return load(find_root(root) / "new_joint_vecs" / f"{take}.npy")
