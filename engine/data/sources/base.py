"""What an importer is: the protocol every data source follows and the clips it hands over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class SourceClip:
    """One labelled motion of a source, already on the target skeleton.

    `joints` is float [T, 22, 3] in metres at 20 fps, 20 <= T <= 196, canonicalised (floor at
    y = 0, first pelvis over the origin, facing +Z in the first frame). `group` is the unit that
    must stay in one split (a source take, a chain of cuts, a mirror pair). `split` is only set
    where the source itself prescribes one.
    """

    id: str
    joints: np.ndarray
    content: str
    style: str = "neutral"
    captions: tuple[str, ...] = ()
    group: str = ""
    actor: str = ""
    split: str = ""


class Source(Protocol):
    """A data set as published, in a folder (the files may lie deeper in it)."""

    name: str
    licence: str

    def takes(self, root: Path) -> list[str]:
        """List the keys of all takes below `root`, stable and cheap (no file is parsed)."""

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one take; StudioError carries the reason when it must be skipped."""
