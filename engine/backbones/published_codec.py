"""What the codecs of published models share: a dataset's statistics, its joints and frame rate."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from engine.errors import StudioError
from engine.models.backbone import Codec
from engine.motion.features import KIT, features_to_joints
from engine.motion.kit import kit_to_skeleton
from engine.motion.skeleton import FPS


class PublishedCodec(Codec):
    """Features are HumanML3D's 263 or KIT-ML's 251, normalised by the dataset's statistics."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.kit = features == KIT.size
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_std", torch.ones(features))

    def own_frames(self, frames: int) -> int:
        """Frames of the dataset's rate that span `frames` frames at 20 fps."""
        return math.ceil((frames - 1) * KIT.fps / FPS) + 1 if self.kit else frames

    def joints(self, features: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Joints [B, T', 22, 3] in metres at 20 fps, and how many frames of each are real [B].

        KIT's are retargeted, which has no gradient: StudioError where one is wanted.
        """
        if not self.kit:
            return super().joints(features, frames)
        if features.requires_grad:
            raise StudioError(
                "Physics terms cannot be tuned on KIT-ML's 21 joints: they are read on 22. "
                "Choose the term follow alone."
            )
        made = []
        for row, length in zip(features, frames.tolist(), strict=True):
            joints = features_to_joints(row[:length].double().cpu(), KIT).numpy()
            whole = np.isfinite(joints).all()
            made.append(kit_to_skeleton(joints) if whole else np.full((1, 22, 3), np.nan))
        counts = torch.tensor([len(one) for one in made], device=features.device)
        padded = np.stack([
            np.concatenate([one, np.repeat(one[-1:], int(counts.max()) - len(one), axis=0)])
            for one in made
        ])  # fmt: skip
        return torch.from_numpy(padded).to(features), counts
