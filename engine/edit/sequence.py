"""Sequences of prompts: each part is denoised with the end of what came before as its beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.checks import check_guidance, check_seed, check_steps
from engine.edit.crossing import join, on_skeleton, place, standing
from engine.edit.inpaint import check_tokens_in_time, inpaint
from engine.edit.latents import encoded
from engine.edit.parts import CONTEXT, Part, check_parts
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
    together, so that nothing has to be stitched. `before` is a motion to go on from; the result
    begins with its very frames. `after` is a motion to arrive at: the last part also ends with its
    first tokens, and it ends the result, moved and turned to where it is met. Lengths are rounded
    to whole tokens (0.2 s).
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
    joints = _with_ends(joints, before, starts[0], after, end.shape[1] * per_token)
    title = ", then ".join(prompt for prompt, _ in wanted)
    motion = Motion(joints, title, seed, pipeline.model_id)
    return LongMotion(motion, tuple(starts[:-1]), latents)


def _with_ends(
    joints: np.ndarray, before: Motion | None, begins: int, after: Motion | None, ends: int
) -> np.ndarray:
    """Decoded joints [T, 22, 3] with the given motions' own frames: `begins` first, `ends` last.

    Decoded, their frames near the seam are up to decimetres off: the decoder sees what is new.
    """
    start, made, end = joints[:0], joints, joints[:0]
    if before is not None:
        start = standing(on_skeleton(before.joints[:begins]))
        made = join(start, place(made, begins - 1, start[-1])[begins:])
    if after is not None:
        made, met = made[: len(made) - ends], made[len(made) - ends]
        end = place(on_skeleton(after.joints[:ends]), 0, met)
        made = join(end[::-1], made[::-1])[::-1]
    return np.concatenate((start, made, end)).astype(np.float32)


def no_latents() -> Tensor:
    """Those of a motion that was not made here."""
    return torch.zeros(1, 0, 0)


def _nothing(pipeline: MotionPipeline) -> Tensor:
    return torch.zeros(1, 0, pipeline.model.vae.config.latent_dim, device=pipeline.device)
