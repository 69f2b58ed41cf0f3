"""A taste learned from votes, as a reward term: a bounded weighted sum of descriptors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.errors import StudioError
from engine.files import read_json, write_json
from engine.tuning.rewards.descriptors import NAMES, describe
from engine.tuning.rewards.view import View

if TYPE_CHECKING:
    from engine.tuning.problem import Batch

FILE = "taste.json"
FORMAT = "easytune-taste"
VERSION = 1
RANGE = 3.0  # deviations of the motions it was learned from, beyond which more changes little


@dataclass(frozen=True)
class Taste:
    """For each descriptor: centre and deviation over motions of the model, and a weight.

    The weights are in units of the reward (a cosine): what a deviation more is worth. `deviation`
    is that of the scores over the motions it was learned from.
    """

    centre: Tensor
    spread: Tensor
    weight: Tensor
    deviation: float = 0.0

    def to(self, device: torch.device | str) -> Taste:
        """The same there."""
        return replace(self, **{
            name: getattr(self, name).to(device) for name in ("centre", "spread", "weight")
        })  # fmt: skip

    def __call__(self, joints: Tensor, mask: Tensor) -> Tensor:
        """Scores [B] of joints [B, T, 22, 3] and their mask [B, T].

        Each descriptor is softly held to where the model's own motions are: what nobody has seen
        and voted on is worth no more than the most of what was seen.
        """
        return self.of(describe(joints, mask))

    def of(self, described: Tensor) -> Tensor:
        """Scores [B] of descriptors [B, D]."""
        return self.squashed(described) @ self.weight.to(described)

    def squashed(self, described: Tensor) -> Tensor:
        """Descriptors [B, D] in deviations from the centre, within +-RANGE."""
        z = (described - self.centre.to(described)) / self.spread.to(described)
        return RANGE * torch.tanh(z / RANGE)

    def save(self, folder: Path) -> None:
        """Write taste.json into a reward's folder."""
        values = zip(*(one.tolist() for one in (self.centre, self.spread, self.weight)),
                     strict=True)  # fmt: skip
        write_json(folder / FILE, {
            "format": FORMAT,
            "version": VERSION,
            "deviation": self.deviation,
            "descriptors": {name: dict(zip(("centre", "spread", "weight"), row, strict=True))
                            for name, row in zip(NAMES, values, strict=True)},
        })  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> Taste | None:
        """The taste of a reward's folder; None where it learned none. StudioError if damaged."""
        path = folder / FILE
        if not path.is_file():
            return None
        value: Any = read_json(path)
        try:
            if (value["format"], value["version"]) != (FORMAT, VERSION):
                raise StudioError(f"{path} is of another version. Learn from the votes again.")
            rows = [value["descriptors"][name] for name in NAMES]
            deviation = float(value["deviation"])
            table = torch.tensor([
                [float(row[key]) for row in rows] for key in ("centre", "spread", "weight")
            ])  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise StudioError(f"{path} is damaged ({error}). Copy the folder again.") from error
        good = torch.isfinite(table).all() and (table[1] > 0).all() and 0 <= deviation < math.inf
        if not good:
            raise StudioError(f"{path} holds numbers that are none. Learn from the votes again.")
        centre, spread, weight = table
        return cls(centre, spread, weight, deviation)


class TasteTerm:
    """The taste of decoded motions. On noisy latents it means nothing, like physics.

    `most` is the deviation over motions that it may have at weight 1: a strong taste must not
    drown what the text asks for. A weak one stays as weak as it is.
    """

    clean_only = True

    def __init__(self, taste: Taste, most: float) -> None:
        self.taste = taste
        self.scale = min(1.0, most / taste.deviation) if taste.deviation > 0 else 1.0

    def worded(self, batch: Batch) -> Batch:
        """The batch as it is: a taste reads no text."""
        return batch

    def __call__(self, view: View) -> Tensor:
        """Scores [B]."""
        return self.scale * self.taste(view.joints, view.frames)
