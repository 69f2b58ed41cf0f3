"""Tiny published-style checkpoints with random weights, as their authors' programs save them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.backbones.isolated_reader import tensors
from engine.backbones.mdm import MDM, MDMConfig
from engine.backbones.mld import MLDVAE, MLDDenoiser, MLDDenoiserConfig, MLDVAEConfig
from engine.backbones.names import OURS_ALONE, published_name
from engine.backbones.spm import SPM, SPMConfig
from engine.backbones.t2m_evaluator import T2MEvaluator, T2MEvaluatorConfig
from engine.backbones.tmr import TMR, TMRConfig
from engine.commands.import_checkpoint import Trained, write
from engine.motion.features import KIT, joints_to_features
from tests.data.published import kit_standing
from tests.motion.bodies import walk
from tests.tiny import FakeTextEncoder

SMALL = {"layers": 3, "heads": 4, "feed_forward": 24}
TEXT = 20


class FakeSentenceEncoder(FakeTextEncoder):
    """One vector per prompt [N, 1, dim], the empty one included."""

    name = "fake-sentence"

    def __init__(self, dim: int = TEXT) -> None:
        super().__init__(dim)

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        rows = [
            torch.stack([self._word(word) for word in ("", *text.split())]).mean(0)
            for text in texts
        ]
        return torch.stack(rows)[:, None], torch.ones(len(rows), 1, dtype=torch.bool)


def latent(kind: str) -> tuple[MLDVAE, MLDDenoiser]:
    """Untrained networks of MLD, MLD++ or MotionLCM."""
    many = kind != "mld"
    tokens, dim = (4, 8) if many else (1, 16)
    torch.manual_seed(5)
    vae = MLDVAE(MLDVAEConfig(tokens, dim, 16, many, **SMALL))
    denoiser = MLDDenoiser(
        MLDDenoiserConfig(
            tokens, dim, 16, many, **SMALL, text_dim=TEXT, time_dim=12, text_relu=not many,
            guidance_dim=10 if kind == "motionlcm" else 0,
        )
    )  # fmt: skip
    for value in (*vae.parameters(), *denoiser.parameters()):
        if value.dim() > 1:
            nn.init.normal_(value, std=0.4)
    return vae, denoiser


def published(network: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """A state dict under the original's names."""
    return {
        prefix + published_name(name): value
        for name, value in network.state_dict().items()
        if name not in OURS_ALONE
    }


def checkpoint(kind: str, features: int = 263) -> Any:
    """What torch.save is given by the authors' programs, with what stands beside the weights."""
    torch.manual_seed(6)
    if kind in ("mld", "mldpp", "motionlcm"):
        vae, denoiser = latent(kind)
        state = {**published(vae, "vae."), **published(denoiser, "denoiser.")}
        state["t2m_moveencoder.out_net.bias"] = torch.zeros(3)
        return {"state_dict": state, "epoch": 7, "optimizer_states": [{"state": {0: state}}]}
    if kind == "mdm":
        state = published(MDM(MDMConfig(features, 16, 2, 4, 24, TEXT)))
        state["sequence_pos_encoder.pe"] = torch.zeros(50, 1, 16)
        return {"model": {name: 0 * value for name, value in state.items()}, "model_avg": state}
    if kind == "tmr":
        return {"state_dict": published(TMR(TMRConfig(features, TEXT, 16, 2, 4, 24)))}
    if kind == "spm":
        return {"state_dict": published(SPM(SPMConfig(features, TEXT, 16, **SMALL)))}
    state = published(T2MEvaluator(T2MEvaluatorConfig(features, 8, 8, 12, 12, 8)))
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        part, rest = name.split(".", 1)
        parts.setdefault(part, {})[rest] = value
    return {**parts, "epoch": 3}


def statistics(folder: Path, size: int = 263) -> Path:
    """Mean.npy and Std.npy of a walk, or of KIT's 21 joints standing, as datasets have them."""
    folder.mkdir(parents=True, exist_ok=True)
    if size == 263:
        features = joints_to_features(walk(120).astype(np.float32))
    else:
        features = joints_to_features(kit_standing(60, lift=20), layout=KIT)
    np.save(folder / "Mean.npy", features.mean(0))
    np.save(folder / "Std.npy", features.std(0) + 0.02)
    return folder


def model_folder(kind: Any, folder: Path, features: int = 263) -> Path:
    """A tiny published model as import-checkpoint writes it, walking and trembling."""
    given = dict(tensors(checkpoint(kind, features)))
    stats = statistics(folder / "stats", features)
    write(kind, given, stats, folder / kind, Trained(6, True))
    return folder / kind
