"""Captions: whatever a person typed fits into its card and cannot break a picture."""

from __future__ import annotations

import numpy as np
import pytest

from engine.render.overlay import caption, font, plain, wrap
from engine.render.palette import accent

AWKWARD = [
    "a person walks forward " * 60,
    "W" * 500,
    "<script>alert('x')</script><b>bold</b>&amp;",
    "dances 💃🏽🕺 and waves 👋",
    "日本語のキャプション walks",
    "tab\tand\nnew\r\nlines\x00\x07",
    "\u202ereversed\u202c and \ufdfd",
    "%s {0} \\ \" '",
]


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize(("width", "height"), [(298, 480), (640, 480), (446, 720)])
def test_any_text_fits_its_view(text, width, height):
    card = caption(text, accent("base"), width, height)
    assert card is not None
    tall, wide = card.keep.shape[:2]
    assert card.left + wide <= width
    assert card.top + tall <= height
    assert tall < height * 0.16
    before = np.full((height, width, 3), 128, dtype=np.uint8)
    image = before.copy()
    card.draw(image)
    assert (image != before).any()


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "👋", "日本"])
def test_nothing_to_say_means_no_card(text):
    assert caption(text, accent("base"), 640, 480) is None


def test_long_text_is_elided_to_two_lines():
    lines = wrap("a person walks forward and then turns around slowly " * 9, 300, 15)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(font(15).getlength(line) <= 300 for line in lines)
    assert wrap("a short one", 300, 15) == ["a short one"]


def test_text_becomes_letters_the_font_has():
    assert plain("“Café” – naïve  💃 walk’s") == '"Cafe" - naive walk\'s'
    assert plain("<b>kept</b>") == "<b>kept</b>"


def test_every_letter_kept_has_a_shape():
    missing = bytes(font(24).getmask("\uffff"))
    letters = {plain(chr(code)) for code in range(33, 0x3000)} - {""}
    assert all(bytes(font(24).getmask(char)) != missing for text in letters for char in text)
