"""Motions as the model's latents, for what is made to follow them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.models.device import exact_convolutions
from engine.motion.features import joints_to_features
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS
from engine.pipeline import MotionPipeline


def features_ahead(joints: np.ndarray) -> np.ndarray:
    """Features [T, 263] of joints [T, 22, 3].

    Features are of changes, so that one frame more is needed: the last movement goes on for it.
    """
    ahead = 2 * joints[-1:] - joints[-2:-1]
    return joints_to_features(np.concatenate((joints, ahead)))


@torch.no_grad()
def encoded(pipeline: MotionPipeline, motion: Motion) -> Tensor:
    """Latents [1, N, latent_dim] of a motion's whole tokens; frames left over at its end go.

    Raises StudioError for what is no motion of up to 60 seconds.
    """
    motion.validate(round(LONGEST_SECONDS * FPS))
    per_token = int(pipeline.model.vae.config.frames_per_token)
    features = np.asarray(features_ahead(motion.joints), dtype=np.float32)
    whole = len(features) // per_token * per_token
    with exact_convolutions():
        return pipeline.model.vae.encode(
            torch.from_numpy(features[:whole])[None].to(pipeline.device)
        )
