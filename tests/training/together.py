"""All verbs for a few updates, by one process or by those of `accelerate launch`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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
    width=24, recurrent=16, text_width=24, text_layers=1, text_heads=2, embedding=16, dropout=0.0
)
UPDATES = 4
VERBS = ("vae", "denoiser", "reward", "evaluator")


def train_all(dataset: Path, corpus: Path, model: Path, out: Path, processes: Processes) -> None:
    """Train without dropout, whose numbers belong to a process; write NAME-weights.safetensors."""
    jobs: dict[str, loop.Job] = {}

    def run(job: loop.Job, budget: Budget, processes: Processes) -> dict[str, Any]:
        jobs[job.name] = job
        return loop.train(job, budget, processes)

    for module in (vae, denoiser, reward, evaluator):
        module.run = run
    vae.FRAMES_PER_BATCH, reward_networks.DROPOUT = 512, 0.0
    encoder, budget = FakeTextEncoder(), Budget(1.0, updates=UPDATES)
    vae.train(corpus, out / "vae", VAE, budget, 3e-3, 0, "cpu", processes=processes)
    hyper = denoiser.Hyper(batch=8, rate=3e-3, half=False)
    denoiser.train(corpus, model, out / "denoiser", DENOISER, VAE, ScheduleConfig(), encoder, hyper,
                   budget, "cpu", processes)  # fmt: skip
    reward.train(corpus, model, out / "reward", reward.Hyper(batch=8, half=False), budget, "cpu",
                 encoder, REWARD, processes)  # fmt: skip
    recipe = evaluator.Recipe(batch=8, captions=200, noise=0.0, jobs=1)
    evaluator.train(MotionDataset.open(dataset), encoder, budget, "cpu", 0, out / "evaluator",
                    config=JUDGE, recipe=recipe, processes=processes)  # fmt: skip
    if processes.main:
        for name, job in jobs.items():
            (out / f"{name}-weights.safetensors").write_bytes(tensor_bytes(job.module.state_dict()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    together = Processes.start("cpu")
    train_all(*(Path(argument) for argument in sys.argv[1:]), together)
    together.finish()
