"""Example prompts, read from the packs in assets/prompts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from app.settings import PROMPTS
from engine.errors import StudioError
from engine.files import read_json

log = logging.getLogger("easytune.page")

MOST_SHOWN = 10  # chips per pack: more is a wall


def example_packs(folder: Path = PROMPTS) -> dict[str, Any]:
    """Value of the examples widget, {"packs": [{"title", "prompts"}]}, without damaged files."""
    packs = []
    for path in sorted(folder.glob("*.json")):
        try:
            pack = _pack(read_json(path), path)
        except StudioError as error:
            log.warning("example prompts skipped: %s", error)
            continue
        if pack["prompts"]:
            packs.append(pack)
    return {"packs": packs}


def _pack(value: Any, path: Path) -> dict[str, Any]:
    entries = value.get("prompts") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise StudioError(f"{path} holds no list of prompts.")
    texts = [entry.get("prompt") if isinstance(entry, dict) else entry for entry in entries]
    title = value.get("title") if isinstance(value, dict) else None
    return {
        "title": str(title or path.stem.replace("_", " ").replace("-", " ").capitalize()),
        "prompts": [text for text in texts if isinstance(text, str) and text.strip()][:MOST_SHOWN],
    }
