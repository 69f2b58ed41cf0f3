"""The text encoders of the published models, read from local folders: CLIP, sentence-T5, others.

Where a folder has no safetensors, its pickled weights are read by a process of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from engine.backbones.untrusted import read_checkpoint
from engine.errors import StudioError
from engine.files import read_json
from engine.models.registry import CHECKPOINTS

FOLDER_VARIABLE = "EASYTUNE_ENCODERS"


@dataclass(frozen=True)
class Published:
    """A published encoder: its name on the Hugging Face hub, and what models read of it.

    `dim` channels; `tokens` is the most tokens it is given, its own and the end's included.
    """

    hub: str
    kind: Literal["clip", "sentence-t5", "t5-tokens", "tokens"]
    dim: int
    tokens: int


PUBLISHED = {
    "clip-vit-base-patch32": Published("openai/clip-vit-base-patch32", "clip", 512, 22),
    "clip-vit-large-patch14": Published("openai/clip-vit-large-patch14", "clip", 768, 77),
    "sentence-t5-large": Published(
        "sentence-transformers/sentence-t5-large", "sentence-t5", 768, 256
    ),
    "sentence-t5-large-tokens": Published(
        "sentence-transformers/sentence-t5-large", "t5-tokens", 1024, 256
    ),
    "distilbert-base-uncased": Published("distilbert-base-uncased", "tokens", 768, 512),
}


def encoders_folder() -> Path:
    """Where the encoders' folders lie: EASYTUNE_ENCODERS, else checkpoints/encoders."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else CHECKPOINTS / "encoders"


def published_folder(name: str) -> Path:
    """The folder of a published encoder; StudioError says how to get it when it is absent."""
    hub = PUBLISHED[name].hub
    folder = encoders_folder() / hub.rsplit("/", 1)[-1]
    if not (folder / "config.json").is_file():
        raise StudioError(
            f"The text encoder {hub} is not in {folder}. Where there is a network: "
            f"hf download {hub} --local-dir {folder}; or set {FOLDER_VARIABLE} to the folder "
            "that holds it."
        )
    return folder


class PublishedEncoder:
    """Prompts as a published model reads them: one vector [N, 1, dim], or token states."""

    def __init__(self, name: str, device: torch.device | str = "cpu") -> None:
        """StudioError when the encoder is not there; it is loaded when first used."""
        self.about = PUBLISHED[name]
        self.name, self.dim = name, self.about.dim
        self._folder, self._device = published_folder(name), torch.device(device)

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """States float32 [N, L, dim], zero where padded, and the mask [N, L] of real ones."""
        kind = self.about.kind
        tokenizer, model, finish = load_encoder(str(self._folder), kind, str(self._device))
        batch = tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.about.tokens,
            return_tensors="pt",
        ).to(self._device)  # fmt: skip
        mask = batch["attention_mask"].bool()
        if kind == "clip":
            states = model(**batch).text_embeds.float()
        else:
            states = model(**batch).last_hidden_state.float() * mask[..., None]
        if kind == "sentence-t5":
            states = finish(states.sum(1) / mask.sum(1, keepdim=True))
        if states.dim() == 2:
            states, mask = states[:, None], mask[:, :1]
        if states.shape[-1] != self.dim:
            raise StudioError(
                f"{self._folder} gives {states.shape[-1]} channels, not {self.dim}: "
                f"it is not {self.about.hub}."
            )
        return states, mask


@lru_cache(maxsize=4)
def load_encoder(
    folder: str, kind: str, device: str
) -> tuple[Any, Any, Callable[[Tensor], Tensor]]:
    """Tokenizer, network and, for sentence-T5, the linear layer and norm that end it."""
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoTokenizer,
        CLIPTextModelWithProjection,
        T5EncoderModel,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    chosen: Any = {"clip": CLIPTextModelWithProjection, "tokens": AutoModel}
    network = chosen.get(kind, T5EncoderModel)
    place = Path(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if (place / "model.safetensors").is_file():
            model, told = network.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        else:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            if kind == "clip" and hasattr(config, "text_config"):
                config = config.text_config
            weights = read_checkpoint(place / "pytorch_model.bin")
            model, told = network.from_pretrained(
                None, config=config, state_dict=weights, output_loading_info=True
            )
        if told["missing_keys"]:  # transformers would draw them at random, with a warning only
            raise ValueError(f"{sorted(told['missing_keys'])[0]} is missing")
        finish = _dense(place, device) if kind == "sentence-t5" else _as_is
    except (OSError, ValueError) as error:
        raise StudioError(f"{folder} holds no readable text encoder: {error}") from error
    return tokenizer, model.float().eval().requires_grad_(False).to(device), finish


def _as_is(states: Tensor) -> Tensor:
    return states


def _dense(folder: Path, device: str) -> Callable[[Tensor], Tensor]:
    """The last layers of sentence-T5: a linear layer without bias, then unit length."""
    inside = folder / "2_Dense"
    files = [inside / name for name in ("model.safetensors", "pytorch_model.bin")]
    weights = read_checkpoint(files[0] if files[0].is_file() else files[1])
    if read_json(folder / "2_Dense" / "config.json").get("bias"):
        raise StudioError(f"{folder}/2_Dense has a bias, which sentence-T5 has not.")
    weight = weights["linear.weight"].to(device)
    return lambda states: torch.nn.functional.normalize(states @ weight.T, dim=-1)
