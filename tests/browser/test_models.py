"""The Models tab in the browser: names, notes, trash, parcels, and ways to the other tabs."""

from __future__ import annotations

import pytest

from tests.app.serving import fake_page

NASTY = "<img src=x onerror=window.owned=1>"


@pytest.fixture(scope="module")
def address(tmp_path_factory, shipped_model):
    from engine.diffusion.model import MotionModel
    from engine.models.adapter import attach, save_adapter

    folder = tmp_path_factory.mktemp("models")
    model = MotionModel.from_pretrained(shipped_model)
    attach(model.denoiser, rank=1, alpha=2)
    card = {
        "name": "feet", "base": {"id": "base@1"}, "prompts": [NASTY], "words": [f"{NASTY}: yes"],
        "reward": {"feet": 1.0},
    }  # fmt: skip
    save_adapter(model.denoiser, folder / "adapters" / "feet", card)
    with fake_page(folder, delay=0.1) as place:
        yield place


@pytest.fixture
def models(visit, address):
    def go(**options):
        watched = visit(address, **options)
        if options:
            watched.page.click(".overflow-menu > button")
            watched.page.click(".overflow-dropdown button:has-text('Models')")
        else:
            watched.page.click("#tab-models-button")
        watched.expect('.es-tuned[data-model="feet"]')
        return watched

    return go


def said(watched, words):
    watched.expect(f"#models-notice .es-notice-text >> text={words}")


def test_rename_note_delete_undo_export_import(models, tmp_path):
    watched = models()
    page = watched.page
    card = '.es-tuned[data-model="{}"]'
    page.click(card.format("feet") + ' [data-action="rename"]')
    page.keyboard.type("quiet-feet")
    page.keyboard.press("Enter")
    said(watched, "feet is called quiet-feet now.")
    mine = card.format("quiet-feet")
    page.click(f"{mine} summary")
    page.fill(f"{mine} textarea", NASTY)
    page.click(f"{mine} [type=submit]")
    said(watched, "The notes of quiet-feet are saved.")
    page.click(f'{mine} [data-action="export"]')
    watched.expect("#models-download:not([disabled])")
    with page.expect_download() as download:
        page.click("#models-download")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    page.click(f'{mine} [data-action="delete"]')
    said(watched, "quiet-feet is in the trash below.")
    page.set_input_files("#models-import input[type=file], input[type=file]", path)
    page.wait_for_selector("#models-notice >> text=quiet-feet is in.", timeout=90_000)
    page.click(f'{mine} [data-action="delete"]')
    page.click(".es-trash-line >> nth=1 >> [data-action='restore']")
    said(watched, "quiet-feet is back.")
    assert page.input_value(f"{mine} textarea") == NASTY, "the one with the notes came back"
    page.click(f'{mine} [data-action="rename"]')
    page.keyboard.type("feet")
    page.keyboard.press("Enter")
    watched.expect(card.format("feet"))
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src=x]").count() == 0
    assert watched.complaints == []
    assert watched.outside == []


def test_strange_files_are_refused_in_a_sentence(models, tmp_path):
    watched = models()
    path = tmp_path / "strange.zip"
    path.write_text("no zip at all")
    watched.page.set_input_files("#models-import input[type=file], input[type=file]", path)
    said(watched, "strange.zip is no zip file")
    assert watched.complaints == []


def test_on_a_phone_and_on_to_compare(models):
    watched = models(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = watched.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click('.es-tuned[data-model="feet"] [data-action="compare"]')
    watched.expect('#compare-notice [data-state="done"]')
    assert page.locator("#compare-player .mp-label").all_inner_texts() == ["base", "feet"]
