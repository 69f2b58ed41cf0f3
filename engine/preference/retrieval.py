"""Retrieval of held-out captions by a reward, clean and noisy: what must not become worse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.diffusion.schedule import Schedule
from engine.models.reward import RewardModel
from engine.models.vae import MotionVAE
from engine.training.reward_check import HeldOut, embed, recall

RANKS = (1, 2, 3, 5, 10)
LEVELS = (0, 250, 500, 750)
NETWORKS = ("motion", "latent")
Table = dict[str, dict[str, dict[str, float]]]  # level -> network -> rank -> share


def retrieval(
    reward: RewardModel, held: HeldOut, vae: MotionVAE, schedule: Schedule,
    levels: tuple[int, ...] = LEVELS, draws: int = 1,
) -> Table:  # fmt: skip
    """R@1, 2, 3, 5 and 10 of text to motion in groups of 32, at each noise level."""
    table: Table = {}
    for t in levels:
        seeds = range(draws if t else 1)
        rows = [embed(reward.motion, reward.latent, held, vae, schedule, t, k) for k in seeds]
        table[str(t)] = {
            name: dict(zip(
                (f"r{rank}" for rank in RANKS),
                np.mean([
                    recall(one.text, getattr(one, name), held.keys, top=max(RANKS))[
                        [rank - 1 for rank in RANKS]
                    ]
                    for one in rows
                ], axis=0).tolist(),
                strict=True,
            ))
            for name in NETWORKS
        }  # fmt: skip
    return table


def part(held: HeldOut, most: int) -> HeldOut:
    """At most `most` of the clips, evenly picked."""
    count = len(held.keys)
    if count <= most:
        return held
    keep = sorted({round(k) for k in np.linspace(0, count - 1, most)})
    tensors = ("features", "frames_mask", "x_0", "mask", "states", "text_mask")
    return replace(
        held, **{name: getattr(held, name)[keep] for name in tensors},
        keys=[held.keys[k] for k in keep],
    )  # fmt: skip


def score(before: Table, after: Table) -> float:
    """How good a state is to keep: gain in R@1, and any loss anywhere counted heavily."""
    gains = [
        (rank, after[level][network][rank] - value)
        for level, networks in before.items()
        for network, ranks in networks.items()
        for rank, value in ranks.items()
    ]
    first = [gain for rank, gain in gains if rank == "r1"]
    return float(np.mean(first)) + 2.0 * min(0.0, *(gain for _, gain in gains))
