"""Rewards for published backbones: text alignment read from decoded features, with its own words.

What our latent reward reads are the latents of our own VAE. Other backbones are judged by networks
that read features: EasyTune's SPM (noise-aware), TMR, or the motion half of our reward (both clean
motions only).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.errors import StudioError
from engine.models.registry import CHECKPOINTS
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.tuning.rewards.registry import latents_of
from engine.tuning.rewards.view import View

if TYPE_CHECKING:
    from engine.diffusion.model import MotionModel
    from engine.models.backbone import Sampling
    from engine.tuning.problem import Batch
    from engine.tuning.rewards.registry import RewardForm

SPM_TIMESTEPS = 500  # the noisiest it was trained with
FEATURES = 263


class FeatureAlignment:
    """The cosine of decoded features' and their text's embeddings, in [-1, 1].

    The text goes through the judge's own encoder: it may be another one than the backbone's.
    `times` [T] gives the judge's timestep for each of the backbone's; None: clean motions only.
    """

    clean_only = False

    def __init__(self, network: Any, encoder: TextEncoder, times: Tensor | None = None) -> None:
        self.network, self.encoder, self.times = network, encoder, times
        self._known: dict[str, Tensor] = {}

    def worded(self, batch: Batch) -> Batch | None:
        """None: texts are looked up as they come."""
        return None

    def __call__(self, view: View) -> Tensor:
        """Scores [B]."""
        when = None
        if self.times is not None:
            when = self.times.to(view.timesteps.device)[view.timesteps]
        seen = self.network.embed_motion(view.features, view.frames, when)
        return (seen * self._texts(view.seen.batch.texts).to(seen)).sum(dim=-1)

    @torch.no_grad()
    def _texts(self, texts: tuple[str, ...]) -> Tensor:
        """Unit vectors [B, D]; each text is encoded once."""
        device = next(self.network.parameters()).device
        for text in dict.fromkeys(texts):
            if text not in self._known:
                states, mask = self.encoder.encode([text])
                embedded = self.network.embed_text(states.to(device), mask.to(device))
                self._known[text] = embedded[0]
        return torch.stack([self._known[text] for text in texts])


class _OurMotionReward:
    """The motion half of our reward, told that every motion is clean."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.parameters: Callable[[], Any] = network.parameters
        self.embed_text: Callable[[Tensor, Tensor], Tensor] = network.embed_text

    def embed_motion(self, features: Tensor, mask: Tensor, timestep: Tensor | None) -> Tensor:
        clean = torch.zeros(len(features), dtype=torch.long, device=features.device)
        return self.network.embed_motion(features, mask, clean)


def form_for(form: RewardForm, model: MotionModel) -> RewardForm:
    """The form that a published backbone is rewarded in: its latents are always decoded.

    Ancestral sampling has no single ending that x_t leads to, so predicted x_0 is an average of
    many, and EasyTune (Eq. 12) scores x_prev there, with its noise told. That takes a reward which
    knows noise on features. Ours does not: it has read nothing but what the VAE decodes. So where
    SPM is not at hand, the form that is not asked for by name is x_0, average or not.
    """
    from engine.backbones.judge import is_judge
    from engine.diffusion.ancestral import AncestralSchedule

    if model.own:
        return form
    if form in ("latent", "both") and isinstance(model.schedule, AncestralSchedule):
        return "x_prev" if is_judge(CHECKPOINTS / "spm") else "x_0"
    return latents_of(form)


def follow(
    form: RewardForm, model: MotionModel, device: torch.device | str, folder: Path | None = None
) -> FeatureAlignment:
    """Text alignment for a published backbone; StudioError says which judge is missing.

    `folder`: our own reward, where no published judge is there; the shipped one when None.
    """
    from engine.backbones.judge import is_judge, load_judge
    from engine.backbones.text import PublishedEncoder

    spm = CHECKPOINTS / "spm"
    if is_judge(spm):
        times = spm_times(model.schedule) if form == "x_prev" else None
        encoder = PublishedEncoder("sentence-t5-large-tokens", device)
        return FeatureAlignment(load_judge(spm, "spm", device), encoder, times)
    if form == "x_prev":
        raise StudioError(
            "Noisy steps of this model can only be judged by the published noise-aware reward; "
            "ours has never read noise on features. Choose --form x_0, or import it: "
            f"python -m engine import-checkpoint FILE --kind spm --out {spm} --stats FOLDER"
        )
    tmr = CHECKPOINTS / "tmr"
    if is_judge(tmr):
        encoder = PublishedEncoder("distilbert-base-uncased", device)
        return FeatureAlignment(load_judge(tmr, "tmr", device), encoder)
    return _ours(device, folder)


def _ours(device: torch.device | str, folder: Path | None) -> FeatureAlignment:
    from engine.models.registry import resolve_model
    from engine.models.reward import RewardModel

    network = RewardModel.from_pretrained(folder or resolve_model("reward"), device).motion
    return FeatureAlignment(_OurMotionReward(network), TransformersTextEncoder(device=device))


def spm_times(schedule: Sampling) -> Tensor:
    """SPM's timestep [T] for each of a backbone's: the one whose signal is nearest; 0 for 0.

    SPM learned features under DDPM's scaled-linear noise up to timestep 500; what is noisier is
    told as that.
    """
    theirs = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    levels = (1 - theirs).cumprod(0)[: SPM_TIMESTEPS + 1]
    ours = schedule.alphas_cumprod.double().cpu()
    times = (ours[:, None] - levels[None]).abs().argmin(1)
    times[0] = 0
    return times
