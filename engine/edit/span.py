"""Some seconds of a motion once more, whole or half of the body: what is before and after stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.checks import check_guidance, check_prompt, check_seed, check_steps
from engine.edit.crossing import join, lead, on_skeleton, place
from engine.edit.inpaint import check_tokens_in_time, inpaint
from engine.edit.latents import features_ahead
from engine.edit.parts import CONTEXT, Redo, check_span
from engine.edit.redo import HELD, Correction, joined, title
from engine.motion.canonical import canonicalize
from engine.motion.halves import LOWER
from engine.motion.motion import LONGEST_SECONDS, Motion
from engine.motion.skeleton import FPS
from engine.pipeline import MotionPipeline


@dataclass(frozen=True)
class Window:
    """What the sampler sees: joints [W, 22, 3], of which frames `first` to `last` are new.

    `past` tokens before and `future` tokens after are given.
    """

    joints: np.ndarray
    first: int
    last: int
    past: int
    new: int
    future: int


def redo_span(
    pipeline: MotionPipeline,
    motion: Motion,
    change: Redo,
    *,
    guidance: float | None = None,
    steps: int | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Motion:
    """The motion with `change.span`, in seconds, made anew; all other frames stay to the last bit.

    The new part begins with the last tokens before and ends with the first ones after. It is led
    to where the motion goes on, in the last steps as well, so that the network sees where it has
    to arrive. Raises StudioError for what cannot be made, Cancelled when `cancel` says so.
    """
    check_tokens_in_time(pipeline)
    motion.validate(round(LONGEST_SECONDS * FPS))
    given, text = on_skeleton(motion.joints), check_prompt(change.prompt)
    per_token = int(pipeline.model.vae.config.frames_per_token)
    start, end = check_span(change, len(given), per_token)
    count = pipeline.model.steps if steps is None else check_steps(steps)
    scale = check_guidance(pipeline.model.guidance_at(count) if guidance is None else guidance)
    view = window(given, start, end, per_token)
    known = encode(pipeline, canonicalize(view.joints.astype(np.float64), floor=0.0))
    place_of = torch.arange(known.shape[1], device=known.device)[None]
    latents = inpaint(
        pipeline, [text], [len(view.joints)], [check_seed(change.seed)], known,
        (place_of < view.past) | (place_of >= view.past + view.new), guidance=scale, steps=count,
        cancel=cancel, correct=arriving(pipeline, view, change, count - HELD),
    )  # fmt: skip
    mask = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
    made = led(view, pipeline.joints(latents, mask, [len(view.joints)])[0])
    full = given.astype(np.float64)
    full[start:end] = made[view.first : view.last]
    joints = assembled(given, full, start, end, change)
    name = title(motion.prompt, f"{text} ({start / FPS:g} to {end / FPS:g} s)", change.half)
    return Motion(joints, name, change.seed, pipeline.model_id)


def window(given: np.ndarray, start: int, end: int, per_token: int) -> Window:
    """Frames around `start` to `end`; the last one is repeated where the last token goes on."""
    past = min(CONTEXT, start // per_token)
    new = -(-(end - start) // per_token)
    future = min(CONTEXT, max(0, (len(given) - start) // per_token - new))
    first = past * per_token
    frames = start - first + np.arange((past + new + future) * per_token)
    joints = given[np.minimum(frames, len(given) - 1)]
    return Window(joints, first, first + end - start, past, new, future)


def led(view: Window, made: np.ndarray) -> np.ndarray:
    """Joints [W, 22, 3] where the given ones are: placed where the new part begins, led to its end.

    Without given frames before it, it is placed by those after it.
    """
    made = made.astype(np.float64)
    goes_on = view.last < len(view.joints)
    if view.past == 0:
        return place(made, view.last, view.joints[view.last]) if goes_on else made
    made = place(made, view.first - 1, view.joints[view.first - 1])
    if not goes_on:
        return made
    return lead(made, view.first - 1, view.last, view.joints[view.last])


def arriving(pipeline: MotionPipeline, view: Window, change: Redo, first: int) -> Correction:
    """From step `first` on: latents [1, N, latent_dim] of x_0 that arrive, with the kept half."""
    vae = pipeline.model.vae

    def correct(index: int, x_0: Tensor) -> Tensor:
        if index < first:
            return x_0
        decoded, _ = vae.joints(vae.decode(x_0), pipeline.lengths([len(view.joints)]))
        made = led(view, decoded[0].float().cpu().numpy())
        both = made if change.half == "whole" else joined(view.joints, made, change.half)
        return encode(pipeline, canonicalize(both.astype(np.float64), floor=0.0)).to(x_0)

    return correct


def assembled(
    given: np.ndarray, full: np.ndarray, start: int, end: int, change: Redo
) -> np.ndarray:
    """Joints float32 [T, 22, 3]: `full` from `start` to `end`, crossing smoothly, `given` else."""
    both = full if change.half == "whole" else joined(given, full, change.half)
    new = both[start:end].astype(np.float64)
    if start >= 2:
        new = join(given[:start].astype(np.float64), new)
    if end <= len(given) - 2:
        new = join(given[end:][::-1].astype(np.float64), new[::-1])[::-1]
    joints = given.astype(np.float32).copy()
    if change.half == "upper":
        new = new + (given[start:end, :1] - new[:, :1])
        new[:, LOWER] = given[start:end][:, LOWER]
    joints[start:end] = new
    return joints


def encode(pipeline: MotionPipeline, joints: np.ndarray) -> Tensor:
    """Latents [1, N, latent_dim] of joints [T, 22, 3], T a whole number of tokens."""
    features = torch.from_numpy(features_ahead(joints).astype(np.float32))
    return pipeline.model.vae.encode(features[None].to(pipeline.device))
