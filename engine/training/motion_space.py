"""Train an MDM, diffusion over normalised frames, on a corpus: python -m engine train mdm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from engine.backbones.mdm import MDM, Frames, FramesConfig, MDMConfig
from engine.diffusion.ancestral import AncestralConfig, AncestralSchedule
from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.files import write_json
from engine.models.captions import CaptionTable
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.motion.features import HUMANML3D, features_to_joints
from engine.training.common import Average, Updater
from engine.training.frame_rows import FrameRows
from engine.training.loop import Budget, Job
from engine.training.loop import train as run
from engine.training.start import begin, join, settings_of
from engine.training.vae import feet_of

NAMES = ("features", "joints", "feet")
LOOKS = 50  # times that the loss is printed
GUIDANCE = 2.5  # as published
HEAD = 64  # channels of an attention head
ROOT_WEIGHT = 4.0  # of the root's 4 features of 263: they alone say where the motion goes
FAR = 5.0  # standard deviations beyond which an error counts linearly
JOINT_UNIT, SPEED_UNIT = 0.12, 0.02  # metres, metres per frame: about the spread of real motion
RIDGE = 0.05  # of the mean variance: how little a direction of prompts may vary and still count


@dataclass(frozen=True)
class Hyper:
    """Hyper-parameters of motion-space training."""

    batch: int = 256  # of all processes together
    rate: float = 4e-4
    drop_text: float = 0.1
    joints: float = 0.1  # weight of the distance of joints in the world
    feet: float = 0.1  # weight of the speed of feet that stand
    decay: float = 0.9995
    weight_decay: float = 0.01
    seed: int = 0
    graph: bool = True  # replay updates as CUDA graphs
    half: bool = True  # bf16 arithmetic
    fuse: bool = False  # torch.compile: minutes to start, then faster updates on a GPU


def train_from_folder(
    data: Path,
    out: Path,
    sizes: dict[str, Any],
    steps: int,
    hyper: Hyper,
    budget: Budget,
    device: str | None,
) -> dict[str, Any]:
    """`train` with the default text encoder; `sizes` are layers, width and feed_forward."""
    heads = max(1, sizes["width"] // HEAD)
    if sizes["width"] % (2 * heads):
        raise StudioError(
            f"The width {sizes['width']} is no multiple of {2 * heads}: each of its {heads} heads "
            "needs an even number of channels."
        )
    budget.check(out)
    processes, place = join(device)
    encoder = TransformersTextEncoder(device=str(place))
    config = MDMConfig(heads=heads, text_dim=encoder.dim, **sizes)
    noise = AncestralConfig(steps)
    return train(data, out, config, noise, encoder, hyper, budget, device, processes)


def train(
    data: Path,
    out: Path,
    config: MDMConfig,
    schedule_config: AncestralConfig,
    encoder: TextEncoder,
    hyper: Hyper,
    budget: Budget,
    device: str | None = None,
    processes: Processes | None = None,
) -> dict[str, Any]:
    """Train until the budget is spent and write a complete model folder to `out`."""
    processes, place = begin(out, budget, hyper.seed, device, processes, hyper.batch)
    rows = FrameRows(data, encoder, place)
    codec = Frames(FramesConfig(config.features, config.mask_frames)).to(place)
    codec.feature_mean.copy_(rows.mean)
    codec.feature_std.copy_(rows.std)
    network = MDM(config).to(place)
    fit_text(network, rows.captions)
    average = Average(network, hyper.decay)
    schedule = AncestralSchedule(schedule_config)
    model = MotionModel(
        codec, cast(MDM, average.module), schedule, schedule_config.num_train_timesteps,
        GUIDANCE, family="mdm",
    )  # fmt: skip
    loss = Loss(network, codec, schedule, hyper, place)
    job = job_of(loss, average, rows, processes, out, lambda: model.save_pretrained(out))
    job.settings = {**job.settings, **config.to_dict(), **schedule_config.to_dict()}
    report = run(job, budget, processes)
    if processes.main:
        if place.type == "cuda":
            report["peak_memory_gb"] = round(torch.cuda.max_memory_allocated(place) / 1e9, 2)
        write_json(out / "training.json", report)
    return report


class Loss:
    """Terms of NAMES for one batch: x_0 as the network predicts it, and the joints it means."""

    def __init__(
        self, network: MDM, codec: Frames, schedule: AncestralSchedule, hyper: Hyper,
        device: torch.device,
    ) -> None:  # fmt: skip
        self.network, self.codec, self.hyper, self.device = network, codec, hyper, device
        self.levels = schedule.alphas_cumprod.float().to(device)
        weight = torch.ones(network.config.features, device=device)
        weight[: HUMANML3D.parts["height"].stop] = ROOT_WEIGHT
        self.weight = weight / weight.mean()
        # Each length of a batch gets kernels of its own, as it gets its own graph.
        self._forward: Callable[..., Tensor] = (
            torch.compile(network, dynamic=False) if hyper.fuse else network
        )

    def inputs(
        self, rows: FrameRows, draw: Draw, size: int, span: int | None = None
    ) -> tuple[Tensor, ...]:
        """One random batch with noise, timesteps and the prompts that are left out."""
        x_0, frames, mask, (states, text_mask) = rows.batch(size, draw, span)
        t = draw.integers(len(self.levels), size)
        dropped = draw.uniform(size) < self.hyper.drop_text
        real = mask.sum().float()
        return x_0, draw.normal(*x_0.shape), t, states, text_mask, dropped, frames, mask, real

    def __call__(
        self, x_0: Tensor, eps: Tensor, t: Tensor, states: Tensor, text_mask: Tensor,
        dropped: Tensor, frames: Tensor, mask: Tensor, real: Tensor,
    ) -> Tensor:  # fmt: skip
        """Weighted terms [3], to be summed; x_0 and eps [B, T, 263], mask [B, T] of real frames.

        `real`: how many frames are real, in the mean over processes.
        """
        level = self.levels[t]
        signal, noise = level.sqrt()[:, None, None], (1 - level).sqrt()[:, None, None]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.hyper.half):
            condition = self.network.text(states, text_mask, dropped)
            made = self._forward(signal * x_0 + noise * eps, t, condition, frames, mask)
        made = made.float()
        # Quadratic up to FAR, then linear: a motion's first turn may lie 100 deviations off.
        error = 2 * FAR * smooth_l1_loss(made, x_0, beta=FAR, reduction="none")
        error = (error * self.weight).mean(-1)
        joints, planted = geometry(self.codec, made, x_0, mask)
        # What is predicted at much noise is a mean of many motions, and the joints of a mean are
        # not the mean of the joints: geometry counts as far as x_t still shows the motion.
        clear = level[:, None] * mask
        return torch.stack([
            (error * mask).sum() / real,
            self.hyper.joints * (joints * clear).sum() / real,
            self.hyper.feet * (planted * clear[:, 1:]).sum() / real,
        ])  # fmt: skip


def geometry(codec: Frames, made: Tensor, x_0: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Per frame, how far joints are off [B, T], and how standing feet move [B, T - 1].

    MDM's geometric losses (eq. 3 and 5) on positions in the world, in units of JOINT_UNIT and
    SPEED_UNIT; a foot stands where the features' contacts say so. Padding is for the caller to
    leave out: no frame depends on those after it.
    """
    raw = codec.decode(x_0)
    true, ours = features_to_joints(raw), features_to_joints(codec.decode(made))
    off = smooth_l1_loss(ours / JOINT_UNIT, true / JOINT_UNIT, reduction="none").mean((2, 3))
    stands = raw[:, :-1, HUMANML3D.parts["contact"]] > 0.5
    slide = (feet_of(ours.diff(dim=1)) - feet_of(true.diff(dim=1))) / SPEED_UNIT
    moved = smooth_l1_loss(slide, torch.zeros_like(slide), reduction="none").mean(-1)
    return off, (moved * (stands & mask[:, 1:, None])).mean(-1)


