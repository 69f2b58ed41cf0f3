"""Train the motion VAE: python -m engine train vae."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import l1_loss, smooth_l1_loss

from engine.files import write_json
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.vae import MotionVAE, VAEConfig, reconstruct
from engine.motion.features import features_to_joints
from engine.motion.kinematics import to_skeleton
from engine.motion.skeleton import LEFT_FOOT, RIGHT_FOOT
from engine.training import corpus
from engine.training.common import Average, Updater
from engine.training.loop import Budget, Job
from engine.training.loop import train as run
from engine.training.start import begin

log = logging.getLogger(__name__)

WINDOWS = (32, 64, 96, 128, 192)  # frames; batches of one length need no padding
FRAMES_PER_BATCH = 256 * 64
TERMS = (
    "features", "feature_speed", "local_joints", "world_joints", "joint_speed", "planted_feet",
    "kl",
)  # fmt: skip
FEET = (*LEFT_FOOT, *RIGHT_FOOT)  # joints of the four contact features, in their order


@dataclass(frozen=True)
class LossWeights:
    """Weights of the VAE's loss terms; positions in metres, speeds in metres per frame."""

    features: float = 1.0
    feature_speed: float = 0.5
    local_joints: float = 4.0
    world_joints: float = 1.0
    joint_speed: float = 20.0
    planted_feet: float = 10.0
    kl: float = 1e-4


