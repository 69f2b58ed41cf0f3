"""Motions that a visitor brought, to compare with: opened files, and what was sent to Compare."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.visits import Visit
from engine.commands.receipt import joints_sha256

if TYPE_CHECKING:
    from engine.motion.motion import Motion

MOST = 12  # of a visit; older ones make room
FILE = "file:"  # begins the value of such a motion where models can be chosen


@dataclass(frozen=True)
class Given:
    """A motion and what it is called."""

    title: str
    motion: Motion


class Shelf:
    """Those of one visit by their values, newest first."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Given] = OrderedDict()

    def add(self, title: str, motion: Motion) -> str:
        """Remember a motion; returns the value that it is chosen by."""
        value = FILE + joints_sha256(motion)[:16]
        self._items[value] = Given(title, motion)
        self._items.move_to_end(value, last=False)
        while len(self._items) > MOST:
            self._items.popitem()
        return value

    @property
    def items(self) -> Mapping[str, Given]:
        """All of them, as they are now."""
        return dict(self._items)

    def choices(self) -> list[tuple[str, str]]:
        """Title and value of each."""
        return [(f"Motion: {one.title}", value) for value, one in self.items.items()]

    def stop(self) -> None:
        """Nothing runs here."""


def shelf_of(visit: Visit) -> Shelf:
    """The shelf of a visit."""
    shelf = visit.kept.setdefault("given", Shelf())
    assert isinstance(shelf, Shelf)
    return shelf
