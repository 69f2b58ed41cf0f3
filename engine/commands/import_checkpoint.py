"""import-checkpoint: a published checkpoint to a folder of ours, checked tensor by tensor."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.backbones.conversion import GENERATORS, KINDS, Kind, convert, text_encoder
from engine.backbones.judge import save_judge
from engine.backbones.mdm import Frames, FramesConfig
from engine.backbones.untrusted import read_checkpoint
from engine.diffusion.ancestral import AncestralConfig, AncestralSchedule
from engine.diffusion.consistency import ConsistencySchedule
from engine.diffusion.model import MotionModel
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.errors import StudioError
from engine.files import make_folder, read_json, write_bytes
from engine.models.weights import file_sha256

# DDIM as MLD walks it: the last step ends at the first timestep's own noise.
LATENT_NOISE = ScheduleConfig(
    prediction_type="epsilon", timestep_spacing="leading", steps_offset=1,
    set_alpha_to_one=False, rescale_betas_zero_snr=False,
)  # fmt: skip
PARTS = ("motion_encoder", "text_encoder", "motion_decoder")  # TMR's extracted files
STEPS = {"mld": 50, "mldpp": 50, "motionlcm": 4}
GUIDANCE = {"mld": 7.5, "mldpp": 7.5, "motionlcm": 13.5, "mdm": 2.5}
SMALLEST_STD = 1e-12


@dataclass(frozen=True)
class Trained:
    """How an MDM was trained: what its weights do not say."""

    steps: int
    mask_frames: bool


def run(
    kind: str,
    path: Path,
    out: Path,
    stats: Path,
    diffusion_steps: int | None = None,
    as_json: bool = False,
) -> Path:
    """Read, check, convert and write; prints what was made. StudioError says what does not fit."""
    chosen = _kind(kind)
    trained = _trained(path, diffusion_steps) if chosen == "mdm" else Trained(0, True)
    tensors = _tensors(chosen, path)
    numbers, encoder = write(chosen, tensors, stats, out, trained)
    write_bytes(out / "README.md", _card(chosen, path, numbers, encoder).encode())
    made = {"path": str(out), "kind": chosen, "parameters": numbers, "text_encoder": encoder}
    print(jsonlib.dumps(made) if as_json else f"{out}\n{numbers:,} parameters, every one placed.")
    return out


def write(
    kind: Kind, tensors: Mapping[str, Tensor], stats: Path, out: Path, trained: Trained
) -> tuple[int, str]:
    """Convert a file's tensors into a folder; returns the number of parameters, the encoder."""
    modules = convert(kind, tensors, trained.mask_frames)
    mean, std = read_statistics(stats)
    encoder = text_encoder(kind, tensors)
    for module in modules.values():
        if hasattr(module, "feature_mean"):
            _put(module, mean, std, stats)
    numbers = sum(value.numel() for one in modules.values() for value in one.parameters())
    if kind in GENERATORS:
        model = _generator(kind, modules, trained, encoder)
        if kind == "mdm":
            _put(model.vae, mean, std, stats)
        make_folder(out)
        model.save_pretrained(out, half=False)
    else:
        make_folder(out)
        save_judge(kind, modules[""], encoder, out)
    return numbers, encoder


