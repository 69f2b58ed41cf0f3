"""On a GPU updates are replayed as two graphs: the same weights as without, and nothing extra."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.training import loop
from engine.training.common import Average, Updater
from engine.training.estimate import trial
from engine.training.loop import Budget, Job, Training

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Linear(4, 33), torch.nn.GELU(), torch.nn.Linear(33, 1)
    return torch.nn.Sequential(*layers).cuda()


def updater(module: torch.nn.Module, capture: bool, **more) -> Updater:
    def terms(x):
        error = (module(x).squeeze(-1) - x.square().sum(-1)).square().mean()
        return torch.stack([error, 1e-3 * error])

    return Updater(module, terms, 0.01, capture, **more)


def train(capture: bool, rates: list[float], **more) -> tuple[dict, list[float]]:
    module, draw = network(), Draw(torch.device("cuda"), 0)
    update, losses = updater(module, capture, **more), []
    for number, rate in enumerate(rates):
        draw.start(number)
        losses.append(float(update(rate, draw.normal(8 + 8 * (number % 2), 4))[0]))
    return {**module.state_dict(), **update.moments()}, losses


def test_captured_updates_are_those_without_capture():
    """Two shapes of input, a rate that changes: weights, moments and losses."""
    rates = [1e-2, 1e-2, 5e-3, 2e-2, 1e-2, 1e-3, 1e-2, 1e-2]
    eager, losses = train(False, rates)
    captured, replayed = train(True, rates)
    assert replayed == pytest.approx(losses, rel=1e-4)
    for name, value in eager.items():
        assert torch.allclose(captured[name], value, rtol=1e-4, atol=1e-6), name
    assert float(captured["step/0.weight"]) == len(rates)


def test_gradients_of_two_are_averaged_between_the_graphs():
    """Somebody else with the same gradients changes nothing; one with none halves them."""

    class Twin(Processes):
        def __init__(self, factor: float) -> None:
            super().__init__(0, 2, torch.device("cuda"))
            self.factor = factor

        def add_up(self, tensor: torch.Tensor) -> None:
            tensor *= self.factor

    rates = [1e-2] * 4
    alone, _ = train(True, rates)
    same, _ = train(True, rates, processes=Twin(2.0))
    for name, value in alone.items():
        assert torch.allclose(same[name], value, rtol=1e-4, atol=1e-6), name
    halved = updater(network(), True, processes=Twin(1.0))
    halved(0.0, torch.full((8, 4), 1e-2, device="cuda"))
    whole = updater(network(), True)
    whole(0.0, torch.full((8, 4), 1e-2, device="cuda"))
    ratio = halved.moments()["exp_avg/2.bias"] / whole.moments()["exp_avg/2.bias"]
    assert float(ratio) == pytest.approx(0.5, rel=1e-3)


def job(folder: Path) -> Job:
    module = network()
    return Job(
        "toy", folder, module, Average(module, 0.9), updater(module, True),
        Draw(torch.device("cuda"), 0), lambda draw: (draw.normal(8, 4),), ("error", "more"), 1e-2,
        {"rate": 1e-2}, lambda: None,
    )  # fmt: skip


def test_trying_out_leaves_nothing_behind_and_a_state_goes_on(tmp_path):
    training = Training(job(tmp_path), Budget(1.0), Processes())
    training.stretch(3, 0.5, 0.0)
    before = {name: value.clone() for name, value in training.tensors().items()}
    assert trial(training) > 0
    for name, value in training.tensors().items():
        assert torch.equal(value, before[name]), name
    state = training.take()
    training.stretch(3, 0.5, 0.0)
    other = Training(job(tmp_path), Budget(1.0), Processes())
    trial(other)  # its graphs are recorded, then the state is put in their place
    other.put(state)
    other.stretch(3, 0.5, 0.0)
    for name, value in training.tensors().items():
        assert torch.allclose(other.tensors()[name], value, rtol=1e-4, atol=1e-6), name


def test_the_report_tells_of_the_gpu(tmp_path):
    report = loop.train(job(tmp_path), Budget(1.0, updates=40), Processes())
    assert report["device"].startswith("cuda")
    assert report["predictions"]["memory_bytes"]["measured"] > 0
