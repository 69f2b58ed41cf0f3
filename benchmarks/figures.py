"""Figures of the documentation, drawn from the dated results: nothing is measured here.

python -m benchmarks.figures
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS
from engine.data.plots import stacked_bars, svg, text
from engine.files import read_json, write_bytes

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FIRST, SECOND = "2026-11-26-tuning-", "2026-11-27-tuning-"
OURS, RIVAL = "#e4572e", "#6b7a8f"  # one colour for EasyTune, one for everything it races
Points = Sequence[tuple[float, float]]
# Lines of the race: file, method, how it is called, colour, dashes.
LINES = (
    (SECOND + "race-latent", "easytune-batched@5:1e-4", "EasyTune, batched, 5 steps", OURS, ""),
    (SECOND + "race-both", "easytune-batched@5:1e-4", "the same, both networks", OURS, "8 2 2 2"),
    (FIRST + "race-1e-4", "easytune-batched", "EasyTune, batched, 50 steps", OURS, "6 3"),
    (FIRST + "race-1e-4", "easytune", "EasyTune, step by step", OURS, "2 3"),
    (FIRST + "race-3e-4", "draft", "DRaFT-50", RIVAL, ""),
    (SECOND + "race-latent", "draft", "DRaFT-50, rate 1e-3", RIVAL, "6 3"),
    (FIRST + "race-3e-4", "draft-lv", "DRaFT-LV", RIVAL, "2 3"),
    (FIRST + "race-3e-4", "refl", "ReFL", RIVAL, "8 2 2 2"),
    (FIRST + "race-3e-4", "drtune", "DRTune", RIVAL, "1 2"),
    (FIRST + "race-3e-4", "alignprop", "AlignProp", RIVAL, "12 4"),
)
WINDOW = "uniform, steps "
GREY = "#7a7a7a"
SIZE = (830.0, 380.0)
LEFT, TOP, WIDTH, HEIGHT = 56.0, 40.0, 520.0, 320.0


@dataclass(frozen=True)
class Plane:
    """Where values lie in a figure: (least, most) across, logarithmic or not, and upwards."""

    across: tuple[float, float]
    up: tuple[float, float]
    logarithmic: bool = False

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is drawn; what lies outside is put on the edge."""
        low, high = self.across
        x, y = (min(max(v, a), b) for v, (a, b) in ((x, self.across), (y, self.up)))
        far = (
            math.log(x / low) / math.log(high / low)
            if self.logarithmic
            else (x - low) / (high - low)
        )
        high_up = (y - self.up[0]) / (self.up[1] - self.up[0])
        return LEFT + WIDTH * far, TOP + HEIGHT * (1 - high_up)

    def axes(self, across: Mapping[float, str], up: Mapping[float, str]) -> list[str]:
        """Words below and beside, and a thin line at each height."""
        found = []
        for value, words in across.items():
            x, _ = self.place(value, self.up[0])
            found.append(text(x, TOP + HEIGHT + 18, words, anchor="middle"))
        for value, words in up.items():
            _, y = self.place(self.across[0], value)
            found.append(text(LEFT - 6, y + 4, words, anchor="end"))
            found.append(_stroke([(LEFT, y), (LEFT + WIDTH, y)], GREY, "", width=0.3))
        return found


RACE = Plane((0.3, 45.0), (0.665, 0.705), logarithmic=True)  # seconds, reward
WINDOWS = Plane((0.667, 0.704), (0.56, 0.71))  # reward, MM-Dist


def race(results: Path = RESULTS) -> str:
    """Validation reward over seconds of tuning, mean over the seeds that were run."""
    lines = [text(10, 20, "Reward on held-out prompts by seconds of tuning (H100)", bold=True)]
    rewards = {reward: f"{reward:.3f}" for reward in (RACE.up[0] + 0.01 * n for n in range(5))}
    lines += RACE.axes({second: f"{second:g} s" for second in (0.3, 1, 3, 10, 30)}, rewards)
    for row, (name, method, label, colour, dashes) in enumerate(LINES):
        runs = read_json(results / f"{name}.json")["runs"]
        curves = [run["curve"] for run in runs if run["method"] == method]
        lines.append(_path(mean_curve(curves), colour, dashes))
        y = TOP + 14 + 20 * row
        lines.append(_stroke([(592.0, y - 4), (620.0, y - 4)], colour, dashes))
        lines.append(text(626, y, label))
    return svg(*SIZE, lines)


def mean_curve(curves: Sequence[Sequence[Sequence[float]]]) -> Points:
    """(seconds, reward) averaged over seeds, point by point as far as all of them go."""
    length = min(len(curve) for curve in curves)
    return [
        (
            sum(curve[at][0] for curve in curves) / len(curves),
            sum(curve[at][-1] for curve in curves) / len(curves),
        )
        for at in range(length)
    ]


def memory(results: Path = RESULTS) -> str:
    """Bytes above the resting model, per method, through 50 steps."""
    rows = read_json(results / f"{FIRST}memory.json")["memory"]
    most = max(row["steps"] for row in rows)
    bars: Mapping[str, Sequence[float]] = {
        row["method"]: [row["bytes"] / 2**30] for row in rows if row["steps"] == most
    }
    return stacked_bars(f"Extra memory of a pass through {most} steps", bars, ["GiB"])


def windows(results: Path = RESULTS) -> str:
    """What each window of tuned steps does to the reward, and to the evaluator's distance."""
    rows = read_json(results / f"{SECOND}sweeps.json")["windows"]
    tried = [row for row in rows if row["variant"].startswith(WINDOW) and " to " in row["variant"]]
    title = (
        "Windows of 5 steps: reward gained (right) against distance to the text (lower is better)"
    )
    lines = [text(10, 20, title, bold=True)]
    rewards = {reward: f"{reward:.2f}" for reward in (0.67, 0.68, 0.69, 0.70)}
    lines += WINDOWS.axes(rewards, {far: f"{far:.2f}" for far in (0.58, 0.62, 0.66, 0.70)})
    for row in tried:
        first, _, last = row["variant"].removeprefix(WINDOW).partition(" to ")
        name = first if first == last else f"{first}-{last}"
        x, y = WINDOWS.place(row["reward"], row["metrics"]["mm_dist"])
        lines.append(_dot(x, y, OURS if first in "12" else RIVAL))
        lines.append(text(x + 7, y + 4, name))
    x, y = WINDOWS.place(tried[0]["from"], rows[0]["metrics"]["mm_dist"])
    return svg(*SIZE, [*lines, _dot(x, y, GREY), text(x + 7, y + 4, "base")])


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def figures(results: Path = RESULTS) -> dict[str, str]:
    """{file name: SVG} of all figures."""
    return {
        "tuning-race.svg": race(results),
        "tuning-memory.svg": memory(results),
        "tuning-windows.svg": windows(results),
    }


def _path(points: Points, colour: str, dashes: str) -> str:
    return _stroke(
        [RACE.place(*point) for point in points if point[0] >= RACE.across[0]], colour, dashes
    )


def _stroke(points: Points, colour: str, dashes: str, width: float = 2.0) -> str:
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    style = f'fill="none" stroke="{colour}" stroke-width="{width:g}"{dash}'
    return f'<polyline points="{where}" {style}/>'


def main(argv: Sequence[str] | None = None) -> None:
    """Write all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=IMAGES)
    arguments: Any = parser.parse_args(argv)
    for name, picture in figures().items():
        write_bytes(arguments.out / name, picture.encode())
        print(arguments.out / name)


if __name__ == "__main__":
    main()
