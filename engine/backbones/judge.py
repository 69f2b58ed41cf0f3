"""Published judges as folders: config.json and model.safetensors, written by import-checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.backbones.spm import SPM, SPMConfig
from engine.backbones.t2m_evaluator import T2MEvaluator, T2MEvaluatorConfig
from engine.backbones.tmr import TMR, TMRConfig
from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.models.weights import load_weights, save_weights, write_manifest

FORMAT = "easytune-published-judge"
VERSION = 1
WEIGHTS = "model.safetensors"
_KINDS: dict[str, tuple[Any, Any]] = {
    "tmr": (TMR, TMRConfig),
    "t2m-evaluator": (T2MEvaluator, T2MEvaluatorConfig),
    "spm": (SPM, SPMConfig),
}


def save_judge(kind: str, network: nn.Module, text_encoder: str, folder: Path) -> None:
    """Write a judge in full precision, with its manifest."""
    config: Any = network.config
    save_weights(network, folder / WEIGHTS, half=False)
    write_json(folder / "config.json", {
        "format": FORMAT, "version": VERSION, "kind": kind, "sizes": config.to_dict(),
        "text_encoder": text_encoder,
    })  # fmt: skip
    write_manifest(folder)


def load_judge(
    folder: Path | str, kind: str | None = None, device: torch.device | str = "cpu"
) -> TMR | T2MEvaluator | SPM:
    """The frozen network of a judge's folder; StudioError when it is none, or not of `kind`."""
    folder = Path(folder)
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise StudioError(f"{folder}/config.json does not describe a published judge.")
    if config.get("version") != VERSION or config.get("kind") not in _KINDS:
        raise StudioError(f"{folder}/config.json is of another version. Import it again.")
    if kind is not None and config["kind"] != kind:
        raise StudioError(f"{folder} holds a {config['kind']}, not a {kind}.")
    network, sizes = _KINDS[config["kind"]]
    try:
        made = network(sizes(**config["sizes"]))
    except (TypeError, KeyError, ValueError, RuntimeError, StudioError) as error:
        raise StudioError(f"{folder}/config.json is wrong ({error}). Import it again.") from error
    load_weights(made, folder / WEIGHTS)
    return made.eval().requires_grad_(False).to(device)


def is_judge(folder: Path | str) -> bool:
    """Whether a folder holds a published judge."""
    file = Path(folder) / "config.json"
    if not file.is_file():
        return False
    config = read_json(file)
    return isinstance(config, dict) and config.get("format") == FORMAT
