"""What the Models tab is sent: a card per model, and what lies in the trash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app import tune_goals
from app.tune_scene import report_lines
from engine.adapters.changes import thrown
from engine.adapters.shelf import Entry, entries, lineage
from engine.models.adapter_folder import AdapterFolder
from engine.models.registry import CHECKPOINTS
from engine.preference.tally import DIGITS

if TYPE_CHECKING:
    from engine.preference.tally import Tally

SHOWN_PROMPTS = 40


def models_value(
    bases: Sequence[str], tallies: Mapping[str, Tally] | None = None
) -> dict[str, Any]:
    """JSON for the cards: the full models, then the tuned ones, newest first; then the trash.

    `tallies` are the votes on tuned models, by the first digits of their fingerprints; None where
    they are not known.
    """
    found = entries()
    return {
        "bases": [_base(name) for name in bases],
        "items": [_card(one, lineage(one, found), _votes(one, tallies)) for one in found],
        "trash": [{"token": one.token, "name": one.name} for one in thrown()],
    }


def _base(name: str) -> dict[str, str]:
    folder = CHECKPOINTS / name
    size = sum(one.stat().st_size for one in folder.glob("*.safetensors"))
    what = "what everything is tuned from" if name == "base" else "a full model"
    return {"name": name, "details": f"{what} · {size / 1e6:.0f} MB"}


def _votes(one: Entry, tallies: Mapping[str, Tally] | None) -> str:
    if tallies is None:
        return "unknown"
    found = tallies.get(AdapterFolder.read(one.folder).fingerprint[:DIGITS])
    return "none yet" if found is None else found.words


def _card(one: Entry, way: list[str], voted: str) -> dict[str, Any]:
    goal = tune_goals.in_words(one.reward)
    weights = ", ".join(f"{name} {weight:g}" for name, weight in one.reward.items())
    votes = "" if one.votes is None else f", {one.votes} votes"
    votes += f", taste of {one.reward_model}" if one.reward_model else ""
    return {
        "name": one.name,
        "lineage": way,
        "created": one.created[:16].replace("T", " "),
        "size": f"{one.bytes / 1e6:.1f} MB",
        "goal": goal,
        "facts": [
            {"name": "Learned from", "value": _learned(one)},
            {"name": "Reward", "value": f"{weights or 'unknown'}{votes}"},
            {"name": "Method", "value": _method(one)},
            {"name": "Votes", "value": voted},
            {"name": "Base", "value": one.base or "unknown"},
        ],
        "report": report_lines(one.words, one.differences),
        "prompts": list(one.prompts[:SHOWN_PROMPTS]),
        "more": max(0, len(one.prompts) - SHOWN_PROMPTS),
        "notes": one.notes,
    }


def _learned(one: Entry) -> str:
    count = f"{len(one.prompts)} prompts" if one.prompts else "unknown prompts"
    packs = [name for name in one.sources if name.isalpha()]
    return f"{count} ({', '.join(packs)})" if packs else count


def _method(one: Entry) -> str:
    from app.tune_inputs import METHODS

    method = METHODS.get(one.method, one.method or "unknown")
    kind = "whole weights" if one.kind == "full" else "LoRA"
    updates = "" if one.updates is None else f", {one.updates:,} updates"
    return f"{method}, {kind}{updates}"
