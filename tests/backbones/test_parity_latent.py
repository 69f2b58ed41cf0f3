"""MLD, MLD++ and MotionLCM compute what the original classes compute."""

from __future__ import annotations

import pytest
import torch

from engine.backbones.mld import (
    MLDVAE,
    MLDDenoiser,
    MLDDenoiserConfig,
    MLDVAEConfig,
    guidance_embedding,
)
from engine.diffusion.consistency import ConsistencySchedule
from engine.diffusion.schedule import Schedule, ScheduleConfig
from tests.backbones.fixtures import Fixture, needs_fixtures

pytestmark = needs_fixtures


def latent_sizes(sizes: dict) -> dict:
    tokens, dim = sizes["latent_dim"]
    return {
        "latent_tokens": tokens, "latent_dim": dim, "width": sizes["hidden_dim"] or dim,
        "projected": sizes["hidden_dim"] is not None, "layers": sizes["num_layers"],
        "heads": sizes["num_heads"], "feed_forward": sizes["ff_size"],
    }  # fmt: skip


def denoiser(fixture: Fixture) -> MLDDenoiser:
    sizes = fixture.sizes
    made = MLDDenoiser(
        MLDDenoiserConfig(
            **latent_sizes(sizes), text_dim=sizes["text_dim"], time_dim=sizes["time_dim"],
            text_relu=sizes["text_act_fn"] == "relu",
            guidance_dim=sizes["time_cond_proj_dim"] or 0,
        )
    )  # fmt: skip
    fixture.load(made)
    return made


@pytest.mark.parametrize("name", ["mld_vae", "mldpp_vae"])
def test_vae(name: str) -> None:
    fixture = Fixture.read(name)
    vae = MLDVAE(MLDVAEConfig(**latent_sizes(fixture.sizes), features=fixture.sizes["nfeats"]))
    fixture.load(vae)
    given = fixture.inputs
    mean, log_variance = vae.posterior(given["features"], given["mask"])
    std = (0.5 * log_variance).exp()
    for key, value in (("mu", mean), ("std", std), ("logvar", log_variance)):
        fixture.close(key, value.transpose(0, 1))
    sampled = mean + std * given["eps"].transpose(0, 1)
    fixture.close("z_sampled", sampled)
    fixture.close("decoded_fixed", vae.decode_normalised(given["z_fixed"], given["mask"]))
    fixture.close("decoded_mu", vae.decode_normalised(mean, given["mask"]))
    # What stands in the padding never matters, and the length alone is enough to decode.
    other = torch.where(given["mask"][..., None], given["features"], 1e6)
    assert torch.equal(vae.encode(other, given["mask"]), mean)
    whole = vae.decode(given["z_fixed"], None, given["lengths"])
    fixture.close("decoded_fixed", whole * given["mask"][:, : whole.shape[1], None])


@pytest.mark.parametrize("name", ["mld_denoiser", "mldpp_denoiser"])
def test_denoiser_and_guided_ddim(name: str) -> None:
    fixture = Fixture.read(name)
    network, given = denoiser(fixture), fixture.inputs
    eps = [network.predict(given["sample"], t.expand(3), given["text"]) for t in given["timesteps"]]
    fixture.close("eps_per_timestep", torch.stack(eps))
    mixed = network.predict(given["sample"], given["vector_timesteps"], given["text"])
    fixture.close("eps_vector_timesteps", mixed)

    schedule = Schedule(
        ScheduleConfig(
            prediction_type="epsilon", timestep_spacing="leading", steps_offset=1,
            set_alpha_to_one=False, rescale_betas_zero_snr=False,
        )
    )  # fmt: skip
    timesteps = schedule.timesteps(5)
    assert timesteps == fixture.outputs["ddim_timesteps"].tolist()
    torch.testing.assert_close(
        schedule.alphas_cumprod[timesteps], fixture.outputs["ddim_alphas_cumprod_at_timesteps"],
        rtol=1e-6, atol=0,
    )  # fmt: skip
    assert schedule.previous(timesteps, 4) == pytest.approx(
        float(fixture.outputs["ddim_final_alpha_cumprod"]), rel=1e-6
    )
    x, text = given["latents_T"], given["text_cfg"]
    seen: dict[str, list[torch.Tensor]] = {"text": [], "uncond": [], "guided": []}
    latents = []
    for index, t in enumerate(timesteps):
        both = network.predict(x.repeat(2, 1, 1), torch.full((4,), t), text)
        worded, empty = both.chunk(2)
        guided = empty + 7.5 * (worded - empty)
        x = schedule.step(guided, x, schedule.coefficients(timesteps, index))[1]
        for key, value in (("text", worded), ("uncond", empty), ("guided", guided)):
            seen[key].append(value)
        latents.append(x)
    for key, values in seen.items():
        fixture.close_steps(f"ddim_eps_{key}", values)
    fixture.close_steps("ddim_latents", latents)


def test_consistency_student() -> None:
    fixture = Fixture.read("motionlcm_denoiser")
    network, given = denoiser(fixture), fixture.inputs
    dim = network.config.guidance_dim
    guidance = guidance_embedding(given["guidance_scales"], dim)
    fixture.close("timestep_cond", guidance)
    middle = given["timesteps"][2].expand(3)  # the one the fixture was made at
    fixture.close("eps_no_cond", network.predict(given["sample"], middle, given["text"]))
    eps = [
        network.predict(given["sample"], t.expand(3), given["text"], guidance)
        for t in given["timesteps"]
    ]
    fixture.close("eps_per_timestep", torch.stack(eps))
    mixed = network.predict(given["sample"], given["vector_timesteps"], given["text"], guidance)
    fixture.close("eps_vector_timesteps", mixed)


@pytest.mark.parametrize(("steps", "scale"), [(1, 8.0), (4, 13.5)])
def test_consistency_sampling(steps: int, scale: float) -> None:
    fixture = Fixture.read("motionlcm_denoiser")
    network, given = denoiser(fixture), fixture.inputs
    schedule = ConsistencySchedule()
    timesteps = schedule.timesteps(steps)
    assert timesteps == fixture.outputs[f"lcm{steps}_timesteps"].tolist()
    guidance = guidance_embedding(torch.full((2,), scale), network.config.guidance_dim)
    x, latents, ends = given["latents_T"], [], []
    for index, t in enumerate(timesteps):
        output = network.predict(x, torch.full((2,), t), given["text_lcm"], guidance)
        noise = given["lcm_noise"][index] if index + 1 < steps else None
        end, x = schedule.step(output, x, schedule.coefficients(timesteps, index), noise)
        ends.append(end)
        latents.append(x)
    fixture.close_steps(f"lcm{steps}_denoised", ends)
    fixture.close_steps(f"lcm{steps}_latents", latents)
