"""MDM and its ancestral sampling compute what the originals compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.backbones.mdm import MDM, MDMConfig
from engine.diffusion.ancestral import AncestralSchedule, cosine_betas
from engine.diffusion.sampler import Guided
from tests.backbones.fixtures import Fixture, needs_fixtures

pytestmark = needs_fixtures
POSITIONS = ("sequence_pos_encoder.pe", "embed_timestep.sequence_pos_encoder.pe")


def network(fixture: Fixture, mask_frames: bool = True) -> MDM:
    sizes = fixture.sizes
    made = MDM(
        MDMConfig(
            sizes["njoints"], sizes["latent_dim"], sizes["num_layers"], sizes["num_heads"],
            sizes["ff_size"], mask_frames=mask_frames,
        )
    )  # fmt: skip
    fixture.load(made, ignored=POSITIONS)
    return made


def guided(fixture: Fixture, mdm: MDM, scale: float) -> Guided:
    states = fixture.inputs["text_embed"].transpose(0, 1)
    mask = fixture.inputs["mask"][:, 0, 0]
    return Guided.make(
        mdm, states, torch.ones(len(states), 1, dtype=torch.bool), mask.sum(1), mask, scale
    )


def ours(x: Tensor) -> Tensor:
    """The originals' [B, 263, 1, T] as [B, T, 263]."""
    return x[:, :, 0].transpose(1, 2)


def theirs(x: Tensor) -> Tensor:
    return x.transpose(1, 2)[:, :, None]


def test_predictions() -> None:
    fixture = Fixture.read("mdm")
    mdm, given = network(fixture), fixture.inputs
    x, mask = ours(given["x"]), given["mask"][:, 0, 0]
    states, one = given["text_embed"].transpose(0, 1), torch.ones(2, 1, dtype=torch.bool)
    words = mdm.text(states, one)
    without = mdm.text(states, one, torch.tensor([True, True]))

    def rows(module: MDM, condition: object) -> Tensor:
        return torch.stack(
            [theirs(module(x, t, condition, None, mask)) for t in given["timesteps"]]
        )

    fixture.close("x0_cond_masked", rows(mdm, words))
    fixture.close("x0_uncond_masked", rows(mdm, without))
    fixture.close("x0_cond_unmasked", rows(network(fixture, mask_frames=False), words))
    fixture.close("x0_cond_masked_1000", theirs(mdm(x, given["timesteps_1000"], words, None, mask)))
    both = guided(fixture, mdm, float(given["scale"][0]))
    assert given["scale"].unique().numel() == 1
    fixture.close(
        "x0_cfg_masked",
        torch.stack([theirs(both.predict(mdm, x, t)) for t in given["timesteps"]]),
    )


def test_tables() -> None:
    fixture = Fixture.read("mdm")
    schedule = AncestralSchedule()

    def same(name: str, value: np.ndarray) -> None:
        np.testing.assert_allclose(value, fixture.outputs[name].numpy(), rtol=1e-12, atol=0)

    same("betas_50", cosine_betas(50))
    same("betas_1000", cosine_betas(1000))
    kept = schedule.timesteps(5)
    assert kept[::-1] == fixture.outputs["respaced_timestep_map"].tolist()
    same("betas_5", schedule.tables(kept).betas)
    for steps, tables in ((50, schedule.whole), (5, schedule.tables(kept))):
        for name in ("alphas_cumprod", "posterior_log_variance_clipped",
                     "posterior_mean_coef1", "posterior_mean_coef2"):  # fmt: skip
            same(f"{name}_{steps}", getattr(tables, name))


@pytest.mark.parametrize(("steps", "walked", "name"), [
    (5, 5, "sample_steps"), (50, 2, "sample_steps_full50"),
])  # fmt: skip
def test_ancestral_sampling(steps: int, walked: int, name: str) -> None:
    fixture = Fixture.read("mdm")
    mdm, schedule = network(fixture), AncestralSchedule()
    both = guided(fixture, mdm, fixture.config["diffusion"]["guidance_param"])
    x, timesteps = ours(fixture.inputs["x_T"]), schedule.timesteps(steps)
    made, ends = [], []
    for index in range(walked):
        output = both.predict(mdm, x, timesteps[index])
        noise = ours(fixture.inputs["noise"][index])
        end, x = schedule.step(output, x, schedule.coefficients(timesteps, index), noise)
        made.append(theirs(x))
        ends.append(theirs(end))
    fixture.close_steps(name, made)
    if steps == 5:
        fixture.close_steps("pred_xstart_steps", ends)
