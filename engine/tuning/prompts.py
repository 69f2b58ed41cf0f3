"""What a run tunes on: packs and own lists of prompts, and which of them are kept back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.checks import check_prompt, check_seconds, shown
from engine.errors import StudioError
from engine.files import read_json
from engine.motion.skeleton import FPS
from engine.tuning import presets

PACKS = Path(__file__).resolve().parents[2] / "assets" / "prompts" / "tuning"
SECONDS = 4.0  # where a list does not say how long
MOST = 10_000


@dataclass(frozen=True)
class Prompt:
    """A prompt and how many frames it is given."""

    text: str
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / FPS

    def to_dict(self) -> dict[str, Any]:
        """As stored in config.json."""
        return {"text": self.text, "seconds": self.seconds}

    @classmethod
    def make(cls, text: Any, seconds: Any = SECONDS) -> Prompt:
        """Checked; StudioError says what is wrong."""
        return cls(check_prompt(text), check_seconds(seconds))


@dataclass(frozen=True)
class PromptSet:
    """Prompts to tune on and to judge on; `held_out` says whether the latter are others."""

    tuned: tuple[Prompt, ...]
    validation: tuple[Prompt, ...]
    held_out: bool

    @property
    def checked(self) -> tuple[Prompt, ...]:
        """Some of the validation prompts, evenly spread: packs are sorted by their subjects."""
        return self.validation[:: max(1, -(-len(self.validation) // presets.MOST_CHECKED))]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PromptSet:
        """The very prompts that a run began with, whatever became of its packs and files."""
        try:
            tuned, judged = config["prompts"], config["validation"]
            lists = [[Prompt.make(one["text"], one["seconds"]) for one in found]
                     for found in (tuned, judged["prompts"])]  # fmt: skip
            return cls(tuple(lists[0]), tuple(lists[1]), bool(judged["held_out"]))
        except (KeyError, TypeError) as error:
            raise StudioError(f"The run's config.json is damaged ({error}).") from error


def pack_names(folder: Path = PACKS) -> list[str]:
    """Names of the packs that come with the project: file names without suffix."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load_prompts(sources: Sequence[str], folder: Path = PACKS) -> PromptSet:
    """All prompts of packs and files; StudioError names the file and line that cannot be used.

    A pack or a .json file holds {"prompts": [{"text", "seconds"}]} and may hold "validation" in the
    same form; a .jsonl file has {"prompt", "seconds"} (or "text") a line; any other file one prompt
    a line. Prompts that come twice are taken once.
    """
    tuned: dict[Prompt, None] = {}
    kept: dict[Prompt, None] = {}
    for source in sources:
        path = _find(source, folder)
        mine, theirs = _read(path)
        tuned |= dict.fromkeys(mine)
        kept |= dict.fromkeys(theirs)
    if not tuned:
        raise StudioError(f"{', '.join(sources)} holds no prompts.")
    if len(tuned) > MOST:
        raise StudioError(f"{len(tuned):,} prompts are too many; tune on at most {MOST:,}.")
    if kept:
        return _split_given(list(tuned), list(kept))
    return hold_out(list(tuned))


def hold_out(prompts: list[Prompt]) -> PromptSet:
    """Keep a quarter back, evenly spread; too short a list is judged on itself, from other noise.

    Which ones does not depend on the run's seed: runs on one list can be compared.
    """
    if len(prompts) < presets.FEWEST_TO_HOLD_OUT:
        return PromptSet(tuple(prompts), tuple(prompts[: presets.MOST_VALIDATION]), False)
    count = max(presets.FEWEST_HELD_OUT, round(presets.HELD_OUT_SHARE * len(prompts)))
    count = min(count, presets.MOST_VALIDATION)
    rows = {(2 * k + 1) * len(prompts) // (2 * count) for k in range(count)}
    tuned = tuple(prompt for row, prompt in enumerate(prompts) if row not in rows)
    return PromptSet(tuned, tuple(prompts[row] for row in sorted(rows)), True)


def _split_given(tuned: list[Prompt], kept: list[Prompt]) -> PromptSet:
    texts = {prompt.text for prompt in tuned}
    held_out = not any(prompt.text in texts for prompt in kept)
    step = max(1, -(-len(kept) // presets.MOST_VALIDATION))
    return PromptSet(tuple(tuned), tuple(kept[::step]), held_out)


def _find(source: str, folder: Path) -> Path:
    name = source.strip()
    for stem in pack_names(folder):
        if stem.lower() == name.lower():
            return folder / f"{stem}.json"
    try:
        if name and Path(name).expanduser().is_file():
            return Path(name).expanduser()
    except (OSError, ValueError, RuntimeError):
        pass
    raise StudioError(
        f"There is no prompt pack or file {shown(source)!r}. "
        f"Packs: {', '.join(pack_names(folder))}."
    )


def _read(path: Path) -> tuple[list[Prompt], list[Prompt]]:
    """Prompts to tune on, and those to judge on where the file names some."""
    if path.suffix == ".json":
        value = read_json(path)
        if not isinstance(value, dict) or not isinstance(value.get("prompts"), list):
            raise StudioError(f'{path} holds no "prompts": [{{"text": ..., "seconds": ...}}].')
        judged = value.get("validation") or []
        if not isinstance(judged, list):
            raise StudioError(f'{path}: "validation" is no list.')
        return _entries(path, value["prompts"]), _entries(path, judged)
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise StudioError(f"{path} cannot be read: {error}") from error
    if path.suffix != ".jsonl":
        return _entries(path, [{"text": line} for line in lines if line.strip()]), []
    try:
        return _entries(path, [json.loads(line) for line in lines if line.strip()]), []
    except (ValueError, RecursionError) as error:
        raise StudioError(f"{path} is no JSONL: {error}") from error


def _entries(path: Path, values: Sequence[Any]) -> list[Prompt]:
    found = []
    for number, value in enumerate(values, start=1):
        entry = {"text": value} if isinstance(value, str) else value
        try:
            if not isinstance(entry, dict):
                raise StudioError(f"{shown(value)!r} is no prompt.")
            text = entry.get("text", entry.get("prompt"))
            found.append(Prompt.make(text, entry.get("seconds", SECONDS)))
        except StudioError as error:
            raise StudioError(f"{path}, prompt {number}: {error}") from error
    return found
