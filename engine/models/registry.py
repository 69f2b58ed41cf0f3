"""Where models lie: names in checkpoints/ or any folder."""

from __future__ import annotations

from pathlib import Path

from engine.checks import shown
from engine.errors import StudioError

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


def resolve_model(name: str | Path) -> Path:
    """The folder of a model given its name in checkpoints/ or its path; StudioError if absent."""
    text = str(name)
    plain = text not in ("", ".", "..") and not any(c in text for c in "/\\")
    if plain and _has_config(CHECKPOINTS / text):
        return CHECKPOINTS / text
    if text and _has_config(Path(text)):
        return Path(text).expanduser()
    known = ", ".join(available_models()) or "none"
    raise StudioError(
        f"There is no model {shown(text)!r}. Shipped models: {known}; or give a folder."
    )


def _has_config(folder: Path) -> bool:
    try:
        return (folder.expanduser() / "config.json").is_file()
    except (OSError, ValueError, RuntimeError):  # too long, NUL, or the home of nobody
        return False


def available_models(folder: Path | None = None) -> list[str]:
    """Names of the motion models in `folder`; checkpoints/ by default."""
    place = CHECKPOINTS if folder is None else folder
    if not place.is_dir():
        return []
    return sorted(one.name for one in place.iterdir() if (one / "denoiser.safetensors").is_file())
