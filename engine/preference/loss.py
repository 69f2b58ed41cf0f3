"""The loss of pairs: KL between what was answered and what both rewards say (SPL, Eq. 15-17)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def pair_loss(
    first: Tensor, second: Tensor, target: Tensor, weight: Tensor, temperature: float
) -> Tensor:
    """Sum of weight x KL(Q || P) over pairs.

    P = softmax((first, second) / temperature) of rewards [V], Q = (target, 1 - target): 1 where
    the first is the better one, 0.5 where both are alike. For target 1 this is the loss of
    Bradley and Terry, -log sigma((first - second) / temperature). The temperature is applied once.
    A pair of weight 0 has no gradient at all.
    """
    margin = (first - second) / temperature
    cross = -(target * logsigmoid(margin) + (1 - target) * logsigmoid(-margin))
    entropy = torch.special.entr(target) + torch.special.entr(1 - target)
    return (weight * (cross - entropy)).sum()
