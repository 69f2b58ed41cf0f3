"""Votes as files: JSONL of prompt, chosen and rejected as preference tools read it, and a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.checks import check_prompt, shown
from engine.errors import StudioError
from engine.files import make_folder, write_bytes
from engine.motion.motion import MAX_FILE_BYTES, Motion
from engine.preference.records import Pair, Vote
from engine.preference.store import Store

DECIDED, UNDECIDED, SUMMARY = "preferences.jsonl", "undecided.jsonl", "summary.csv"
MOTIONS = "motions"
MOST_LINES = 200_000
MOST_LINE = 20_000  # bytes
COLUMNS = ("prompt", "votes", "left", "right", "tie", "bad", "pairs", "voters")


@dataclass(frozen=True)
class Written:
    """How much was exported or imported."""

    votes: int
    motions: int


def export(store: Store, folder: Path) -> Written:
    """Write all votes that count, and their motions, to an empty or earlier export folder.

    Ties and both-bad votes have no chosen motion: they are in a file of their own, with `first`
    and `second`. Paths are relative to the folder, with forward slashes.
    """
    make_folder(folder)
    votes = store.votes()
    names = sorted({name for v in votes for name in (v.pair.first, v.pair.second, v.pair.real)
                    if name})  # fmt: skip
    for name in names:
        write_bytes(folder / MOTIONS / f"{name}.npz", store.motion(name).to_bytes())
    write_bytes(folder / DECIDED, _lines(_entry(v) for v in votes if v.winner))
    write_bytes(folder / UNDECIDED, _lines(_entry(v) for v in votes if not v.winner))
    write_bytes(folder / SUMMARY, summary(votes).encode())
    return Written(len(votes), len(names))


def summary(votes: Iterable[Vote]) -> str:
    """CSV: one row for each prompt, with the answers as they were seen."""
    by_prompt: dict[str, list[Vote]] = {}
    for vote in votes:
        by_prompt.setdefault(vote.pair.prompt, []).append(vote)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for prompt, some in by_prompt.items():
        counts = [sum(v.choice == choice for v in some) for choice in COLUMNS[2:6]]
        pairs, voters = {v.pair.id for v in some}, {v.voter for v in some}
        # A text that begins like a formula would be run by spreadsheet programs.
        text = f"'{prompt}" if prompt[0] in "=+-@" else prompt
        writer.writerow([text, len(some), *counts, len(pairs), len(voters)])
    return out.getvalue()


def load(store: Store, folder: Path) -> Written:
    """Store the votes of an export, or of a JSONL of the same columns; all of them or none.

    Votes that the store has already are not counted again. Everything is checked first; the
    StudioError names file and line.
    """
    files = [folder / name for name in (DECIDED, UNDECIDED) if (folder / name).is_file()]
    if not files:
        raise StudioError(f"{folder} holds no {DECIDED}.")
    motions: dict[Path, Motion] = {}
    rows = [
        _read(entry, f"{file.name}, line {number}", folder, motions)
        for file in files
        for number, entry in _entries(file)
    ]
    stored = {path: store.add_motion(motion) for path, motion in motions.items()}
    votes = [_to_vote(row, stored) for row in rows]
    return Written(store.add(votes), len(set(stored.values())))


def _entry(vote: Vote) -> dict[str, Any]:
    pair = vote.pair
    if vote.winner:
        sides = {"chosen": vote.winner, "rejected": vote.loser}
    else:
        sides = {"first": pair.first, "second": pair.second}
    if pair.real:
        sides["real"] = pair.real
    labels = {pair.first: pair.first_label, pair.second: pair.second_label}
    return {
        "prompt": pair.prompt,
        **{side: f"{MOTIONS}/{name}.npz" for side, name in sides.items()},
        **{f"{s}_label": labels[n] for s, n in sides.items() if n is not None and s != "real"},
        "choice": vote.choice, "swapped": vote.swapped, "source": pair.source,
        "reasons": list(vote.reasons), "voter": vote.voter, "blind": vote.blind,
        "created": vote.created, "key": vote.key,
    }  # fmt: skip


def _lines(entries: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in entries).encode()


def _entries(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MOST_LINE + 1), b""), start=1):
            if number > MOST_LINES or len(line) > MOST_LINE:
                raise StudioError(f"{file.name}, line {number}: the file or the line is too long.")
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            if not isinstance(entry, dict):
                raise StudioError(f"{file.name}, line {number} is not a JSON object.")
            yield number, entry


@dataclass(frozen=True)
class _Row:
    values: dict[str, Any]
    sides: tuple[Path, Path]
    real: Path | None
    where: str


def _read(
    values: dict[str, Any], where: str, folder: Path, motions: dict[Path, Motion]
) -> _Row:  # fmt: skip
    """One line with its motions read and checked."""
    decided = "chosen" in values or "rejected" in values
    names = ("chosen", "rejected") if decided else ("first", "second")
    try:
        paths = [_path(values.get(name), folder) for name in names]
        real = _path(values["real"], folder) if values.get("real") else None
        for path in [*paths, *([real] if real else [])]:
            if path not in motions:
                if path.stat().st_size > MAX_FILE_BYTES:
                    raise StudioError(f"{path.name} is too large for a motion.")
                motions[path] = Motion.load(path)
        check_prompt(values.get("prompt"))
        if not decided and values.get("choice") not in ("tie", "bad"):
            raise StudioError("Without chosen and rejected, choice must be tie or bad.")
        row = _Row(values, (paths[0], paths[1]), real, where)
        _to_vote(row, {path: str(path) for path in motions})  # what is wrong is said before writing
    except StudioError as error:
        raise StudioError(f"{where}: {error}") from error
    return row


def _path(value: Any, folder: Path) -> Path:
    """A file of the folder; StudioError for paths that lead anywhere else."""
    if not isinstance(value, str) or not value or "\\" in value or "\0" in value:
        raise StudioError(f"{shown(value)!r} is no path of a motion.")
    pure = PurePosixPath(value)
    if pure.is_absolute() or ".." in pure.parts or pure.suffix != ".npz" or len(value) > 255:
        raise StudioError(f"{shown(value)!r} is no path to an .npz inside the folder.")
    path = folder / pure
    if not path.is_file():
        raise StudioError(f"{shown(value)!r} does not exist.")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StudioError(f"{shown(value)!r} leads out of the folder.")
    return path


def _to_vote(row: _Row, stored: dict[Path, str]) -> Vote:
    values = row.values
    first, second = (stored[path] for path in row.sides)
    decided = "chosen" in values
    sides = ("chosen", "rejected") if decided else ("first", "second")
    labels = [_text(values.get(f"{side}_label", ""), "label") for side in sides]
    choice = _text(values.get("choice", "left"), "choice")
    # The winner comes first; on which side it stood is said by the answer.
    swapped = choice == "right" if decided else values.get("swapped") is True
    reasons = values.get("reasons", [])
    if not isinstance(reasons, list) or not all(isinstance(one, str) for one in reasons):
        raise StudioError("reasons is not a list of texts.")
    created = values.get("created", 0.0)
    if isinstance(created, bool) or not isinstance(created, (int, float)) or not created >= 0:
        raise StudioError("created is not a time.")
    source = _text(values.get("source", "imported"), "source")
    pair = Pair(
        values["prompt"], first, second, source, labels[0], labels[1],
        None if row.real is None else stored[row.real],
    )  # fmt: skip
    if decided and choice not in ("left", "right"):
        raise StudioError("With chosen and rejected, choice must be left or right.")
    key = _text(values.get("key") or f"import:{pair.id}:{first[:16]}:{choice}", "key")
    return Vote(
        pair, choice, _text(values.get("voter", ""), "voter"), swapped,
        values.get("blind") is not False, tuple(reasons), key, float(created),
    )  # fmt: skip


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > 255:
        raise StudioError(f"{name} is not a short text.")
    return value
