"""What the page says while it waits, and when something goes wrong."""

from __future__ import annotations

import pytest

from tests.app.serving import fake_page


def test_warming_is_said_and_can_be_cancelled(visit, tmp_path):
    with fake_page(tmp_path, warm_seconds=1000) as address:
        watched = visit(address)
        watched.expect('.es-facts[data-state="warming"]')
        watched.generate("walk")
        assert "warming up" in watched.notice("warming")
        watched.page.click("#cancel")
        assert "Cancelled" in watched.notice("cancelled")


def test_queue_position_and_cancel(visit, tmp_path):
    """Every motion would take 1,000 seconds: whoever is released was released by Cancel."""
    with fake_page(tmp_path, delay=1000) as address:
        first, second = visit(address), visit(address)
        first.generate("walk")
        first.notice("running")
        second.generate("wave")
        assert "number 2 in the queue" in second.notice("queued")
        first.expect('.es-facts[data-state="busy"] >> text=1 waiting')
        for watched in (first, second):
            watched.notice("running")
            watched.page.click("#cancel")
            assert "Cancelled" in watched.notice("cancelled")
            assert watched.page.is_enabled("#generate")
            assert watched.complaints == []


def test_cancel_stops_the_video_and_offers_it_again(visit, tmp_path):
    with fake_page(tmp_path, delay=0.1, video_seconds=20) as address:
        watched = visit(address)
        watched.generate("walk")
        watched.expect('#film-notice [data-state="running"]')
        assert watched.page.get_attribute(".mp", "data-state") == "ready"
        watched.page.click("#cancel")
        watched.expect('#film-notice [data-state="cancelled"]')
        watched.page.click("#make-video")
        watched.expect('#film-notice [data-state="running"]')


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("", "Describe a movement"), ("  \n ", "Describe a movement"), ("a" * 10_000, "10,000")],
)
def test_bad_prompts_are_refused_with_a_way_out(fake, visit, prompt, words):
    watched = visit(fake)
    watched.generate(prompt)
    assert words in watched.notice("failed")
    assert watched.page.get_attribute(".mp", "data-state") == "empty"
    watched.generate("walk")
    watched.notice("done")


@pytest.mark.parametrize("seed", ["-1", "1e300", "2.5", ""])
def test_bad_seeds_are_refused(fake, visit, seed):
    watched = visit(fake)
    watched.page.fill("#seed input", seed)
    watched.generate("walk")
    assert "seed must be a whole number" in watched.notice("failed")


def test_unexpected_failure_is_a_sentence_and_the_trace_is_in_the_log(visit, tmp_path):
    with fake_page(tmp_path, failure="secret-detail") as address:
        watched = visit(address)
        watched.generate("walk")
        assert "Something went wrong" in watched.notice("failed")
        assert "secret-detail" not in watched.page.inner_text("body")
    log = (tmp_path / "page.log").read_text()
    assert "RuntimeError: secret-detail" in log
    assert "Traceback" in log


def test_missing_model_is_said_in_header_and_notice(visit, tmp_path):
    with fake_page(tmp_path, broken="No-model-here.-Copy-one.") as address:
        watched = visit(address)
        watched.expect('.es-facts[data-state="failed"]')
        watched.generate("walk")
        assert "No-model-here" in watched.notice("failed")


def test_without_webgl_the_player_says_so_and_the_video_comes(fake, visit):
    watched = visit(fake, "--disable-3d-apis")
    assert watched.page.get_attribute(".mp", "data-state") == "no-gl"
    assert "WebGL" in watched.page.inner_text(".mp-message")
    watched.generate("walk")
    watched.expect("#video video", state="attached")
    assert "WebGL" in watched.page.inner_text(".mp-message")
