"""Sequences of prompts: each part is denoised with the end of what came before as its beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.checks import check_guidance, check_seed, check_steps
from engine.edit.inpaint import check_tokens_in_time, inpaint
from engine.edit.parts import CONTEXT, Part, check_parts
from engine.models.device import exact_convolutions
from engine.motion.motion import Motion
from engine.pipeline import MotionPipeline


@dataclass(frozen=True)
class LongMotion:
    """A long motion, the frame at which each part begins, and its latents [1, N, latent_dim]."""

    motion: Motion
    starts: tuple[int, ...]
    latents: Tensor


def make_sequence(
    pipeline: MotionPipeline,
    parts: Sequence[Part],
    seed: int = 0,
    *,
    before: Motion | None = None,
    after: Motion | None = None,
    context: int = CONTEXT,
    guidance: float | None = None,
    steps: int | None = None,
    cancel: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> LongMotion:
    """One motion of several prompts in a row; part k takes seed + k.

    Every part begins with the last `context` tokens of what came before, and everything is decoded
    together, so that nothing has to be stitched. `before` is a motion to go on from; it is part of
    the result, as the model's autoencoder sees it. `after` is a motion to arrive at: the last part
    also ends with its first tokens, and it ends the result. Lengths are rounded to whole tokens
    (0.2 s).
    Raises StudioError for what cannot be made, Cancelled when `cancel` says so.
    """
    check_tokens_in_time(pipeline)
    per_token = int(pipeline.model.vae.config.frames_per_token)
    latents, end = (
        _nothing(pipeline) if motion is None else encoded(pipeline, motion)
        for motion in (before, after)
    )
    starts = [latents.shape[1] * per_token]
    wanted = check_parts(parts, per_token, latents.shape[1], end.shape[1])
    count = pipeline.model.steps if steps is None else check_steps(steps)
    scale = check_guidance(pipeline.model.guidance_at(count) if guidance is None else guidance)
    check_seed(seed + len(wanted))
    for number, (prompt, tokens) in enumerate(wanted):
        past = latents[:, max(0, latents.shape[1] - context) :]
        ahead = end[:, : context if number + 1 == len(wanted) else 0]
        room = torch.zeros(1, tokens, latents.shape[2], device=latents.device)
        known = torch.cat((past, room, ahead), dim=1)
        place = torch.arange(known.shape[1], device=known.device)[None] - past.shape[1]
        made = inpaint(
            pipeline, [prompt], [known.shape[1] * per_token], [seed + number], known,
            (place < 0) | (place >= tokens), guidance=scale, steps=count, cancel=cancel,
        )  # fmt: skip
        latents = torch.cat((latents, made[:, past.shape[1] : past.shape[1] + tokens]), dim=1)
        starts.append(latents.shape[1] * per_token)
        if progress is not None:
            progress((number + 1) / len(wanted))
    latents = torch.cat((latents, end), dim=1)
    mask = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
    joints = pipeline.joints(latents, mask, [latents.shape[1] * per_token])[0]
    title = ", then ".join(prompt for prompt, _ in wanted)
    motion = Motion(joints, title, seed, pipeline.model_id)
    return LongMotion(motion, tuple(starts[:-1]), latents)


def no_latents() -> Tensor:
    """Those of a motion that was not made here."""
    return torch.zeros(1, 0, 0)


@torch.no_grad()
def encoded(pipeline: MotionPipeline, motion: Motion) -> Tensor:
    """Latents [1, N, latent_dim] of a motion's whole tokens; frames left over at its end go."""
    motion.validate()
    per_token = int(pipeline.model.vae.config.frames_per_token)
    features = np.asarray(motion.features, dtype=np.float32)
    whole = len(features) // per_token * per_token
    with exact_convolutions():
        return pipeline.model.vae.encode(
            torch.from_numpy(features[:whole])[None].to(pipeline.device)
        )


def _nothing(pipeline: MotionPipeline) -> Tensor:
    return torch.zeros(1, 0, pipeline.model.vae.config.latent_dim, device=pipeline.device)
