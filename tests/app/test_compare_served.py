"""The Compare tab over HTTP: what a blind round sends, byte by byte, and whose pair is whose."""

from __future__ import annotations

import pytest

from tests.app.serving import fake_page
from tests.app.wire import Wire

ADAPTER = "zq-feet"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    options = {"delay": 0.05, "video_seconds": 0.1, "adapters": f"{ADAPTER},zq-text"}
    with fake_page(tmp_path_factory.mktemp("compare"), **options) as place:
        yield place


def test_nothing_that_is_sent_in_a_blind_round_tells_who_is_who(address):
    wire = Wire(address)
    wire.set("blind", True)
    begun = len(wire.heard)
    pair = wire.press("compare", "click")
    assert pair["compare-player"]["hidden"] is True
    assert pair["vote"]["state"] == "open"
    wire.set("right-strength", 0.2)
    moved = wire.press("right-strength", "input")
    assert "Sliders do not move a blind pair" in moved["compare-notice"]["text"]
    assert moved["compare-player"] == pair["compare-player"]
    film = wire.press("compare-film", "click")["compare-video"]
    wire.file(film["path"])
    for asked, answer in wire.heard[begun:]:
        for secret in (ADAPTER, "tuned", "0f1e2d3c", "base@", '"base"', "× 0.2", "strength ×"):
            assert secret not in answer, asked
    assert len(wire.heard) - begun == 7
    assert pair["compare-seed"] == 7, "the seed of a blind pair is told"

    told = wire.press("vote", "select", {"answer": "left"})
    assert told["vote"]["state"] == "closed"
    assert ADAPTER in told["vote"]["text"]
    assert {m["label"] for m in told["compare-player"]["motions"]} == {"base", ADAPTER}
    assert told["compare-player"]["id"] == pair["compare-player"]["id"]
    assert told["compare-video"] is None, "the video without names stays on the page"
    again = wire.press("vote", "select", {"answer": "right"})
    assert "You have voted" in again["compare-notice"]["text"]


def test_a_pair_belongs_to_its_visitor(address):
    mine, yours = Wire(address), Wire(address)
    mine.press("compare", "click")
    before = yours.values()["vote"]
    assert yours.press("vote", "select", {"answer": "left"})["vote"] == before
    assert mine.press("vote", "select", {"answer": "tie"})["vote"]["text"] == "A tie."


def test_a_slider_moves_what_is_on_the_page_and_nothing_before(address):
    wire = Wire(address)
    wire.set("right-strength", 0.5)
    still = wire.press("right-strength", "input")
    assert still["compare-player"] is None
    assert still["compare-seed"] == 7
    first = wire.press("compare", "click")["compare-player"]
    wire.set("right-strength", 1.5)
    second = wire.press("right-strength", "input")["compare-player"]
    assert second["live"] is True
    assert second["motions"][1]["label"] == f"{ADAPTER} × 1.5"
    wire.set("right-second", "zq-text")
    blend = wire.press("right-second", "input")["compare-player"]
    assert blend["motions"][1]["label"] == f"{ADAPTER} × 1.5 + zq-text × 0.5"
    assert second["motions"][0]["joints"] == first["motions"][0]["joints"]
    assert second["motions"][1]["joints"] != first["motions"][1]["joints"]


def test_a_whole_pack_and_one_of_its_prompts_in_the_big_player(address):
    wire = Wire(address)
    wire.set("pack", "Sport")
    done = wire.press("pack-go", "click")
    assert done["pack-notice"]["state"] == "done"
    assert f"{ADAPTER} follows the text better on 7 prompts" in done["pack-rate"]["text"]
    grid = done["pack-grid"]
    assert len(grid["tiles"]) == 14
    assert all(len(tile["motions"]) == 2 for tile in grid["tiles"])
    chosen = wire.press("pack-grid", "select", {"index": 2})
    assert chosen["compare-prompt"] == grid["tiles"][2]["prompt"]
    assert chosen["compare-seed"] == 9
    wire.press("pack-grid", "select", {"index": 99})
    assert wire.values()["compare-prompt"] == chosen["compare-prompt"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("right-model", "base", "Both sides are the same model"),
        ("compare-prompt", "  ", "Describe a movement"),
        ("compare-seed", -1, "seed must be a whole number"),
    ],
)
def test_what_cannot_be_compared_is_said(address, name, value, words):
    wire = Wire(address)
    wire.set(name, value)
    notice = wire.press("compare", "click")["compare-notice"]
    assert notice["state"] == "failed"
    assert words in notice["text"]
