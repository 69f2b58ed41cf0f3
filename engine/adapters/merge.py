"""A tuned model merged into its base: a full model folder that needs no adapter."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch

from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.files import make_folder, write_bytes
from engine.models import registry
from engine.models.adapter import check_strength, detach, load_adapter, lora_layers
from engine.models.adapter_folder import AdapterFolder
from engine.models.backbone import Network
from engine.models.full_tuning import FullTuning
from engine.models.registry import resolve_adapter, resolve_model


def merge(
    name: str, output: Path | None = None, strength: float = 1.0, model: str = "base"
) -> Path:
    """Write base and tuned model as one model folder; checkpoints/NAME by default. Returns it.

    StudioError when the folder exists, or the tuned model was made for another base.
    """
    check_strength(strength)
    adapter = resolve_adapter(name)
    target = Path(output) if output else registry.CHECKPOINTS / AdapterFolder.read(adapter).name
    if target.exists():
        raise StudioError(f"{target} exists already. Choose another --output folder.")
    base = MotionModel.from_pretrained(resolve_model(model))
    found = load_adapter(base.denoiser, adapter, strength)
    fold_in(base.denoiser)
    make_folder(target.parent)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        beside.chmod(0o755)
        base.save_pretrained(beside)
        write_bytes(beside / "README.md", _card(base.model_id, found, strength).encode())
        beside.rename(target)
    except OSError as error:
        raise StudioError(f"{target} cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


@torch.no_grad()
def fold_in(denoiser: Network) -> None:
    """Make what the adapters do the denoiser's own weights, and take the adapters off."""
    full = FullTuning.find(denoiser)
    kept = {} if full is None else {key: v.clone() for key, v in full.live().items()}
    for layer in lora_layers(denoiser):
        layer.merge()
    if kept and lora_layers(denoiser):
        raise StudioError("Whole weights and LoRA together cannot be merged.")
    detach(denoiser)
    named = dict(denoiser.named_parameters())
    for key, value in kept.items():
        named[key].copy_(value)


def _card(base: str, found: AdapterFolder, strength: float) -> str:
    own = (found.folder / "README.md").read_text(encoding="utf-8", errors="replace")
    return (
        f"# {found.name}, merged\n\nThe base {base} with the tuned model {found.name} merged into "
        f"its weights at strength {strength:g}. What follows is the tuned model's own card.\n\n"
        + own.partition("---\n")[2].partition("---\n")[2].lstrip()
    )
