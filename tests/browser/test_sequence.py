"""The timeline in a real browser: dragged longer, dragged elsewhere, made."""

from __future__ import annotations

from typing import Any


def test_a_dragged_timeline_is_made_as_it_is_shown(fake, visit):
    watched = visit(fake)
    page = watched.page
    page.click("#tab-sequence-button")
    watched.expect(".es-segment")

    def drag(start: tuple[float, float], *ways: tuple[float, float]) -> None:
        page.mouse.move(*start)
        page.mouse.down()
        for way in ways:
            page.mouse.move(*way, steps=6)
        page.mouse.up()

    def texts() -> list[str]:
        found: list[str] = page.locator(".es-segment-text").all_inner_texts()
        return found

    edge: Any = page.locator(".es-segment-edge").first.bounding_box()
    y = edge["y"] + 20
    drag((edge["x"] + 6, y), (edge["x"] + 120, y))
    longer = float(page.locator(".es-segment-seconds").first.inner_text().split()[0])
    assert 4.6 <= longer <= 5.6
    assert texts()[0] == "a person walks forward"
    last: Any = page.locator(".es-segment").nth(2).bounding_box()
    drag((last["x"] + 60, y), (last["x"] - 200, y), (edge["x"] - 300, y))
    assert texts()[0] == "a person walks backwards"
    page.click("text=Remove")
    page.click("text=+ Part")
    page.fill(".es-timeline-text", "<b>sit</b>")
    assert len(texts()) == 3
    assert "<b>sit</b>" in texts()
    page.click("#sequence-go")
    watched.expect('#sequence-player .mp[data-state="ready"]')
    assert "in one motion" in page.inner_text("#sequence-notice .es-notice-text")
    assert "--seed 7" in page.input_value("#sequence-cli textarea")
    assert watched.complaints == []
