"""Tuning in the browser with the real engine: a process of its own, on a tiny random model."""

from __future__ import annotations

import os
import shlex
import signal

import pytest

from engine.files import read_json
from engine.tuning.session import live
from tests.app.fake_tune import write_python
from tests.app.serving import fake_page, real_page

PROMPTS = "a person walks\na tired person waves with the right hand"
PATIENCE = 120_000


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder in which the page's runs lie."""
    folder = tmp_path_factory.mktemp("tuning")
    yield folder
    end_runs(folder)


def end_runs(folder):
    """What still tunes ends with the tests."""
    for run in (folder / "runs").glob("*"):
        if live(run):
            os.kill(read_json(run / "lock.json")["pid"], signal.SIGKILL)


@pytest.fixture(scope="module")
def page_of_tiny(place, tiny_model):
    with real_page(place, "--device", "cpu", "--model", str(tiny_model)) as address:
        yield address


@pytest.fixture(scope="module")
def page_of_fakes(tmp_path_factory):
    """The page with stand-ins for engine and tuning."""
    folder = tmp_path_factory.mktemp("fakes")
    with fake_page(folder, delay=0.1, video_seconds=0.1, python=write_python(folder)) as address:
        yield address
    end_runs(folder)


def tuning(visit, address, **options):
    """A visitor on the Tune tab."""
    watched = visit(address, **options)
    watched.page.click("#tab-tune-button")
    watched.page.wait_for_selector(".es-board")
    return watched


def choose_goals(page, *words):
    """Check these and no others: the shipped reward for "follow" does not fit the tiny model."""
    for label in page.query_selector_all("#goals label"):
        if label.query_selector("input").is_checked() != (label.inner_text().strip() in words):
            label.click()


def state(watched, *wanted):
    names = ", ".join(f'.es-board[data-state="{one}"]' for one in wanted)
    watched.page.wait_for_selector(names, timeout=PATIENCE)


def updates(watched):
    return int(watched.page.inner_text(".es-figures dd >> nth=0").replace(",", ""))


def more_updates(watched, than):
    watched.page.wait_for_function(
        "n => Number(document.querySelector('.es-figures dd')?.textContent.replace(',', '')) > n",
        arg=than, timeout=PATIENCE,
    )  # fmt: skip


def act(watched, action):
    watched.page.wait_for_selector(f'[data-action="{action}"]:enabled', timeout=PATIENCE)
    watched.page.click(f'[data-action="{action}"]')


