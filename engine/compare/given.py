"""Motions that no model here made, such as recordings: looked at like a side of a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.checks import check_prompt
from engine.compare.choice import ModelChoice
from engine.compare.judge import Judge
from engine.compare.pair import Side
from engine.compare.walk import Walk
from engine.diffusion.sampler import Step
from engine.models.device import exact_convolutions
from engine.motion.motion import Motion
from engine.tuning.problem import Batch

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline


def given_side(
    pipeline: MotionPipeline, judge: Judge, choice: ModelChoice, motion: Motion, prompt: str
) -> Side:
    """A motion beside a generated one of `prompt`: its numbers, and where the reward would move it.

    It has no denoising steps. The motion is called by the prompt from then on.
    """
    named = replace(motion, prompt=check_prompt(prompt))
    walked = given_walk(pipeline, named) if pipeline.model.own else None
    rewards = None if walked is None else judge.rewards(walked)
    pull = None if walked is None else judge.pull(pipeline, walked)
    by_step = None if rewards is None else rewards[:, 0]
    return Side(
        choice, named, judge.numbers(named, by_step), None, None if pull is None else pull[0]
    )


def fit(pipeline: MotionPipeline, judge: Judge, motion: Motion, prompt: str) -> dict[str, float]:
    """How well a motion fits a prompt, as cosines from -1 to 1.

    `reward` is the opinion of the network that tuning raises; `similarity` is the evaluator's,
    which no tuning ever sees. Each is there where the judge has the network.
    """
    named = replace(motion, prompt=check_prompt(prompt))
    rewards = judge.rewards(given_walk(pipeline, named)) if pipeline.model.own else None
    numbers = judge.numbers(named, None if rewards is None else rewards[:, 0])
    return {name: numbers[name] for name in ("reward", "similarity") if name in numbers}


@torch.no_grad()
def given_walk(pipeline: MotionPipeline, motion: Motion) -> Walk:
    """A motion's latents with its prompt, as if it were the end of a trajectory.

    Only for models whose latents follow time. StudioError for motions that cannot be taken.
    """
    motion.validate()
    frames, vae = motion.frames, pipeline.model.vae
    features = np.asarray(motion.features, dtype=np.float32)
    whole = vae.n_tokens(frames) * int(vae.config.frames_per_token)
    filled = np.concatenate((features, np.repeat(features[-1:], whole - len(features), axis=0)))
    with exact_convolutions():
        latents = vae.encode(torch.from_numpy(filled)[None].to(pipeline.device))
    noise, mask, states, text_mask = pipeline.prepare([motion.prompt], [frames], [0])
    batch = Batch((motion.prompt,), states, text_mask, pipeline.lengths([frames]), mask, noise)
    return Walk(batch, (frames,), (0,), (Step(0, 0, latents, latents, latents),))
