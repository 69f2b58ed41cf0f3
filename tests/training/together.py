"""Every verb on a toy for a few updates, by one process or by those of `accelerate launch`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from engine.data.dataset import MotionDataset
from engine.diffusion.schedule import ScheduleConfig
from engine.evaluation.evaluator_net import EvaluatorConfig
from engine.models import reward as reward_networks
from engine.models.denoiser import DenoiserConfig
from engine.models.processes import Processes
from engine.models.reward import RewardConfig
from engine.models.vae import VAEConfig
from engine.models.weights import tensor_bytes
from engine.training import denoiser, evaluator, loop, reward, vae
from engine.training.loop import Budget
from tests.tiny import FakeTextEncoder

VAE = VAEConfig(8, 4, 16, 16, 1)
DENOISER = DenoiserConfig(8, 32, 3, 2, 64, 384, 1, 4, 2)
REWARD = RewardConfig(16, 384, 16, 1, 32, 2, 32, 4, 8, 16, 2, 2)
JUDGE = EvaluatorConfig(
    width=24, recurrent=16, text_width=24, text_layers=1, text_heads=2, embedding=16, dropout=0.2
)
UPDATES = 4
MODULES = {"vae": vae, "denoiser": denoiser, "reward": reward, "evaluator": evaluator}


class Given(NamedTuple):
    """Folders that training reads."""

    dataset: Path
    corpus: Path
    model: Path


def train(
    verb: str, given: Given, out: Path, budget: Budget, processes: Processes, exact: bool = False,
    rate: float = 3e-3,
) -> None:  # fmt: skip
    """One verb on the CPU. `exact` leaves out what is random in each process by itself."""
    encoder = FakeTextEncoder()
    if verb == "vae":
        vae.train(given.corpus, out, VAE, budget, rate, 0, "cpu", processes=processes)
    elif verb == "denoiser":
        hyper = denoiser.Hyper(batch=8, rate=rate, half=False)
        denoiser.train(given.corpus, given.model, out, DENOISER, VAE, ScheduleConfig(), encoder,
                       hyper, budget, "cpu", processes)  # fmt: skip
    elif verb == "reward":
        hyper = reward.Hyper(batch=8, rate=rate, half=False)
        reward.train(given.corpus, given.model, out, hyper, budget, "cpu", encoder, REWARD,
                     processes)  # fmt: skip
    else:
        config = replace(JUDGE, dropout=0.0) if exact else JUDGE
        noise = 0.0 if exact else 0.05
        recipe = evaluator.Recipe(batch=8, rate=rate, captions=200, noise=noise, jobs=1)
        evaluator.train(MotionDataset.open(given.dataset), encoder, budget, "cpu", 0, out,
                        config=config, recipe=recipe, processes=processes)  # fmt: skip


def watched(jobs: dict[str, loop.Job]) -> Any:
    """`loop.train` that keeps the jobs."""

    def run(job: loop.Job, budget: Budget, processes: Processes) -> dict[str, Any]:
        jobs[job.name] = job
        return loop.train(job, budget, processes)

    return run


def train_all(given: Given, out: Path, processes: Processes) -> None:
    """Every verb, exactly; writes NAME-weights.safetensors."""
    jobs: dict[str, loop.Job] = {}
    vae.FRAMES_PER_BATCH, reward_networks.DROPOUT = 512, 0.0
    for verb, module in MODULES.items():
        module.run = watched(jobs)
        train(verb, given, out / verb, Budget(1.0, updates=UPDATES), processes, exact=True)
        if processes.main:
            weights = tensor_bytes(jobs[verb].module.state_dict())
            (out / f"{verb}-weights.safetensors").write_bytes(weights)


if __name__ == "__main__":
    torch.set_num_threads(1)
    *folders, results, how = sys.argv[1:]
    here = Processes.start("cpu")
    if how == "alone":
        here.draws_for = (0, 1)  # the numbers of two
    train_all(Given(*map(Path, folders)), Path(results), here)
    here.finish()
