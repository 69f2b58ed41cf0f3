"""The components of the Compare tab, by name, and which of them go in and out of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr


@dataclass
class SideParts:
    """One side: its card, and its controls in the order `make_side` takes them."""

    box: gr.Column
    model: gr.Dropdown
    strength: gr.Slider
    second: gr.Dropdown
    second_strength: gr.Slider
    guidance: gr.Slider

    def all(self) -> list[Any]:
        """The controls in that order."""
        return [self.model, self.strength, self.second, self.second_strength, self.guidance]

    def switched(self) -> list[Any]:
        """What depends on the models chosen."""
        return [self.box, self.strength, self.second_strength]


@dataclass
class CompareParts:
    """The components of the tab."""

    prompt: gr.Textbox
    seconds: gr.Slider
    seed: gr.Number
    blind: gr.Checkbox
    left: SideParts
    right: SideParts
    go: gr.Button
    notice: gr.HTML
    player: gr.HTML
    vote: gr.HTML
    numbers: gr.HTML
    film: gr.Button
    film_notice: gr.HTML
    video: gr.Video
    download: gr.DownloadButton
    sides: Sequence[SideParts] = field(init=False)

    def __post_init__(self) -> None:
        self.sides = (self.left, self.right)

    def inputs(self) -> set[Any]:
        """Everything a wish is made of."""
        return {
            self.prompt, self.seconds, self.seed, self.blind, *self.left.all(), *self.right.all()
        }  # fmt: skip

    def outputs(self) -> list[Any]:
        """Everything a new pair may change."""
        return [
            self.seed, self.go, self.notice, self.player, self.vote, self.numbers,
            *self.film_outputs(),
        ]  # fmt: skip

    def film_outputs(self) -> list[Any]:
        """Everything a video may change."""
        return [self.film, self.film_notice, self.video, self.download]
