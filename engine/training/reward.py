"""Train the reward on a corpus and a model's VAE: python -m engine train reward."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule
from engine.errors import StudioError
from engine.files import write_json
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.reward import READ, LatentReward, MotionReward, RewardConfig, RewardModel
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.models.vae import MotionVAE
from engine.models.weights import file_sha256
from engine.training.common import Average, Updater
from engine.training.evaluator import contrast
from engine.training.loop import Budget, Job
from engine.training.loop import train as run
from engine.training.reward_check import HeldOut, embed, recall
from engine.training.reward_data import Batch, Pairs
from engine.training.start import begin, settings_of

log = logging.getLogger(__name__)

CHECKS = 10  # times that held-out retrieval is printed and the weights are written
NAMES = ("clean", "noisy", "latent", "match")


@dataclass(frozen=True)
class Hyper:
    """Hyper-parameters of reward training."""

    batch: int = 512  # of all processes together
    rate: float = 1e-3
    match: float = 4.0  # weight of the distance between latent and motion embeddings
    decay: float = 0.998
    weight_decay: float = 0.05
    seed: int = 0
    graph: bool = False  # replay updates as CUDA graphs
    half: bool = True  # bf16 arithmetic


class Learner(nn.Module):
    """Both networks and the inverse temperature of the contrast, trained as one."""

    def __init__(self, config: RewardConfig) -> None:
        super().__init__()
        self.motion = MotionReward(config)
        self.latent = LatentReward(config)
        self.log_scale = nn.Parameter(torch.tensor(2.7))

    def forward(
        self, features: Tensor, frames_mask: Tensor, z: Tensor, mask: Tensor, t: Tensor,
        states: Tensor, text_mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Embeddings of texts [B, D], motions [2B, D] and latents [2B, D]."""
        text = self.motion.embed_text(states, text_mask)
        motion = self.motion.embed_motion(features, frames_mask, t)
        return text, motion, self.latent.embed_latent(z, mask, t)


@torch.no_grad()
def views(
    batch: Batch, vae: MotionVAE, schedule: Schedule, half: bool = False, draw: Draw | None = None
) -> tuple[Tensor, ...]:
    """Inputs of `loss_terms`: every motion twice, clean (t = 0) and noisy (any t).

    Clean motions are features as captured for one half of the batch and decoded from x_0 for the
    other; noisy ones are decoded from x_t, which is what the reward meets in use. Noise is never
    added to features: no sampler makes such motions.
    """
    size = len(batch.x_0)
    steps = schedule.config.num_train_timesteps
    draw = draw or Draw(batch.x_0.device)
    when = draw.integers(steps, size)
    x_t = schedule.add_noise(batch.x_0, draw.normal(*batch.x_0.shape), when)
    z = torch.cat([batch.x_0, x_t * batch.mask[..., None]])
    t = torch.cat([torch.zeros_like(when), when])
    mask, frames_mask = batch.mask.repeat(2, 1), batch.frames_mask.repeat(2, 1)
    captured = size // 2
    with torch.autocast(z.device.type, torch.bfloat16, enabled=half):
        decoded = vae.decode(z[captured:], mask[captured:])[..., :READ].float()
    features = torch.cat([batch.features[:captured], decoded])
    return features, frames_mask, z, mask, t, batch.states, batch.text_mask, batch.rivals


def loss_terms(
    learner: Learner, match: float, half: bool, *inputs: Tensor, processes: Processes | None = None
) -> Tensor:
    """Terms [4] of NAMES whose sum is minimised, from what `views` gives.

    Symmetric InfoNCE of text with clean motions, noisy motions, and latents; and the distance of
    latents to the motions decoded from them. Latents learn the space, they do not shape it.
    Every motion of every process competes.
    """
    *seen, rivals = inputs
    whole = (processes or Processes()).whole
    with torch.autocast(rivals.device.type, torch.bfloat16, enabled=half):
        text, motion, latent = learner(*seen)
    scale = learner.log_scale.exp().clamp(max=50.0)
    text = whole(text)
    clean, noisy = (whole(part) for part in motion.chunk(2))
    fixed = text.detach()
    of_latents = [contrast(fixed, whole(part), scale.detach(), ~rivals) for part in latent.chunk(2)]
    return torch.stack([
        contrast(text, clean, scale, ~rivals),
        contrast(text, noisy, scale, ~rivals),
        0.5 * torch.stack(of_latents).sum(),
        match * (1 - (latent * motion.detach()).sum(-1)).mean(),
    ])  # fmt: skip


