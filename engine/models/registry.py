"""Where models and adapters lie: names in the project's folders, or any folder."""

from __future__ import annotations

import os
from pathlib import Path

from engine.checks import shown
from engine.errors import StudioError

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ROOT / "checkpoints"
ADAPTER_FILE = "easytune.json"


def resolve_model(name: str | Path) -> Path:
    """The folder of a model given its name in checkpoints/ or its path; StudioError if absent."""
    text = str(name)
    if _plain(text) and _has(CHECKPOINTS / text, "config.json"):
        return CHECKPOINTS / text
    if text and _has(Path(text), "config.json"):
        return Path(text).expanduser()
    known = ", ".join(available_models()) or "none"
    raise StudioError(
        f"There is no model {shown(text)!r}. Shipped models: {known}; or give a folder."
    )


def available_models(folder: Path | None = None) -> list[str]:
    """Names of the motion models in `folder`; checkpoints/ by default."""
    place = CHECKPOINTS if folder is None else folder
    if not place.is_dir():
        return []
    return sorted(one.name for one in place.iterdir() if (one / "denoiser.safetensors").is_file())


def home() -> Path:
    """Where runs/ and adapters/ lie: EASYTUNE_HOME, else the project's folder."""
    chosen = os.environ.get("EASYTUNE_HOME")
    return Path(chosen).expanduser() if chosen else ROOT


def resolve_adapter(name: str | Path) -> Path:
    """The folder of an adapter given its name (adapters/NAME, a run's id) or its path."""
    text = str(name)
    if _plain(text):
        for folder in (home() / "adapters" / text, home() / "runs" / text / "adapter"):
            if _has(folder, ADAPTER_FILE):
                return folder
    if text:
        for folder in (Path(text), Path(text) / "adapter"):  # a run's folder stands for its adapter
            if _has(folder, ADAPTER_FILE):
                return folder.expanduser()
    known = ", ".join(available_adapters()) or "none"
    raise StudioError(f"There is no adapter {shown(text)!r}. There are: {known}; or give a folder.")


def available_adapters() -> list[str]:
    """Names of the adapters in adapters/, then of the runs that have one, newest first."""
    kept = [one.parent.name for one in (home() / "adapters").glob(f"*/{ADAPTER_FILE}")]
    runs = sorted(
        (home() / "runs").glob(f"*/adapter/{ADAPTER_FILE}"),
        key=lambda file: file.stat().st_mtime,
        reverse=True,
    )
    names = [*sorted(kept), *(file.parents[1].name for file in runs)]
    return [name for name in dict.fromkeys(names) if not name.startswith(".")]


def resolve_reward(name: str | Path) -> Path:
    """The folder of a reward: "base" or "reward" is the shipped one, another name one that was
    learned (rewards/NAME) or lies in checkpoints/, else a folder. StudioError if absent."""
    text = "reward" if str(name) == "base" else str(name)
    if _plain(text) and _has(home() / "rewards" / text, "config.json"):
        return home() / "rewards" / text
    if _plain(text) and _has(CHECKPOINTS / text, "config.json"):
        return CHECKPOINTS / text
    if text and _has(Path(text), "config.json"):
        return Path(text).expanduser()
    if text == "reward":
        raise StudioError(
            "The reward that follows the text is not in checkpoints/reward. Train one: "
            "python -m engine train reward --help"
        )
    known = ", ".join(available_rewards()) or "none"
    raise StudioError(
        f"There is no reward {shown(text)!r}. Learned ones: {known}; or give a folder."
    )  # fmt: skip


def available_rewards() -> list[str]:
    """Names of the rewards that were learned from votes, newest first."""
    found = sorted(
        (home() / "rewards").glob("*/taste.json"), key=lambda file: file.stat().st_mtime,
        reverse=True,
    )  # fmt: skip
    return [file.parent.name for file in found if not file.parent.name.startswith(".")]


def _plain(text: str) -> bool:
    """Whether a text is a name and no path."""
    return text not in ("", ".", "..") and not any(c in text for c in "/\\")


def _has(folder: Path, file: str) -> bool:
    try:
        return (folder.expanduser() / file).is_file()
    except (OSError, ValueError, RuntimeError):  # too long, NUL, or the home of nobody
        return False
