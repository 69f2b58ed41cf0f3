"""What stands on one side of a comparison: the base, an adapter, a blend, or a motion file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.pipeline import MotionPipeline


@dataclass(frozen=True)
class ModelChoice:
    """Adapters as (folder, strength 0 to 1.5); none means the base.

    `guidance` None means what the model was judged best at. With `given`, a motion's content hash,
    it is no model but that motion, which people know as `title`.
    """

    adapters: tuple[tuple[Path, float], ...] = ()
    guidance: float | None = None
    given: str = ""
    title: str = ""

    @property
    def label(self) -> str:
        """For people: "base", "feet × 0.8", "feet × 0.8 + text × 0.5", "base, guidance 6"."""
        if self.given:
            return self.title
        parts = [
            _name(folder) if strength == 1 else f"{_name(folder)} × {strength:g}"
            for folder, strength in self.adapters
        ]
        name = " + ".join(parts) or "base"
        return name if self.guidance is None else f"{name}, guidance {self.guidance:g}"

    @property
    def accent(self) -> str:
        """The colour family in players, tables and videos."""
        return "other" if self.given else "tuned" if self.adapters else "base"


@contextmanager
def worn(pipeline: MotionPipeline, choice: ModelChoice) -> Iterator[None]:
    """The pipeline with the choice's adapters on; afterwards it is its base.

    Others who use the same pipeline must wait. StudioError where an adapter is damaged or was
    made for another base.
    """
    from engine.models.adapter import detach, load_blend

    kept = [(folder, strength) for folder, strength in choice.adapters if strength]
    try:
        if len(kept) == 1:
            pipeline.adapt(*kept[0])
        else:
            pipeline.adapt(None)
            if kept:
                load_blend(pipeline.model.denoiser, kept)
        yield
    finally:
        if len(kept) > 1:
            detach(pipeline.model.denoiser)
        pipeline.adapt(None)


def _name(folder: Path) -> str:
    """A run's adapter is called by the run."""
    return folder.parent.name if folder.name == "adapter" else folder.name
