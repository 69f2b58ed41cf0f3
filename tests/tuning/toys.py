"""A tiny tuning problem: a reward that is a formula, and a learner that only looks."""

from __future__ import annotations

import copy
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from engine.diffusion.model import MotionModel
from engine.tuning.learner import Learner
from engine.tuning.problem import Batch, Problem, PromptBank
from engine.tuning.rewards.base import Form, Scored, Seen
from tests.tiny import FakeTextEncoder, tiny

TEXTS = ("a person walks", "someone waves", "jump up high", "turn to the left and bow")


class ToyReward:
    """Curved in the latents, different for each text and timestep; padding does not count."""

    def __init__(self, form: Form = "x_0") -> None:
        self.form = form

    def __call__(self, seen: Seen) -> Scored:
        mask = seen.batch.mask[..., None].to(seen.latents)
        mean = (seen.latents * mask).sum(1) / mask.sum(1)
        wanted = torch.stack([_direction(text, mean.shape[-1]) for text in seen.batch.texts])
        time = torch.as_tensor(seen.timestep, device=mean.device).expand(len(mean)) / 1000
        near = (mean * wanted.to(mean)).sum(1).tanh()
        flat = -0.1 * (1 + time) * (seen.latents.square() * mask).sum((1, 2)) / mask.sum((1, 2))
        return Scored(near + flat, {"near": near, "flat": flat})


def _direction(text: str, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(text.encode()))
    return torch.randn(size, generator=generator)


class Looker(Learner):
    """Collects the gradient of each update (one flat vector) and moves nothing."""

    def __init__(self, parameters) -> None:
        super().__init__(parameters, rate=0.0)
        self.gradients: list[Tensor] = []

    def apply(self) -> None:
        flat = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        self.gradients.append(torch.cat([g.flatten() for g in flat]))
        self.optimizer.zero_grad(set_to_none=True)


class Plain(Learner):
    """Gradient descent: what moves is proportional to the gradient, so nothing hides in Adam."""

    def apply(self) -> None:
        with torch.no_grad():
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.sub_(self.rate * parameter.grad)
        self.optimizer.zero_grad(set_to_none=True)
        self.updates += 1


def toy(
    steps: int = 4,
    form: Form = "x_0",
    guidance: float = 2.0,
    double: bool = False,
    device: str = "cpu",
) -> tuple[Problem, PromptBank]:
    """A tiny model with a tunable denoiser; `double` computes in float64 (but for attention)."""
    model = tiny()
    model.denoiser.to(device)
    model.vae.to(device)
    for name, parameter in model.denoiser.named_parameters():
        parameter.requires_grad_(not name.startswith("text."))
    bank = PromptBank(
        TEXTS, [40, 60, 90, 196], FakeTextEncoder(), model, torch.device(device)
    )  # fmt: skip
    if double:
        model.denoiser.double()
        bank.states = bank.states.double()
        for embedding in (model.denoiser.time, model.denoiser.length):
            embedding.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    return Problem(model, ToyReward(form), steps, guidance, base_of(model)), bank


def toy_batch(problem: Problem, bank: PromptBank, size: int = 3, number: int = 0) -> Batch:
    """A batch in the precision of the problem's denoiser."""
    batch = bank.draw(size, seed=0, number=number)
    kind = next(problem.model.denoiser.parameters()).dtype
    return Batch(
        batch.texts, batch.states, batch.text_mask, batch.frames, batch.mask, batch.noise.to(kind)
    )  # fmt: skip


def base_of(model: MotionModel):
    """A context in which the denoiser is a copy of what it is now."""
    held = copy.deepcopy(model.denoiser).requires_grad_(False)

    @contextmanager
    def base():
        tuned, model.denoiser = model.denoiser, held
        try:
            yield
        finally:
            model.denoiser = tuned

    return base


def tuned(problem: Problem) -> list[nn.Parameter]:
    """The parameters that move."""
    return [p for p in problem.model.denoiser.parameters() if p.requires_grad]


def shift(problem: Problem, direction: Tensor, size: float) -> None:
    """Move the tuned parameters by `size` along a flat direction."""
    place = 0
    with torch.no_grad():
        for parameter in tuned(problem):
            part = direction[place : place + parameter.numel()]
            parameter.add_(size * part.view_as(parameter).to(parameter))
            place += parameter.numel()
