"""An adapter as a folder: PEFT's config and weights, easytune.json, and a card for people."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StudioError
from engine.files import make_folder, read_json, write_bytes, write_json
from engine.models.weights import file_sha256, read_tensors, tensor_bytes

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "easytune-adapter"
VERSION = 1
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CARD = "easytune.json"
SHOWN_PROMPTS = 30


@dataclass(frozen=True)
class AdapterFolder:
    """What an adapter's folder says of itself, checked; the weights are read when asked for."""

    folder: Path
    kind: str  # "lora" or "full"
    rank: int
    alpha: float
    card: dict[str, Any]

    @classmethod
    def read(cls, folder: Path | str) -> AdapterFolder:
        """StudioError for folders that hold no adapter, or one of a newer version."""
        folder = Path(folder)
        if not (folder / CARD).is_file():
            raise StudioError(f"{folder} holds no adapter ({CARD} is missing).")
        card = read_json(folder / CARD)
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            raise StudioError(f"{folder / CARD} does not describe an adapter.")
        if card.get("version") != VERSION:
            raise StudioError(
                f"{folder / CARD} is of version {card.get('version')}; this program reads version "
                f"{VERSION}. Update the program."
            )
        config = read_json(folder / CONFIG)
        try:
            kind = str(card["kind"])
            if kind == "full":
                return cls(folder, kind, 0, 0.0, card)
            return cls(folder, "lora", int(config["r"]), float(config["lora_alpha"]), card)
        except (KeyError, TypeError, ValueError) as error:
            raise StudioError(f"{folder} is incomplete ({error}). Copy it again.") from error

    @property
    def name(self) -> str:
        """The run's or the folder's name."""
        return self.folder.parent.name if self.folder.name == "adapter" else self.folder.name

    @property
    def base_hash(self) -> str:
        """Hash of the base's weights that this was tuned on."""
        return str(dict(self.card.get("base") or {}).get("hash", ""))

    def check_base(self, base_hash: str) -> None:
        """StudioError unless this was tuned on the base of that hash."""
        if self.base_hash != base_hash:
            base = dict(self.card.get("base") or {})
            raise StudioError(
                f"The adapter {self.folder} was tuned on another base model "
                f"({base.get('id', 'unknown')}, weights {self.base_hash[:12] or 'unknown'}; here: "
                f"{base_hash[:12]}). Use it with that one, or tune again."
            )

    def tensors(self) -> dict[str, Tensor]:
        """The weights, float32; StudioError when the file is damaged or of another save."""
        path = self.folder / WEIGHTS
        tensors = read_tensors(path, "Copy the adapter again.")
        if self.card.get("sha256") != file_sha256(path):
            raise StudioError(f"{path} is not the file that {CARD} describes. Copy it again.")
        return tensors

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights, for receipts."""
        return str(self.card.get("sha256", ""))


def write_adapter(
    folder: Path,
    card: dict[str, Any],
    tensors: Mapping[str, Tensor],
    layers: str,
    rank: int = 0,
    alpha: float = 0.0,
) -> None:
    """Write the folder beside its place and move it there; an older one is replaced.

    `rank` 0: whole weights of the blocks, which PEFT cannot read.
    """
    folder = Path(folder)
    make_folder(folder.parent)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        beside.chmod(0o755)
        write_bytes(beside / WEIGHTS, tensor_bytes(tensors))
        write_json(beside / CONFIG, _config(card, layers, rank, alpha))
        full = {
            "format": FORMAT,
            "version": VERSION,
            "kind": "lora" if rank else "full",
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "sha256": file_sha256(beside / WEIGHTS),
            **card,
        }
        write_json(beside / CARD, full)
        write_bytes(beside / "README.md", card_text(full).encode())
        _replace(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _replace(fresh: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _config(card: dict[str, Any], layers: str, rank: int, alpha: float) -> dict[str, Any]:
    """PEFT's adapter_config.json; of full weights the same without LoRA's sizes."""
    base = str(dict(card.get("base") or {}).get("id", ""))
    if not rank:
        return {"peft_type": None, "base_model_name_or_path": base, "target_modules": r"blocks\..*"}
    return {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": layers,
    }


def card_text(card: dict[str, Any]) -> str:
    """The card for people, Markdown."""
    base = dict(card.get("base") or {})
    lines = [
        "---", "library_name: peft", f"base_model: {json.dumps(str(base.get('id', 'unknown')))}",
        "tags: [text-to-motion, lora, easytune]", "---", "",
        f"# {_plain(card.get('name', 'Tuned adapter'))}", "",
        f"Tuned with EasyTune Studio on {_plain(card.get('created', '?'))}.", "",
        f"- Base: {_plain(base.get('id', 'unknown'))}, weights {str(base.get('hash', ''))[:12]}",
        f"- Kind: {card.get('kind')}",
        f"- Reward: {_plain(card.get('reward', 'unknown'))}",
    ]  # fmt: skip
    config = card.get("config")
    if isinstance(config, dict):
        lines += ["", "## Settings", "", "| setting | value |", "|---|---|"]
        lines += [f"| {_plain(key)} | {_plain(value)} |" for key, value in config.items()]
    words = card.get("words") or []
    if words:
        lines += ["", "## Measured against the base, on prompts that were not tuned on", ""]
        lines += [f"- {_plain(sentence)}" for sentence in words]
    prompts = list(card.get("prompts") or [])
    if prompts:
        lines += ["", f"## Prompts ({len(prompts)})", ""]
        lines += [f"- {_plain(text)}" for text in prompts[:SHOWN_PROMPTS]]
        if len(prompts) > SHOWN_PROMPTS:
            lines.append(f"- and {len(prompts) - SHOWN_PROMPTS} more in {CARD}")
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    """A value as text that Markdown and HTML show as it is."""
    text = " ".join(str(value).split())
    return "".join(f"\\{c}" if c in r"\`*_[]<>|#" else c for c in text)
