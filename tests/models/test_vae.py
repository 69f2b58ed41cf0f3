"""The VAE: shapes, padding, saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.errors import StudioError
from engine.models.vae import MotionVAE, VAEConfig
from engine.models.weights import load_weights, save_weights

TINY = VAEConfig(latent_dim=8, encoder_width=16, decoder_width=16, blocks_per_level=2)


@pytest.fixture
def vae() -> MotionVAE:
    torch.manual_seed(0)
    return MotionVAE(TINY).eval()


@pytest.mark.parametrize("frames_per_token", [2, 4, 8])
def test_token_count(frames_per_token: int) -> None:
    vae = MotionVAE(VAEConfig(8, frames_per_token, 16, 16, 1))
    tokens = vae.encode(torch.randn(2, 4 * frames_per_token, 263))
    assert tokens.shape == (2, 4, 8)
    assert vae.decode(tokens).shape == (2, 4 * frames_per_token, 263)
    assert vae.n_tokens(4 * frames_per_token - 1) == 4
    assert vae.n_tokens(4 * frames_per_token + 1) == 5


def test_padding_never_reaches_real_frames(vae: MotionVAE) -> None:
    features = torch.randn(1, 40, 263)
    padded = torch.cat([features, 1e3 * torch.randn(1, 24, 263)], dim=1)
    mask = torch.arange(64)[None] < 40
    alone, batched = vae.encode(features), vae.encode(padded, mask)[:, :10]
    assert torch.allclose(alone, batched, atol=1e-5)
    tokens = torch.cat([alone, 1e3 * torch.randn(1, 6, 8)], dim=1)
    assert torch.allclose(vae.decode(alone), vae.decode(tokens, mask[:, ::4])[:, :40], atol=1e-4)


def test_latents_keep_time_local(vae: MotionVAE) -> None:
    """A change in the last frames leaves the first tokens alone: the latent has a time axis."""
    features = torch.randn(1, 160, 263)
    changed = features.clone()
    changed[:, 150:] += 1.0
    difference = (vae.encode(features) - vae.encode(changed)).abs().amax(dim=(0, 2))
    assert difference[-1] > 1e-4
    assert difference[:10].max() == 0


def test_weights_round_trip(vae: MotionVAE, tmp_path: Path) -> None:
    save_weights(vae, tmp_path / "vae.safetensors", half=False)
    other = MotionVAE(TINY)
    load_weights(other, tmp_path / "vae.safetensors")
    for name, value in vae.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_damaged_and_unfit_weights_are_explained(vae: MotionVAE, tmp_path: Path) -> None:
    path = tmp_path / "vae.safetensors"
    with pytest.raises(StudioError, match="is missing"):
        load_weights(vae, path)
    save_weights(vae, path, half=True)
    with pytest.raises(StudioError, match="does not fit"):
        load_weights(MotionVAE(VAEConfig(16, 4, 16, 16, 2)), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StudioError, match="is damaged"):
        load_weights(vae, path)
