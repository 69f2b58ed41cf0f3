"""Headless Chromium and a watched page: console errors and outside requests are collected."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.app.serving import fake_page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Software draws the 3D scenes as often as it may, and would take most of the tests' time: whoever
# asks for the next frame while drawing one gets it half a second later.
FEWER_FRAMES = """
  let drawing = false;
  const now = (draw) => {
    drawing = true;
    try { draw(performance.now()); } finally { drawing = false; }
  };
  window.requestAnimationFrame = (draw) => setTimeout(() => now(draw), drawing ? 500 : 16);
  window.cancelAnimationFrame = clearTimeout;
"""
# Software GL tells how slow it is; that is about the test machine, not about the page.
HARMLESS = ("GL Driver Message", "GPU stall")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = not os.path.exists(CHROMIUM)  # noqa: PTH110
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if missing:
                reason = "needs Chromium: apt-get install -y chromium"
                item.add_marker(pytest.mark.skip(reason=reason))


@dataclass
class Watched:
    """A browser page and what it complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def generate(self, prompt: str) -> None:
        self.page.fill("#prompt textarea", prompt)
        self.page.click("#generate")

    def frame(self) -> int:
        return int(self.page.get_attribute(".mp", "data-frame"))

    def drawn(self) -> None:
        """Wait until every player has drawn what was asked of it."""
        self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def expect(self, selector: str, **options: Any) -> Any:
        return self.page.wait_for_selector(selector, timeout=60_000, **options)

    def notice(self, state: str) -> str:
        self.expect(f'#notice [data-state="{state}"]')
        return str(self.page.inner_text("#notice .es-notice-text"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[..., Any]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started: dict[tuple[str, ...], Any] = {}

        def launch(*extra: str) -> Any:
            if extra not in started:
                started[extra] = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=[*ARGUMENTS, *extra]
                )
            return started[extra]

        yield launch
        for browser in started.values():
            browser.close()


@pytest.fixture
def visit(chromium: Callable[..., Any]) -> Iterator[Callable[..., Watched]]:
    """Opens an address and waits until the player is there."""
    contexts = []

    def go(address: str, *extra: str, **options: Any) -> Watched:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = chromium(*extra).new_context(**options)
        context.add_init_script(FEWER_FRAMES)
        contexts.append(context)
        watched = Watched(context.new_page())
        watch(watched, address)
        watched.page.goto(address)
        watched.expect(".mp-bar")
        return watched

    yield go
    for context in contexts:
        context.close()


def watch(watched: Watched, address: str) -> None:
    def console(message: Any) -> None:
        if message.type == "error" and not any(word in message.text for word in HARMLESS):
            watched.complaints.append(message.text)

    def request(call: Any) -> None:
        if not call.url.startswith((address, "data:", "blob:", address.replace("http", "ws"))):
            watched.outside.append(call.url)

    watched.page.on("console", console)
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.on("request", request)


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a quick page with the fake engine."""
    with fake_page(tmp_path_factory.mktemp("fake"), delay=0.2, video_seconds=0.5) as address:
        yield address
