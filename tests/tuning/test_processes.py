"""Several processes make the updates that one would."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from engine.errors import StudioError
from engine.models.processes import Processes
from engine.models.weights import read_tensors
from engine.tuning.learner import Learner
from engine.tuning.methods.easytune_batched import _own
from tests.commands.conftest import ROOT
from tests.tuning import runs


def test_every_pair_of_the_whole_batch_is_somebodys():
    """Pairs of 3 steps and 4 samples over two processes: the same sample and step, once."""
    pairs = torch.randperm(12)
    found = []
    for rank in (0, 1):
        learner = Learner([torch.nn.Parameter(torch.zeros(1))], rate=0.0)
        learner.rank, learner.count = rank, 2
        mine = _own(pairs, 2, learner)
        found += [(int(p) // 2) * 4 + rank * 2 + int(p) % 2 for p in mine]
        assert [f for f in pairs.tolist() if f // 2 % 2 == rank] == found[-len(mine) :]
    assert sorted(found) == list(range(12))


def test_batches_are_shared_evenly_or_not_at_all(tiny_model, tmp_path):
    from engine.tuning.assemble import assemble

    shop = assemble(
        runs.settings(tiny_model, tmp_path), encoder=runs.parts().encoder,
        make=runs.making(runs.ToyReward),
    )  # fmt: skip
    batch = shop.bank.draw(4, 0, 0)
    parts = [Processes(rank, 2).share(batch) for rank in (0, 1)]
    assert parts[0].texts + parts[1].texts == batch.texts
    assert torch.equal(torch.cat([part.noise for part in parts]), batch.noise)
    with pytest.raises(StudioError, match="choose a multiple of 3"):
        Processes(0, 3).share(batch)
    with pytest.raises(StudioError, match="choose a multiple of 3"):
        assemble(runs.settings(tiny_model, tmp_path), Processes(0, 3))


@pytest.mark.slow
def test_two_processes_give_the_result_of_one(tiny_model, tmp_path):
    """The real launcher, the real text encoder, adaptive weights that look at the whole batch."""
    options = [
        "-m", "engine", "tune", "--prompts", str(runs.prompt_file(tmp_path)), "--model",
        str(tiny_model), "--updates", "8", "--batch", "8", "--steps", "3", "--reward",
        "feet=1,smooth=1", "--form", "x_0", "--device", "cpu", "--rate", "0.005", "--weighting",
        "adaptive", "--session",
    ]  # fmt: skip
    launch = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        "--main_process_port", "0",
    ]  # fmt: skip
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    for start, name in (([sys.executable], "one"), (launch, "two")):
        subprocess.run(
            [*start, *options, str(tmp_path / name)], cwd=ROOT, env=environment, check=True,
            timeout=280,
        )  # fmt: skip
    assert runs.events(tmp_path / "two", "start")[0]["processes"] == 2
    one, two = (
        read_tensors(tmp_path / name / "adapter" / "adapter_model.safetensors", "")
        for name in ("one", "two")
    )
    moved = max(float(value.abs().max()) for name, value in one.items() if "lora_B" in name)
    apart = max(float((value - two[name]).abs().max()) for name, value in one.items())
    assert moved > 0.01
    assert apart < 1e-3 * moved
    passes = [runs.events(tmp_path / name, "pass") for name in ("one", "two")]
    for mine, theirs in zip(*passes, strict=True):
        assert theirs["reward"] == pytest.approx(mine["reward"], abs=1e-4)
        assert theirs["terms"] == pytest.approx(mine["terms"], abs=1e-4)
