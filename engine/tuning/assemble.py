"""From settings to everything a run works with: model, adapter, reward, prompts, optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.models.adapter import (
    adapter_tensors,
    attach,
    attach_full,
    disabled,
    load_adapter,
    weights_hash,
)
from engine.models.device import pick_device
from engine.models.processes import Processes
from engine.models.registry import resolve_adapter, resolve_model, resolve_reward
from engine.models.text import TextEncoder
from engine.pipeline import MotionPipeline
from engine.tuning import presets
from engine.tuning.methods.base import TuningMethod
from engine.tuning.methods.registry import MethodConfig, build
from engine.tuning.problem import Problem, PromptBank
from engine.tuning.processes import SharedLearner
from engine.tuning.prompts import Prompt, PromptSet, load_prompts
from engine.tuning.rewards.base import Reward
from engine.tuning.rewards.registry import FOLLOW, VOTES, make_reward
from engine.tuning.settings import Settings

PREVIEW_SEED = 7
MakeReward = Callable[[Settings, MotionModel, Path, torch.device], Reward]


@dataclass
class Workshop:
    """All that a run needs, on one device. `parameters` is what moves, under its names on disk."""

    settings: Settings
    processes: Processes
    device: torch.device
    model: MotionModel
    base_hash: str
    encoder: TextEncoder
    prompts: PromptSet
    problem: Problem
    bank: PromptBank
    validation: PromptBank
    parameters: dict[str, nn.Parameter]
    learner: SharedLearner
    method_config: MethodConfig
    batch: int

    def method(self) -> TuningMethod:
        """A fresh method, as the config says."""
        return build(self.method_config, self.problem.steps)

    @property
    def seconds(self) -> float | None:
        """The time budget; None when updates end the run."""
        return self.settings.seconds_on(self.device.type)

    @property
    def previews(self) -> list[tuple[Prompt, int]]:
        """What is shown while tuning: prompts that are tuned on, and one that is not."""
        tuned, judged = self.prompts.tuned, self.prompts.validation
        chosen = dict.fromkeys([*tuned[: presets.PREVIEWS - 1], judged[0], *tuned])
        return [(prompt, PREVIEW_SEED) for prompt in list(chosen)[: presets.PREVIEWS]]

    @property
    def pipeline(self) -> MotionPipeline:
        """Generation with the model as it is right now."""
        return MotionPipeline(self.model, self.encoder, self.device, capture=False)

    def describe(self) -> dict[str, Any]:
        """The part of config.json that this knows."""
        judged = self.prompts.validation
        return {
            "settings": self.settings.to_dict(),
            "command": self.settings.command(),
            "model": {
                "name": self.settings.model, "id": self.model.model_id, "hash": self.base_hash,
            },
            "prompts": [prompt.to_dict() for prompt in self.prompts.tuned],
            "validation": {
                "held_out": self.prompts.held_out,
                "seeds": list(presets.report_seeds(len(judged))),
                "prompts": [prompt.to_dict() for prompt in judged],
            },
            "previews": [{**p.to_dict(), "seed": seed} for p, seed in self.previews],
        }  # fmt: skip


def assemble(
    settings: Settings,
    processes: Processes | None = None,
    encoder: TextEncoder | None = None,
    make: MakeReward | None = None,
    prompts: PromptSet | None = None,
) -> Workshop:
    """Load and build; StudioError for anything that does not exist or does not fit.

    `encoder` and `make` replace the text encoder and the reward, `prompts` the settings' own.
    """
    processes = processes or Processes()
    prompts = prompts or load_prompts(settings.prompts)
    folder = resolve_model(settings.model)
    start_from = None if settings.adapter is None else resolve_adapter(settings.adapter)
    device = processes.device or pick_device(settings.device)
    batch = settings.batch_on(device.type)
    if batch % processes.count:
        raise StudioError(
            f"A batch of {batch} cannot be shared by {processes.count} processes: "
            f"choose a multiple of {processes.count}."
        )
    config = _method_config(settings, device, processes)
    model = MotionModel.from_pretrained(folder, device)
    steps = settings.steps or model.steps
    build(config, steps)  # says now what it cannot work with
    base_hash = weights_hash(model.denoiser)
    reward = (make or _reward)(settings, model, folder, device)
    full = _attach(settings, model, start_from, base_hash)
    denoiser = model.denoiser
    problem = Problem(model, reward, steps, model.guidance_at(steps), lambda: disabled(denoiser))
    encoder = encoder or model.encoder(device)
    rate = settings.rate or (presets.RATE_FULL if full else presets.RATE_LORA)
    parameters = adapter_tensors(denoiser)
    return Workshop(
        settings, processes, device, model, base_hash, encoder, prompts, problem,
        _bank(prompts.tuned, encoder, model, device),
        _bank(prompts.checked, encoder, model, device),
        parameters, SharedLearner(parameters.values(), rate, processes), config, batch,
    )  # fmt: skip


def _bank(
    prompts: tuple[Prompt, ...], encoder: TextEncoder, model: MotionModel, device: torch.device
) -> PromptBank:
    texts, frames = [p.text for p in prompts], [p.frames for p in prompts]
    return PromptBank(texts, frames, encoder, model, device)


def _method_config(settings: Settings, device: torch.device, processes: Processes) -> MethodConfig:
    return MethodConfig(
        name=settings.method,
        weighting=settings.weighting,
        trust=settings.trust,
        updates_per_pass=presets.updates_per_pass(device.type),
        captured=device.type == "cuda",
        seed=settings.seed,
    )


def _attach(settings: Settings, model: MotionModel, start: Path | None, base_hash: str) -> bool:
    """Put what is tuned on the denoiser; returns whether it is whole weights."""
    if start is not None:
        found = load_adapter(model.denoiser, start, base_hash=base_hash, trainable=True)
        return found.kind == "full"
    if settings.full:
        attach_full(model.denoiser)
    else:
        attach(model.denoiser, settings.rank, settings.alpha, seed=settings.seed)
    return settings.full


def _reward(settings: Settings, model: MotionModel, folder: Path, device: torch.device) -> Reward:
    place = None
    if {FOLLOW, VOTES} & set(settings.reward) and model.own:
        from engine.models.reward import RewardModel

        place = resolve_reward(settings.reward_model)
        RewardModel.from_pretrained(place).check_belongs(folder)
    form: Any = settings.form
    return make_reward(settings.reward, form, model, place, device)
