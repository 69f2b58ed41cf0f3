"""Editing on the real page with the shipped model: a sequence, half of it redone, its receipt."""

from __future__ import annotations

import zipfile

import imageio.v3 as imageio
import numpy as np
import pytest

from app.settings import CHECKPOINTS
from engine.commands import reproduce
from engine.evaluation.physical import jerk
from engine.motion.halves import LOWER
from engine.motion.motion import Motion
from engine.preference.motions import content_hash
from engine.preference.store import Store
from tests.app.serving import real_page
from tests.motion.bodies import walk

pytestmark = pytest.mark.skipif(
    not (CHECKPOINTS / "base" / "config.json").is_file(), reason="checkpoints/base is not there yet"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def real(home):
    with real_page(home, "--device", "cpu") as address:
        yield address


def saved(page, button, path):
    with page.expect_download() as download:
        page.click(button)
    download.value.save_as(path)
    return path


def test_a_sequence_gets_another_upper_body_a_video_and_a_receipt(real, visit, tmp_path):
    watched = visit(real)
    page = watched.page
    page.wait_for_selector('.es-facts[data-state="ready"]', timeout=120_000)
    page.click("#tab-sequence-button")
    watched.expect(".es-segment")
    page.click("#sequence-go")
    watched.expect('#sequence-notice [data-state="done"]')
    watched.expect("#sequence-npz", state="visible")
    before = Motion.load(saved(page, "#sequence-npz", tmp_path / "before.npz"), 1200)
    page.fill("#sequence-redo-text textarea", "a person waves with the right hand")
    page.click("#sequence-redo")
    page.wait_for_function(
        "document.querySelector('#sequence-notice').innerText.includes('Upper body')"
    )
    watched.expect("#sequence-undo", state="visible")
    page.click("#sequence-film")
    page.wait_for_selector("#sequence-video video", state="attached", timeout=240_000)
    film = imageio.imread(saved(page, "#sequence-mp4", tmp_path / "sequence.mp4"))
    folder = tmp_path / "all"
    with zipfile.ZipFile(saved(page, "#sequence-zip", tmp_path / "all.zip")) as archive:
        assert "motion.mp4" in archive.namelist()
        archive.extractall(folder)
    after = Motion.load(folder / "motion.npz", 1200)
    assert len(film) == after.frames
    assert np.array_equal(after.joints[:, LOWER], before.joints[:, LOWER])
    assert (after.joints[:, 21, 1] > after.joints[:, 15, 1]).mean() > 0.3, "no hand is waved"
    assert reproduce.run(folder / "receipt.json", tmp_path / "again", device="cpu")
    page.click("#sequence-undo")
    page.wait_for_function(
        "!document.querySelector('#sequence-notice').innerText.includes('Upper body')"
    )
    assert watched.complaints == []
    assert watched.outside == []


def test_a_motion_is_gone_on_from_and_another_arrived_at(real, visit, tmp_path):
    watched = visit(real)
    page = watched.page
    page.wait_for_selector('.es-facts[data-state="ready"]', timeout=120_000)
    for prompt, seed, button in (
        ("a person walks forward", "3", "#use-before"), ("a person waves", "4", "#use-after"),
    ):  # fmt: skip
        page.fill("#prompt textarea", prompt)
        page.click("#samples label:has-text('1')")
        page.fill("#seed input", seed)
        page.click("#generate")
        watched.expect(f'#notice [data-state="done"]:has-text("{prompt}")')
        if not page.is_visible(button):
            page.click("#use button")
        page.click(button)
        watched.expect(f'.es-given:visible:has-text("{prompt}")')
        page.click("#tab-generate-button")
    given = Motion.load(saved(page, "#download-npz-1", tmp_path / "waves.npz"))
    page.click("#tab-sequence-button")
    while page.locator(".es-track-parts .es-segment").count() > 1:
        page.click("text=Remove")
    page.fill(".es-timeline-text", "a person turns around")
    page.fill(".es-timeline-seconds", "3")
    page.keyboard.press("Tab")
    assert page.inner_text(".es-timeline-total") == "11.0 of 60 s"
    page.click("#sequence-go")
    watched.expect('#sequence-notice [data-state="done"]')
    watched.expect('#sequence-player .mp[data-state="ready"]')
    assert page.get_attribute("#sequence-player .mp", "data-frames") == "220"
    page.screenshot(path=tmp_path / "timeline.png")
    folder = tmp_path / "all"
    with zipfile.ZipFile(saved(page, "#sequence-zip", tmp_path / "all.zip")) as archive:
        archive.extractall(folder)
    made = Motion.load(folder / "motion.npz", 1200)
    assert np.array_equal(Motion.load(folder / "after.npz").joints, given.joints)
    for seam in (80, 140):
        assert seam_jerk(made.joints, seam) < 2.5 * jerk(made.joints)
    assert reproduce.run(folder / "receipt.json", tmp_path / "again", device="cpu")
    page.click('[data-end="after"] .es-given-remove')
    page.wait_for_selector('[data-end="after"]', state="hidden")
    assert page.input_value(".es-timeline-text") == "a person turns around"
    page.click("#sequence-go")
    page.wait_for_function(
        "document.querySelector('#sequence-player .mp').dataset.frames === '140'"
    )
    assert watched.complaints == []
    assert watched.outside == []


def seam_jerk(joints, at):
    """Mean jerk around a frame, m/s^3."""
    return jerk(joints[at - 6 : at + 6])


def test_an_opened_file_is_measured_compared_voted_on_and_redone(real, home, visit, tmp_path):
    path = tmp_path / "take.npz"
    Motion(walk(100).astype(np.float32)).save(path)
    watched = visit(real)
    page = watched.page
    page.wait_for_selector('.es-facts[data-state="ready"]', timeout=120_000)
    page.click("#open button")
    page.set_input_files("#open-file input[type=file]", path)
    watched.expect('#open-notice [data-state="done"]')
    page.wait_for_function("document.querySelector('#player .mp-label').innerText == 'take.npz'")
    page.click("#use button")
    page.fill("#use-prompt textarea, #use-prompt input", "a person walks forward")
    page.click("#use-fit")
    watched.expect('#use-notice [data-state="done"]')
    said = page.inner_text("#use-notice .es-notice-text")
    assert "from -1 to 1: reward " in said
    assert "a network's opinion, no measurement" in said
    page.click("#use-compare")
    watched.expect('#compare-notice [data-state="done"]')
    watched.expect('#compare-player .mp[data-state="ready"]')
    assert page.get_attribute("#compare-player .mp", "data-frames") == "100"
    assert "take.npz" in page.inner_text("#numbers")
    assert page.inner_text("#numbers").count("Follows the text") == 1
    page.click("#tab-generate-button")
    page.click("#use-true")
    watched.expect('#pref-notice [data-state="done"]')
    page.click("#pref-next")
    watched.expect('#pref-player .mp[data-state="ready"]')
    page.locator("#pref-vote button").nth(3).click()  # both bad
    page.wait_for_function("document.querySelector('#pref-next').innerText == 'Next pair'")
    (vote,) = Store.open(home / "votes" / "votes.sqlite").votes()
    assert vote.pair.prompt == "a person walks forward"
    assert vote.pair.real == content_hash(Motion.load(path).joints)
    page.click("#tab-generate-button")
    page.click("#use-redo")
    watched.expect('#sequence-player .mp[data-state="ready"]')
    page.fill("#sequence-redo-text textarea", "a person raises both arms")
    page.click("#sequence-redo")
    watched.expect("#sequence-undo", state="visible")
    assert "Upper body: “a person raises both arms”" in page.inner_text("#sequence-notice")
    assert watched.complaints == []
    assert watched.outside == []
