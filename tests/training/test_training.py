"""Training from a dataset to a model folder that generates, in a few seconds of a toy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.diffusion.flow import FlowConfig
from engine.diffusion.schedule import ScheduleConfig
from engine.errors import StudioError
from engine.files import read_json
from engine.models.denoiser import DenoiserConfig
from engine.models.draw import Draw
from engine.models.vae import VAEConfig
from engine.models.weights import file_sha256
from engine.training import denoiser, vae
from engine.training.common import Updater
from engine.training.denoiser import Hyper, train_from_folder, vae_config_of
from engine.training.loop import Budget
from tests.tiny import FakeTextEncoder, load_tiny

VAE = VAEConfig(8, 4, 16, 16, 1)
DENOISER = DenoiserConfig(8, 32, 3, 2, 64, 384, 1, 4, 2)
BUDGET = Budget(minutes=0.03)
HYPER = Hyper(batch=16, rate=2e-3, half=False)


@pytest.fixture(scope="module")
def vae_folder(corpus_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vae")
    torch.manual_seed(0)
    small = pytest.MonkeyPatch()
    small.setattr(vae, "FRAMES_PER_BATCH", 512)
    vae.train(corpus_folder, folder, VAE, Budget(1.0, updates=60), rate=3e-3, device="cpu")
    small.undo()
    return folder


@pytest.fixture(scope="module")
def trained(corpus_folder, vae_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    encoder = FakeTextEncoder()
    denoiser.train(corpus_folder, vae_folder, folder, DENOISER, VAE, ScheduleConfig(), encoder,
                   HYPER, BUDGET, "cpu")  # fmt: skip
    return folder


def test_the_vae_is_written_with_its_report(vae_folder):
    assert {path.name for path in vae_folder.iterdir()} == {
        "vae.safetensors", "vae.json", "vae_report.json",
    }  # fmt: skip
    assert vae_config_of(vae_folder) == VAE
    report = read_json(vae_folder / "vae_report.json")
    assert report["updates"] >= 1
    assert np.isfinite(report["held_out"]["local_mm"])


def test_the_vae_learns(corpus_folder, monkeypatch):
    """A few updates rebuild the walks better than none."""
    monkeypatch.setattr(vae, "FRAMES_PER_BATCH", 512)
    torch.manual_seed(0)
    frames = vae.Frames(corpus_folder, torch.device("cpu"))
    module = vae.MotionVAE(VAE)
    mean, std = frames.statistics()
    module.feature_mean.copy_(mean)
    module.feature_std.copy_(std)

    def terms(x, noise):
        return torch.stack(list(vae.loss_terms(module, x, noise, vae.LossWeights()).values()))

    before = vae.measure(module.eval(), frames.held_out())["local_mm"]
    update, draw = Updater(module, terms, 0.01), Draw(torch.device("cpu"), 0)
    for number in range(120):
        draw.start(number)
        x = frames.batch(draw)
        update(3e-3, x, draw.normal(len(x), x.shape[1] // 4, 8))
    after = vae.measure(module, frames.held_out())["local_mm"]
    assert after < 0.75 * before


def test_statistics_and_batches_are_of_training_items_only(corpus_folder):
    frames = vae.Frames(corpus_folder, torch.device("cpu"))
    assert frames.chance.sum() == pytest.approx(1.0)
    assert (frames.chance[~frames.train] == 0).all()
    mean, std = frames.statistics()
    assert mean.shape == std.shape == (263,)
    assert bool((std > 0).all())
    assert len(frames.held_out()) == int((~frames.train).sum()) == 2


def test_the_model_folder_generates(trained):
    assert {path.name for path in trained.iterdir()} >= {
        "config.json", "vae.safetensors", "denoiser.safetensors", "sha256.json", "training.json",
    }  # fmt: skip
    assert read_json(trained / "training.json")["updates"] >= 1
    pipeline = load_tiny(trained)
    motion = pipeline(["a person walks"], 3.0, 1)[0]
    assert motion.joints.shape == (60, 22, 3)
    motion.validate()
    assert np.array_equal(motion.joints, pipeline(["a person walks"], 3.0, 1)[0].joints)


def test_latents_come_out_standardised(corpus_folder, vae_folder):
    module = vae.MotionVAE(VAE)
    from engine.models.weights import load_weights

    load_weights(module, vae_folder / "vae.safetensors")
    latents = denoiser.Latents(
        corpus_folder, module.requires_grad_(False), FakeTextEncoder(), torch.device("cpu")
    )
    latents.standardise(module)
    torch.manual_seed(0)
    x_0, frames, mask, (states, text_mask) = latents.batch(512)
    real = x_0[mask]
    assert real.mean(0).abs().max() < 0.2
    assert (real.std(0) - 1).abs().max() < 0.2
    assert not x_0[~mask].any()
    assert bool((mask.sum(1) == -(-frames // 4)).all())
    assert frames.min() >= 17
    assert frames.max() <= 195
    assert states.shape[0] == 512
    assert bool(text_mask[:, 0].all())


def test_the_denoiser_learns(corpus_folder, vae_folder):
    """The loss of fixed noise falls within a few updates."""
    torch.manual_seed(0)
    from engine.diffusion.schedule import Schedule
    from engine.models.denoiser import Denoiser
    from engine.models.weights import load_weights

    module = vae.MotionVAE(VAE)
    load_weights(module, vae_folder / "vae.safetensors")
    latents = denoiser.Latents(
        corpus_folder, module.requires_grad_(False), FakeTextEncoder(), torch.device("cpu")
    )
    latents.standardise(module)
    schedule, network = Schedule(), Denoiser(DENOISER)

    def terms(*inputs):
        return denoiser.prediction_error(network, *inputs)[None]

    judged = denoiser.noised_batch(latents, schedule, HYPER)
    with torch.no_grad():
        before = float(terms(*judged))
    update = Updater(network, terms, 0.0)
    for _ in range(60):
        update(2e-3, *denoiser.noised_batch(latents, schedule, HYPER))
    with torch.no_grad():
        assert float(terms(*judged)) < 0.8 * before


def test_padding_does_not_reach_the_loss(corpus_folder):
    torch.manual_seed(0)
    from engine.models.denoiser import Denoiser

    network = Denoiser(DENOISER)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x_t, target = torch.randn(2, 12, 8), torch.randn(2, 12, 8)
    mask = torch.arange(12)[None] < torch.tensor([[5], [12]])
    states, text_mask = torch.randn(2, 4, 384), torch.ones(2, 4).bool()
    rest = (torch.zeros(2).bool(), torch.ones(2), torch.tensor([20, 48]), mask)

    def loss(x_t, target):
        t = torch.tensor([10, 800])
        dropped, weight, frames, mask = rest
        return denoiser.prediction_error(
            network, x_t, t, states, text_mask, dropped, target, weight, frames, mask
        )

    other_x, other_target = x_t.clone(), target.clone()
    other_x[0, 5:], other_target[0, 5:] = 99.0, -99.0
    assert torch.allclose(loss(x_t, target), loss(other_x, other_target), atol=1e-5)


def test_training_that_diverges_stops_and_writes_nothing(corpus_folder, vae_folder, tmp_path):
    wild = Hyper(batch=4, rate=float("nan"), half=False)
    with pytest.raises(StudioError, match="diverged"):
        denoiser.train(corpus_folder, vae_folder, tmp_path / "out", DENOISER, VAE,
                       ScheduleConfig(), FakeTextEncoder(), wild, Budget(1.0), "cpu")  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_training_from_nothing_is_explained(corpus_folder, tmp_path):
    with pytest.raises(StudioError, match="no prediction type"):
        train_from_folder(corpus_folder, tmp_path, tmp_path, {}, "guess", HYPER, BUDGET, "cpu")
    with pytest.raises(StudioError, match="does not exist"):
        train_from_folder(corpus_folder, tmp_path, tmp_path, {}, "epsilon", HYPER, BUDGET, "cpu")


@pytest.mark.parametrize("schedule", [ScheduleConfig(), FlowConfig()])
def test_a_trained_models_vae_can_be_trained_on(trained, corpus_folder, tmp_path, schedule):
    """It stays as it is, byte for byte, so that a reward trained beside it belongs to both."""
    assert vae_config_of(trained) == VAE
    denoiser.train(corpus_folder, trained, tmp_path, DENOISER, VAE, schedule, FakeTextEncoder(),
                   HYPER, Budget(1.0, updates=2), "cpu")  # fmt: skip
    again = load_tiny(tmp_path)
    assert again.model.schedule.config == schedule
    assert file_sha256(tmp_path / "vae.safetensors") == file_sha256(trained / "vae.safetensors")
    assert again(["a person walks"], 2.0, 1)[0].frames == 40
