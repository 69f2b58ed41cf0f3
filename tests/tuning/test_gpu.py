"""On a GPU some methods replay graphs: the same gradients, also once weights have moved."""

from __future__ import annotations

import pytest
import torch

from engine.tuning.learner import Learner
from engine.tuning.methods.registry import make_method
from tests.tuning.toys import toy, toy_batch, tuned

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


BATCHED = {"updates_per_pass": 4}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("easytune-batched", BATCHED),
        ("easytune-batched", {**BATCHED, "trust": 0.5}),
        ("draft", {}),
        ("draft", {"k": 2}),
        ("draft-lv", {}),
    ],
)
def test_captured_passes_move_the_weights_as_eager_ones_do(name, options) -> None:
    moved = []
    for captured in (False, True):
        problem, bank = toy(5, device="cuda")
        method = make_method(name, 5, captured=captured, **options)
        learner = Learner(tuned(problem), rate=1e-3, warm_up=1)
        for number in range(3):
            method(problem, learner, toy_batch(problem, bank), number)
        moved.append(torch.cat([p.detach().flatten() for p in tuned(problem)]))
    start = torch.cat([p.detach().flatten() for p in tuned(toy(5, device="cuda")[0])])
    assert (moved[0] - moved[1]).norm() < 0.05 * (moved[0] - start).norm()