def read_statistics(folder: Path) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [features] from Mean.npy and Std.npy, in any case.

    StudioError when they are absent, damaged, or no statistics.
    """
    found = []
    for name in ("mean.npy", "std.npy"):
        files = [one for one in sorted(folder.glob("*.npy")) if one.name.lower() == name]
        if not files:
            raise StudioError(
                f"{folder} has no {name.capitalize()}: the features' statistics are not in a "
                "checkpoint. Give the folder of the dataset it was trained on (for the evaluator, "
                "its meta folder)."
            )
        try:
            values = np.load(files[0], allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StudioError(f"{files[0]} is not readable ({error}).") from error
        if values.dtype.kind != "f" or values.ndim != 1 or not np.isfinite(values).all():
            raise StudioError(f"{files[0]} holds no list of numbers.")
        found.append(torch.from_numpy(values.astype(np.float32)))
    if found[0].shape != found[1].shape or bool((found[1] < SMALLEST_STD).any()):
        raise StudioError(f"Mean and std in {folder} do not belong together.")
    return found[0], found[1]


def _kind(kind: str) -> Kind:
    for one in KINDS:
        if one == kind:
            return one
    raise StudioError(f"There is no kind {kind!r}; choose from {', '.join(KINDS)}.")


def _tensors(kind: Kind, path: Path) -> dict[str, Tensor]:
    """The checkpoint's tensors; TMR's may also be a folder with a file per network."""
    if not path.is_dir():
        return read_checkpoint(path)
    if kind != "tmr":
        raise StudioError(f"{path} is a folder. Give the checkpoint file itself.")
    return {
        f"{part}/{name}": value
        for part in PARTS
        for name, value in read_checkpoint(path / f"{part}.pt").items()
    }


def _trained(path: Path, steps: int | None) -> Trained:
    """From args.json beside the weights, else from the steps that were given."""
    beside = path.parent / "args.json"
    told: dict[str, Any] = read_json(beside) if beside.is_file() else {}
    if not isinstance(told, dict):
        raise StudioError(f"{beside} does not say how the model was trained.")
    usual = {"arch": "trans_enc", "noise_schedule": "cosine", "text_encoder_type": "clip"}
    for name, value in usual.items():
        if told.get(name, value) != value:
            raise StudioError(
                f"This MDM was trained with {name} {told[name]!r}; only {value!r} is known here."
            )
    count = steps or told.get("diffusion_steps")
    if count is None:
        raise StudioError(
            "There is no args.json beside the checkpoint: say with --diffusion-steps how many "
            "steps it was trained with (50 or 1000)."
        )
    if not isinstance(count, int) or not 2 <= count <= 1000:
        raise StudioError(f"{count} diffusion steps are out of range: choose 2 to 1000.")
    # Without the file: the 50-step release was trained with masked frames, the paper's was not.
    masked = told.get("mask_frames", False) if told else count == 50
    return Trained(count, bool(masked))


def _generator(
    kind: Kind, modules: dict[str, nn.Module], trained: Trained, encoder: str
) -> MotionModel:
    """The model with the sampling it was published with."""
    if kind == "mdm":
        network: Any = modules[""]
        config = network.config
        codec = Frames(FramesConfig(config.features, config.mask_frames))
        schedule = AncestralSchedule(AncestralConfig(trained.steps))
        return MotionModel(
            codec, network, schedule, trained.steps, GUIDANCE[kind], encoder, family="mdm"
        )
    vae: Any = modules["vae."]
    denoiser: Any = modules["denoiser."]
    noise = ConsistencySchedule() if kind == "motionlcm" else Schedule(LATENT_NOISE)
    return MotionModel(vae, denoiser, noise, STEPS[kind], GUIDANCE[kind], encoder, family="mld")


def _put(module: Any, mean: Tensor, std: Tensor, stats: Path) -> None:
    if module.feature_mean.shape != mean.shape:
        raise StudioError(
            f"The checkpoint reads {module.feature_mean.numel()} features, the statistics in "
            f"{stats} are of {mean.numel()}. Give those of the dataset it was trained on."
        )
    module.feature_mean.copy_(mean)
    module.feature_std.copy_(std)


def _card(kind: Kind, path: Path, numbers: int, encoder: str) -> str:
    source = f"`{path.name}`" if path.is_dir() else f"`{path.name}` (SHA-256 `{file_sha256(path)}`)"
    reads = "GloVe vectors and parts of speech" if kind == "t2m-evaluator" else f"`{encoder}`"
    return (
        f"# {kind}, imported\n\nConverted from {source}: {numbers:,} parameters, every one of "
        f"them placed. It reads text through {reads}.\n\nThe weights are their authors': the "
        "licence they were published under goes on to apply, here and to what is tuned from "
        "them.\n"
    )
