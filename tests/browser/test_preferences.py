"""The Preferences tab in a real browser: vote, take back, go on, rematch; and the whole loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.registry import CHECKPOINTS
from engine.preference.store import Store
from tests.app.serving import fake_page, real_page
from tests.browser.test_tune import act, more_updates, state

OPEN, CLOSED = '#pref-vote [data-state="open"]', '#pref-vote [data-state="closed"]'


def votes(home: Path) -> list[str]:
    store = Store.open(home / "votes" / "votes.sqlite")
    found = [vote.choice for vote in store.votes()]
    store.close()
    return found


def test_vote_reveal_undo_next_and_rematch(tmp_path, visit):
    home = tmp_path
    with fake_page(home, delay=0.1) as address:
        watched = visit(address)
        page = watched.page
        slide = page.locator("#pref-reasons label", has_text="Feet slide").locator("input")
        page.click("#tab-preferences-button")
        page.click("#pref-next")
        watched.expect(OPEN)
        shown = page.inner_text("#pref-player")
        assert "Left" in shown and "Right" in shown and "base" not in shown
        slide.check()
        page.keyboard.press("2")
        watched.expect(CLOSED)
        assert "Left was base, seed" in page.inner_text("#pref-vote")
        assert votes(home) == ["right"]
        page.click("#pref-undo")
        watched.expect(OPEN)
        assert votes(home) == []
        page.keyboard.press("3")
        watched.expect(CLOSED)
        page.keyboard.press("Enter")  # the focus is on Next pair
        watched.expect(OPEN)
        assert not slide.is_checked()
        page.click('#pref-vote [data-answer="bad"]')
        watched.expect(CLOSED)
        page.click("#pref-rematch")
        watched.expect(OPEN)
        assert "feet" not in page.inner_text("#pref-vote") + page.inner_text("#pref-player")
        page.keyboard.press("1")
        watched.expect(CLOSED)
        watched.expect("#pref-rate .es-winrate-text")
        assert "wins" in page.inner_text("#pref-rate")
        assert votes(home) == ["tie", "bad", "left"]
        assert "3 now, 3 in all" in page.inner_text("#pref-board")
        assert watched.complaints == [] and watched.outside == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not (CHECKPOINTS / "reward" / "config.json").is_file(),
                    reason="needs checkpoints/reward")  # fmt: skip
def test_vote_learn_tune_and_rematch_in_one_sitting(tmp_path, visit):
    with real_page(tmp_path, "--device", "cpu") as address:
        watched = visit(address)
        page = watched.page
        page.set_default_timeout(120_000)
        page.click("#tab-preferences-button")
        for k in range(8):
            page.click("#pref-next")
            page.wait_for_selector(OPEN, timeout=180_000)
            page.keyboard.press(str(1 + k % 2))
            watched.expect(CLOSED)
        page.click("#pref-learn")
        page.wait_for_selector('#pref-board .es-board[data-state="finished"]', timeout=280_000)
        assert "too few to know" in page.inner_text("#pref-board")
        page.wait_for_selector("#pref-tune:not([disabled])")
        page.click("#pref-tune")
        page.wait_for_selector('#board .es-board[data-run="votes-tuned-1"]', timeout=60_000)
        state(watched, "running")
        more_updates(watched, 3)
        act(watched, "stop")
        page.wait_for_selector('#board .es-board[data-state="finished"]', timeout=600_000)
        page.click("#tab-preferences-button")
        page.click("#pref-rematch")
        page.wait_for_selector(OPEN, timeout=180_000)
        assert "votes-tuned" not in page.inner_text("#pref-vote") + page.inner_text("#pref-player")
        page.keyboard.press("1")
        watched.expect(CLOSED)
        assert "votes-tuned-1" in page.inner_text("#pref-vote")
        watched.expect("#pref-rate .es-winrate-text")
        assert len(votes(tmp_path)) == 9
        assert watched.complaints == [] and watched.outside == []
