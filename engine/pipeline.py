"""Prompts in, motions out: the one entry to generation for the page, the terminal and scripts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engine.checks import (
    check_guidance,
    check_prompt,
    check_seconds,
    check_seed,
    check_steps,
    per_prompt,
)
from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import FreshNoise, Guided, sample
from engine.errors import StudioError
from engine.models.adapter import (
    check_strength,
    detach,
    load_adapter,
    set_strength,
    weights_hash,
)
from engine.models.adapter_folder import AdapterFolder
from engine.models.device import exact_convolutions, pick_device
from engine.models.text import TextEncoder
from engine.motion.canonical import canonicalize
from engine.motion.ground import settle
from engine.motion.kinematics import finish
from engine.motion.motion import Motion
from engine.motion.skeleton import MAX_FRAMES

if TYPE_CHECKING:
    from engine.diffusion.capture import CapturedSampler

CACHED_PROMPTS = 512
TURN_SECONDS = 0.1  # how often a call that waits for its turn asks whether it is cancelled


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
        model.meet(text)
        self.model = model
        self.text = text
        self.device = device
        # Published models decode by length or draw noise on the way: no graph can hold that.
        self._capture = (device.type == "cuda" if capture is None else capture) and model.own
        self._captured: CapturedSampler | None = None
        self._states: OrderedDict[str, Tensor] = OrderedDict()
        self._lock = threading.Lock()
        self._base_hash: str | None = None
        self._adapter: AdapterFolder | None = None
        self._strength = 1.0

    @classmethod
    def from_pretrained(
        cls,
        folder: Path | str,
        device: torch.device | str | None = None,
        text: TextEncoder | None = None,
        adapter: Path | None = None,
        strength: float = 1.0,
    ) -> MotionPipeline:
        """Load a model folder; `device` defaults to CUDA where there is one."""
        place = pick_device(device)
        model = MotionModel.from_pretrained(folder, place)
        made = cls(model, text or model.encoder(place), place)
        if adapter is not None:
            made.adapt(adapter, strength)
        return made

    @property
    def model_id(self) -> str:
        """Name and hash of the loaded weights, then those of the adapter and its strength."""
        if self._adapter is None:
            return self.model.model_id
        tuned = f"{self._adapter.name}@{self._adapter.fingerprint[:12]}"
        return f"{self.model.model_id}+{tuned}x{self._strength:g}"

    @property
    def adapter(self) -> Path | None:
        """Folder of the adapter that is applied."""
        return None if self._adapter is None else self._adapter.folder

    def adapt(self, adapter: Path | None, strength: float = 1.0) -> None:
        """From the next call on, apply an adapter's folder at a strength of 0 to 1.5; None: base.

        StudioError when the adapter is damaged or for another base; then nothing has changed.
        """
        with self._lock:
            self._adapt(adapter, check_strength(strength))

    def _adapt(self, adapter: Path | None, strength: float) -> None:
        denoiser = self.model.denoiser
        if adapter is None:
            if self._adapter is not None:
                detach(denoiser)
            self._adapter, self._strength, self._captured = None, 1.0, None
            return
        if self._base_hash is None:
            self._base_hash = weights_hash(denoiser)
        found = AdapterFolder.read(adapter)
        if self._adapter is not None and found == self._adapter:
            if strength != self._strength:
                set_strength(denoiser, strength)
                self._strength, self._captured = strength, None
            return
        before, self._adapter = self._adapter, None
        self._captured = None
        detach(denoiser)
        try:
            self._adapter = load_adapter(denoiser, adapter, strength, self._base_hash)
            self._strength = strength
        except StudioError:
            detach(denoiser)
            if before is not None:
                self._adapter = load_adapter(
                    denoiser, before.folder, self._strength, self._base_hash
                )
            raise

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
        prompts = [prompts] if isinstance(prompts, str) else prompts
        texts = [check_prompt(prompt) for prompt in prompts]
        frames = [check_seconds(value) for value in per_prompt(seconds, len(texts), "seconds")]
        chosen = [check_seed(value) for value in per_prompt(seeds, len(texts), "seeds")]
        count = self.model.steps if steps is None else check_steps(steps)
        scale = check_guidance(self.model.guidance_at(count) if guidance is None else guidance)
        self.model.schedule.timesteps(count)  # not every model can walk every number
        if not texts:
            return []
        with self._turn(cancel), exact_convolutions():
            lengths = self.lengths(frames)
            features = self._features(texts, lengths, chosen, scale, count, cancel)
            model_id = self.model_id  # another call may switch adapters as soon as ours is over
            joints = self._decoded(features, lengths)
        return [
            Motion(
                _cleaned(joints[i, :length]) if clean else joints[i, :length].copy(),
                prompt=texts[i],
                seed=chosen[i],
                model=model_id,
            )
            for i, length in enumerate(frames)
        ]

    def features(
        self,
        texts: Sequence[str],
        frames: Sequence[int],
        seeds: Sequence[int],
        *,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> list[np.ndarray]:
        """Raw features [T, 263] (KIT-ML: 251) as the model makes them, each of its `frames`.

        Frames are those of the model's own dataset, at most 199. For measuring by published
        protocols: nothing is cleaned and no skeleton is kept.
        """
        count = self.model.steps if steps is None else check_steps(steps)
        scale = check_guidance(self.model.guidance_at(count) if guidance is None else guidance)
        with self._turn(None), exact_convolutions():
            lengths = torch.tensor(list(frames), device=self.device)
            made = self._features(texts, lengths, seeds, scale, count, None).float().cpu().numpy()
        return [row[:length] for row, length in zip(made, frames, strict=True)]

    def lengths(self, frames: Sequence[int]) -> Tensor:
        """Frames [B] of the model's features for frames at 20 fps."""
        own = [self.model.vae.own_frames(count) for count in frames]
        return torch.tensor(own, device=self.device)

    def prepare(
        self, texts: Sequence[str], frames: Sequence[int], seeds: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a call starts from, for whoever walks the steps.

        Noise [B, N, latent_dim], its mask [B, N], text states [B, L, text_dim], mask [B, L].
        `frames` are at 20 fps.
        """
        return *self._noise(self.lengths(frames).tolist(), seeds), *self._encode(texts)

    def fresh(self, noise: Tensor, seeds: Sequence[int]) -> FreshNoise | None:
        """What a stochastic sampler adds to trajectories from `noise` [B, N, latent_dim]."""
        if not self.model.schedule.stochastic:
            return None
        longest = self.model.vae.n_tokens(MAX_FRAMES)
        return FreshNoise(tuple(seeds), longest, noise.shape[1], noise.shape[2], self.device)

    @torch.no_grad()
    def joints(self, latents: Tensor, mask: Tensor, frames: Sequence[int]) -> list[np.ndarray]:
        """Clean joints [T, 22, 3] of latents [B, N, latent_dim], each of its number of frames."""
        with exact_convolutions():
            lengths = self.lengths(frames)
            decoded = self._decoded(self.model.vae.decode(latents, mask, lengths), lengths)
        return [_cleaned(decoded[i, :length]) for i, length in enumerate(frames)]

    @contextmanager
    def _turn(self, cancel: Callable[[], bool] | None) -> Iterator[None]:
        """One call at a time; whoever is cancelled while waiting need not wait any longer."""
        while not self._lock.acquire(timeout=-1 if cancel is None else TURN_SECONDS):
            if cancel is not None and cancel():
                raise Cancelled("Cancelled.")
        try:
            yield
        finally:
            self._lock.release()

    @torch.no_grad()
    def _features(
        self,
        texts: Sequence[str],
        lengths: Tensor,
        seeds: Sequence[int],
        scale: float,
        steps: int,
        cancel: Callable[[], bool] | None,
    ) -> Tensor:
        noise, mask = self._noise(lengths.tolist(), seeds)
        states, text_mask = self._encode(texts)
        if self._capture and cancel is None:
            return self._captured_sampler()(noise, states, text_mask, lengths, mask, scale, steps)
        fresh = self.fresh(noise, seeds)
        guided = Guided.make(self.model.denoiser, states, text_mask, lengths, mask, scale, fresh)
        latents = sample(self.model.denoiser, self.model.schedule, noise, guided, steps, cancel)
        if latents is None:
            raise Cancelled("Cancelled.")
        return self.model.vae.decode(latents, mask, lengths)

    @torch.no_grad()
    def _decoded(self, features: Tensor, lengths: Tensor) -> np.ndarray:
        """Joints float32 [B, T, 22, 3] of features [B, T, 263]; StudioError where there are none.

        Both are looked at: on the way to the skeleton a bone without direction gets one.
        """
        joints, _ = self.model.vae.joints(features, lengths)
        if not bool(torch.isfinite(features).all() & torch.isfinite(joints).all()):
            raise StudioError(
                "The model produced numbers that are no motion. Lower the guidance or take another "
                "seed; if that does not help, the model's weights are damaged."
            )
        return joints.float().cpu().numpy()

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


def _cleaned(joints: np.ndarray) -> np.ndarray:
    """Canonical last: cleaning may turn hips and shoulders of the first frame a little."""
    return canonicalize(settle(finish(joints)), floor=0.0)
