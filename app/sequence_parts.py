"""The components of the Sequence tab by name, and what it remembers of a visitor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.given import Given
from app.lanes import Job
from app.sequence_model import Chosen
from engine.edit.parts import Recipe

if TYPE_CHECKING:
    from engine.edit.sequence import LongMotion

FILES = {"mp4": "Video (.mp4)", "npz": "Motion (.npz)", "bvh": "BVH", "glb": "GLB",
         "json": "Receipt (.json)", "zip": "All (.zip)"}  # fmt: skip
Update = dict[Any, Any]


@dataclass
class Made:
    """A motion of the tab, its recipe and where its files are."""

    recipe: Recipe
    long: LongMotion
    folder: Path
    told: str
    updates: Update
    chosen: Chosen
    receipt: dict[str, Any]
    video: Path | None = None
    earlier: Made | None = None  # before a half was made anew

    def made_by_another(self, chosen: Chosen) -> bool:
        """Whether another model had a part in it; one that was given counts as nobody's."""
        return self.chosen != chosen and bool(self.recipe.parts or self.recipe.redone)


class Kept:
    """The motion and the jobs of one visitor, and the motions given at the timeline's ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: Made | None = None
        self.ends: dict[str, Given] = {}  # "before" and "after"
        self.job: Job | None = None
        self.film: Job | None = None

    def stop(self) -> None:
        """Stop what runs."""
        for job in (self.job, self.film):
            if job:
                job.cancel()


@dataclass
class Parts:
    """The components that a sequence changes."""

    timeline: gr.HTML
    model: gr.Dropdown
    strength: gr.Slider
    go: gr.Button
    notice: gr.HTML
    player: gr.HTML
    panel: gr.Column
    half: gr.Radio
    text: gr.Textbox
    redo: gr.Button
    undo: gr.Button
    film_notice: gr.HTML
    video: gr.Video
    film: gr.Button
    files: dict[str, gr.DownloadButton]
    line: gr.Textbox

    def all(self) -> list[Any]:
        """Everything that a new motion changes."""
        return [
            self.go, self.notice, self.player, self.panel, self.redo, self.undo, self.line,
            *self.files.values(), self.film_notice, self.video, self.film,
        ]  # fmt: skip

    def given(self) -> list[Any]:
        """Everything that a motion given at an end changes."""
        return [self.timeline, self.model, self.notice]

    def films(self) -> list[Any]:
        """Everything that a video changes."""
        return [self.film_notice, self.video, self.film, self.files["mp4"], self.files["zip"]]
