"""One clip of a prepared dataset: everything about it but its joints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.errors import StudioError

SPLITS: tuple[str, ...] = ("train", "val", "test", "unseen")


@dataclass(frozen=True)
class Clip:
    """A captioned motion of `frames` frames at 20 fps; its joints lie in `motions/SOURCE/ID.npy`.

    `content` and `style` are the labels the caption grammar knows; `content` is "" for clips that
    come with free captions only. `group` is the unit that never crosses splits. `take` is the
    importer's key of the file it was cut from. `part` counts from 1 when one labelled motion was
    too long and had to be cut into `parts` pieces.
    """

    id: str
    source: str
    take: str
    group: str
    actor: str
    content: str
    style: str
    captions: tuple[str, ...]
    frames: int
    split: str
    licence: str
    part: int = 1
    parts: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary for one line of clips.jsonl."""
        return {**asdict(self), "captions": list(self.captions)}

    @classmethod
    def from_json(cls, value: Any) -> Clip:
        """Build a clip from a clips.jsonl record; StudioError when a field is absent or odd."""
        if not isinstance(value, dict):
            raise StudioError("a clip record must be a JSON object")
        known = {field.name: value[field.name] for field in fields(cls) if field.name in value}
        try:
            clip = cls(**{**known, "captions": tuple(known.get("captions", ()))})
        except TypeError as error:
            raise StudioError(f"a clip record lacks a field: {error}") from error
        if clip.split not in SPLITS:
            raise StudioError(f"clip {clip.id} is in the unknown split {clip.split!r}")
        if not isinstance(clip.frames, int) or clip.frames < 1:
            raise StudioError(f"clip {clip.id} has {clip.frames!r} frames")
        return clip
