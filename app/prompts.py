"""Example prompts, read from the packs in assets/prompts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from app.inputs import check_prompt, check_seconds
from app.settings import PROMPTS
from engine.errors import StudioError
from engine.files import read_json

log = logging.getLogger("easytune.page")

MOST_SHOWN = 6  # chips per pack: more is a wall
FIRST = "Everyday"


def example_packs(folder: Path = PROMPTS) -> dict[str, Any]:
    """Value of the examples widget: packs of a name and prompts {"text", "seconds"}.

    Damaged files and prompts are left out and logged.
    """
    packs = []
    for path in sorted(folder.glob("*.json")):
        try:
            pack = _pack(read_json(path), path)
        except StudioError as error:
            log.warning("example prompts skipped: %s", error)
            continue
        if pack["prompts"]:
            packs.append(pack)
    packs.sort(key=lambda pack: pack["name"] != FIRST)
    return {"packs": packs}


def _pack(value: Any, path: Path) -> dict[str, Any]:
    entries = value.get("prompts") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise StudioError(f"{path} holds no list of prompts.")
    prompts = []
    for entry in entries:
        try:
            text, seconds = entry["text"], entry.get("seconds", 4.0)
            prompts.append({"text": check_prompt(text), "seconds": check_seconds(seconds)})
        except (KeyError, TypeError, AttributeError, StudioError) as error:
            log.warning("an example of %s is skipped: %r", path, error)
    return {"name": str(value.get("name") or path.stem), "prompts": prompts[:MOST_SHOWN]}
