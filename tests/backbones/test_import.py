"""import-checkpoint: what is read, what is refused, and what is said of what does not fit."""

from __future__ import annotations

import argparse
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.backbones import isolated_reader, untrusted
from engine.backbones.conversion import KINDS, compare, networks, unwrap
from engine.backbones.judge import load_judge
from engine.commands import import_checkpoint
from engine.commands.import_checkpoint import run
from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.files import read_json
from tests.backbones.fixtures import FOLDER, needs_fixtures
from tests.backbones.tiny import checkpoint, latent, statistics

OFFICIAL = {
    "mld_v1_original": "mld", "mld_v1_motionlcm": "mld", "mldpp": "mldpp",
    "motionlcm_v1": "motionlcm", "motionlcm_v2": "motionlcm", "mdm": "mdm", "tmr": "tmr",
    "t2m_evaluator": "t2m-evaluator", "spm": "spm",
}  # fmt: skip


@pytest.fixture
def stats(tmp_path: Path) -> Path:
    return statistics(tmp_path / "stats")


@pytest.fixture
def nearby(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in this process: starting torch anew takes seconds, and has tests of its own."""

    def read(path: Path) -> dict[str, torch.Tensor]:
        return dict(isolated_reader.tensors(torch.load(path, weights_only=True)))

    monkeypatch.setattr(import_checkpoint, "read_checkpoint", read)


def saved(value: Any, path: Path) -> Path:
    torch.save(value, path)
    return path


@pytest.mark.usefixtures("nearby")
@pytest.mark.parametrize("kind", ["mld", "motionlcm"])
def test_models_survive_the_way(kind: str, tmp_path: Path, stats: Path) -> None:
    file = saved(checkpoint(kind), tmp_path / "a.ckpt")
    model = MotionModel.from_pretrained(run(kind, file, tmp_path / "out", stats))
    vae, denoiser = latent(kind)
    for made, original in ((model.vae, vae), (model.denoiser, denoiser)):
        own = original.state_dict()
        assert set(own) == set(made.state_dict())
        for name, value in made.state_dict().items():
            if not name.startswith("feature_"):
                assert torch.equal(value, own[name]), name
    assert np.array_equal(model.vae.feature_mean, np.load(stats / "Mean.npy"))
    assert (model.steps, model.guidance_scale) == ((50, 7.5) if kind == "mld" else (4, 13.5))
    assert model.text_encoder == "sentence-t5-large"


@pytest.mark.usefixtures("nearby")
def test_mdm_takes_its_average_and_its_arguments(tmp_path: Path, stats: Path) -> None:
    given = checkpoint("mdm")
    file = saved(given, tmp_path / "model.pt")
    with pytest.raises(StudioError, match="--diffusion-steps"):
        run("mdm", file, tmp_path / "out", stats)
    (tmp_path / "args.json").write_text('{"diffusion_steps": 1000, "mask_frames": false}')
    model = MotionModel.from_pretrained(run("mdm", file, tmp_path / "out", stats))
    assert model.steps == 1000 and not model.denoiser.config.mask_frames
    assert model.vae.n_tokens(40) == 196  # a network that sees padding is shown it all
    weight = model.denoiser.state_dict()["embed_text.weight"]
    assert torch.equal(weight, given["model_avg"]["embed_text.weight"])
    (tmp_path / "args.json").write_text('{"diffusion_steps": 50, "arch": "trans_dec"}')
    with pytest.raises(StudioError, match="trans_dec"):
        run("mdm", file, tmp_path / "out", stats)


@pytest.mark.usefixtures("nearby")
@pytest.mark.parametrize("kind", ["tmr", "t2m-evaluator", "spm"])
def test_judges_survive_the_way(kind: str, tmp_path: Path, stats: Path) -> None:
    given = checkpoint(kind)
    judge = load_judge(run(kind, saved(given, tmp_path / "a.tar"), tmp_path / "out", stats), kind)
    assert float(judge.feature_std.min()) > 0
    if kind == "t2m-evaluator":
        weight = judge.state_dict()["motion_encoder.gru.weight_hh_l0"]
        assert torch.equal(weight, given["motion_encoder"]["gru.weight_hh_l0"])
    with pytest.raises(StudioError, match="not a mld"):
        load_judge(tmp_path / "out", "mld")


@pytest.mark.usefixtures("nearby")
def test_tmr_in_three_files(tmp_path: Path, stats: Path) -> None:
    state = checkpoint("tmr")["state_dict"]
    for part in ("motion_encoder", "text_encoder", "motion_decoder"):
        inside = {k.split(".", 1)[1]: v for k, v in state.items() if k.startswith(part)}
        saved(inside, tmp_path / f"{part}.pt")
    judge = load_judge(run("tmr", tmp_path, tmp_path / "out", stats))
    tokens = judge.state_dict()["text_encoder.tokens"]
    assert torch.equal(tokens, state["text_encoder.tokens"])


@pytest.mark.usefixtures("nearby")
def test_what_does_not_fit_is_named(tmp_path: Path, stats: Path) -> None:
    given = checkpoint("mldpp")
    state = given["state_dict"]
    del state["vae.decoder.norm.bias"]
    state["vae.extra"] = torch.zeros(2, 3)
    state["denoiser.encoder.middle_block.linear2.weight"] = torch.zeros(5, 24)
    with pytest.raises(StudioError) as caught:
        run("mldpp", saved(given, tmp_path / "a.ckpt"), tmp_path / "out", stats)
    text = str(caught.value)
    assert "missing: vae.decoder.norm.bias [16]" in text
    assert "not known: vae.extra [2, 3]" in text
    assert "denoiser.encoder.middle_block.linear2.weight is [5, 24], needed [16, 24]" in text
    assert not (tmp_path / "out").exists()
    with pytest.raises(StudioError, match="is no mldpp but fits exactly: --kind mld"):
        run("mldpp", saved(checkpoint("mld"), tmp_path / "b.ckpt"), tmp_path / "out", stats)


@pytest.mark.usefixtures("nearby")
def test_statistics_must_belong(tmp_path: Path, stats: Path) -> None:
    file = saved(checkpoint("tmr"), tmp_path / "a.pt")
    with pytest.raises(StudioError, match=r"has no Mean\.npy"):
        run("tmr", file, tmp_path / "out", tmp_path)
    for name in ("Mean.npy", "Std.npy"):
        np.save(stats / name, np.ones(251, np.float32))
    with pytest.raises(StudioError, match=r"263 features, the statistics in .* are of 251"):
        run("tmr", file, tmp_path / "out", stats)
    np.save(stats / "Mean.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(StudioError, match="not readable"):
        run("tmr", file, tmp_path / "out", stats)


class Evil:
    """Unpickled by a trusting program, it makes a file."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (self.target,)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "callbacks": Evil(str(trap))},
               tmp_path / "evil.ckpt")  # fmt: skip
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil(str(trap))))
    with pytest.raises(StudioError, match=r"is refused.*mkdir.*Nothing of it was executed"):
        untrusted.read_checkpoint(tmp_path / "evil.ckpt")
    with pytest.raises(StudioError, match=r"is refused|no readable checkpoint"):
        untrusted.read_checkpoint(tmp_path / "plain.pt")
    assert not trap.exists()
    pickle.loads((tmp_path / "plain.pt").read_bytes())  # the trap itself works
    assert trap.exists()