class Frames:
    """All feature rows on one device, with windows drawn by item weight."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        items, rows, _ = corpus.load(folder)
        self.rows = torch.from_numpy(np.array(rows)).to(device)
        frames = np.array([item.frames for item in items])
        starts = np.concatenate([[0], np.cumsum(frames)[:-1]])
        self.train = np.array([item.split == "train" for item in items])
        chance = np.zeros(len(items))
        chance[self.train] = corpus.weights([i for i in items if i.split == "train"])
        self.device = device
        self.frames, self.starts, self.chance = frames, starts, chance
        self._tables: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean per channel and standard deviation per part, as HumanML3D pools it."""
        from engine.motion.features import HUMANML3D

        weight = torch.as_tensor(
            np.repeat(self.chance / self.frames, self.frames), device=self.device
        ).float()
        weight = weight / weight.sum()
        mean = (self.rows * weight[:, None]).sum(0)
        std = ((self.rows - mean).square() * weight[:, None]).sum(0).sqrt()
        for part in HUMANML3D.parts.values():
            std[part] = std[part].mean()
        return mean, std.clamp_min(1e-4)

    def batch(self, draw: Draw, share: int = 1) -> Tensor:
        """Windows [B / share, W, 263] of one random length W; B W is FRAMES_PER_BATCH."""
        window = int(draw.common.choice(WINDOWS))
        if window not in self._tables:
            fits = (self.frames >= window) & self.train
            while not fits.any():  # tiny datasets may lack long clips
                window //= 2
                fits = (self.frames >= window) & self.train
            chance = torch.as_tensor(self.chance[fits] * self.frames[fits] ** 0.5)
            self._tables[window] = (
                chance.float().to(self.device),
                torch.as_tensor(self.starts[fits], device=self.device),
                torch.as_tensor(self.frames[fits] - window, device=self.device),
            )
        chance, starts, slack = self._tables[window]
        pick = draw.pick(chance, max(FRAMES_PER_BATCH // window // share, 1))
        offset = (draw.uniform(len(pick)) * (slack[pick] + 1)).long()
        index = (starts[pick] + offset)[:, None] + torch.arange(window, device=self.device)
        return self.rows[index]

    def held_out(self) -> list[Tensor]:
        """The validation items, or the training items where there are none."""
        chosen = np.flatnonzero(~self.train) if (~self.train).any() else np.arange(len(self.train))
        return [self.rows[self.starts[i] : self.starts[i] + self.frames[i]] for i in chosen]


def loss_terms(vae: MotionVAE, x: Tensor, noise: Tensor, weights: LossWeights) -> dict[str, Tensor]:
    """Loss terms of windows x [B, W, 263] with standard noise [B, W / frames per token, C].

    Their weighted sum is what is minimised.
    """
    on_gpu = x.device.type == "cuda"
    with torch.autocast(x.device.type, torch.bfloat16, enabled=on_gpu):
        mean, log_variance = vae.posterior(x)
        mean, log_variance = mean.float(), log_variance.float()
        latents = mean + noise * (0.5 * log_variance).exp()
        rebuilt = vae.decode_raw(latents).float()
    target = (x - vae.feature_mean) / vae.feature_std
    output = (rebuilt - vae.feature_mean) / vae.feature_std
    true = features_to_joints(x)
    made = to_skeleton(features_to_joints(rebuilt))
    speed = made.diff(dim=1)
    planted = x[:, :-1, 259:263] * (feet_of(true.diff(dim=1)).norm(dim=-1) < 0.02)
    return {
        "features": weights.features * smooth_l1_loss(output, target),
        "feature_speed": weights.feature_speed
        * smooth_l1_loss(output.diff(dim=1), target.diff(dim=1)),
        "local_joints": weights.local_joints
        * l1_loss(made - made[:, :, :1], true - true[:, :, :1]),
        "world_joints": weights.world_joints * l1_loss(made, true),
        "joint_speed": weights.joint_speed * l1_loss(speed, true.diff(dim=1)),
        "planted_feet": weights.planted_feet
        * (feet_of(speed - true.diff(dim=1)).norm(dim=-1) * planted).mean(),
        "kl": weights.kl * 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(),
    }


def feet_of(joints: Tensor) -> Tensor:
    """The four contact joints [B, T, 4, 3] of joints [B, T, J, 3], in the order of FEET."""
    # Stacked slices, because an index list cannot enter a CUDA graph.
    return torch.stack([joints[:, :, joint] for joint in FEET], dim=2)


@torch.no_grad()
def measure(vae: MotionVAE, clips: list[Tensor]) -> dict[str, float]:
    """Mean joint error in millimetres, in the world and relative to the root."""
    world, local = [], []
    for true, made in zip(clips, reconstruct(vae, clips), strict=True):
        a, b = features_to_joints(true), to_skeleton(features_to_joints(made))
        world.append((a - b).norm(dim=-1).mean())
        local.append(((a - a[:, :1]) - (b - b[:, :1])).norm(dim=-1).mean())
    return {
        "world_mm": 1000 * float(torch.stack(world).mean()),
        "local_mm": 1000 * float(torch.stack(local).mean()),
    }


def train(
    data: Path,
    out: Path,
    config: VAEConfig,
    budget: Budget,
    rate: float = 4e-4,
    seed: int = 0,
    device: str | None = None,
    weights: LossWeights | None = None,
    processes: Processes | None = None,
) -> dict[str, Any]:
    """Train on a corpus folder; write weights and a report to `out`."""
    from engine.models.weights import save_weights

    processes, place = begin(out, budget, seed, device, processes)
    frames = Frames(data, place)
    vae = MotionVAE(config).to(place)
    mean, std = frames.statistics()
    vae.feature_mean.copy_(mean)
    vae.feature_std.copy_(std)
    job = job_of(vae, frames, weights or LossWeights(), rate, seed, processes, out)
    average = cast(MotionVAE, job.average.module)

    def save() -> None:
        save_weights(average, out / "vae.safetensors", half=True)
        write_json(out / "vae.json", config.to_dict())

    job.save = save
    report = run(job, budget, processes)
    if processes.main:
        report["held_out"] = measure(average, frames.held_out())
        log.info("vae: held out %s", report["held_out"])
        write_json(out / "vae_report.json", report)
    return report


def job_of(
    vae: MotionVAE, frames: Frames, weights: LossWeights, rate: float, seed: int,
    processes: Processes, out: Path,
) -> Job:  # fmt: skip
    """How the VAE is trained on these frames, by one process or several."""

    def terms_of(x: Tensor, noise: Tensor) -> Tensor:
        return torch.stack(list(loss_terms(vae, x, noise, weights).values()))

    def inputs(draw: Draw) -> tuple[Tensor, Tensor]:
        x = frames.batch(draw, processes.count)
        return x, draw.normal(len(x), vae.n_tokens(x.shape[1]), vae.config.latent_dim)

    settings = {"rate": rate, "seed": seed, **asdict(weights), **vae.config.to_dict()}
    return Job(
        "vae", out, vae, Average(vae, 0.999), Updater(vae, terms_of, 0.01, processes=processes),
        Draw(frames.device, seed, processes.draws_for), inputs, TERMS, rate,
        {**settings, "motions": len(frames.frames)}, save=lambda: None,
    )  # fmt: skip
