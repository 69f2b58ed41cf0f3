"""Where the reward is wrong: captions whose own motion is not among the best of the whole pool."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

TOP = 10  # K of SPL


class Mined(NamedTuple):
    """Per caption: rank of its own motion from 0, the best wrong motion, and whether it is a pair.

    A caption whose motion is among the first K is no pair: it is skipped and costs nothing.
    """

    rank: Tensor
    rival: Tensor
    hard: Tensor


def mine(text: Tensor, own: Tensor, pool: Tensor, rivals: Tensor, top: int = TOP) -> Mined:
    """Retrieve from the whole pool for each caption (SPL, Eq. 13).

    Unit vectors of captions [C, D] and of the pool's motions [M, D]; `own` [C] are the captions'
    motions in the pool; `rivals` [C, M] is true where a motion is a wrong answer. Motions that
    are as right as the caption's own one neither push it down nor become the worse one of a pair.
    """
    scores = text @ pool.T
    mine_ = scores.gather(1, own[:, None])
    wrong = rivals.scatter(1, own[:, None], torch.zeros_like(own[:, None], dtype=torch.bool))
    others = scores.masked_fill(~wrong, -torch.inf)
    rank = (others > mine_).sum(dim=1)
    return Mined(rank, others.argmax(dim=1), rank >= top)
