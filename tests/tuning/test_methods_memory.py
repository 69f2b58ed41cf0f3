"""What autograd holds: EasyTune's graph is one step's however many there are; DRaFT's grows."""

from __future__ import annotations

import pytest
import torch

from engine.tuning.memory import SavedBytes
from engine.tuning.methods.registry import make_method
from tests.tuning.toys import Looker, toy, toy_batch, tuned


class Counter(Looker):
    """Notes how many network evaluations are in the graph of each update."""

    def __init__(self, problem) -> None:
        super().__init__(tuned(problem))
        self.evaluations: list[int] = []
        self._open = 0
        problem.model.denoiser.out.register_forward_hook(self._note)

    def _note(self, _module, _given, output: torch.Tensor) -> None:
        if output.requires_grad:
            output.register_hook(self._reached)

    def _reached(self, gradient: torch.Tensor) -> None:
        self._open += 1

    def apply(self) -> None:
        self.evaluations.append(self._open)
        self._open = 0
        super().apply()


def evaluations(name: str, steps: int, **options) -> list[int]:
    problem, bank = toy(steps)
    counter = Counter(problem)
    make_method(name, steps, **options)(problem, counter, toy_batch(problem, bank), 0)
    return counter.evaluations


@pytest.mark.parametrize("steps", [2, 7])
def test_easytunes_graph_never_spans_two_steps(steps: int) -> None:
    assert evaluations("easytune", steps) == [1] * steps
    assert evaluations("easytune-chain", steps) == [1] * steps
    assert evaluations("draft", steps) == [steps]
    assert evaluations("draft", steps, k=2) == [2]
    assert evaluations("draft-lv", steps) == [3]
    assert evaluations("refl", steps) == [1]


def peak(name: str, steps: int, **options) -> int:
    problem, bank = toy(steps)
    batch = toy_batch(problem, bank)
    with SavedBytes(problem.model.denoiser.parameters()) as saved:
        make_method(name, steps, **options)(problem, Looker(tuned(problem)), batch, 0)
    assert saved.now == 0
    return saved.peak


def test_easytunes_memory_does_not_grow_with_steps() -> None:
    assert peak("easytune", 12) == peak("easytune", 3)
    batched = [peak("easytune-batched", steps, updates_per_pass=1) for steps in (3, 12)]
    assert batched[0] == batched[1] <= peak("easytune", 3)


def test_drafts_memory_grows_with_trained_steps_unless_recomputed() -> None:
    few, many = peak("draft", 3), peak("draft", 12)
    assert many > 3.5 * few
    assert peak("draft", 12, k=3) == pytest.approx(few, rel=0.02)
    assert few > 2.5 * peak("easytune", 12)
    recomputed = peak("draft", 12, checkpoint=True)
    assert recomputed < 0.3 * many


def test_saved_bytes_counts_storages_once() -> None:
    weight = torch.ones(10, requires_grad=True)
    x = torch.ones(1000, requires_grad=True)
    with SavedBytes([weight]) as saved:
        y = x.exp()  # keeps its result
        z = y.square() + y[:10].repeat(100) * y  # keep it again
        assert saved.now == 4000 + 4000  # y, and its repeated part
        (z.sum() + (weight * weight.detach()).sum()).backward()
        assert (saved.now, saved.peak) == (0, 8000)
