"""Figures of the documentation, drawn from the dated results: nothing is measured here.

python -m benchmarks.figures
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
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
    (
        SECOND + "race-both",
        "easytune-batched@5:1e-4",
        "the same, two networks read",
        OURS,
        "8 2 2 2",
    ),
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
SIZE = (830.0, 380.0)
LEFT, TOP, WIDTH, HEIGHT = 56.0, 40.0, 520.0, 320.0
SPAN = (0.3, 45.0)  # seconds
REWARDS = (0.665, 0.705)


def race(results: Path = RESULTS) -> str:
    """Validation reward over seconds of tuning, mean over the seeds that were run."""
    lines = [text(10, 20, "Reward on held-out prompts by seconds of tuning (H100)", bold=True)]
    lines += _axes()
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
    start = (tried[0]["from"], rows[0]["metrics"]["mm_dist"])
    title = (
        "Windows of 5 steps: reward gained (right) against distance to the text (lower is better)"
    )
    lines = [text(10, 20, title, bold=True)]
    low, high = (0.667, 0.56), (0.704, 0.71)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across, up = ((p - a) / (b - a) for p, a, b in zip(point, low, high, strict=True))
        return LEFT + WIDTH * across, TOP + HEIGHT * (1 - up)

    for distance in (0.58, 0.62, 0.66, 0.70):
        y = place((low[0], distance))[1]
        lines.append(text(LEFT - 6, y + 4, f"{distance:.2f}", anchor="end"))
        lines.append(_stroke([(LEFT, y), (LEFT + WIDTH, y)], "#7a7a7a", "", width=0.3))
    for reward in (0.67, 0.68, 0.69, 0.70):
        x = place((reward, low[1]))[0]
        lines.append(text(x, TOP + HEIGHT + 18, f"{reward:.2f}", anchor="middle"))
    for row in tried:
        first, _, last = row["variant"].removeprefix(WINDOW).partition(" to ")
        name = first if first == last else f"{first}-{last}"
        x, y = place((row["reward"], row["metrics"]["mm_dist"]))
        lines.append(_dot(x, y, OURS if first in "12" else RIVAL))
        lines.append(text(x + 7, y + 4, name))
    x, y = place(start)
    return svg(*SIZE, [*lines, _dot(x, y, "#7a7a7a"), text(x + 7, y + 4, "base")])


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def figures(results: Path = RESULTS) -> dict[str, str]:
    """{file name: SVG} of all figures."""
    return {
        "tuning-race.svg": race(results),
        "tuning-memory.svg": memory(results),
        "tuning-windows.svg": windows(results),
    }


def _place(seconds: float, reward: float) -> tuple[float, float]:
    across = math.log(max(seconds, SPAN[0]) / SPAN[0]) / math.log(SPAN[1] / SPAN[0])
    up = (min(max(reward, REWARDS[0]), REWARDS[1]) - REWARDS[0]) / (REWARDS[1] - REWARDS[0])
    return LEFT + WIDTH * across, TOP + HEIGHT * (1 - up)


def _axes() -> list[str]:
    found = []
    for seconds in (0.3, 1, 3, 10, 30):
        x, _ = _place(seconds, REWARDS[0])
        found.append(text(x, TOP + HEIGHT + 18, f"{seconds:g} s", anchor="middle"))
    for step in range(5):
        reward = REWARDS[0] + 0.01 * step
        _, y = _place(SPAN[0], reward)
        found.append(text(LEFT - 6, y + 4, f"{reward:.3f}", anchor="end"))
        found.append(_stroke([(LEFT, y), (LEFT + WIDTH, y)], "#7a7a7a", "", width=0.3))
    return found


def _path(points: Points, colour: str, dashes: str) -> str:
    return _stroke([_place(*point) for point in points if point[0] >= SPAN[0]], colour, dashes)


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
