"""Captions and clock over a view: plain text, elided to fit, drawn with Pillow's own font."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engine.render.palette import INK, PAPER, Colour, rgb

_SPELLED = {
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "→": "->",
    "ß": "ss",
    "æ": "ae",
    "ø": "o",
    "œ": "oe",
    "ł": "l",
    "đ": "d",
    "Æ": "AE",
    "Ø": "O",
    "×": "x",
    "\u00a0": " ",
}
_MAX_LINES = 2


@cache
def font(size: int) -> Any:
    """Pillow's built-in scalable font (Latin letters only)."""
    return ImageFont.load_default(size)


def plain(text: str) -> str:
    """`text` in characters that the built-in font has: accents dropped, the rest left out."""
    spelled = "".join(_SPELLED.get(char, char) for char in text[:2000])
    simple = unicodedata.normalize("NFKD", spelled)
    kept = "".join(
        char if " " <= char <= "~" or char == "…" else " " if char.isspace() else ""
        for char in simple
    )
    return " ".join(kept.split())


def wrap(text: str, width: float, size: int, lines: int = _MAX_LINES) -> list[str]:
    """Break `text` into at most `lines` lines no wider than `width` pixels, elided with an …"""
    measure = font(size).getlength
    result: list[str] = []
    words = plain(text).split()
    while words and len(result) < lines:
        line = words.pop(0)
        while words and measure(f"{line} {words[0]}") <= width:
            line += f" {words.pop(0)}"
        result.append(line)
    if words:
        result[-1] += "…"
    return [_elide(line, width, size) for line in result]


def _elide(line: str, width: float, size: int) -> str:
    measure = font(size).getlength
    if measure(line) <= width:
        return line
    line = line.rstrip("…")
    while line and measure(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


@dataclass(frozen=True)
class Overlay:
    """A pre-drawn caption: colour float32 [h,w,3] (premultiplied, 0..255), alpha [h,w,1]."""

    colour: np.ndarray
    keep: np.ndarray  # 1 - alpha, float32
    left: int
    top: int

    def draw(self, image: np.ndarray) -> None:
        """Blend onto uint8 [H,W,3] in place."""
        height, width = self.keep.shape[:2]
        area = image[self.top : self.top + height, self.left : self.left + width]
        area[:] = (area * self.keep + self.colour + 0.5).astype(np.uint8)


def caption(text: str, tint: Colour, width: int, height: int) -> Overlay | None:
    """A rounded card with `text` and a dot of the accent, at the bottom of a view; None if empty.

    `width` and `height` are those of the view in pixels.
    """
    size = max(11, round(height / 31))
    pad, dot = round(size * 0.62), round(size * 0.30)
    gutter = dot * 2 + round(size * 0.5)
    lines = wrap(text, width * 0.92 - 2 * pad - gutter, size)
    if not lines:
        return None
    leading = round(size * 1.28)
    inner = max(font(size).getlength(line) for line in lines)
    card = (int(inner) + 2 * pad + gutter + 1, leading * len(lines) + 2 * round(pad * 0.7))
    scale = 3  # drawn larger and reduced: Pillow's shapes have hard edges
    image = Image.new("RGBA", (card[0] * scale, card[1] * scale), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(
        [0, 0, card[0] * scale - 1, card[1] * scale - 1],
        radius=round(size * 0.55) * scale,
        fill=(*_byte(rgb(PAPER)), 222),
    )
    middle = (round(pad * 0.7) + leading / 2) * scale
    draw.ellipse(
        [pad * scale, middle - dot * scale, (pad + 2 * dot) * scale, middle + dot * scale],
        fill=(*_byte(tint), 255),
    )
    image = image.resize(card, Image.Resampling.BOX)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        y = round(pad * 0.7) + leading * (row + 0.5)
        draw.text(
            (pad + gutter, y), line, font=font(size), fill=(*_byte(rgb(INK)), 255), anchor="lm"
        )
    left, top = (width - card[0]) // 2, height - card[1] - round(height * 0.028)
    return _overlay(image, left, top)


@cache
def clock(text: str, width: int, height: int) -> Overlay:
    """A small time read-out for the upper right corner of a view."""
    size = max(10, round(height / 38))
    room = int(font(size).getlength(text)) + 2
    image = Image.new("RGBA", (room, round(size * 1.5)), (*_byte(rgb(INK)), 0))
    ImageDraw.Draw(image).text(
        (room - 1, size * 0.75), text, font=font(size), anchor="rm", fill=(*_byte(rgb(INK)), 150)
    )
    return _overlay(image, width - room - round(size * 0.8), round(size * 0.6))


def _overlay(image: Image.Image, left: int, top: int) -> Overlay:
    pixels = np.asarray(image, dtype=np.float32)
    alpha = pixels[..., 3:] / 255.0
    return Overlay(pixels[..., :3] * alpha, 1.0 - alpha, max(left, 0), max(top, 0))


def _byte(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (round(value * 255) for value in colour)
    return red, green, blue
