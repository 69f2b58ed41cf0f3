"""Renames tuned models, throws them away and takes them back. Nothing is deleted before `empty`."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from engine.adapters.shelf import Entry, entry, remember, taken
from engine.errors import StudioError
from engine.files import make_folder, read_json, write_bytes, write_json
from engine.models.adapter_folder import card_text
from engine.models.registry import ADAPTER_FILE, available_models, home
from engine.tuning.session import CONFIG, live
from engine.tuning.settings import check_name

TRASH = ".trash"
WHERE = "where.json"


@dataclass(frozen=True)
class Thrown:
    """One tuned model in the trash."""

    token: str
    name: str
    when: float
    folder: Path


def rename(old: str, new: str) -> Entry:
    """Give a tuned model another name, by which all verbs find it; returns it.

    StudioError for names that cannot be, are taken, or whose run is at work.
    """
    one = entry(old)
    new = check_model_name(new)
    if new == old:
        return one
    if taken(new):
        raise StudioError(f"There is a tuned model or a run called {new} already.")
    _check_still(one)
    target = one.place.with_name(new)
    _move(one.place, target)
    folder = target / one.folder.relative_to(one.place)
    remember(folder, former=[*one.former, old])
    card = read_json(folder / ADAPTER_FILE)
    if isinstance(card, dict):
        card["name"] = new
        write_json(folder / ADAPTER_FILE, card)
        write_bytes(folder / "README.md", card_text(card).encode())
    config = target / CONFIG
    if config.is_file():
        write_json(config, {**read_json(config), "id": new, "name": new})
    return entry(new)


def delete(name: str) -> Thrown:
    """Throw a tuned model away, with its run if it lies in one; `restore` takes it back."""
    one = entry(name)
    _check_still(one)
    token = secrets.token_hex(6)
    folder = _trash() / token
    make_folder(folder)
    when = time.time()
    write_json(folder / WHERE, {"name": name, "from": one.place.parent.name, "when": when})
    _move(one.place, folder / "kept")
    return Thrown(token, name, when, folder)


def thrown() -> list[Thrown]:
    """What lies in the trash, newest first."""
    found = []
    for path in _trash().glob(f"*/{WHERE}"):
        try:
            told = read_json(path)
            if (path.parent / "kept").is_dir():
                found.append(
                    Thrown(path.parent.name, str(told["name"]), float(told["when"]), path.parent)
                )
        except (StudioError, KeyError, TypeError, ValueError):
            continue
    return sorted(found, key=lambda one: one.when, reverse=True)


def restore(which: str) -> Entry:
    """Take back what was thrown away last under a name or token; StudioError if nothing was."""
    one = next((one for one in thrown() if which in (one.token, one.name)), None)
    if one is None:
        raise StudioError(f"There is no {which} in the trash.")
    place = read_json(one.folder / WHERE).get("from")
    if place not in ("adapters", "runs"):
        raise StudioError(f"{one.folder / WHERE} does not say where {one.name} came from.")
    if taken(one.name):
        raise StudioError(
            f"Another model is called {one.name} by now. Rename that one first, then try again."
        )
    make_folder(home() / place)
    _move(one.folder / "kept", home() / place / one.name)
    shutil.rmtree(one.folder, ignore_errors=True)
    return entry(one.name)


def empty() -> int:
    """Delete for good what is in the trash; returns how many models that were."""
    found = thrown()
    for one in found:
        shutil.rmtree(one.folder, ignore_errors=True)
    return len(found)


def check_model_name(name: str) -> str:
    """A name for a tuned model; StudioError for what could be taken for something else."""
    name = check_name(name.strip())
    if name.startswith((".", "-")) or name in ("base", "none", *available_models()):
        raise StudioError(f"The name {name} cannot be used. Choose another one.")
    return name


def _check_still(one: Entry) -> None:
    if live(one.place):
        raise StudioError(f"{one.name} is being tuned right now. Stop it first.")


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        raise StudioError(f"{source} cannot be moved to {target} ({error.strerror}).") from error


def _trash() -> Path:
    return home() / "adapters" / TRASH
