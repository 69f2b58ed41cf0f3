"""Editing on the real page with the shipped model: a sequence, half of it redone, its receipt."""

from __future__ import annotations

import zipfile

import imageio.v3 as imageio
import numpy as np
import pytest

from app.settings import CHECKPOINTS
from engine.commands import reproduce
from engine.motion.halves import LOWER
from engine.motion.motion import Motion
from tests.app.serving import real_page

pytestmark = pytest.mark.skipif(
    not (CHECKPOINTS / "base" / "config.json").is_file(), reason="checkpoints/base is not there yet"
)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with real_page(tmp_path_factory.mktemp("real"), "--device", "cpu") as address:
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
