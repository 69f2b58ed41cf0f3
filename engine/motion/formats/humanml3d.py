"""HumanML3D features as an npy file, the layout that text-to-motion research exchanges."""

from __future__ import annotations

import io

import numpy as np

from engine.errors import StudioError
from engine.files import DAMAGE
from engine.motion.export_take import Take
from engine.motion.features import HUMANML3D, features_to_joints, joints_to_features
from engine.motion.formats.smpl_pose import MAX_INPUT_FRAMES
from engine.motion.skeleton import FPS


def write_features(take: Take) -> bytes:
    """Features float32 [T - 1, 263] of a take; StudioError unless it has 20 frames a second."""
    if take.fps != FPS:
        raise StudioError(
            f"HumanML3D features are defined at {FPS:g} frames a second, not {take.fps:g}."
        )
    buffer = io.BytesIO()
    np.save(buffer, joints_to_features(take.joints), allow_pickle=False)
    return buffer.getvalue()


def read_features(data: bytes) -> tuple[np.ndarray, float]:
    """Joints [T - 1, 22, 3] that features stand for, at 20 frames a second.

    The first row of features already holds a whole frame, the last frame's joints are not in it.
    """
    import torch

    try:
        features = np.load(io.BytesIO(data), allow_pickle=False)
    except DAMAGE as error:
        first = str(error).partition("\n")[0][:200]
        raise StudioError(f"The file is not a readable npy array: {first}.") from error
    shaped = isinstance(features, np.ndarray) and features.ndim == 2
    if not shaped or features.shape[1] != HUMANML3D.size or features.dtype.kind != "f":
        raise StudioError(f"The file holds no features of shape [frames, {HUMANML3D.size}].")
    if not 1 <= len(features) <= MAX_INPUT_FRAMES or not np.isfinite(features).all():
        raise StudioError(
            "The features are empty, too many, or contain values that are no numbers."
        )
    rows = torch.from_numpy(features.astype(np.float64))
    return features_to_joints(rows).numpy(), FPS
