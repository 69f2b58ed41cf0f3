"""Model folders: what is written comes back, and what is wrong with one is said."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.diffusion.model import fingerprint
from engine.errors import StudioError
from engine.files import read_json
from engine.models.device import pick_device
from engine.models.registry import available_models, resolve_model
from engine.models.weights import file_sha256
from engine.pipeline import MotionPipeline
from tests.tiny import FakeTextEncoder, load_tiny, tiny


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def change(folder: Path, *keys: str, to: object) -> None:
    """Set one value of config.json, or drop it where `to` is None."""
    config = read_json(folder / "config.json")
    inner = config
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    if to is None:
        del inner[keys[-1]]
    (folder / "config.json").write_text(json.dumps(config))


def refused(folder: Path, sentence: str) -> None:
    """Loading fails with one sentence that matches and names the folder."""
    with pytest.raises(StudioError, match=sentence) as caught:
        load_tiny(folder)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("half", [True, False])
def test_saving_and_loading_keeps_the_motion(tmp_path, patch, half):
    model = tiny(patch)
    model.save_pretrained(tmp_path, half=half)
    before = MotionPipeline(model, FakeTextEncoder(), torch.device("cpu"))
    after = load_tiny(tmp_path)
    assert after.model.config() == model.config()
    one, two = (p(["walk"], 3.0, 1)[0].joints for p in (before, after))
    assert np.abs(one - two).max() < (0.05 if half else 1e-6)
    assert after.model.denoiser.out.weight.dtype == torch.float32
    assert not any(p.requires_grad for p in after.model.denoiser.parameters())
    assert not after.model.vae.training


def test_a_saved_model_lists_its_hashes(tiny_model):
    assert {path.name for path in tiny_model.iterdir()} >= {
        "config.json", "vae.safetensors", "denoiser.safetensors", "sha256.json",
    }  # fmt: skip
    manifest = read_json(tiny_model / "sha256.json")
    assert set(manifest) == {"config.json", "vae.safetensors", "denoiser.safetensors"}
    for name, digest in manifest.items():
        assert file_sha256(tiny_model / name) == digest


def test_saved_files_follow_the_umask(tiny_model):
    """Written for other people to read, not only for the account that trained."""
    sample = tiny_model.parent / "plain"
    sample.write_text("")
    for path in tiny_model.iterdir():
        assert path.stat().st_mode == sample.stat().st_mode


def test_the_model_id_tells_weights_apart(folder):
    before = load_tiny(folder).model_id
    tensors = load_file(folder / "denoiser.safetensors")
    tensors["out.bias"] = tensors["out.bias"] + 1
    save_file(tensors, folder / "denoiser.safetensors")
    assert load_tiny(folder).model_id != before
    assert fingerprint(folder)[:12] in load_tiny(folder).model_id


def test_nothing_there(tmp_path):
    refused(tmp_path / "none", r"holds no model \(config.json is missing\)")
    refused(tmp_path, "holds no model")
    (tmp_path / "config.json").mkdir()
    refused(tmp_path, "holds no model")


@pytest.mark.parametrize(
    "text", ["", "not json", "{", '{"format": ', "\x00\xff", "[" * 100_000], ids=range(6)
)
def test_config_that_is_not_json(folder, text):
    (folder / "config.json").write_text(text, encoding="latin-1")
    refused(folder, "config.json cannot be read as JSON")


@pytest.mark.parametrize("text", ["[]", "3", "null", "{}", '"easytune-motion-model"'])
def test_config_of_something_else(folder, text):
    (folder / "config.json").write_text(text)
    refused(folder, "config.json does not describe a motion model")


def test_config_of_another_version(folder):
    change(folder, "version", to=2)
    refused(folder, "is of version 2; this program reads version 1")


@pytest.mark.parametrize(
    ("keys", "to"),
    [
        (("vae",), None),
        (("denoiser",), []),
        (("schedule",), "linear"),
        (("sampling", "steps"), None),
        (("sampling", "steps"), "ten"),
        (("sampling", "steps"), 0),
        (("sampling", "guidance_scale"), "strong"),
        (("vae", "latent_dim"), "wide"),
        (("vae", "latent_dim"), 16),
        (("vae", "latent_dim"), -3),
        (("vae", "no_such_size"), 3),
        (("denoiser", "frames_per_token"), 8),
        (("denoiser", "layers"), 2.5),
        (("denoiser", "width"), None),
        (("denoiser", "width"), 10**12),
        (("schedule", "prediction_type"), "guess"),
        (("schedule", "beta_schedule"), "wavy"),
        (("schedule", "num_train_timesteps"), -1),
        (("schedule", "timestep_spacing"), "odd"),
    ],
)
def test_config_with_a_wrong_part(folder, keys, to):
    change(folder, *keys, to=to)
    refused(folder, "config.json")


@pytest.mark.parametrize(
    ("keys", "to"),
    [(("denoiser", "width"), 32), (("denoiser", "patch"), 2), (("vae", "decoder_width"), 24),
     (("denoiser", "layers"), 5)],
)  # fmt: skip
def test_config_that_does_not_fit_the_weights(folder, keys, to):
    change(folder, *keys, to=to)
    refused(folder, r"safetensors does not fit its config.json")


def test_weights_of_a_wrong_shape_or_name(folder):
    path = folder / "vae.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "feature_mean": torch.zeros(100)}, path)
    refused(folder, "vae.safetensors does not fit")
    save_file({name: value for name, value in tensors.items() if name != "latent_std"}, path)
    refused(folder, "vae.safetensors does not fit")
    save_file({**tensors, "extra": torch.zeros(1)}, path)
    refused(folder, "vae.safetensors does not fit")


@pytest.mark.parametrize("name", ["vae.safetensors", "denoiser.safetensors"])
class TestDamage:
    """Either weights file, damaged in the ways files are."""

    def test_absent(self, folder, name):
        (folder / name).unlink()
        refused(folder, f"{name} is missing")

    def test_a_folder(self, folder, name):
        (folder / name).unlink()
        (folder / name).mkdir()
        refused(folder, f"{name} is damaged")

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
    def test_cut_short(self, folder, name, share):
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        refused(folder, f"{name} is damaged")

    def test_a_pickle_under_that_name(self, folder, name):
        """Nothing in it may run."""
        target = folder / "ran"
        (folder / name).write_bytes(pickle.dumps(Bomb(str(target)), protocol=0))
        refused(folder, f"{name} is damaged")
        torch.save({"weight": torch.zeros(3)}, folder / name)
        refused(folder, f"{name} is damaged")
        assert not target.exists()

    def test_values_that_are_no_numbers(self, folder, name):
        tensors = load_file(folder / name)
        first = sorted(tensors)[0]
        tensors[first] = torch.full_like(tensors[first], float("nan"))
        save_file(tensors, folder / name)
        refused(folder, f"{name} is damaged .*no numbers")


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_a_bomb_is_a_bomb(tmp_path):
    pickle.loads(pickle.dumps(Bomb(str(tmp_path / "ran"))))
    assert (tmp_path / "ran").exists()


def test_another_text_encoder_is_refused(tiny_model):
    with pytest.raises(StudioError, match=r"reads text states of 384 channels.*gives 512"):
        MotionPipeline.from_pretrained(tiny_model, "cpu", FakeTextEncoder(512))


@pytest.mark.parametrize("device", ["banana", "cuda:99", "meta", "cpu:x", "🚶"])
def test_devices_that_do_not_work(tiny_model, device):
    with pytest.raises(StudioError, match=r"cannot be used here .*Choose cpu"):
        MotionPipeline.from_pretrained(tiny_model, device, FakeTextEncoder())


def test_devices_that_work():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device(torch.device("cpu")).type == "cpu"
    assert pick_device(None).type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_models_are_found_by_name_or_folder(folder, monkeypatch):
    monkeypatch.setattr("engine.models.registry.CHECKPOINTS", folder.parent)
    assert available_models() == ["model"]
    assert resolve_model("model") == folder
    assert resolve_model(folder) == folder
    for name in ("", ".", "..", "none", "../model/none", "mo\0del", "x" * 5000):
        with pytest.raises(StudioError, match=r"There is no model .*Shipped models: model"):
            resolve_model(name)
    monkeypatch.setattr("engine.models.registry.CHECKPOINTS", folder / "absent")
    with pytest.raises(StudioError, match="Shipped models: none"):
        resolve_model("base")
