"""Train the denoiser on the latents of a trained VAE: python -m engine train denoiser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.diffusion.flow import FlowConfig, FlowSchedule
from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.models.denoiser import Denoiser, DenoiserConfig
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.models.vae import MotionVAE, VAEConfig, padded
from engine.models.weights import load_weights
from engine.training import corpus
from engine.training.common import Average, Updater
from engine.training.items import Items
from engine.training.loop import Budget, Job
from engine.training.loop import train as run
from engine.training.start import begin, join, settings_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hyper:
    """Hyper-parameters of denoiser training."""

    batch: int = 512  # of all processes together
    rate: float = 6e-4
    drop_text: float = 0.1
    decay: float = 0.9995
    weight_limit: float = 5.0  # most an error in x_0 counts at low noise; see Schedule.loss_weight
    weight_decay: float = 0.02
    seed: int = 0
    graph: bool = True  # replay updates as CUDA graphs
    half: bool = True  # bf16 arithmetic; good on GPUs and on CPUs that have it
    fuse: bool = False  # torch.compile: a minute to start, then faster updates on a GPU


class Latents(Items):
    """All training latents and the caption rows that are true of each, on one device."""

    def __init__(
        self, folder: Path, vae: MotionVAE, encoder: TextEncoder, device: torch.device
    ) -> None:
        items, rows, pools = corpus.load(folder)
        keep = [i for i, item in enumerate(items) if item.split == "train"]
        starts = np.concatenate([[0], np.cumsum([item.frames for item in items])])
        clips = [torch.from_numpy(np.array(rows[starts[i] : starts[i + 1]])) for i in keep]
        super().__init__([items[i] for i in keep], pools, encoder, device)
        self.step = vae.config.frames_per_token
        self.mean, self.spread = self._encode(vae, clips)

    @torch.no_grad()
    def _encode(self, vae: MotionVAE, clips: list[Tensor]) -> tuple[Tensor, Tensor]:
        tokens = vae.n_tokens(int(self.frames.max()))
        mean = torch.zeros(len(clips), tokens, vae.config.latent_dim, device=self.device)
        spread = torch.zeros_like(mean)
        for start in range(0, len(clips), 256):
            x, mask = padded([c.to(self.device) for c in clips[start : start + 256]], self.step)
            mu, log_variance = vae.posterior(x, mask)
            part = slice(start, start + 256)
            mean[part, : mu.shape[1]] = mu
            spread[part, : mu.shape[1]] = (0.5 * log_variance).exp()
        return mean, spread

    def standardise(self, vae: MotionVAE) -> None:
        """Bring the stored latents to unit variance by the statistics of the VAE.

        One fresh from training has none and is given those of these latents. One out of a complete
        model keeps its own, so that the reward trained beside it fits the new model, too.
        """
        if bool((vae.latent_std == 1).all()):
            self._measure(vae)
        self.mean = (self.mean - vae.latent_mean) / vae.latent_std
        self.spread = self.spread / vae.latent_std

    def _measure(self, vae: MotionVAE) -> None:
        mask = self._mask(self.frames)
        weight = mask.float() * self.chance[:, None] / mask.sum(1, keepdim=True)
        weight = (weight / weight.sum())[..., None]
        mean = (self.mean * weight).sum((0, 1))
        variance = ((self.mean - mean).square() + self.spread.square()) * weight
        vae.latent_mean.copy_(mean)
        vae.latent_std.copy_(variance.sum((0, 1)).sqrt())

    def batch(
        self, size: int, draw: Draw | None = None
    ) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """x_0 [B, N, C], frames [B], mask [B, N] and the token states of one caption each."""
        draw = draw or Draw(self.device)
        pick = draw.pick(self.chance, size)
        start, frames = self._crop(pick, self.frames[pick], draw)
        index = start[:, None] + torch.arange(self.mean.shape[1], device=self.device)
        index = index.clamp_max(self.mean.shape[1] - 1)[..., None].expand(
            -1, -1, self.mean.shape[2]
        )
        mean, spread = self.mean[pick].gather(1, index), self.spread[pick].gather(1, index)
        mask = self._mask(frames)
        x_0 = (mean + spread * draw.normal(*mean.shape)) * mask[..., None]
        return x_0, frames, mask, self.captions.rows(self._caption_rows(pick, draw))

    def _mask(self, frames: Tensor) -> Tensor:
        tokens = torch.arange(self.mean.shape[1], device=self.device)
        return tokens[None] * self.step < frames[:, None]


SCHEDULES: dict[str, ScheduleConfig | FlowConfig] = {
    # Epsilon cannot be read at pure noise, so its schedule keeps a little signal there.
    "epsilon": ScheduleConfig("epsilon", rescale_betas_zero_snr=False, timestep_spacing="trailing"),
    "v_prediction": ScheduleConfig("v_prediction"),
    "sample": ScheduleConfig("sample"),
    "flow": FlowConfig(),
}


def schedule_of(config: ScheduleConfig | FlowConfig) -> Schedule | FlowSchedule:
    """The noise that a config describes."""
    return FlowSchedule(config) if isinstance(config, FlowConfig) else Schedule(config)


def vae_config_of(folder: Path) -> VAEConfig:
    """Sizes of the VAE in a folder that `train vae` wrote, or in a complete model's folder."""
    if (folder / "vae.json").is_file():
        return VAEConfig(**read_json(folder / "vae.json"))
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or "vae" not in config:
        raise StudioError(f"{folder} holds no VAE. Train one: python -m engine train vae --help")
    return VAEConfig(**config["vae"])


