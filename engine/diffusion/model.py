"""A motion model as a folder: config.json, vae.safetensors, denoiser.safetensors, README.md."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.backbones.mdm import MDM, Frames, FramesConfig, MDMConfig
from engine.backbones.mld import MLDVAE, MLDDenoiser, MLDDenoiserConfig, MLDVAEConfig
from engine.backbones.text import PUBLISHED, PublishedEncoder
from engine.checks import MAX_MODEL_STEPS, check_guidance, check_steps
from engine.diffusion.ancestral import AncestralConfig, AncestralSchedule
from engine.diffusion.consistency import GUIDANCE, ConsistencyConfig, ConsistencySchedule
from engine.diffusion.flow import FlowConfig, FlowSchedule
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.models.backbone import Codec, Network, Sampling
from engine.models.denoiser import Denoiser, DenoiserConfig
from engine.models.text import TextEncoder, TransformersTextEncoder
from engine.models.vae import MotionVAE, VAEConfig
from engine.models.weights import load_weights, save_weights, write_manifest

FORMAT = "easytune-motion-model"
VERSION = 1
OWN = "easytune"
# Per family: its networks with their configs, and what both must agree in.
_FAMILIES: dict[str, tuple[Any, Any, Any, Any, dict[str, str]]] = {
    OWN: (MotionVAE, VAEConfig, Denoiser, DenoiserConfig,
          {"latent_dim": "latent_dim", "frames_per_token": "frames_per_token"}),
    "mld": (MLDVAE, MLDVAEConfig, MLDDenoiser, MLDDenoiserConfig,
            {"latent_dim": "latent_dim", "latent_tokens": "latent_tokens"}),
    "mdm": (Frames, FramesConfig, MDM, MDMConfig,
            {"latent_dim": "features", "masked": "mask_frames"}),
}  # fmt: skip
_SCHEDULES: dict[str, tuple[Any, Any]] = {
    "ddim": (Schedule, ScheduleConfig),
    "ancestral": (AncestralSchedule, AncestralConfig),
    "consistency": (ConsistencySchedule, ConsistencyConfig),
    "flow": (FlowSchedule, FlowConfig),
}
# How wrong names, kinds or sizes in a config surface, some only inside torch or diffusers.
_WRONG = (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError, StudioError)


@dataclass
class MotionModel:
    """VAE, denoiser and schedule that belong together, with the sampling they were judged at."""

    vae: Codec
    denoiser: Network
    schedule: Sampling
    steps: int = 10
    guidance_scale: float = 3.0
    text_encoder: str = "all-MiniLM-L6-v2"
    model_id: str = "untrained"
    family: str = OWN

    @classmethod
    def from_pretrained(cls, folder: Path | str, device: torch.device | str = "cpu") -> MotionModel:
        """Load float32 modules in eval mode; StudioError says which file is wrong and why."""
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise StudioError(f"{folder} holds no model (config.json is missing).")
        config = read_json(folder / "config.json")
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise StudioError(f"{folder}/config.json does not describe a motion model.")
        if config.get("version") != VERSION:
            raise StudioError(
                f"{folder}/config.json is of version {config.get('version')}; this program reads "
                f"version {VERSION}. Update the program or fetch a model made for it."
            )
        try:
            model = cls._built(config)
        except _WRONG as error:
            reason = f"{type(error).__name__}: {str(error).strip() or 'no reason given'}"
            raise StudioError(
                f"{folder}/config.json is incomplete or wrong ({reason.splitlines()[0][:200]}). "
                "Copy the model folder again."
            ) from error
        load_weights(model.vae, folder / "vae.safetensors")
        load_weights(model.denoiser, folder / "denoiser.safetensors")
        model.text_encoder = str(config.get("text_encoder", model.text_encoder))
        model.model_id = f"{folder.name}@{fingerprint(folder)[:12]}"
        for module in (model.vae, model.denoiser):
            module.eval().requires_grad_(False).to(device)
        return model

    @classmethod
    def _built(cls, config: dict[str, Any]) -> MotionModel:
        """Untrained modules as config.json describes them; raises whatever is wrong with it."""
        family = str(config.get("family", OWN))
        codec, codec_config, network, network_config, shared = _FAMILIES[family]
        vae = codec(codec_config(**config["vae"]))
        denoiser = network(network_config(**config["denoiser"]))
        for ours, theirs in shared.items():
            if getattr(vae.config, ours) != getattr(denoiser.config, theirs):
                raise ValueError(f"the VAE and the denoiser differ in {theirs}")
        values = dict(config["schedule"])
        schedule, schedule_config = _SCHEDULES[values.pop("kind", "ddim")]
        made = schedule(schedule_config(**values))
        sampling = config["sampling"]
        steps = check_steps(sampling["steps"], MAX_MODEL_STEPS)
        made.timesteps(steps)  # says now what it cannot walk
        guidance = check_guidance(sampling["guidance_scale"])
        return cls(vae, denoiser, made, steps, guidance, family=family)

    def save_pretrained(self, folder: Path | str, half: bool = True) -> None:
        """Write config and weights; half precision halves the files and moves joints < 0.1 mm."""
        folder = Path(folder)
        save_weights(self.vae, folder / "vae.safetensors", half)
        save_weights(self.denoiser, folder / "denoiser.safetensors", half)
        write_json(folder / "config.json", self.config())
        write_manifest(folder)

    @property
    def own(self) -> bool:
        """Whether this is a model of this project's kind, and not a published one."""
        return self.family == OWN

    def ours(self) -> tuple[MotionVAE, Schedule]:
        """VAE and noise of a diffusion model of this project's kind; StudioError for others."""
        vae = self.own_vae()
        if not isinstance(self.schedule, Schedule):
            raise StudioError(
                f"The model {self.model_id} is a flow; this needs one with the noise of diffusion."
            )
        return vae, self.schedule

    def own_vae(self) -> MotionVAE:
        """The VAE of a model of this project's kind; StudioError for others."""
        if not isinstance(self.vae, MotionVAE):
            raise StudioError(
                f"The model {self.model_id} is a published one; this needs one of this project's."
            )
        return self.vae

    def guidance_at(self, steps: int) -> float:
        """The guidance scale for `steps` steps where none is asked for: few-step models' differ."""
        if isinstance(self.schedule, ConsistencySchedule) and steps != self.steps:
            return GUIDANCE.get(steps, self.guidance_scale)
        return self.guidance_scale

    def encoder(self, device: torch.device | str) -> TextEncoder:
        """The text encoder that the model was trained with; StudioError when it is not here."""
        if self.text_encoder in PUBLISHED:
            return PublishedEncoder(self.text_encoder, device)
        return TransformersTextEncoder(device=device)

    def meet(self, encoder: TextEncoder) -> None:
        """Check that the encoder fits, and learn from it what no prompt is where that is needed."""
        if encoder.dim != self.denoiser.config.text_dim:
            raise StudioError(
                f"The model {self.model_id} reads text states of {self.denoiser.config.text_dim} "
                f"channels, the text encoder {encoder.name} gives {encoder.dim}. "
                f"Use the encoder it was trained with: {self.text_encoder}."
            )
        if isinstance(self.denoiser, MLDDenoiser) and not self.denoiser.takes_guidance:
            self.denoiser.empty.copy_(encoder.encode([""])[0][0, 0])

    def config(self) -> dict[str, Any]:
        """Everything but the weights, as stored in config.json."""
        return {
            "format": FORMAT,
            "version": VERSION,
            **({} if self.own else {"family": self.family}),
            "vae": self.vae.config.to_dict(),
            "denoiser": self.denoiser.config.to_dict(),
            "schedule": self.schedule.config.to_dict(),
            "sampling": {"steps": self.steps, "guidance_scale": self.guidance_scale},
            "text_encoder": self.text_encoder,
        }


def is_own(folder: Path | str) -> bool:
    """Whether a folder holds a model of this project's kind, which all read the same encoder."""
    config = read_json(Path(folder) / "config.json")
    return not isinstance(config, dict) or config.get("family", OWN) == OWN


def fingerprint(folder: Path | str) -> str:
    """SHA-256 over the model's config and weights, in file order."""
    digest = hashlib.sha256()
    for name in ("config.json", "denoiser.safetensors", "vae.safetensors"):
        path = Path(folder) / name
        if not path.is_file():
            raise StudioError(f"{path} is missing. Copy the model folder again.")
        digest.update(path.read_bytes())
    return digest.hexdigest()
