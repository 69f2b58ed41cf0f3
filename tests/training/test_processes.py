"""Several processes make the updates that one would; batches are shared evenly or not at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from engine.errors import StudioError
from engine.files import read_json
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.weights import read_tensors
from engine.training import denoiser
from engine.training.denoiser import Hyper
from engine.training.loop import Budget
from tests.commands.conftest import ROOT
from tests.tiny import FakeTextEncoder, save_tiny
from tests.training import together

CPU = torch.device("cpu")
# Such biases change nothing: their gradient is rounding, which Adam makes a step of.
BEFORE_SOFTMAX = ("attend.bias", "in_proj_bias")
LAUNCH = [
    sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
    "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
    "--main_process_port", "0",
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(dataset, corpus_folder, tmp_path_factory):
    """Results of two processes, and of one that draws what the two draw."""
    out = tmp_path_factory.mktemp("together")
    given = [dataset.folder, corpus_folder, save_tiny(out / "model")]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    for start, name, how in ((LAUNCH, "two", "together"), ([sys.executable], "one", "alone")):
        arguments = ["-m", "tests.training.together", *map(str, given), str(out / name), how]
        subprocess.run([*start, *arguments], cwd=ROOT, env=environment, check=True, timeout=280)
    return out


@pytest.mark.parametrize("verb", sorted(together.MODULES))
def test_two_processes_give_the_result_of_one(folders, verb):
    one, two = (
        read_tensors(folders / name / f"{verb}-weights.safetensors") for name in ("one", "two")
    )
    apart = max(
        float((value - two[name]).abs().max())
        for name, value in one.items()
        if not name.endswith(BEFORE_SOFTMAX)
    )
    assert apart < 1e-5  # weights move by the rate, 3e-3, in every update
    name = "vae_report.json" if verb == "vae" else "training.json"
    reports = [read_json(folders / count / verb / name) for count in ("one", "two")]
    assert [report["processes"] for report in reports] == [1, 2]
    assert len(reports[0]["curve"]) == len(reports[1]["curve"]) == together.UPDATES
    for mine, theirs in zip(reports[0]["curve"], reports[1]["curve"], strict=True):
        assert theirs == pytest.approx(mine, rel=1e-3, abs=1e-3)


def test_processes_draw_numbers_of_their_own_and_the_same_again():
    def numbers(rank, update):
        draw = Draw(CPU, 3, (rank,))
        draw.start(update)
        return torch.cat([draw.uniform(4), draw.normal(4), draw.integers(99, 4).float()])

    assert torch.equal(numbers(0, 7), numbers(0, 7))
    for other in (numbers(1, 7), numbers(0, 8)):
        assert not torch.isclose(numbers(0, 7), other).any(0).all()
    both = Draw(CPU, 3, (0, 1))
    both.start(7)
    drawn = both.uniform(8)
    assert torch.equal(drawn[::2], numbers(0, 7)[:4])
    assert torch.equal(drawn[1::2], numbers(1, 7)[:4])
    both.start(7)
    assert torch.equal(both.uniform(8), drawn)


def test_what_all_share_is_the_same_for_all():
    draws = [Draw(CPU, 3, (rank,)) for rank in (0, 1)]
    for draw in draws:
        draw.start(5)
    assert draws[0].common.random() == draws[1].common.random()


def test_a_batch_that_cannot_be_shared_is_refused(corpus_folder, tmp_path):
    with pytest.raises(StudioError, match="A batch of 16 cannot be shared by 3 processes"):
        denoiser.train(corpus_folder, save_tiny(tmp_path / "model"), tmp_path / "out",
                       together.DENOISER, together.VAE, None, FakeTextEncoder(), Hyper(batch=16),
                       Budget(1.0), "cpu", Processes(0, 3))  # fmt: skip
