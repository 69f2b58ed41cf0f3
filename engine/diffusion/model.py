"""A motion model as a folder: config.json, vae.safetensors, denoiser.safetensors, README.md."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.checks import check_guidance, check_steps
from engine.diffusion.schedule import Schedule, ScheduleConfig
from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.models.denoiser import Denoiser, DenoiserConfig
from engine.models.vae import MotionVAE, VAEConfig
from engine.models.weights import load_weights, save_weights, write_manifest

FORMAT = "easytune-motion-model"
VERSION = 1
# How wrong names, kinds or sizes in a config surface, some only inside torch or diffusers.
_WRONG = (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError, StudioError)


@dataclass
class MotionModel:
    """VAE, denoiser and schedule that belong together, with the sampling they were judged at."""

    vae: MotionVAE
    denoiser: Denoiser
    schedule: Schedule
    steps: int = 10
    guidance_scale: float = 3.0
    text_encoder: str = "all-MiniLM-L6-v2"
    model_id: str = "untrained"

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
        vae = MotionVAE(VAEConfig(**config["vae"]))
        denoiser = Denoiser(DenoiserConfig(**config["denoiser"]))
        for name in ("latent_dim", "frames_per_token"):
            if getattr(vae.config, name) != getattr(denoiser.config, name):
                raise ValueError(f"the VAE and the denoiser differ in {name}")
        schedule = Schedule(ScheduleConfig(**config["schedule"]))
        sampling = config["sampling"]
        steps = check_steps(sampling["steps"])
        return cls(vae, denoiser, schedule, steps, check_guidance(sampling["guidance_scale"]))

    def save_pretrained(self, folder: Path | str, half: bool = True) -> None:
        """Write config and weights; half precision halves the files and moves joints < 0.1 mm."""
        folder = Path(folder)
        save_weights(self.vae, folder / "vae.safetensors", half)
        save_weights(self.denoiser, folder / "denoiser.safetensors", half)
        write_json(folder / "config.json", self.config())
        write_manifest(folder)

    def config(self) -> dict[str, Any]:
        """Everything but the weights, as stored in config.json."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "vae": self.vae.config.to_dict(),
            "denoiser": self.denoiser.config.to_dict(),
            "schedule": self.schedule.config.to_dict(),
            "sampling": {"steps": self.steps, "guidance_scale": self.guidance_scale},
            "text_encoder": self.text_encoder,
        }


def fingerprint(folder: Path | str) -> str:
    """SHA-256 over the model's config and weights, in file order."""
    digest = hashlib.sha256()
    for name in ("config.json", "denoiser.safetensors", "vae.safetensors"):
        path = Path(folder) / name
        if not path.is_file():
            raise StudioError(f"{path} is missing. Copy the model folder again.")
        digest.update(path.read_bytes())
    return digest.hexdigest()