def train_from_folder(
    data: Path,
    vae_folder: Path,
    out: Path,
    sizes: dict[str, int],
    prediction: str,
    hyper: Hyper,
    budget: Budget,
    device: str | None,
) -> dict[str, Any]:
    """`train` with the VAE's sizes read from its folder and the default text encoder."""
    if prediction not in SCHEDULES:
        raise StudioError(f"{prediction} is no prediction type; choose from {list(SCHEDULES)}.")
    vae_config = vae_config_of(vae_folder)
    budget.check(out)
    processes, place = join(device)
    config = DenoiserConfig(
        latent_dim=vae_config.latent_dim,
        frames_per_token=vae_config.frames_per_token,
        **sizes,
    )
    encoder = TransformersTextEncoder(device=str(place))
    schedule = SCHEDULES[prediction]
    return train(
        data, vae_folder, out, config, vae_config, schedule, encoder, hyper, budget, device,
        processes,
    )  # fmt: skip


def train(
    data: Path,
    vae_folder: Path,
    out: Path,
    config: DenoiserConfig,
    vae_config: VAEConfig,
    schedule_config: ScheduleConfig | FlowConfig,
    encoder: TextEncoder,
    hyper: Hyper,
    budget: Budget,
    device: str | None = None,
    processes: Processes | None = None,
) -> dict[str, Any]:
    """Train until the budget is spent and write a complete model folder to `out`."""
    processes, place = begin(out, budget, hyper.seed, device, processes, hyper.batch)
    vae = MotionVAE(vae_config)
    load_weights(vae, vae_folder / "vae.safetensors")
    vae.eval().requires_grad_(False).to(place)
    latents = Latents(data, vae, encoder, place)
    latents.standardise(vae)
    denoiser = Denoiser(config).to(place)
    job = job_of(denoiser, latents, schedule_of(schedule_config), hyper, processes, out)
    model = MotionModel(vae, job.average.module, schedule_of(schedule_config))  # type: ignore[arg-type]
    job.save = lambda: model.save_pretrained(out)
    job.settings = {**job.settings, **config.to_dict(), **schedule_config.to_dict()}
    report = run(job, budget, processes)
    if processes.main:
        write_json(out / "training.json", report)
    return report


def job_of(
    denoiser: Denoiser, latents: Latents, schedule: Schedule | FlowSchedule, hyper: Hyper,
    processes: Processes, out: Path,
) -> Job:  # fmt: skip
    """How this network is trained on these latents, by one process or several."""
    error: Callable[..., Tensor] = (
        torch.compile(prediction_error) if hyper.fuse else prediction_error
    )
    size = processes.part(hyper.batch)

    def terms_of(*inputs: Tensor) -> Tensor:
        return error(denoiser, *inputs, half=hyper.half)[None]

    def inputs(draw: Draw) -> tuple[Tensor, ...]:
        *found, mask = noised_batch(latents, schedule, hyper, draw, size)
        return *found, mask, processes.mean(mask.sum().float())

    update = Updater(denoiser, terms_of, hyper.weight_decay, hyper.graph, processes)
    return Job(
        "denoiser", out, denoiser, Average(denoiser, hyper.decay), update,
        Draw(latents.device, hyper.seed, processes.draws_for), inputs, ("loss",), hyper.rate,
        settings_of(hyper, len(latents.frames)), save=lambda: None, checks=100,
    )  # fmt: skip


def noised_batch(
    latents: Latents,
    schedule: Schedule | FlowSchedule,
    hyper: Hyper,
    draw: Draw | None = None,
    size: int | None = None,
) -> tuple[Tensor, ...]:
    """Inputs of `prediction_error` for one random batch, of `size` where it is only a part."""
    draw, size = draw or Draw(latents.device), size or hyper.batch
    x_0, frames, mask, (states, text_mask) = latents.batch(size, draw)
    t = draw.integers(schedule.config.num_train_timesteps, size)
    eps = draw.normal(*x_0.shape)
    dropped = draw.uniform(size) < hyper.drop_text
    target = schedule.target(x_0, eps, t)
    weight = schedule.loss_weight(t, hyper.weight_limit)
    x_t = schedule.add_noise(x_0, eps, t)
    return x_t, t, states, text_mask, dropped, target, weight, frames, mask


def prediction_error(
    denoiser: Denoiser,
    x_t: Tensor,
    t: Tensor,
    states: Tensor,
    text_mask: Tensor,
    dropped: Tensor,
    target: Tensor,
    weight: Tensor,
    frames: Tensor,
    mask: Tensor,
    tokens: Tensor | None = None,
    half: bool = False,
) -> Tensor:
    """Weighted mean squared error of the prediction over real tokens; `half` computes in bf16.

    `tokens`: the number of real tokens, where that of the mean process is what counts.
    """
    with torch.autocast(target.device.type, torch.bfloat16, enabled=half):
        condition = denoiser.text(states, text_mask, dropped)
        output = denoiser(x_t, t, condition, frames, mask)
    error = (output.float() - target).square().mean(-1) * weight[:, None]
    return (error * mask).sum() / (mask.sum() if tokens is None else tokens)
