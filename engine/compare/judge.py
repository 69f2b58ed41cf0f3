"""Numbers about a motion: reward by step, likeness to the text, physics, and the reward's pull."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.compare.walk import Walk
from engine.evaluation import physical
from engine.tuning.rewards.base import Reward, Seen

if TYPE_CHECKING:
    from engine.evaluation.evaluator import Evaluator
    from engine.motion.motion import Motion
    from engine.pipeline import MotionPipeline

NUDGE = 0.05  # length of the step up the reward's gradient, as a share of the latents' own length


@dataclass(frozen=True)
class Judge:
    """What motions are judged by; either may be missing, then its numbers are left out."""

    evaluator: Evaluator | None = None
    reward: Reward | None = None

    def numbers(self, motion: Motion, rewards: np.ndarray | None = None) -> dict[str, float]:
        """reward, similarity (cosine of motion and text by the evaluator), physical measures."""
        found: dict[str, float] = {}
        if rewards is not None:
            found["reward"] = float(rewards[-1])
        if self.evaluator is not None:
            text = self.evaluator.embed_text([motion.prompt])[0]
            found["similarity"] = float(text @ self.evaluator.embed_motion([motion.joints])[0])
        return {**found, **physical.measure(motion.joints)}

    @torch.no_grad()
    def rewards(self, walked: Walk) -> np.ndarray | None:
        """Reward of predicted x_0 at every step, [steps, B]; None without a reward."""
        if self.reward is None:
            return None
        rows = [self.reward(Seen(step.x_0, 0, walked.batch)).total for step in walked.steps]
        return torch.stack(rows).float().cpu().numpy()

    def pull(self, pipeline: MotionPipeline, walked: Walk) -> list[np.ndarray] | None:
        """Where the reward would move the bodies: metres by frame and joint, [T, 22] per sample.

        The reward's gradient lives in latents; one short step along it, decoded, is what it means
        for joints. Seen from the pelvis: a path that bends moves all joints alike, and more so the
        later it is. None without a reward.
        """
        if self.reward is None:
            return None
        latents = walked.latents.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            total = self.reward(Seen(latents, 0, walked.batch)).total.sum()
            (gradient,) = torch.autograd.grad(total, latents)
        real = walked.batch.mask[..., None]
        gradient = torch.where(real, gradient, 0.0)
        flat = torch.where(real, latents.detach(), 0.0).flatten(1)
        scale = NUDGE * flat.norm(dim=1) / gradient.flatten(1).norm(dim=1).clamp_min(1e-12)
        moved = latents.detach() + scale[:, None, None] * gradient
        mask, lengths = walked.batch.mask, walked.lengths
        before = pipeline.joints(latents.detach(), mask, lengths)
        after = pipeline.joints(moved, mask, lengths)
        return [_moved(a, b) for a, b in zip(before, after, strict=True)]


def _moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far joints [T, 22, 3] move over the spot where the pelvis stands, [T, 22] in metres."""
    shift = after - before
    shift[..., [0, 2]] -= shift[:, :1, [0, 2]]
    return np.linalg.norm(shift, axis=-1)
