"""Small charts as SVG text, readable on light and dark pages; no plotting library needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2")
TEXT = 'font-family="sans-serif" font-size="12" fill="#7a7a7a"'


def stacked_bars(title: str, rows: Mapping[str, Sequence[float]], parts: Sequence[str]) -> str:
    """Draw one horizontal bar per row, its parts in their own colours, the sum beside it."""
    label, bar, height = 190.0, 460.0, 18.0
    top = 52
    longest = max((sum(values) for values in rows.values()), default=0.0) or 1.0
    lines = [text(10, 20, title, bold=True)]
    for index, part in enumerate(parts):
        x = 10.0 + index * 90
        lines.append(box(x, 30, 10, 10, COLOURS[index % len(COLOURS)]) + text(x + 14, 40, part))
    for number, (name, values) in enumerate(rows.items()):
        y = top + number * height
        x = label
        lines.append(text(label - 6, y + 13, name, anchor="end"))
        for index, value in enumerate(values):
            width = bar * value / longest
            lines.append(box(x, y + 2, width, height - 4, COLOURS[index % len(COLOURS)]))
            x += width
        lines.append(text(x + 6, y + 13, f"{sum(values):,.4g}"))
    return svg(label + bar + 80, top + height * len(rows) + 10, lines)


def histogram(title: str, counts: Sequence[int], edges: Sequence[float], unit: str) -> str:
    """Draw upright bars of `counts` between `edges` (one more than counts)."""
    left, width, height, top = 50, 620, 200, 40
    highest = max(counts, default=0) or 1
    step = width / max(len(counts), 1)
    lines = [text(10, 20, title, bold=True)]
    for index, count in enumerate(counts):
        tall = height * count / highest
        lines.append(box(left + index * step, top + height - tall, step - 1, tall, COLOURS[0]))
    for index, edge in enumerate(edges):
        if index % max(1, len(edges) // 10) == 0:
            x = left + index * step
            lines.append(text(x, top + height + 16, f"{edge:g}", anchor="middle"))
    lines.append(text(left + width / 2, top + height + 34, unit, anchor="middle"))
    lines.append(text(left - 6, top + 10, f"{highest:,}", anchor="end"))
    return svg(left + width + 20, top + height + 44, lines)


def svg(width: float, height: float, lines: Sequence[str]) -> str:
    """A whole picture from its elements."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
    return head + f'width="{width:g}" height="{height:g}">\n' + "\n".join(lines) + "\n</svg>\n"


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>'


def text(x: float, y: float, words: str, anchor: str = "start", bold: bool = False) -> str:
    """A line of text, escaped."""
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place} {TEXT}{weight}>{escape(words)}</text>"