def train(
    data: Path,
    model: Path,
    out: Path,
    hyper: Hyper,
    budget: Budget,
    device: str | None = None,
    encoder: TextEncoder | None = None,
    config: RewardConfig | None = None,
    processes: Processes | None = None,
) -> dict[str, Any]:
    """Train on the corpus `data` for the model folder `model`; write a reward folder to `out`.

    Time starts once captions and motions are on the device and a first update has run.
    """
    if hyper.batch < 2:
        raise StudioError("The reward compares motions: give it batches of at least 2.")
    processes, place = begin(out, budget, hyper.seed, device, processes, hyper.batch)
    base = MotionModel.from_pretrained(model, place)
    encoder = encoder or TransformersTextEncoder(device=place)
    vae, schedule = base.ours()
    pairs = Pairs(data, vae, encoder, place)
    held = HeldOut.validation(data, vae, encoder, place) if processes.main else None
    sizes = config or RewardConfig(text_dim=encoder.dim, latent_dim=vae.config.latent_dim)
    learner = Learner(sizes).to(place)
    pairs.fit(learner.motion)
    job = job_of(learner, pairs, vae, schedule, hyper, processes, out)
    averaged = cast(Learner, job.average.module)
    reward = RewardModel(
        averaged.motion, averaged.latent, file_sha256(Path(model) / "vae.safetensors"),
        schedule.config.to_dict(), encoder.name,
    )  # fmt: skip
    job.save = lambda: reward.save_pretrained(out)
    job.check = lambda: {} if held is None else scores(reward, held, vae, schedule)
    job.settings = {**job.settings, **sizes.to_dict(), "vae": reward.vae_sha256}
    report = run(job, budget, processes)
    if processes.main:
        write_json(out / "training.json", report)
    return report


def job_of(
    learner: Learner, pairs: Pairs, vae: MotionVAE, schedule: Schedule, hyper: Hyper,
    processes: Processes, out: Path,
) -> Job:  # fmt: skip
    """How both networks are trained on these pairs, by one process or several."""
    size = processes.part(hyper.batch)

    def terms_of(*inputs: Tensor) -> Tensor:
        return loss_terms(learner, hyper.match, hyper.half, *inputs, processes=processes)

    def inputs(draw: Draw) -> tuple[Tensor, ...]:
        return views(pairs.pairs(size, draw, processes), vae, schedule, hyper.half, draw)

    # Rows of other processes are fetched in the middle of the loss, which a graph cannot hold.
    graph = hyper.graph and processes.count == 1
    update = Updater(learner, terms_of, hyper.weight_decay, graph, processes)
    return Job(
        "reward", out, learner, Average(learner, hyper.decay), update,
        Draw(pairs.device, hyper.seed, processes.draws_for), inputs, NAMES, hyper.rate,
        settings_of(hyper, len(pairs.frames)), save=lambda: None, checks=CHECKS,
    )  # fmt: skip


def scores(
    reward: RewardModel, held: HeldOut, vae: MotionVAE, schedule: Schedule
) -> dict[str, float]:
    """Retrieval of held-out captions at t = 0 and t = 500, from motions and from latents."""
    found = {}
    for t in (0, 500):
        rows = embed(reward.motion, reward.latent, held, vae, schedule, t)
        for name, vectors in (("motion", rows.motion), ("latent", rows.latent)):
            for rank, value in zip((1, 3), recall(rows.text, vectors, held.keys)[[0, 2]],
                                   strict=True):  # fmt: skip
                found[f"{name}_t{t}_r{rank}"] = float(value)
    return found