def test_start_watch_reload_pause_kill_resume_stop_compare(visit, place, page_of_tiny):
    watched = tuning(visit, page_of_tiny)
    page = watched.page
    assert "press Start" in page.inner_text(".es-board-text")
    page.click("#packs label:has-text('New-combinations')")
    choose_goals(page, "Feet stay planted", "Smoother")
    page.fill("#own-prompts textarea", PROMPTS)
    page.click("#preset label:has-text('Thorough')")
    page.wait_for_function(
        "document.querySelector('#tune-cli textarea').value.includes('thorough')"
    )
    words = shlex.split(page.input_value("#tune-cli textarea"))
    assert words[:4] == ["python", "-m", "engine", "tune"]
    assert words[words.index("--preset") + 1] == "thorough"
    assert not list(place.glob("runs/**/*.jsonl")), "nothing is written before Start"
    page.evaluate("for (let k = 0; k < 20; k += 1) document.getElementById('tune-start').click()")
    state(watched, "starting", "running")
    stranger = tuning(visit, page_of_tiny)
    assert page.get_attribute(".es-board", "data-run") == words[-1]
    page.wait_for_selector(".es-heat[data-columns]:not([hidden])", timeout=PATIENCE)
    page.wait_for_selector('#tune-player .mp[data-state="ready"]', timeout=PATIENCE)
    more_updates(watched, 16)
    assert page.locator(".es-limit").count() == 5
    assert [one.name for one in (place / "runs").iterdir() if not one.name.startswith(".")] == [
        words[-1]
    ]
    assert read_json(place / "runs" / words[-1] / "config.json")["settings"]["reward"] == {
        "feet": 1.0, "floor": 0.5, "smooth": 1.0,
    }  # fmt: skip

    state(stranger, "running")
    assert stranger.page.input_value("#own-prompts textarea") == ""
    page.reload()
    page.click("#tab-tune-button")
    state(watched, "running")
    act(watched, "pause")
    state(watched, "paused")
    state(stranger, "paused")
    page.wait_for_selector('[data-action="preview"]:enabled')
    at = page.get_attribute("#tune-player .mp", "data-at")
    act(watched, "resume")
    state(watched, "running")
    page.wait_for_function(
        "at => Number(document.querySelector('#tune-player .mp').dataset.at) > Number(at)",
        arg=at, timeout=PATIENCE,
    )  # fmt: skip

    before = updates(watched)
    os.kill(read_json(place / "runs" / words[-1] / "lock.json")["pid"], signal.SIGKILL)
    state(watched, "interrupted")
    assert "was killed" in page.inner_text(".es-board-text")
    act(watched, "again")
    state(watched, "running")
    more_updates(watched, before)
    act(watched, "stop")
    state(watched, "finished")
    assert page.locator(".es-verdict").count() >= 1
    act(watched, "compare")
    watched.expect('#compare-notice [data-state="done"]')
    assert page.locator("#compare-player .mp-label").all_inner_texts() == ["base", words[-1]]
    assert page.input_value("#compare-prompt textarea") in PROMPTS.splitlines()
    tabs = page.locator(".tab-container [role=tab]").all_inner_texts()
    assert len(tabs) == len(set(tabs)), "a tab is drawn twice"
    for one in (watched, stranger):
        assert one.complaints == []
        assert one.outside == []


def test_a_second_tuning_waits_and_can_be_taken_back(visit, page_of_fakes):
    watched = tuning(
        visit, page_of_fakes, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = watched.page
    page.click("#preset label:has-text('Thorough')")
    choose_goals(page, "Feet stay planted")
    for name in ("one", "two"):
        page.fill("#tune-name input, #tune-name textarea", name)
        page.click("#tune-start")
        page.wait_for_selector(f'.es-board[data-run="{name}"]')
        page.click("#goals label:has-text('Smoother')")  # another wish
    state(watched, "queued")
    assert "Number 1 in the queue: one is at work" in page.inner_text(".es-board-text")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    act(watched, "forget")
    page.wait_for_selector('.es-board[data-run="one"]')
    assert page.locator('.es-run[data-run="two"]').count() == 0
    watched.expect(".es-status >> text=slower while tuning")
    act(watched, "stop")
    state(watched, "finished")
    assert watched.complaints == []


def test_what_is_wrong_is_said_before_and_after_start(visit, page_of_fakes):
    watched = tuning(visit, page_of_fakes)
    page = watched.page
    page.click("#goals label:has-text('Faster')")
    page.click("#goals label:has-text('Slower')")
    page.wait_for_selector(".es-needs[data-bad='true'] >> text=pull against each other")
    page.click("#tune-start")
    page.wait_for_selector('#tune-notice [data-state="failed"] >> text=Choose one')


def test_prompts_that_were_tried_are_the_visitors_own(visit, page_of_fakes):
    first, second = (tuning(visit, page_of_fakes) for _ in range(2))
    first.page.click("#tab-generate-button")
    first.generate("a person <b>bows</b>")
    first.notice("done")
    for one in (first, second):
        one.page.click("#tab-tune-button")
        one.page.fill("#own-prompts textarea", "mine")
        one.page.click("#tried")
    first.page.wait_for_function(
        "document.querySelector('#own-prompts textarea').value === 'mine\\na person <b>bows</b>'"
    )
    second.page.wait_for_timeout(500)
    assert second.page.input_value("#own-prompts textarea") == "mine"
