"""The Compare tab as a person uses it, with the engine replaced."""

from __future__ import annotations

from itertools import pairwise

import imageio.v3 as imageio
import numpy as np
import pytest

PLAYER = "#compare-player .mp"


@pytest.fixture
def compare(fake, visit):
    """The tab, open, with nothing compared yet."""
    watched = visit(fake)
    watched.page.click('#tabs [role="tab"]:has-text("Compare")')
    watched.expect(f'{PLAYER}[data-state="empty"]')
    yield watched
    assert watched.complaints == []
    assert watched.outside == []


def compared(watched):
    page = watched.page
    before = page.get_attribute(PLAYER, "data-result")
    page.click("#compare")
    watched.expect(f'{PLAYER}[data-state="ready"]:not([data-result="{before}"])')
    return page.get_attribute(PLAYER, "data-result")


def state(page, name):
    return page.get_attribute(PLAYER, f"data-{name}")


def arms(page):
    """Height of the right side's left wrist in the frame that is shown."""
    clip = f"document.querySelector('{PLAYER}').player.clips[1]"
    return page.evaluate(f"{clip}.poseAt(0)[20 * 3 + 1]")


def test_two_models_one_playhead_and_every_way_to_look(compare):
    page = compare.page
    compared(compare)
    assert page.locator(f"{PLAYER} canvas").count() == 1
    assert page.locator(f"{PLAYER} .mp-label").all_inner_texts() == ["base", "feet"]
    assert page.inner_text("#numbers tr:nth-child(3) td.es-better") == "0.70"
    page.focus(PLAYER)
    page.keyboard.press("Home")
    pictures = []
    for key, name in ((None, None), ("d", "difference"), ("o", "overlay"), ("w", "pull"),
                      ("t", "traces")):  # fmt: skip
        if key:
            page.keyboard.press(key)
            assert state(page, name) == "true"
        compare.drawn()
        shot = page.locator(f"{PLAYER} canvas").screenshot()
        pictures.append(imageio.imread(shot, extension=".png")[..., :3].astype(int))
    for before, after in pairwise(pictures[:4]):
        assert (np.abs(before - after).max(axis=-1) > 40).mean() > 0.002
    assert state(page, "difference") == "false", "two heats at once"
    page.keyboard.press("s")
    assert page.input_value(f"{PLAYER} [aria-label='Playback speed']") == "0.25"
    page.keyboard.press("[")
    assert state(page, "step") == "4"
    assert "4 of 5 · reward 0.40 | 0.55" in page.inner_text(f"{PLAYER} .mp-steps-counter")
    page.keyboard.press("ArrowRight")
    assert state(page, "frame") == "1"


def test_strength_moves_the_figure_and_nothing_else(compare):
    page = compare.page
    first = compared(compare)
    page.focus(PLAYER)
    page.keyboard.press("End")
    page.keyboard.press("[")
    low = arms(page)
    top = page.locator(PLAYER).bounding_box()["y"]
    page.locator("#right-strength input[type=range]").fill("1.5")
    compare.expect(f'{PLAYER}:not([data-result="{first}"])')
    assert arms(page) > low + 0.05
    assert page.locator(f"{PLAYER} .mp-label").all_inner_texts() == ["base", "feet × 1.5"]
    assert (state(page, "frame"), state(page, "step")) == ("79", "4"), "the playhead jumped"
    assert page.locator(PLAYER).bounding_box()["y"] == top, "the page jumped"
    assert page.locator("#left-strength input[type=range]").is_disabled()


def test_a_blind_vote_by_keyboard(compare):
    page = compare.page
    page.check("#blind input")
    hidden = compared(compare)
    assert page.locator(f"{PLAYER} .mp-label").all_inner_texts() == ["Left", "Right"]
    assert page.locator("#numbers td").count() == 0
    assert "after your vote" in page.inner_text(f"{PLAYER} .mp-steps-counter")
    top = page.locator("#vote .es-vote").bounding_box()["y"]
    page.focus("#compare-prompt textarea")
    page.keyboard.press("End")
    page.keyboard.type(" 2")
    assert page.get_attribute("#vote .es-vote", "data-state") == "open", "typing voted"
    page.focus(PLAYER)
    page.keyboard.press("2")
    compare.expect('#vote [data-state="closed"]')
    assert state(page, "result") == hidden
    assert sorted(page.locator(f"{PLAYER} .mp-label").all_inner_texts()) == ["base", "feet"]
    assert page.locator("#vote .es-vote").bounding_box()["y"] == top, "the page jumped"
    left, right = page.locator(f"{PLAYER} .mp-label").all_inner_texts()
    assert f"Left was {left}, right was {right}." in page.inner_text("#vote .es-vote-text")


def test_a_video_of_both(compare, tmp_path):
    page = compare.page
    compared(compare)
    page.click("#compare-film")
    compare.expect("#compare-video video", state="attached")
    with page.expect_download() as download:
        page.click("#compare-mp4")
    assert download.value.suggested_filename == "compared.mp4"
    download.value.save_as(tmp_path / "compared.mp4")
    assert len(imageio.imread(tmp_path / "compared.mp4")) == 80


def test_a_whole_pack_in_one_canvas(compare):
    page, grid = compare.page, "#pack-grid .mp"
    page.click("#pack input")
    page.click('[role="option"]:has-text("Hands")')
    page.click("#pack-go")
    compare.expect('#pack-notice [data-state="running"]')
    compare.expect(f'{grid}[data-state="ready"]')
    assert page.locator("#pack-grid canvas").count() == 1
    assert page.locator("#pack-grid .mp-tile").count() == 6
    assert "feet follows the text better on 5 prompts" in page.inner_text(".es-winrate-text")
    page.click('#pack-grid [aria-label^="Further"]')
    assert page.get_attribute(grid, "data-page") == "2"
    prompt = page.inner_text("#pack-grid .mp-tile-prompt >> nth=1")
    page.click("#pack-grid .mp-tile >> nth=1")
    compare.expect(f'{PLAYER}[data-state="ready"]')
    assert page.input_value("#compare-prompt textarea") == prompt
    assert page.input_value("#compare-seed input") == "14"


def test_cancel_of_a_pack_says_so(compare):
    page = compare.page
    page.click("#pack-go")
    compare.expect('#pack-notice [data-state="running"]')
    page.click("#pack-cancel")
    compare.expect('#pack-notice [data-state="cancelled"]')
    assert page.is_enabled("#pack-go")


def test_on_a_phone_nothing_is_wider_than_the_screen(fake, visit):
    watched = visit(fake, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = watched.page
    page.click('#tabs [role="tab"]:has-text("Compare")')
    watched.expect(f'{PLAYER}[data-state="empty"]')
    compared(watched)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    names = ("#compare", PLAYER, "#vote", "#numbers", "#pack-go")
    order = [page.locator(name).bounding_box()["y"] for name in names]
    assert order == sorted(order)