def test_settings_of_a_trainer_are_passed_over(tmp_path: Path, stats: Path) -> None:
    """In a process of its own, as it always is but for the tests above."""
    given = {**checkpoint("mld"), "hyper_parameters": argparse.Namespace(a=1, b=np.float64(2.0))}
    file = saved(given, tmp_path / "a.ckpt")
    found = untrusted.read_checkpoint(file)
    assert {f"state_dict/{name}" for name in given["state_dict"]} == set(found)
    name = "vae.encoder.norm.weight"
    assert torch.equal(found[f"state_dict/{name}"], given["state_dict"][name])


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 80_000_000)


def cut(path: Path) -> None:
    saved(checkpoint("tmr"), path)
    path.write_bytes(path.read_bytes()[:20_000])


@pytest.mark.parametrize(("make", "words"), [
    (lambda path: path.write_bytes(os.urandom(3000)), "no readable checkpoint"),
    (lambda path: path.write_bytes(b""), "no readable checkpoint"),
    (cut, "no readable checkpoint|damaged"),
    (bomb, "which no checkpoint does"),
    (lambda path: saved({"epoch": 3}, path), "holds no tensors"),
    (lambda path: None, "does not exist"),
    (lambda path: saved({"a": torch.zeros(1).expand(2**31)}, path), "unpacks to more"),
])  # fmt: skip
def test_what_is_no_checkpoint_is_said(
    make: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    make(tmp_path / "a.ckpt")
    with pytest.raises(StudioError, match=words):
        untrusted.read_checkpoint(tmp_path / "a.ckpt")


def test_it_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "TIMEOUT_SECONDS", 0.01)
    with pytest.raises(StudioError, match="was not read within"):
        untrusted.read_checkpoint(saved({"a": torch.zeros(1)}, tmp_path / "a.ckpt"))


def official(name: str) -> dict[str, tuple[int, ...]]:
    """{name in the file: shape} of a published checkpoint, outer dictionaries by slashes."""
    told = read_json(FOLDER / f"{name}.official-keys.json")
    layout = told["checkpoint_layout"].get("outer_dictionary_keys", ["state_dict"])
    outer = "state_dict/" if "state_dict" in layout else ""
    join = "/" if name == "t2m_evaluator" else ""
    return {
        outer + group["outer_prefix"] + join + key: tuple(shape)
        for group in told["groups"].values()
        for key, shape in group["keys"].items()
    }


def test_every_kind_has_a_published_list() -> None:
    assert set(OFFICIAL.values()) == set(KINDS)


@needs_fixtures
@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_published_lists_fit_exactly(name: str) -> None:
    kind: Any = OFFICIAL[name]
    shapes = official(name)
    inside = {key: shapes[place] for key, place in unwrap(kind, shapes).items()}
    fit = compare(networks(kind, inside), inside)
    assert fit.good, list(fit.words())
    ignored = len(shapes) - len(inside)
    assert ignored == {"mdm": 2, "mld_v1_original": 43}.get(
        name, 42 if kind in ("mld", "mldpp", "motionlcm") else 0
    )


@needs_fixtures
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_full_size_checkpoints_convert(name: str, tmp_path: Path, stats: Path) -> None:
    content: dict[str, Any] = {}
    for path, shape in official(name).items():
        *outer, key = path.split("/")
        place = content
        for part in outer:
            place = place.setdefault(part, {})
        place[key] = torch.zeros(shape)
    file = saved(content, tmp_path / "a.ckpt")
    del content
    out = run(OFFICIAL[name], file, tmp_path / "out", stats, 50 if name == "mdm" else None)
    if OFFICIAL[name] in ("tmr", "t2m-evaluator", "spm"):
        load_judge(out, OFFICIAL[name])
    else:
        MotionModel.from_pretrained(out)
