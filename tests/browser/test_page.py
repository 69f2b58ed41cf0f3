"""The page from the first keystroke to the downloaded files, with the engine replaced."""

from __future__ import annotations

import shlex

import imageio.v3 as imageio
import numpy as np

READY = '.mp[data-state="ready"]'


def test_prompt_to_player_video_and_files(fake, visit, tmp_path):
    watched = visit(fake)
    page = watched.page
    assert page.get_attribute(".mp", "data-state") == "empty"
    page.fill("#prompt textarea", "a tired person walks forward")
    watched.expect('#gauge [data-level="well"]')
    page.click("#samples label:nth-child(3)")
    page.click("#generate")
    watched.expect(READY)
    assert "3 motions of 4 s" in watched.notice("done")
    assert page.locator(".mp-label").all_inner_texts() == [
        "Sample 1, seed 7", "Sample 2, seed 8", "Sample 3, seed 9",
    ]  # fmt: skip
    assert page.get_attribute(".mp", "data-frames") == "80"
    before = watched.frame()
    page.wait_for_function(f"document.querySelector('.mp').dataset.frame != '{before}'")

    watched.expect("#video video", state="attached")
    with page.expect_download() as download:
        page.click("#download-mp4")
    path = tmp_path / "motion.mp4"
    download.value.save_as(path)
    assert len(imageio.imread(path)) == 80
    with page.expect_download() as download:
        page.click("#download-npz-2")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with np.load(path, allow_pickle=False) as archive:
        assert archive["joints"].shape == (80, 22, 3)
        assert int(archive["seed"]) == 8
    assert not page.is_visible("#download-npz-4")

    words = shlex.split(page.input_value("#cli textarea"))
    assert words[:5] == ["python", "-m", "engine", "generate", "a tired person walks forward"]
    assert words[words.index("--samples") + 1] == "3"
    assert watched.complaints == []
    assert watched.outside == []


def test_keyboard_steps_and_scrubs(fake, visit):
    watched = visit(fake)
    page = watched.page
    watched.generate("walk")
    watched.expect(READY)
    page.focus(".mp")
    page.keyboard.press("Space")
    assert page.get_attribute(".mp", "data-playing") == "false"
    page.keyboard.press("Home")
    assert watched.frame() == 0
    for key, frame in [("ArrowRight", 1), (".", 2), ("Shift+ArrowRight", 12), (",", 11),
                       ("ArrowLeft", 10), ("End", 79), ("ArrowRight", 79)]:  # fmt: skip
        page.keyboard.press(key)
        assert watched.frame() == frame, key
    page.locator(".mp-scrub").fill("33")
    assert watched.frame() == 33
    assert page.inner_text(".mp-counter").startswith("34 / 80")
    page.keyboard.press("f")
    page.keyboard.press("g")
    assert page.get_attribute(".mp", "data-follow") == "false"
    assert page.get_attribute(".mp", "data-ghosts") == "true"
    page.focus("#prompt textarea")
    page.keyboard.type(" . ,")
    assert watched.frame() == 33


def test_player_draws_the_figure(fake, visit):
    """Frames differ from each other and show the colours of both sides."""
    watched = visit(fake)
    page = watched.page
    watched.generate("walk")
    watched.expect(READY)
    page.focus(".mp")
    pictures = []
    for key in ("Home", "End"):
        page.keyboard.press(key)
        watched.drawn()
        shot = page.locator(".mp-canvas").screenshot()
        pictures.append(imageio.imread(shot, extension=".png")[..., :3].astype(int))
    first, last = pictures
    assert np.abs(first - last).max() > 60
    red, blue = first[..., 0], first[..., 2]
    assert ((blue - red > 60) & (blue > 90)).sum() > 200, "no blue left limbs"
    assert ((red - blue > 60) & (red > 90)).sum() > 200, "no orange right limbs"


def test_history_restores_a_result_with_its_settings(fake, visit):
    watched = visit(fake)
    page = watched.page
    watched.generate("walk slowly")
    watched.expect(READY)
    first = page.get_attribute(".mp", "data-result")
    page.click("#samples label:nth-child(1)")
    watched.generate("wave")
    watched.expect(f'.mp:not([data-result="{first}"])[data-state="ready"]')
    page.click(f'[data-result="{first}"].es-card')
    watched.expect(f'.mp[data-result="{first}"]')
    assert page.input_value("#prompt textarea") == "walk slowly"
    assert page.locator(".mp-label").count() == 2
    watched.expect("#video video", state="attached")


def test_dice_and_suggestions(fake, visit):
    watched = visit(fake)
    page = watched.page
    page.click("#dice")
    page.wait_for_function("document.querySelector('#seed input').value !== '7'")
    page.fill("#prompt textarea", "juggle with knives")
    watched.expect('#gauge [data-level="unknown"]')
    page.click("#gauge .es-chip >> nth=0")
    page.wait_for_function(
        "document.querySelector('#prompt textarea').value === 'a person walks forward'"
    )
    watched.expect('#gauge [data-level="well"]')


def test_an_example_fills_prompt_and_length(fake, visit):
    watched = visit(fake)
    page = watched.page
    page.click("#examples .es-pack >> nth=1")
    text = page.inner_text("#examples .es-chip >> nth=0")
    page.click("#examples .es-chip >> nth=0")
    page.wait_for_function("text => document.querySelector('#prompt textarea').value === text",
                           arg=text)  # fmt: skip
    assert watched.complaints == []


def test_prompts_are_text_never_markup(fake, visit):
    watched = visit(fake)
    page = watched.page
    nasty = "wave <img src=x onerror=window.owned=1> ${window.owned=1} {{constructor}} 😀 `"
    watched.generate(nasty)
    watched.expect(READY)
    assert nasty in watched.notice("done")
    assert page.inner_text(".es-card-prompt") == nasty
    assert shlex.split(page.input_value("#cli textarea"))[4] == nasty
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src=x]").count() == 0
    assert watched.complaints == []


def test_light_and_dark(fake, visit):
    watched = visit(fake, color_scheme="dark")
    page = watched.page
    sky = "getComputedStyle(document.querySelector('.mp-canvas')).backgroundColor"
    dark = page.evaluate(sky)
    page.click(".es-theme")
    assert page.evaluate(sky) != dark


def test_phone_width_has_no_sideways_scroll(fake, visit):
    watched = visit(fake, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = watched.page
    watched.generate("walk")
    watched.expect(READY)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    order = [page.locator(name).bounding_box()["y"] for name in ("#generate", ".mp", ".es-card")]
    assert order == sorted(order)
    page.set_viewport_size({"width": 844, "height": 390})
    width = "document.querySelector('.mp-canvas').width / devicePixelRatio"
    page.wait_for_function(f"{width} > 400")
