"""The evaluator as a tool: embed texts and motions, tell contents and styles, save and load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.errors import StudioError
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet
from engine.files import read_json, write_json
from engine.models.text import TextEncoder
from engine.models.weights import load_weights, save_weights, write_manifest
from engine.motion.features import joints_to_features
from engine.motion.skeleton import N_JOINTS

FEATURES = 263
WEIGHTS, CONFIG = "model.safetensors", "config.json"


@dataclass(frozen=True)
class Classes:
    """Class probabilities of motions: content [N,C] and style [N,S], columns named."""

    content: np.ndarray
    style: np.ndarray
    contents: tuple[str, ...]
    styles: tuple[str, ...]

    def content_names(self) -> list[str]:
        """The likeliest content of each motion."""
        return [self.contents[index] for index in self.content.argmax(axis=1)]

    def style_names(self) -> list[str]:
        """The likeliest style of each motion."""
        return [self.styles[index] for index in self.style.argmax(axis=1)]


class Evaluator:
    """A trained evaluator on one device.

    The text encoder is only needed (and only loaded) for `embed_text`; StudioError when it is not
    of the evaluator's kind.
    """

    def __init__(
        self,
        net: EvaluatorNet,
        text_encoder: TextEncoder | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if text_encoder is not None and text_encoder.dim != net.config.text_dim:
            raise StudioError(
                f"The evaluator reads text states of {net.config.text_dim} channels, the text "
                f"encoder {text_encoder.name} gives {text_encoder.dim}. "
                f"Use the encoder it was trained with: {net.config.text_encoder}."
            )
        self.device = torch.device(device)
        self.net = net.to(self.device).eval().requires_grad_(False)
        self._text = text_encoder

    @property
    def contents(self) -> tuple[str, ...]:
        """Names of the content classes."""
        return self.net.config.contents

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the style classes."""
        return self.net.config.styles

    @classmethod
    def from_pretrained(
        cls,
        folder: Path | str,
        text_encoder: TextEncoder | None = None,
        device: torch.device | str = "cpu",
    ) -> Evaluator:
        """Load config.json and model.safetensors from `folder`; StudioError if they do not fit."""
        folder = Path(folder)
        net = EvaluatorNet(EvaluatorConfig.from_dict(read_json(folder / CONFIG)))
        load_weights(net, folder / WEIGHTS)
        return cls(net, text_encoder, device)

    def save_pretrained(self, folder: Path | str) -> None:
        """Write config, weights (fp16; the feature statistics stay fp32) and their hashes."""
        folder = Path(folder)
        save_weights(self.net, folder / WEIGHTS, half=True, exact=("mean", "std"))
        write_json(folder / CONFIG, self.net.config.to_dict())
        write_manifest(folder)

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str], batch: int = 256) -> np.ndarray:
        """Unit embeddings float32 [N,256] of sentences."""
        encoder = self._encoder()
        rows = []
        for start in range(0, len(texts), batch):
            states, mask = encoder.encode(list(texts[start : start + batch]))
            rows.append(self.net.embed_text(states.to(self.device), mask.to(self.device)).cpu())
        return torch.cat(rows).numpy() if rows else np.zeros((0, self.net.config.embedding))

    @torch.no_grad()
    def embed_motion(self, motions: Sequence[np.ndarray], batch: int = 128) -> np.ndarray:
        """Unit embeddings float32 [N,256] of joints [T,22,3] or features [T,263] (any lengths)."""
        rows = []
        for start in range(0, len(motions), batch):
            features, lengths = pad([as_features(m) for m in motions[start : start + batch]])
            rows.append(self.net.embed_motion(features.to(self.device), lengths).cpu())
        return torch.cat(rows).numpy() if rows else np.zeros((0, self.net.config.embedding))

    @torch.no_grad()
    def classify(self, motions: Sequence[np.ndarray]) -> Classes:
        """Content and style probabilities of joints [T,22,3] or features [T,263]."""
        return self.classify_embedding(self.embed_motion(motions))

    @torch.no_grad()
    def classify_embedding(self, embedding: np.ndarray) -> Classes:
        """The same from embeddings [N,256] made before."""
        rows = torch.as_tensor(embedding, dtype=torch.float32, device=self.device)
        content, style = (
            logits.softmax(-1).cpu().numpy() for logits in self.net.class_logits(rows)
        )
        return Classes(content, style, self.contents, self.styles)

    def _encoder(self) -> TextEncoder:
        if self._text is None:
            from engine.models.text import TransformersTextEncoder

            self._text = TransformersTextEncoder(device=self.device)
        return self._text


def as_features(motion: np.ndarray) -> np.ndarray:
    """Joints [T,22,3] -> features [T-1,263]; features [T,263] stay as they are."""
    array = np.asarray(motion, dtype=np.float32)
    if array.ndim == 3 and array.shape[1:] == (N_JOINTS, 3):
        return joints_to_features(array)
    if array.ndim == 2 and array.shape[1] == FEATURES and len(array):
        return array
    raise StudioError(f"Expected joints [T,22,3] or features [T,263], not {list(array.shape)}.")


def pad(features: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Features [T_i,263] -> zero-padded float32 [N,T,263] and lengths [N]."""
    lengths = torch.tensor([len(one) for one in features])
    padded = torch.zeros(len(features), int(lengths.max()), FEATURES)
    for row, one in zip(padded, features, strict=True):
        row[: len(one)] = torch.from_numpy(np.ascontiguousarray(one, dtype=np.float32))
    return padded, lengths
