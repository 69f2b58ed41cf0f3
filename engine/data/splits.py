"""Which clip belongs to which split: whole groups, by a hash, never by chance of the run."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# Content x style pairs training never sees, to measure whether the two combine: every content
# and every style below has hundreds of other clips in training. Left and right are held out
# together, because mirrored training clips would show the other side otherwise.
UNSEEN: frozenset[tuple[str, str]] = frozenset({
    ("raise-up-left-hand", "exhausted"),
    ("raise-up-right-hand", "exhausted"),
    ("wave-left-hand", "elderly"),
    ("wave-right-hand", "elderly"),
    ("walk-turn-left", "masculine"),
    ("walk-turn-right", "masculine"),
    ("wave-both-hands", "youthful"),
    ("run", "feminine"),
})  # fmt: skip

VAL_SHARE, TEST_SHARE = 0.08, 0.12
SALT = "199"  # of 400 tried the one that shares out labels of ten or twenty takes most evenly
FEW_GROUPS = 4  # a label with so few takes is too little to learn from to give any away


@dataclass(frozen=True)
class Unit:
    """What decides a clip's split: its labels, its group and what the source prescribes."""

    source: str
    group: str
    content: str
    style: str
    prescribed: str = ""


def assign(units: Iterable[Unit]) -> list[str]:
    """Return the split of every unit, in order; a whole (source, group) always shares one."""
    units = list(units)
    groups: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    per_label: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for unit in units:
        groups[unit.source, unit.group].append(unit)
        per_label[unit.content].add((unit.source, unit.group))
    few = {label for label, members in per_label.items() if len(members) <= FEW_GROUPS}
    splits = {key: _split_of(key, members, few) for key, members in groups.items()}
    return [splits[unit.source, unit.group] for unit in units]


def _split_of(key: tuple[str, str], members: list[Unit], few: set[str]) -> str:
    prescribed = sorted({member.prescribed for member in members if member.prescribed})
    if prescribed:
        return prescribed[0]
    if any((member.content, member.style) in UNSEEN for member in members):
        return "unseen"
    if any(member.content in few for member in members):
        return "train"
    share = hash_share("/".join((SALT, *key)))
    if share < TEST_SHARE:
        return "test"
    return "val" if share < TEST_SHARE + VAL_SHARE else "train"


def hash_share(text: str) -> float:
    """Map a text to [0, 1), the same on every machine and in every run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
