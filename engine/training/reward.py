"""Train the reward on a corpus and a model's VAE: python -m engine train reward."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule
from engine.errors import StudioError
from engine.evaluation.train_evaluator import contrast
from engine.files import write_json
from engine.models.device import pick_device
from engine.models.reward import READ, LatentReward, MotionReward, RewardConfig, RewardModel
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.models.vae import MotionVAE
from engine.models.weights import file_sha256
from engine.training.common import Average, Clock, Updater
from engine.training.reward_check import HeldOut, embed, recall
from engine.training.reward_data import Batch, Pairs

log = logging.getLogger(__name__)

CHECKS = 10  # times that held-out retrieval is printed and the weights are written
NAMES = ("clean", "noisy", "latent", "match")


@dataclass(frozen=True)
class Hyper:
    """Hyper-parameters of reward training."""

    minutes: float = 2.0
    batch: int = 512
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
    batch: Batch, vae: MotionVAE, schedule: Schedule, half: bool = False
) -> tuple[Tensor, ...]:
    """Inputs of `loss_terms`: every motion twice, clean (t = 0) and noisy (any t).

    Clean motions are features as captured for one half of the batch and decoded from x_0 for the
    other; noisy ones are decoded from x_t, which is what the reward meets in use. Noise is never
    added to features: no sampler makes such motions.
    """
    size = len(batch.x_0)
    steps = schedule.config.num_train_timesteps
    when = torch.randint(steps, (size,), device=batch.x_0.device)
    x_t = schedule.add_noise(batch.x_0, torch.randn_like(batch.x_0), when)
    z = torch.cat([batch.x_0, x_t * batch.mask[..., None]])
    t = torch.cat([torch.zeros_like(when), when])
    mask, frames_mask = batch.mask.repeat(2, 1), batch.frames_mask.repeat(2, 1)
    captured = size // 2
    with torch.autocast(z.device.type, torch.bfloat16, enabled=half):
        decoded = vae.decode(z[captured:], mask[captured:])[..., :READ].float()
    features = torch.cat([batch.features[:captured], decoded])
    return features, frames_mask, z, mask, t, batch.states, batch.text_mask, batch.rivals


def loss_terms(learner: Learner, match: float, half: bool, *inputs: Tensor) -> Tensor:
    """Terms [4] of NAMES whose sum is minimised, from what `views` gives.

    Symmetric InfoNCE of text with clean motions, noisy motions, and latents; and the distance of
    latents to the motions decoded from them. Latents learn the space, they do not shape it.
    """
    *seen, rivals = inputs
    with torch.autocast(rivals.device.type, torch.bfloat16, enabled=half):
        text, motion, latent = learner(*seen)
    scale = learner.log_scale.exp().clamp(max=50.0)
    clean, noisy = motion.chunk(2)
    fixed = text.detach()
    of_latents = [contrast(fixed, part, scale.detach(), ~rivals) for part in latent.chunk(2)]
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
    hyper: Hyper | None = None,
    device: str | None = None,
    encoder: TextEncoder | None = None,
    config: RewardConfig | None = None,
) -> dict[str, Any]:
    """Train on the corpus `data` for the model folder `model`; write a reward folder to `out`.

    Time starts once captions and motions are on the device and a first update has run.
    """
    from accelerate.utils import set_seed

    hyper = hyper or Hyper()
    if hyper.batch < 2:
        raise StudioError("The reward compares motions: give it batches of at least 2.")
    started = time.monotonic()
    set_seed(hyper.seed)
    place = pick_device(device)
    base = MotionModel.from_pretrained(model, place)
    encoder = encoder or TransformersTextEncoder(device=place)
    vae, schedule = base.ours()
    pairs = Pairs(data, vae, encoder, place)
    held = HeldOut.validation(data, vae, encoder, place)
    sizes = config or RewardConfig(text_dim=encoder.dim, latent_dim=vae.config.latent_dim)
    learner = Learner(sizes).to(place)
    pairs.fit(learner.motion)
    average = Average(learner, hyper.decay)
    averaged = cast(Learner, average.module)
    reward = RewardModel(
        averaged.motion, averaged.latent, file_sha256(Path(model) / "vae.safetensors"),
        schedule.config.to_dict(), encoder.name,
    )  # fmt: skip
    log.info("reward: ready after %.0f s", time.monotonic() - started)

    def check() -> dict[str, float]:
        reward.save_pretrained(out)
        return {} if held is None else scores(reward, held, vae, schedule)

    updates, curve = _loop(learner, average, pairs, base, hyper, check)
    report = {"updates": updates, **asdict(hyper), "device": str(place), "curve": curve}
    if place.type == "cuda":
        report["peak_memory_gb"] = round(torch.cuda.max_memory_allocated(place) / 1e9, 2)
    write_json(out / "training.json", report)
    return report


def _loop(
    learner: Learner, average: Average, pairs: Pairs, base: MotionModel, hyper: Hyper,
    check: Callable[[], dict[str, float]],
) -> tuple[int, list[dict[str, float]]]:  # fmt: skip
    """Update until the time is over; nothing in an update waits for the GPU."""

    def terms_of(*inputs: Tensor) -> Tensor:
        return loss_terms(learner, hyper.match, hyper.half, *inputs)

    vae, schedule = base.ours()

    def inputs() -> tuple[Tensor, ...]:
        return views(pairs.pairs(hyper.batch), vae, schedule, hyper.half)

    update = Updater(learner, terms_of, hyper.weight_decay, hyper.graph)
    update(0.0, *inputs())
    clock, updates, counted = Clock(hyper.minutes), 0, 0
    curve: list[dict[str, float]] = []
    running = torch.zeros(len(NAMES), device=pairs.device)
    while not clock.over:
        running += update(hyper.rate * clock.rate(), *inputs())
        average.update()
        updates += 1
        counted += 1
        if updates == 50 and not torch.isfinite(running).all():
            raise StudioError("Training diverged within 50 updates; nothing was written.")
        if clock.over or clock.progress * CHECKS >= len(curve) + 1:
            found = dict(zip(NAMES, (running / counted).tolist(), strict=True))
            curve.append({"update": updates, **found, **check()})
            text = ", ".join(f"{name} {value:.3f}" for name, value in curve[-1].items())
            log.info("reward %.0f%%: %s", 100 * clock.progress, text)
            running.zero_()
            counted = 0
    check()
    return updates, curve


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
