"""HumanML3D in its published folder layout: 22 joints, 263 features, 20 fps."""

from __future__ import annotations

import numpy as np

from engine.data.sources._published import Published
from engine.motion.features import HUMANML3D


class HumanML3D(Published):
    """The published clips with their crowd captions and splits, mirrored copies included."""

    name = "humanml3d"
    licence = (
        "HumanML3D (MIT) on AMASS and HumanAct12 motion: their licences hold, research only, "
        "do not redistribute"
    )
    layout = HUMANML3D
    shortest = 40

    def to_target(self, joints: np.ndarray) -> np.ndarray:
        """Nothing to do: this skeleton and frame rate are where everything else is brought."""
        return joints
