"""The reward's networks: unit vectors, padding, time, what is read, saving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StudioError
from engine.models.reward import READ, LatentReward, MotionReward, RewardConfig, RewardModel
from engine.models.weights import file_sha256
from tests.tiny import save_tiny

TINY = RewardConfig(16, 24, 16, 1, 16, 2, 32, 4, 8, 16, 2, 2)


def model() -> RewardModel:
    torch.manual_seed(0)
    return RewardModel(MotionReward(TINY), LatentReward(TINY), "abc", {"beta_start": 0.1}, "fake")


def lengths_mask(longest: int, *lengths: int) -> torch.Tensor:
    return torch.arange(longest)[None] < torch.tensor(lengths)[:, None]


T = torch.tensor([0, 700])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_embeddings_are_unit_vectors_of_one_space(first, second, t):
    reward, longest = model(), max(first, second)
    mask = lengths_mask(longest, first, second)
    when = torch.tensor([0, t])
    for rows in (
        reward.motion.embed_text(torch.randn(2, longest, 24), mask),
        reward.motion.embed_motion(torch.randn(2, longest, 263), mask, when),
        reward.latent.embed_latent(torch.randn(2, longest, 8), mask, when),
    ):
        assert rows.shape == (2, TINY.embedding)
        assert torch.allclose(rows.norm(dim=-1), torch.ones(2), atol=1e-5)


@pytest.mark.parametrize("frames", [16, 17, 19])
def test_padding_and_company_do_not_matter(frames):
    reward = model()
    tokens = -(-frames // 4)
    features, z, states = torch.randn(2, 40, 263), torch.randn(2, 10, 8), torch.randn(2, 10, 24)
    features[0, frames:], z[0, tokens:], states[0, tokens:] = 1e4, torch.nan, 1e4
    frames_mask, mask = lengths_mask(40, frames, 40), lengths_mask(10, tokens, 10)
    alone = torch.ones(1, frames).bool(), torch.ones(1, tokens).bool()
    for batched, single in (
        (reward.motion.embed_motion(features, frames_mask, T),
         reward.motion.embed_motion(features[:1, :frames], alone[0], T[:1])),
        (reward.latent.embed_latent(z, mask, T),
         reward.latent.embed_latent(z[:1, :tokens], alone[1], T[:1])),
        (reward.motion.embed_text(states, mask),
         reward.motion.embed_text(states[:1, :tokens], alone[1])),
    ):  # fmt: skip
        assert torch.allclose(batched[:1], single, atol=1e-5)


def test_both_know_the_timestep_and_the_order_of_time():
    reward, mask = model(), torch.ones(1, 8).bool()
    features, z = torch.randn(1, 8, 263), torch.randn(1, 8, 8)
    for embed, x in ((reward.motion.embed_motion, features), (reward.latent.embed_latent, z)):
        clean = embed(x, mask, T[:1])
        assert (clean - embed(x, mask, T[1:])).abs().max() > 1e-4
        assert (clean - embed(x.flip(1), mask, T[:1])).abs().max() > 1e-4


def test_only_what_is_drawn_is_read():
    reward, mask = model(), torch.ones(1, 8).bool()
    features = torch.randn(1, 8, 263, requires_grad=True)
    reward.motion.embed_motion(features, mask, T[:1])[0, 0].backward()
    assert (features.grad[..., :READ].abs().amax((0, 1)) > 0).all()
    assert not features.grad[..., READ:].any()
    short = reward.motion.embed_motion(features[..., :READ], mask, T[:1])
    assert torch.equal(short, reward.motion.embed_motion(features, mask, T[:1]))


def test_the_reward_is_frozen_and_passes_gradients_to_latents():
    reward, mask = model(), torch.ones(1, 4).bool()
    for module in (reward.motion, reward.latent):
        assert not module.training
        assert not any(parameter.requires_grad for parameter in module.parameters())
    z = torch.randn(1, 4, 8, requires_grad=True)
    reward.latent.embed_latent(z, mask, T[:1])[0, 0].backward()
    assert bool((z.grad.abs() > 0).all())


def test_half_precision_changes_little():
    reward, mask = model(), torch.ones(2, 12).bool()
    x, z = torch.randn(2, 12, 263), torch.randn(2, 12, 8)
    for embed, rows in ((reward.motion.embed_motion, x), (reward.latent.embed_latent, z)):
        exact = embed(rows, mask, T)
        with torch.autocast("cpu", torch.bfloat16):
            rough = embed(rows, mask, T)
        assert rough.dtype == torch.float32
        assert (exact * rough).sum(-1).min() > 0.999


def test_what_is_shipped_is_small(tmp_path):
    RewardModel(MotionReward(), LatentReward()).save_pretrained(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 6e6


def test_a_folder_brings_the_reward_back(tmp_path):
    reward = model()
    reward.motion.speed_std.fill_(0.02)
    reward.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json", "motion.safetensors", "latent.safetensors", "sha256.json",
    }  # fmt: skip
    again = RewardModel.from_pretrained(tmp_path)
    assert (again.vae_sha256, again.schedule, again.text_encoder) == (
        "abc", {"beta_start": 0.1}, "fake",
    )  # fmt: skip
    mask, x = torch.ones(2, 12).bool(), torch.randn(2, 12, 263)
    before, after = (r.motion.embed_motion(x, mask, T) for r in (reward, again))
    assert (before * after).sum(-1).min() > 0.9999
    z = torch.randn(2, 12, 8)
    before, after = (r.latent.embed_latent(z, mask, T) for r in (reward, again))
    assert (before * after).sum(-1).min() > 0.9999
    assert not any(p.requires_grad for p in again.motion.parameters())


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"format": "poem"}, "does not describe a reward"),
        ({"version": 99}, "version 99"),
        ({"sizes": {"colour": 3}}, "incomplete or wrong"),
        ({"sizes": {**TINY.to_dict(), "heads": 0}}, "incomplete or wrong"),
        ({"sizes": {**TINY.to_dict(), "latent_width": 18}}, "no multiple"),
        ({"sizes": None}, "incomplete or wrong"),
        ({"sizes": {**TINY.to_dict(), "embedding": 8}}, "does not fit"),
    ],
)
def test_a_wrong_config_is_explained(tmp_path, values, said):
    model().save_pretrained(tmp_path)
    change(tmp_path, **values)
    with pytest.raises(StudioError, match=said):
        RewardModel.from_pretrained(tmp_path)


def test_missing_and_damaged_files_are_explained(tmp_path):
    with pytest.raises(StudioError, match="holds no reward"):
        RewardModel.from_pretrained(tmp_path)
    model().save_pretrained(tmp_path)
    (tmp_path / "latent.safetensors").unlink()
    with pytest.raises(StudioError, match=r"latent\.safetensors is missing"):
        RewardModel.from_pretrained(tmp_path)


def test_a_reward_of_another_vae_or_noise_is_refused(tmp_path):
    folder = save_tiny(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    reward = model()
    reward.schedule = config["schedule"]
    with pytest.raises(StudioError, match="another VAE"):
        reward.check_belongs(folder)
    reward.vae_sha256 = file_sha256(folder / "vae.safetensors")
    reward.check_belongs(folder)
    change(folder, schedule={**config["schedule"], "prediction_type": "epsilon"})
    reward.check_belongs(folder)
    change(folder, schedule={**config["schedule"], "beta_end": 0.02})
    with pytest.raises(StudioError, match="another VAE or noise"):
        reward.check_belongs(folder)
    with pytest.raises(StudioError, match="is missing"):
        reward.check_belongs(tmp_path / "nowhere")
