"""Schedule and sampler against diffusers, and what guidance and masks promise."""

from __future__ import annotations

import pytest
import torch

from engine.diffusion.sampler import Guided, sample, trajectory
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.models.denoiser import Denoiser, DenoiserConfig

TINY = DenoiserConfig(8, 32, 3, 4, 64, 12, 1)
CONFIGS = {
    "v": ScheduleConfig("v_prediction"),
    "epsilon": ScheduleConfig(
        "epsilon", timestep_spacing="leading", steps_offset=1, set_alpha_to_one=False,
        rescale_betas_zero_snr=False,
    ),
    "sample": ScheduleConfig("sample", rescale_betas_zero_snr=False),
}  # fmt: skip


@pytest.fixture
def denoiser() -> Denoiser:
    torch.manual_seed(0)
    module = Denoiser(TINY).eval()
    for parameter in module.parameters():  # zero-initialised layers would hide mistakes
        torch.nn.init.normal_(parameter, std=0.2)
    return module


def guided_for(denoiser: Denoiser, frames: list[int], scale: float) -> tuple[Guided, torch.Tensor]:
    torch.manual_seed(1)
    tokens = torch.tensor([-(-f // 4) for f in frames])
    mask = torch.arange(int(tokens.max()))[None] < tokens[:, None]
    states, text_mask = torch.randn(len(frames), 5, 12), torch.ones(len(frames), 5).bool()
    return (
        Guided.make(denoiser, states, text_mask, torch.tensor(frames), mask, scale),
        torch.randn(len(frames), int(tokens.max()), 8),
    )


@pytest.mark.parametrize("name", sorted(CONFIGS))
@pytest.mark.parametrize("steps", [4, 10])
@torch.no_grad()
def test_steps_equal_diffusers_ddim(denoiser: Denoiser, name: str, steps: int) -> None:
    schedule = Schedule(CONFIGS[name])
    guided, noise = guided_for(denoiser, [24, 40], 2.5)
    timesteps = schedule.timesteps(steps)
    assert len(timesteps) == steps
    for step in trajectory(denoiser, schedule, noise, guided, steps):
        output = guided.predict(denoiser, step.x_t, step.timestep)
        expected = schedule.scheduler.step(output, step.timestep, step.x_t)
        scale = step.x_prev.abs().max()
        assert torch.allclose(step.x_prev, expected.prev_sample, atol=float(1e-5 * scale))


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_target_and_split_agree(name: str) -> None:
    """A network that predicts the target perfectly gives back x_0 and the noise."""
    schedule = Schedule(CONFIGS[name])
    x_0, eps = torch.randn(3, 6, 8), torch.randn(3, 6, 8)
    for t in (50, 400, 900):
        x_t = schedule.add_noise(x_0, eps, torch.full((3,), t))
        target = schedule.target(x_0, eps, torch.full((3,), t))
        got_x_0, got_eps = schedule.split(target, x_t, float(schedule.alphas_cumprod[t]))
        assert torch.allclose(got_x_0, x_0, atol=1e-3)
        assert torch.allclose(got_eps, eps, atol=1e-3)


@torch.no_grad()
def test_a_sample_does_not_depend_on_its_batch(denoiser: Denoiser) -> None:
    schedule = Schedule()
    guided, noise = guided_for(denoiser, [24, 40], 3.0)
    both = sample(denoiser, schedule, noise, guided, 5)
    torch.manual_seed(1)
    states = torch.randn(2, 5, 12)
    alone = Guided.make(
        denoiser, states[:1], torch.ones(1, 5).bool(), torch.tensor([24]), None, 3.0
    )
    single = sample(denoiser, schedule, noise[:1, :6], alone, 5)
    assert both is not None and single is not None
    assert torch.allclose(both[:1, :6], single, atol=1e-4)


@torch.no_grad()
def test_guidance_one_equals_the_conditional_prediction(denoiser: Denoiser) -> None:
    guided, noise = guided_for(denoiser, [40], 1.0)
    doubled, _ = guided_for(denoiser, [40], 1.0 + 1e-6)
    assert torch.allclose(
        guided.predict(denoiser, noise, 500), doubled.predict(denoiser, noise, 500), atol=1e-4
    )


@torch.no_grad()
def test_the_prompt_and_its_absence_matter(denoiser: Denoiser) -> None:
    states, mask = torch.randn(1, 5, 12), torch.ones(1, 5).bool()
    full = denoiser.text(states, mask)
    none = denoiser.text(states, mask, torch.tensor([True]))
    other_words = denoiser.text(torch.randn(1, 5, 12), mask, torch.tensor([True]))
    assert not torch.allclose(full.pooled, none.pooled, atol=1e-3)
    assert torch.allclose(none.pooled, other_words.pooled, atol=1e-5)


@torch.no_grad()
def test_cancel_ends_the_walk(denoiser: Denoiser) -> None:
    guided, noise = guided_for(denoiser, [40], 2.0)
    calls = iter([False, False, True])
    assert sample(denoiser, Schedule(), noise, guided, 5, lambda: next(calls)) is None
