"""The packs of prompts that two models can be compared on."""

from __future__ import annotations

from pathlib import Path

from engine.errors import StudioError
from engine.files import read_json
from engine.tuning.prompts import Prompt

PACKS = Path(__file__).resolve().parents[2] / "assets" / "prompts"


def packs(folder: Path = PACKS) -> dict[str, tuple[Prompt, ...]]:
    """Prompts by the pack's name: those no tuning sees first, then the example packs.

    Files that cannot be read are left out.
    """
    found: dict[str, tuple[Prompt, ...]] = {}
    for place, key, ending in (
        (folder / "tuning", "validation", ", kept back from tuning"),
        (folder, "prompts", ""),
    ):
        for path in sorted(place.glob("*.json")):
            try:
                value = read_json(path)
                entries = tuple(Prompt.make(one["text"], one["seconds"]) for one in value[key])
                name = f"{value['name']}{ending}"
            except (StudioError, KeyError, TypeError):
                continue
            if entries:
                found[name] = entries
    return found
