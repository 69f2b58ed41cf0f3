"""TMR, the published evaluator and EasyTune's reward compute what the originals compute."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cosine_similarity, normalize

from engine.backbones.skip_transformer import length_mask
from engine.backbones.spm import SPM, SPMConfig
from engine.backbones.t2m_evaluator import T2MEvaluator, T2MEvaluatorConfig
from engine.backbones.tmr import TMR, TMRConfig
from tests.backbones.fixtures import Fixture, needs_fixtures

pytestmark = needs_fixtures


def test_tmr() -> None:
    fixture = Fixture.read("tmr")
    sizes, given = fixture.sizes["motion_encoder"], fixture.inputs
    tmr = TMR(
        TMRConfig(
            sizes["nfeats"], fixture.sizes["text_encoder"]["nfeats"], sizes["latent_dim"],
            sizes["num_layers"], sizes["num_heads"], sizes["ff_size"],
        )
    )  # fmt: skip
    fixture.load(tmr)
    for kind, encoder in (("motion", tmr.motion_encoder), ("text", tmr.text_encoder)):
        mean, log_variance = encoder(given[kind], given[f"{kind}_mask"])
        fixture.close(f"{kind}_mu", mean)
        fixture.close(f"{kind}_logvar", log_variance)
    fixture.close("decoded", tmr.motion_decoder(given["z"], given["motion_mask"]))
    texts = tmr.embed_text(given["text"], given["text_mask"])
    motions = tmr.embed_motion(given["motion"], given["motion_mask"])
    fixture.close("similarity_text_by_motion", texts @ motions.T)
    fixture.close("score_text_by_motion", texts @ motions.T / 2 + 0.5)
    for kind, unit in (("motion", motions), ("text", texts)):
        other = torch.where(given[f"{kind}_mask"][..., None], given[kind], 1e6)
        embed = tmr.embed_motion if kind == "motion" else tmr.embed_text
        torch.testing.assert_close(embed(other, given[f"{kind}_mask"]), unit, rtol=0, atol=1e-6)


def test_t2m_evaluator() -> None:
    fixture = Fixture.read("t2m_evaluator")
    sizes, given = fixture.sizes, fixture.inputs
    judge = T2MEvaluator(
        T2MEvaluatorConfig(
            sizes["movement_encoder"]["input_size"] + 4,
            sizes["movement_encoder"]["hidden_size"], sizes["movement_encoder"]["output_size"],
            sizes["motion_encoder"]["hidden_size"], sizes["text_encoder"]["hidden_size"],
            sizes["motion_encoder"]["output_size"],
        )
    )  # fmt: skip
    fixture.load(judge)
    fixture.close("movement", judge.movement_encoder(given["motion"][..., :-4]))
    motion = judge.embed_motion(given["motion"], given["motion_lengths"])
    text = judge.embed_text(given["words"], given["pos_onehot"], given["text_lengths"])
    fixture.close("motion_embedding", motion)
    fixture.close("text_embedding", text)
    fixture.close("euclidean_distance_text_by_motion", torch.cdist(text, motion))
    # Ours keeps the order it was given; the original sorts by length.
    order = fixture.outputs["co_align_idx"]
    loose = judge.embed_motion(given["motion_unsorted"], given["motion_lengths_unsorted"])
    fixture.close("co_motion_embedding", loose[order])
    fixture.close("co_text_embedding", text[order])


@pytest.fixture(scope="module")
def spm() -> tuple[Fixture, SPM]:
    fixture = Fixture.read("spm")
    sizes = fixture.sizes
    made = SPM(
        SPMConfig(
            sizes["nfeats"], fixture.inputs["text"].shape[-1], sizes["latent_dim"][1],
            sizes["num_layers"], sizes["num_heads"], sizes["ff_size"],
        )
    )  # fmt: skip
    fixture.load(made)
    return fixture, made


def test_spm_towers(spm: tuple[Fixture, SPM]) -> None:
    fixture, network = spm
    given = fixture.inputs
    motion_mask = length_mask(given["motion_lengths"], given["motion"].shape[1])
    text_mask = length_mask(given["text_lengths"], given["text"].shape[1])
    times = {"": None, "_t": given["timesteps"], "_ts": given["scalar_timestep"]}
    found = {}
    for suffix, when in times.items():
        for kind, tower, mask in (("motion", network.motion, motion_mask),
                                  ("text", network.text, text_mask)):  # fmt: skip
            key = f"{kind}{suffix}"
            if f"{key}_mu" not in fixture.outputs:
                continue
            mean, log_variance = tower(given[kind], mask, when)
            std = (0.5 * log_variance).exp()
            found[key] = mean
            found[f"{key}_latent"] = mean + std * given[f"eps_{kind}"][0]
            fixture.close(f"{key}_mu", mean[None])
            fixture.close(f"{key}_logvar", log_variance[None])
            fixture.close(f"{key}_std", std[None])
            fixture.close(f"{key}_latent", found[f"{key}_latent"][None])
    sampled = cosine_similarity(found["text_latent"], found["motion_latent"])
    fixture.close("reward_sampled", sampled)
    fixture.close("cosine_mu", cosine_similarity(found["text"], found["motion"]))
    fixture.close("cosine_mu_t", cosine_similarity(found["text"], found["motion_t"]))
    fixture.close("decoded", network.decode(given["z"][0], motion_mask))


def test_spm_never_reads_padding(spm: tuple[Fixture, SPM]) -> None:
    fixture, network = spm
    given = fixture.inputs
    mask = length_mask(given["motion_lengths"], given["motion"].shape[1])
    clean = torch.where(mask[..., None], given["motion"], 0.0)
    torch.testing.assert_close(
        network.embed_motion(given["motion"], mask, given["timesteps"]),
        normalize(network.motion(clean, mask, given["timesteps"])[0], dim=-1),
    )
