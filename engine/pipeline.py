"""Prompts in, motions out: the one entry to generation for the page, the terminal and scripts."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import Guided, sample
from engine.errors import StudioError
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.motion.canonical import canonicalize
from engine.motion.features import features_to_joints
from engine.motion.kinematics import finish, to_skeleton
from engine.motion.motion import Motion
from engine.motion.skeleton import FPS, MAX_FRAMES, MAX_SECONDS, MIN_FRAMES, MIN_SECONDS

if TYPE_CHECKING:
    from engine.diffusion.capture import CapturedSampler

MAX_PROMPT_CHARACTERS = 500
MAX_SEED = 2**63 - 1
MAX_STEPS = 200
CACHED_PROMPTS = 512


class Cancelled(StudioError):
    """Generation was stopped because the caller asked for it."""


class MotionPipeline:
    """A loaded model with its text encoder. Thread-safe: calls take turns."""

    def __init__(
        self,
        model: MotionModel,
        text: TextEncoder,
        device: torch.device,
        capture: bool | None = None,
    ) -> None:
        """`capture` replays the whole sampler as one CUDA graph (default: on CUDA)."""
        self.model = model
        self.text = text
        self.device = device
        self._capture = device.type == "cuda" if capture is None else capture
        self._captured: CapturedSampler | None = None
        self._states: OrderedDict[str, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def from_pretrained(
        cls,
        folder: Path | str,
        device: torch.device | str | None = None,
        text: TextEncoder | None = None,
    ) -> MotionPipeline:
        """Load a model folder; `device` defaults to CUDA where there is one."""
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        model = MotionModel.from_pretrained(folder, place)
        return cls(model, text or TransformersTextEncoder(device=place), place)

    @property
    def model_id(self) -> str:
        """Name and hash of the loaded weights."""
        return self.model.model_id

    def __call__(
        self,
        prompts: Sequence[str],
        seconds: Sequence[float] | float,
        seeds: Sequence[int] | int,
        *,
        guidance: float | None = None,
        steps: int | None = None,
        cancel: Callable[[], bool] | None = None,
        clean: bool = True,
    ) -> list[Motion]:
        """One motion per prompt, exactly as long as asked; same prompt and seed, same motion.

        `seconds` and `seeds` are per prompt or one for all; `cancel` is asked between steps and
        raises Cancelled. `clean` False returns joints as decoded, for measuring what cleaning
        costs. Raises StudioError for anything that cannot be generated.
        """
        texts = [check_prompt(prompt) for prompt in prompts]
        frames = [check_seconds(value) for value in _per_prompt(seconds, len(texts), "seconds")]
        chosen = [check_seed(value) for value in _per_prompt(seeds, len(texts), "seeds")]
        scale = check_guidance(self.model.guidance_scale if guidance is None else guidance)
        count = check_steps(self.model.steps if steps is None else steps)
        if not texts:
            return []
        with self._lock:
            features = self._features(texts, frames, chosen, scale, count, cancel)
        joints = to_skeleton(features_to_joints(features)).cpu().numpy()
        return [
            Motion(
                _cleaned(joints[i, :length], clean).astype(np.float32),
                prompt=texts[i],
                seed=chosen[i],
                model=self.model_id,
            )
            for i, length in enumerate(frames)
        ]

    @torch.no_grad()
    def _features(
        self,
        texts: Sequence[str],
        frames: Sequence[int],
        seeds: Sequence[int],
        scale: float,
        steps: int,
        cancel: Callable[[], bool] | None,
    ) -> Tensor:
        noise, mask = self._noise(frames, seeds)
        states, text_mask = self._encode(texts)
        lengths = torch.tensor(frames, device=self.device)
        if self._capture and cancel is None:
            return self._captured_sampler()(noise, states, text_mask, lengths, mask, scale, steps)
        guided = Guided.make(self.model.denoiser, states, text_mask, lengths, mask, scale)
        latents = sample(self.model.denoiser, self.model.schedule, noise, guided, steps, cancel)
        if latents is None:
            raise Cancelled("Cancelled.")
        return self.model.vae.decode(latents, mask)

    def _captured_sampler(self) -> CapturedSampler:
        if self._captured is None:
            from engine.diffusion.capture import CapturedSampler

            self._captured = CapturedSampler(self.model)
        return self._captured

    def _noise(self, frames: Sequence[int], seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Starting noise and token mask; each sample's noise depends on nothing but its seed."""
        tokens = [self.model.vae.n_tokens(count) for count in frames]
        width = self.model.vae.config.latent_dim
        longest = self.model.vae.n_tokens(MAX_FRAMES)
        rows = [
            torch.randn(longest, width, generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
        noise = torch.stack(rows)[:, : max(tokens)].to(self.device)
        mask = torch.arange(max(tokens))[None] < torch.tensor(tokens)[:, None]
        return noise, mask.to(self.device)

    def _encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token states of prompts, each encoded once and remembered."""
        for text in dict.fromkeys(texts):
            if text not in self._states:
                states, mask = self.text.encode([text])
                self._states[text] = states[0, : int(mask[0].sum())].to(self.device)
            self._states.move_to_end(text)
        rows = [self._states[text] for text in texts]
        while len(self._states) > CACHED_PROMPTS:
            self._states.popitem(last=False)
        mask = (
            torch.arange(max(map(len, rows)))[None] < torch.tensor([len(r) for r in rows])[:, None]
        )
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), mask.to(self.device)


def check_prompt(prompt: str) -> str:
    """The prompt with spaces tidied; StudioError when there is nothing to generate from."""
    text = " ".join(str(prompt).split())
    if not any(character.isalnum() for character in text):
        raise StudioError("The prompt is empty. Describe a movement, such as 'a person waves'.")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise StudioError(
            f"The prompt has {len(text):,} characters; at most {MAX_PROMPT_CHARACTERS} are read. "
            "Shorten it to one or two sentences."
        )
    return text


def check_seconds(seconds: float) -> int:
    """Seconds to frames, to the nearest one; StudioError outside what the model can make."""
    if not math.isfinite(seconds) or not MIN_FRAMES <= round(seconds * FPS) <= MAX_FRAMES:
        raise StudioError(
            f"{seconds} seconds cannot be generated: "
            f"ask for {MIN_SECONDS} to {MAX_SECONDS} seconds."
        )
    return round(seconds * FPS)


def check_seed(seed: int) -> int:
    """A whole number that torch takes as a seed; StudioError otherwise."""
    if isinstance(seed, bool) or int(seed) != seed or not 0 <= seed <= MAX_SEED:
        raise StudioError(f"The seed {seed} is not a whole number from 0 to {MAX_SEED}.")
    return int(seed)


def check_guidance(guidance: float) -> float:
    """A guidance scale between 1 (none) and 20; StudioError otherwise."""
    if not math.isfinite(guidance) or not 1.0 <= guidance <= 20.0:
        raise StudioError(f"Guidance {guidance} is out of range: choose 1 (none) to 20.")
    return float(guidance)


def check_steps(steps: int) -> int:
    """A number of denoising steps between 1 and 200; StudioError otherwise."""
    if int(steps) != steps or not 1 <= steps <= MAX_STEPS:
        raise StudioError(f"{steps} denoising steps are out of range: choose 1 to {MAX_STEPS}.")
    return int(steps)


def _per_prompt(value: Sequence[Any] | float, count: int, name: str) -> list[Any]:
    if isinstance(value, (int, float)):
        return [value] * count
    if len(value) != count:
        raise StudioError(f"{count} prompts need {count} {name}, not {len(value)}.")
    return list(value)


def _cleaned(joints: np.ndarray, clean: bool) -> np.ndarray:
    if not np.isfinite(joints).all():
        raise StudioError(
            "The model produced numbers that are no motion. "
            "Lower the guidance or take another seed."
        )
    return finish(canonicalize(joints, floor=0.0)) if clean else joints