@torch.no_grad()
def fit_text(network: MDM, captions: CaptionTable, batch: int = 4096) -> None:
    """Let the network's first reading of prompts whiten them.

    Vectors of sentences share most of their length and differ in a few directions by little;
    "left" and "right" in one that hardly varies. Folded into the layer's weights, so that the
    model needs nothing more to be stored.
    """
    states, lengths = captions.states, captions.lengths.clamp_min(1)[:, None]
    parts = torch.arange(len(states), device=states.device).split(batch)
    pooled = torch.cat([states[rows].float().sum(1) / lengths[rows] for rows in parts])
    pooled = pooled.double().cpu()
    mean = pooled.mean(0)
    values, directions = torch.linalg.eigh((pooled - mean).T @ (pooled - mean) / len(pooled))
    spread = (values.clamp_min(0.0) + RIDGE * values.mean().clamp_min(1e-6)).rsqrt()
    layer = network.embed_text
    weight = layer.weight.double().cpu() @ (directions * spread) @ directions.T
    layer.weight.copy_(weight)
    layer.bias.sub_((weight @ mean).to(layer.bias))


def job_of(
    loss: Loss, average: Average, rows: FrameRows, processes: Processes, out: Path,
    save: Callable[[], None],
) -> Job:  # fmt: skip
    """How the network is trained on these motions, by one process or several."""
    hyper, size = loss.hyper, processes.part(loss.hyper.batch)
    draw = Draw(rows.device, hyper.seed, processes.draws_for)
    update = Updater(loss.network, loss, hyper.weight_decay, hyper.graph, processes)

    def inputs(draw: Draw, span: int | None = None) -> tuple[Tensor, ...]:
        *found, real = loss.inputs(rows, draw, size, span)
        return *found, processes.mean(real)

    for span in rows.spans:  # every length is compiled and captured before the clock starts
        update(0.0, *inputs(draw, span))
    return Job(
        "mdm", out, loss.network, average, update, draw, inputs, NAMES, hyper.rate,
        settings_of(hyper, len(rows.frames)), save, checks=LOOKS,
    )  # fmt: skip
