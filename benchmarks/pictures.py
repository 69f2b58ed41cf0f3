"""The pictures of the guided example, made from the real page on a CPU with fixed seeds.

python -m benchmarks.pictures

It starts the page, generates, tunes with the quick preset, compares, and writes what it sees to
docs/images: page.png, example-tune.png, example-report.png, example-compare.png and example.gif.
With --home, a tuning that is finished in that folder is not done again.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.app.serving import ROOT, real_page
from tests.browser.conftest import ARGUMENTS, CHROMIUM

IMAGES = ROOT / "docs" / "images"
PROMPT = "a tired person walks forward"
NAME, SEEN = "example", "seen"
WINDOW = {"width": 1280, "height": 900}
SMALL = (832, 585)  # of the GIF
COLOURS = 128
PATIENCE = 900_000  # milliseconds, for the whole tuning
LEARNING = 8  # seconds between two frames of the learning
ENDED = ".es-board[data-state='finished'], .es-board[data-state='failed']"


class Film:
    """Frames of the GIF and how long each is shown, in milliseconds."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def shot(self, milliseconds: int) -> None:
        """What the window shows now."""
        picture = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        self.frames.append(picture.resize(SMALL, Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def learning(self, folder: Path) -> None:
        """A frame of the learning, kept for the next time as well."""
        self._page.evaluate("window.scrollTo(0, 0)")
        self.shot(500)
        folder.mkdir(exist_ok=True)
        self.frames[-1].save(folder / f"{len(self.frames):03}.png")

    def recall(self, folder: Path) -> None:
        """The learning of a run that was finished before."""
        for path in sorted(folder.glob("*.png")):
            self.frames.append(Image.open(path).convert("RGB"))
            self.times.append(500)

    def motion(self, player: str, frames: range) -> None:
        """The motion in a player, frame by frame."""
        for frame in frames:
            seek(self._page, player, frame)
            self.shot(160)

    def save(self, path: Path) -> None:
        """One palette for all, so that what stands still costs nothing."""
        some = self.frames[:: max(1, len(self.frames) // 8)]
        sheet = Image.new("RGB", (SMALL[0], SMALL[1] * len(some)))
        for place, one in enumerate(some):
            sheet.paste(one, (0, place * SMALL[1]))
        palette = sheet.quantize(COLOURS)
        flat = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in self.frames]
        flat[0].save(
            path, save_all=True, append_images=flat[1:], duration=self.times, loop=0, optimize=True
        )


def seek(page: Any, player: str, frame: int) -> None:
    """Stop at a frame and let it be drawn."""
    page.evaluate(
        """([player, frame]) => {
          document.querySelector(player + " .mp").player.actions.seek(frame);
        }""",
        [player, frame],
    )
    page.wait_for_timeout(150)


def keep(page: Any, name: str, whole: bool = False) -> None:
    """Write the window, or the whole page, as a picture of few colours."""
    shot = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    shot.quantize(192, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)


def generate(page: Any, film: Film) -> None:
    """Type, press, watch; also the picture of the whole page with its video."""
    page.wait_for_selector('.es-facts[data-state="ready"]', timeout=PATIENCE)
    film.shot(900)
    page.fill("#prompt textarea", PROMPT)
    page.wait_for_selector('#gauge [data-level="well"]', timeout=PATIENCE)
    film.shot(900)
    page.click("#generate")
    page.wait_for_selector('#player .mp[data-state="ready"]', timeout=PATIENCE)
    film.motion("#player", range(4, 52, 6))
    page.wait_for_selector("#video video", state="attached", timeout=PATIENCE)
    page.evaluate("document.querySelector('#video video').pause()")
    seek(page, "#player", 38)
    page.wait_for_timeout(1000)
    keep(page, "page.png", whole=True)


def tune(page: Any, film: Film, home: Path) -> None:
    """Start a quick tuning, watch it learn, read its report."""
    page.evaluate("window.scrollTo(0, 0)")
    page.click("#tab-tune-button")
    page.wait_for_timeout(800)
    if (home / SEEN).is_dir():
        page.wait_for_selector(ENDED)
        film.recall(home / SEEN)
    else:
        learn(page, film, home)
    page.wait_for_selector('[data-action="compare"]:enabled', timeout=PATIENCE)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    film.shot(2500)
    keep(page, "example-report.png")


def learn(page: Any, film: Film, home: Path) -> None:
    """Press Start and look every few seconds until the run has ended."""
    page.click("#goals label:has-text('Faster')")  # beside the text: a goal that can be seen
    page.fill("#tune-name input, #tune-name textarea", NAME)
    page.wait_for_timeout(800)
    film.shot(1200)
    page.click("#tune-start")
    page.wait_for_selector(".es-heat[data-columns]:not([hidden])", timeout=PATIENCE)
    end = time.monotonic() + PATIENCE / 1000
    while not page.query_selector(ENDED) and time.monotonic() < end:
        film.learning(home / SEEN)
        keep(page, "example-tune.png", whole=True)
        page.wait_for_timeout(1000 * LEARNING)


def compare(page: Any, film: Film) -> None:
    """Base and tuned, side by side on one playhead."""
    page.click('[data-action="compare"]')
    page.wait_for_selector('#compare-notice [data-state="done"]', timeout=PATIENCE)
    page.wait_for_selector('#compare-player .mp[data-state="ready"]', timeout=PATIENCE)
    page.evaluate("window.scrollTo(0, 0)")
    last = int(page.get_attribute("#compare-player .mp", "data-frames")) - 1
    film.motion("#compare-player", range(0, last, max(1, last // 12)))
    seek(page, "#compare-player", last // 2)
    keep(page, "example-compare.png", whole=True)
    film.shot(2500)


def main() -> None:
    """Go through the example once and write its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="where the tuned model is kept, or was")
    asked = parser.parse_args()
    if asked.home:
        asked.home.mkdir(parents=True, exist_ok=True)
        take(asked.home)
    else:
        with tempfile.TemporaryDirectory() as place:
            take(Path(place))
    for path in sorted([IMAGES / "page.png", *IMAGES.glob("example*")]):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def take(home: Path) -> None:
    """Serve the page with `home` and take all pictures."""
    with (
        real_page(home, "--device", "cpu") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport=WINDOW, color_scheme="light")  # type: ignore[arg-type]
        page.set_default_timeout(60_000)
        page.goto(address)
        film = Film(page)
        generate(page, film)
        tune(page, film, home)
        compare(page, film)
        browser.close()
    film.save(IMAGES / "example.gif")


if __name__ == "__main__":
    main()
