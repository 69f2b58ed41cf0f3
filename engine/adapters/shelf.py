"""What tuned models there are, where each comes from and what it is worth. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.models.registry import ADAPTER_FILE, available_adapters, home, resolve_adapter

SIDE_FILE = "notes.json"  # beside the adapter: notes, and the names it had before
MOST_NOTES = 4000


@dataclass(frozen=True)
class Entry:
    """One tuned model. `parent` is the adapter it was tuned further from; None: the base itself.

    `place` is what lies in adapters/ or runs/: the adapter's own folder, or its whole run.
    """

    name: str
    folder: Path
    place: Path
    kind: str = "lora"
    created: str = ""
    bytes: int = 0
    base: str = ""
    base_hash: str = ""
    parent: str | None = None
    prompts: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    reward: dict[str, float] = field(default_factory=dict)
    method: str = ""
    updates: int | None = None
    votes: int | None = None
    reward_model: str = ""  # whose taste the term votes asked; "" without that term
    words: tuple[str, ...] = ()
    differences: dict[str, Any] = field(default_factory=dict)  # engine.evaluation.comparison
    notes: str = ""
    former: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `adapters list --json` prints it."""
        plain = {**vars(self), "folder": str(self.folder), "place": str(self.place)}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}


def entries() -> list[Entry]:
    """All tuned models, newest first; a damaged card is read as far as it goes."""
    found = []
    for name in available_adapters():
        try:
            found.append(_entry(name))
        except StudioError:
            continue  # it went away meanwhile
    return sorted(found, key=lambda one: one.created, reverse=True)


def entry(name: str) -> Entry:
    """The tuned model of a name; StudioError when there is none."""
    if name not in available_adapters():
        resolve_adapter(name)  # says which there are
        raise StudioError(f"{name} is a folder elsewhere. Import it first.")
    return _entry(name)


def _entry(name: str) -> Entry:
    folder = resolve_adapter(name)
    card = _dict(_read(folder / ADAPTER_FILE))
    side = _dict(_read(folder / SIDE_FILE))
    base, config = _dict(card.get("base")), _dict(card.get("config"))
    parent = config.get("adapter")
    reward = {str(k): float(v) for k, v in _dict(card.get("reward")).items() if _number(v)}
    return Entry(
        name=name,
        folder=folder,
        place=folder.parent if folder.name == "adapter" else folder,
        kind="full" if card.get("kind") == "full" else "lora",
        created=_created(card, folder),
        bytes=sum(one.stat().st_size for one in folder.iterdir() if one.is_file()),
        base=str(base.get("id", "")),
        base_hash=str(base.get("hash", "")),
        parent=_name_of(parent) if isinstance(parent, str) and parent else None,
        prompts=_texts(card.get("prompts")),
        sources=tuple(Path(one).stem for one in _texts(config.get("prompts"))),
        reward=reward,
        method=str(config.get("method", "")),
        updates=card["updates"] if isinstance(card.get("updates"), int) else None,
        reward_model=str(config.get("reward_model", "")) if "votes" in reward else "",
        votes=card["votes"] if isinstance(card.get("votes"), int) else None,
        words=_texts(card.get("words")),
        differences=_differences(card),
        notes=str(side.get("notes", ""))[:MOST_NOTES],
        former=_texts(side.get("former")),
    )


def lineage(one: Entry, known: list[Entry] | None = None) -> list[str]:
    """Names from the base to `one`; what is gone by now is named as it was."""
    by_name = {name: other for other in known or entries() for name in (*other.former, other.name)}
    chain = [one.name]
    while one.parent and one.parent not in chain and len(chain) < 50:
        found = by_name.get(one.parent)
        if found is None or found.name in chain:
            chain.append(one.parent)
            break
        chain.append(found.name)
        one = found
    return [one.base.partition("@")[0] or "base", *reversed(chain)]


def write_notes(name: str, notes: str) -> None:
    """Keep a person's notes with a tuned model; StudioError when they are too long."""
    text = notes.strip()
    if len(text) > MOST_NOTES:
        raise StudioError(f"The notes have {len(text):,} characters; keep {MOST_NOTES:,}.")
    remember(entry(name).folder, notes=text)


def remember(folder: Path, **fields: Any) -> None:
    """Set fields of the file beside the adapter."""
    write_json(folder / SIDE_FILE, {**_dict(_read(folder / SIDE_FILE)), **fields})


def base_path(name: str) -> Path:
    """Where an adapter of its own of this name lies."""
    return home() / "adapters" / name


def taken(name: str) -> bool:
    """Whether a tuned model or a run has the name."""
    return base_path(name).exists() or (home() / "runs" / name).exists()


def free_name(wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` ... when it is taken."""
    name, number = wanted, 1
    while taken(name):
        number += 1
        name = f"{wanted}-{number}"
    return name


def _created(card: dict[str, Any], folder: Path) -> str:
    told = card.get("created")
    if isinstance(told, str) and told:
        return told
    changed = (folder / ADAPTER_FILE).stat().st_mtime
    return datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds")


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except StudioError:
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _differences(card: dict[str, Any]) -> dict[str, Any]:
    comparison = _dict(_dict(card.get("measured")).get("comparison"))
    return {k: v for k, v in _dict(comparison.get("differences")).items() if isinstance(v, dict)}


def _name_of(parent: str) -> str:
    """The name of an adapter that was given as a name or as a folder."""
    path = Path(parent)
    return path.parent.name if path.name == "adapter" else path.name


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
