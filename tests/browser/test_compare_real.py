"""Compare with the shipped base and a small adapter: the real engine on the CPU."""

from __future__ import annotations

import pytest

from app.settings import CHECKPOINTS
from tests.app.serving import real_page

pytestmark = pytest.mark.skipif(
    not (CHECKPOINTS / "base" / "config.json").is_file(), reason="checkpoints/base is not there yet"
)
PLAYER = "#compare-player .mp"


@pytest.fixture(scope="module")
def tuned_page(tmp_path_factory):
    """The page of a home with one adapter of random weights, small enough to stay a person."""
    import torch

    from engine.models.adapter import attach, detach, save_adapter
    from engine.pipeline import MotionPipeline

    home = tmp_path_factory.mktemp("home")
    pipe = MotionPipeline.from_pretrained(CHECKPOINTS / "base", device="cpu")
    torch.manual_seed(0)
    for value in attach(pipe.model.denoiser, rank=4, seed=0):
        torch.nn.init.normal_(value, std=0.03)
    save_adapter(
        pipe.model.denoiser, home / "adapters" / "shaken", {"base": {"id": pipe.model_id}}
    )  # fmt: skip
    detach(pipe.model.denoiser)
    with real_page(home, "--device", "cpu") as address:
        yield address


def joints(page, side):
    clip = f"document.querySelector('{PLAYER}').player.clips[{side}]"
    return page.evaluate(f"Array.from({clip}.final.joints)")


def apart(one, two):
    return max(abs(a - b) for a, b in zip(one, two, strict=True))


def test_compare_move_the_strength_look_inside(tuned_page, visit):
    watched = visit(tuned_page)
    page = watched.page
    page.wait_for_selector('.es-facts[data-state="ready"]', timeout=120_000)
    page.click('#tabs [role="tab"]:has-text("Compare")')
    page.click("#compare")
    page.wait_for_selector(f'{PLAYER}[data-state="ready"]', timeout=60_000)
    assert page.locator(f"{PLAYER} .mp-label").all_inner_texts() == ["base", "shaken"]
    base, full = joints(page, 0), joints(page, 1)
    assert apart(base, full) > 0.02
    rows = page.locator("#numbers th[scope=row]").all_inner_texts()
    assert {"Follows the text", "Feet slide"} <= set(rows)
    steps = int(page.get_attribute(PLAYER, "data-steps"))
    assert steps >= 4
    page.locator(f"{PLAYER} .mp-steps input").fill("1")
    assert page.get_attribute(PLAYER, "data-step") == "1"

    for strength, label in (("0.3", "shaken × 0.3"), ("0", "shaken × 0")):
        page.locator("#right-strength input[type=range]").fill(strength)
        page.wait_for_function(
            "label => [...document.querySelectorAll('#compare-player .mp-label')]"
            ".some((one) => one.textContent === label)",
            arg=label,
        )
        moved = joints(page, 1)
        assert joints(page, 0) == base, "the other side moved"
        assert apart(moved, full) > 0.01
    assert moved == base, "at strength 0 it is the base"
    assert watched.complaints == []
    assert watched.outside == []
