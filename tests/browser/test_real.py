"""The page as a person starts it: the real process, the shipped model, the real renderer."""

from __future__ import annotations

import shlex

import imageio.v3 as imageio
import numpy as np
import pytest

from app.settings import CHECKPOINTS
from tests.app.serving import real_page

pytestmark = pytest.mark.skipif(
    not (CHECKPOINTS / "base" / "config.json").is_file(), reason="checkpoints/base is not there yet"
)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with real_page(tmp_path_factory.mktemp("real"), "--device", "cpu") as address:
        yield address


def test_type_click_watch_download(real, visit, tmp_path):
    watched = visit(real)
    page = watched.page
    page.wait_for_selector('.es-facts[data-state="ready"]', timeout=120_000)
    page.fill("#prompt textarea", "a tired person walks forward")
    page.wait_for_selector('#gauge [data-level="well"]', timeout=60_000)
    page.click("#generate")
    page.wait_for_selector('.mp[data-state="ready"]', timeout=60_000)
    assert page.get_attribute(".mp", "data-frames") == "80"
    before = watched.frame()
    page.wait_for_function(f"document.querySelector('.mp').dataset.frame != '{before}'")
    page.wait_for_selector("#video video", state="attached", timeout=180_000)
    with page.expect_download() as download:
        page.click("#download-mp4")
    path = tmp_path / "motion.mp4"
    download.value.save_as(path)
    film = imageio.imread(path)
    assert len(film) == 80
    assert film.std() > 5
    with page.expect_download() as download:
        page.click("#download-npz-1")
    download.value.save_as(tmp_path / "motion.npz")
    with np.load(tmp_path / "motion.npz", allow_pickle=False) as archive:
        joints = archive["joints"]
    assert joints.shape == (80, 22, 3)
    assert joints[-1, 0, 2] - joints[0, 0, 2] > 0.5, "walking forward did not go forward"
    assert "--model base" in page.input_value("#cli textarea")
    assert shlex.split(page.input_value("#cli textarea"))[4] == "a tired person walks forward"
    assert watched.complaints == []
    assert watched.outside == []
