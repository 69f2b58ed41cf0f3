"""The loss of pairs against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from engine.preference.loss import pair_loss

ONE = torch.ones(1, dtype=torch.float64)


def loss(first: float, second: float, target: float, temperature: float = 0.1) -> float:
    a, b = torch.tensor([[first], [second]], dtype=torch.float64)
    return float(pair_loss(a, b, target * ONE, ONE, temperature))


@pytest.mark.parametrize(
    ("first", "second", "target", "value"),
    [
        (0.5, 0.4, 1.0, math.log(1 + math.exp(-1))),  # one temperature: 0.1 / 0.1 = 1
        (0.4, 0.5, 1.0, math.log(1 + math.e)),
        (0.4, 0.5, 0.0, math.log(1 + math.exp(-1))),
        (0.3, 0.3, 0.5, 0.0),  # a tie of equals costs nothing
        (0.3, 0.3, 1.0, math.log(2)),
        # KL((1/2, 1/2) || (s, 1 - s)) with s = sigma(1)
        (0.5, 0.4, 0.5, -0.5 * math.log(4 * math.e / (1 + math.e) ** 2)),
    ],
)
def test_values(first, second, target, value):
    assert loss(first, second, target) == pytest.approx(value, abs=1e-12)


def test_gradients():
    rewards = torch.tensor([0.3, 0.2, 0.6, 0.1], dtype=torch.float64, requires_grad=True)
    pair_loss(rewards[:2], rewards[2:], torch.tensor([1.0, 0.5]), torch.tensor([2.0, 1.0]),
              0.1).backward()  # fmt: skip
    # d/da of -log sigma((a - b) / 0.1) is -(1 - sigma) / 0.1; of a tie (sigma - 1/2) / 0.1.
    left = -2 * (1 - 1 / (1 + math.exp(3))) / 0.1
    right = (1 / (1 + math.exp(-1)) - 0.5) / 0.1
    wanted = torch.tensor([left, right, -left, -right], dtype=torch.float64)
    assert torch.allclose(rewards.grad, wanted, atol=1e-9)


def test_a_pair_without_weight_has_no_gradient_at_all():
    rewards = torch.tensor([0.3, -50.0], requires_grad=True)
    pair_loss(rewards[:1], rewards[1:], torch.ones(1), torch.zeros(1), 0.1).backward()
    assert torch.equal(rewards.grad, torch.zeros(2))
