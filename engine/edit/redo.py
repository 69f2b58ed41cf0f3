"""Half of a body once more: a new prompt for it, while the other half stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from engine.checks import check_guidance, check_prompt, check_seed, check_steps
from engine.edit.crossing import on_skeleton
from engine.edit.inpaint import check_tokens_in_time, inpaint
from engine.edit.latents import features_ahead
from engine.edit.parts import CONTEXT
from engine.errors import StudioError
from engine.motion.canonical import canonicalize
from engine.motion.halves import HALVES, Half, combine
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS, MAX_FRAMES
from engine.pipeline import MotionPipeline

HELD = 2  # of the last steps meet the kept half; more of them weaken what the prompt asks for
Correction = Callable[[int, Tensor], Tensor]  # step and its x_0: the x_0 to go on from
LONGEST_TITLE = 2000  # characters of what was asked before


def redo(
    pipeline: MotionPipeline,
    motion: Motion,
    prompt: str,
    half: Half,
    seed: int = 0,
    *,
    guidance: float | None = None,
    steps: int | None = None,
    held: int = HELD,
    cancel: Callable[[], bool] | None = None,
) -> Motion:
    """The motion with its upper or lower `half` made anew by `prompt`, the other half kept.

    In the last `held` steps the predicted motion is decoded, its kept half replaced by the given
    one, and encoded again; what comes out is joined with the given motion once more, on the
    skeleton. With the upper body made anew, pelvis and legs stay to the last bit. With the lower
    body made anew, the pelvis takes a new path and the upper body goes along, turned with its
    heading and else as it was. Motions of over 9.8 seconds are made piece by piece.
    Raises StudioError for what cannot be made, Cancelled when `cancel` says so.
    """
    check_tokens_in_time(pipeline)
    motion.validate(round(LONGEST_SECONDS * FPS))
    given, text = on_skeleton(motion.joints), check_prompt(prompt)
    if half not in HALVES:
        raise StudioError(f"There is no half {half!r} of a body; choose from {', '.join(HALVES)}.")
    count = pipeline.model.steps if steps is None else check_steps(steps)
    scale = check_guidance(pipeline.model.guidance_at(count) if guidance is None else guidance)
    joints = remade(
        pipeline, given, text, seed, partial(keeping, pipeline, half=half, first=count - held),
        guidance=scale, steps=count, cancel=cancel,
    )  # fmt: skip
    return Motion(
        joined(given, joints, half), title(motion.prompt, text, half), seed, pipeline.model_id
    )


def remade(
    pipeline: MotionPipeline,
    given: np.ndarray,
    text: str,
    seed: int,
    correction: Callable[[np.ndarray], Correction],
    *,
    guidance: float,
    steps: int,
    cancel: Callable[[], bool] | None = None,
) -> np.ndarray:
    """Joints [T, 22, 3] as long as `given` [T, 22, 3], before both are joined.

    Each piece of at most 9.8 seconds begins with the last tokens of the one before and is led by
    `correction(its given joints)`; all are decoded together.
    """
    per_token = int(pipeline.model.vae.config.frames_per_token)
    windows = pieces(-(-len(given) // per_token), MAX_FRAMES // per_token)
    check_seed(seed + len(windows))
    latents = torch.zeros(1, 0, pipeline.model.vae.config.latent_dim, device=pipeline.device)
    for number, (start, end) in enumerate(windows):
        context = latents.shape[1] - start
        known = torch.zeros(1, end - start, latents.shape[2], device=latents.device)
        known[:, :context] = latents[:, start:]
        place = torch.arange(end - start, device=latents.device)[None] < context
        part = _frames(given, start * per_token, end * per_token)
        made = inpaint(
            pipeline, [text], [len(part)], [seed + number], known, place, guidance=guidance,
            steps=steps, cancel=cancel, correct=correction(part),
        )  # fmt: skip
        latents = torch.cat((latents, made[:, context:]), dim=1)
    mask = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
    return pipeline.joints(latents, mask, [len(given)])[0]


def joined(given: np.ndarray, made: np.ndarray, half: Half) -> np.ndarray:
    """The `half` of `made` with the other half of `given`, joints [T, 22, 3] each."""
    return combine(given, made) if half == "upper" else combine(made, given)


def title(before: str, prompt: str, half: str) -> str:
    """What a motion is called after its `half` was made anew by `prompt`."""
    start = f"{before[:LONGEST_TITLE]}; " if before else ""
    return f"{start}{half} body: {prompt}"


def pieces(total: int, most: int) -> Sequence[tuple[int, int]]:
    """Windows (first token, end) of at most `most` tokens over `total`; each begins CONTEXT early.

    They are about equally long, so that none is a remnant.
    """
    if total <= most:
        return [(0, total)]
    count = -(-(total - CONTEXT) // (most - CONTEXT))
    ends = [CONTEXT + (total - CONTEXT) * (k + 1) // count for k in range(count)]
    return [(0 if k == 0 else ends[k - 1] - CONTEXT, ends[k]) for k in range(count)]


def keeping(pipeline: MotionPipeline, given: np.ndarray, half: Half, first: int) -> Correction:
    """From step `first` on: latents [1, N, latent_dim] of x_0 with the kept half of `given`."""
    vae = pipeline.model.vae

    def correct(index: int, x_0: Tensor) -> Tensor:
        if index < first:
            return x_0
        decoded, _ = vae.joints(vae.decode(x_0), pipeline.lengths([len(given)]))
        both = joined(given, decoded[0].float().cpu().numpy(), half)
        return vae.encode(torch.from_numpy(features_ahead(both))[None].to(x_0))

    return correct


def _frames(joints: np.ndarray, start: int, end: int) -> np.ndarray:
    """Frames start to end, canonical; the last one is repeated where they go beyond it."""
    part = canonicalize(joints[start:end].astype(np.float64), floor=0.0)
    return np.concatenate((part, np.repeat(part[-1:], end - start - len(part), axis=0)))
