"""What a person asked to tune, checked, and turned into the one command that does it."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import tune_goals
from app.compare_inputs import BASE
from app.inputs import check_number, check_whole
from app.settings import ROOT
from engine.errors import StudioError
from engine.files import write_bytes
from engine.models.registry import available_adapters, available_models, home
from engine.tuning import presets
from engine.tuning.prompts import SECONDS, Prompt, pack_names
from engine.tuning.rewards.registry import VOTES
from engine.tuning.settings import MAX_BATCH, Settings, check_name

LISTS = ".lists"  # in runs/: own lists of prompts, by what is in them
MOST_LINES = 1000
# The registry's names; a test compares them, because importing it loads torch.
METHODS = {
    "easytune-batched": "EasyTune",
    "easytune": "EasyTune, an update per step",
    "easytune-chain": "EasyTune with the whole chain's gradient",
    "refl": "ReFL",
    "draft": "DRaFT-K",
    "draft-lv": "DRaFT-LV",
    "alignprop": "AlignProp",
    "drtune": "DRTune",
}
WEIGHTINGS = {
    "linear": "More for the early, noisy steps",
    "uniform": "All steps alike",
    "adaptive": "Found out while tuning",
}
PRESETS = {name: name.capitalize() for name in presets.MINUTES}


@dataclass(frozen=True)
class TuneWish:
    """One valid request: the name of the run, its settings, and the person's own prompts."""

    name: str
    settings: Settings
    own: tuple[Prompt, ...]

    @property
    def command(self) -> list[str]:
        """Words of the command line."""
        return [*self.settings.command(), "--name", self.name]

    @property
    def line(self) -> str:
        """The same, quoted for a POSIX shell."""
        return shlex.join(self.command)

    def write_list(self) -> None:
        """Put the person's own prompts where the command reads them."""
        if self.own:
            write_bytes(own_list(self.own), _lines(self.own))


def make_tune_wish(
    values: Mapping[str, Any], seconds_of: Mapping[str, float], taken: Callable[[str], bool]
) -> TuneWish:
    """Check the tab's values, by name; StudioError says the first thing to change.

    `seconds_of` gives the length of prompts that were tried before; `taken` says which names for a
    run are in use.
    """
    weights = tune_goals.check_weights(
        {name: check_number(value, f"weight of “{name}”", 0.0, tune_goals.MOST_WEIGHT)
         for name, value in values["weights"].items()}
    )  # fmt: skip
    own = own_prompts(values["own"], seconds_of)
    packs = [pack for pack in values["packs"] or [] if pack in pack_names()]
    if not packs and not own:
        raise StudioError("Choose a pack of prompts or write your own, one per line.")
    adapter = str(values["start"] or BASE)
    if adapter != BASE and adapter not in available_adapters():
        raise StudioError(f"There is no tuned model called {adapter!r} any more.")
    sources = (*packs, *([shown_path(own_list(own))] if own else []))
    settings = Settings(
        prompts=sources,
        model=values["model"],
        device=values["device"],
        reward=weights,
        reward_model=tune_goals.learned() if VOTES in weights else Settings.reward_model,
        adapter=None if adapter == BASE else adapter,
        method=_known(values["method"], METHODS, "a method"),
        weighting=_known(values["weighting"], WEIGHTINGS, "a step weighting"),
        preset=_known(values["preset"], PRESETS, "an effort"),
        **_numbers(values),
    )
    return TuneWish(_name(values["name"], weights, taken), settings, own)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers under Advanced; an empty one, and 0, is left to the engine."""
    found: dict[str, Any] = {"trust": check_number(values["trust"], "pull to the base", 0, 100)}
    found["seed"] = check_whole(values["seed"] or 0, "seed", 0, 2**31)
    for name, most in (("batch", MAX_BATCH), ("rank", 256)):
        if values[name]:
            found[name] = check_whole(values[name], name, 1, most)
    ranges = {"minutes": (1 / 60, presets.MOST_MINUTES), "rate": (1e-9, 1.0)}
    for name, (least, highest) in ranges.items():
        if values[name]:
            found[name] = check_number(values[name], name, least, highest)
    if found.get("rate") == presets.RATE_LORA:
        del found["rate"]
    return found


def own_prompts(text: Any, seconds_of: Mapping[str, float]) -> tuple[Prompt, ...]:
    """Prompts of a pasted text, one per line; StudioError names the line that cannot be used."""
    lines = [line.strip() for line in str(text or "").splitlines()]
    kept = [(number, line) for number, line in enumerate(lines, start=1) if line]
    if len(kept) > MOST_LINES:
        raise StudioError(f"{len(kept):,} lines are too many; paste at most {MOST_LINES:,}.")
    found: dict[Prompt, None] = {}
    for number, line in kept:
        try:
            found[Prompt.make(line, seconds_of.get(line, SECONDS))] = None
        except StudioError as error:
            raise StudioError(f"Your prompts, line {number}: {error}") from error
    return tuple(found)


def own_list(prompts: Sequence[Prompt]) -> Path:
    """The file for a list of prompts; the same list has the same file."""
    return home() / "runs" / LISTS / f"{hashlib.sha256(_lines(prompts)).hexdigest()[:10]}.jsonl"


def shown_path(path: Path) -> str:
    """A path as the command names it: from the project's folder where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(Path(path).absolute())


def free_name(stem: str, taken: Callable[[str], bool]) -> str:
    """`stem-1`, or the next number that is not in use."""
    number = 1
    while taken(f"{stem}-{number}"):
        number += 1
    return f"{stem}-{number}"


def terminal_line(words: Iterable[str]) -> str:
    """A command for people to copy."""
    return shlex.join(words)


def _name(text: Any, weights: Mapping[str, float], taken: Callable[[str], bool]) -> str:
    wanted = str(text or "").strip()
    if not wanted:
        return free_name(tune_goals.short_name(weights), taken)
    name = re.sub(r"\s+", "-", wanted)
    check_name(name)
    if name.startswith((".", "-")) or name == BASE or name in available_models():
        raise StudioError(f"The name {name} cannot be used. Choose another one.")
    return name


def _known(value: Any, known: Mapping[str, str], what: str) -> str:
    if value not in known:
        raise StudioError(f"Choose {what} from the list.")
    return str(value)


def _lines(prompts: Sequence[Prompt]) -> bytes:
    rows = [{"prompt": one.text, "seconds": one.seconds} for one in prompts]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
