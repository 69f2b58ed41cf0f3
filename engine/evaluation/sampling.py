"""Motions of a model for many prompts, and a split generated several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.evaluation.protocol import Reference
from engine.motion.motion import Motion
from engine.pipeline import MotionPipeline

SEED_STEP = 100_003  # between replications; more than the clips of any split


def generate(
    pipeline: MotionPipeline,
    prompts: Sequence[str],
    seconds: Sequence[float],
    seeds: Sequence[int],
    batch: int = 256,
    **how: Any,
) -> list[Motion]:
    """Motions for prompts in batches, sorted by length so that batches hold little padding.

    `how` goes to the pipeline: guidance, steps, clean.
    """
    order = np.argsort(seconds, kind="stable")
    made: dict[int, Motion] = {}
    for start in range(0, len(order), batch):
        part = [int(index) for index in order[start : start + batch]]
        motions = pipeline(
            [prompts[i] for i in part], [seconds[i] for i in part], [seeds[i] for i in part], **how
        )
        made.update(zip(part, motions, strict=True))
    return [made[index] for index in range(len(prompts))]


def replications(
    pipeline: MotionPipeline,
    reference: Reference,
    times: int,
    seed: int = 0,
    batch: int = 256,
    progress: Callable[[int], None] | None = None,
    **how: Any,
) -> list[list[np.ndarray]]:
    """Joints [T,22,3] for every caption of the split, `times` times, each time from other seeds.

    The same `seed` gives every model the same seeds. `progress` is told how many are done.
    """
    made = []
    for number in range(times):
        seeds = [seed + number * SEED_STEP + row for row in range(len(reference.captions))]
        motions = generate(pipeline, reference.captions, reference.seconds, seeds, batch, **how)
        made.append([motion.joints for motion in motions])
        if progress:
            progress(number + 1)
    return made
