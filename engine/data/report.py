"""What is in a prepared dataset: counts, minutes, durations, labels, licences, what was skipped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.clip import SPLITS, Clip
from engine.data.dataset import MotionDataset, read_lines
from engine.data.plots import histogram, stacked_bars
from engine.files import write_bytes, write_json
from engine.motion.skeleton import FPS, MAX_SECONDS

NO_LABEL = "(captions only)"


def report(data_dir: Path | str, out: Path | str) -> Path:
    """Write report.md, report.json and SVG plots about the dataset `data_dir` into `out`.

    Returns the path of report.md. StudioError when `data_dir` is no prepared dataset.
    """
    dataset, out = MotionDataset.open(data_dir), Path(out)
    skipped = read_lines(dataset.folder / "skipped.jsonl")
    facts = summarise(dataset.clips, skipped, dataset.info.get("licences", {}))
    write_json(out / "report.json", facts)
    for name, text in plots(facts).items():
        write_bytes(out / name, text.encode())
    write_bytes(out / "report.md", markdown(facts).encode())
    return out / "report.md"


def summarise(
    clips: list[Clip], skipped: list[dict[str, str]], licences: dict[str, str]
) -> dict[str, Any]:
    """Collect all numbers of the report as plain JSON data."""
    seconds = np.array([clip.frames for clip in clips]) / FPS
    counts, edges = np.histogram(seconds, bins=20, range=(0.0, MAX_SECONDS + 0.2))
    quantiles = np.percentile(seconds, [0, 25, 50, 75, 100]).round(2).tolist() if clips else []
    return {
        "clips": len(clips),
        "minutes": _minutes(clips),
        "groups": len({(clip.source, clip.group) for clip in clips}),
        "with_captions": sum(bool(clip.captions) for clip in clips),
        "splits": _table(clips, lambda clip: clip.split),
        "sources": _table(clips, lambda clip: clip.source),
        "contents": _table(clips, lambda clip: clip.content or NO_LABEL),
        "styles": _table(clips, lambda clip: clip.style),
        "unseen_pairs": sorted({(c.content, c.style) for c in clips if c.split == "unseen"}),
        "seconds": {
            "min_quartiles_max": quantiles,
            "histogram": {"counts": counts.tolist(), "edges": edges.round(3).tolist()},
        },
        "skipped": _skipped(skipped),
        "licences": licences,
    }


def plots(facts: dict[str, Any]) -> dict[str, str]:
    """Return {file name: SVG} of the report's plots."""
    shape = facts["seconds"]["histogram"]

    def by_split(table: dict[str, Any]) -> dict[str, list[float]]:
        return {name: [row[split]["minutes"] for split in SPLITS] for name, row in table.items()}

    return {
        "durations.svg": histogram("Clips by duration", shape["counts"], shape["edges"], "seconds"),
        "contents.svg": stacked_bars("Minutes by content", by_split(facts["contents"]), SPLITS),
        "styles.svg": stacked_bars("Minutes by style", by_split(facts["styles"]), SPLITS),
        "sources.svg": stacked_bars("Minutes by source", by_split(facts["sources"]), SPLITS),
    }


def markdown(facts: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    quantiles = ", ".join(f"{value:g}" for value in facts["seconds"]["min_quartiles_max"])
    pairs = ", ".join(f"{content} x {style}" for content, style in facts["unseen_pairs"]) or "none"
    parts = [
        "# Dataset report",
        f"{facts['clips']:,} clips, {facts['minutes']:,.1f} minutes at {FPS:g} fps, from "
        f"{facts['groups']:,} takes or chains of takes; {facts['with_captions']:,} clips bring "
        "captions of their own, the others get them from the caption grammar.",
        f"Seconds per clip (minimum, quartiles, maximum): {quantiles}.",
        "![durations](durations.svg)",
        "## Splits",
        "Whole takes and chains are assigned by a hash, so a clip never changes its split. "
        "Repeated takes of one actor are very alike: the test split measures new takes of known "
        "performers, not new performers. `unseen` holds content x style pairs that training "
        f"never sees: {pairs}.",
        _rows("split", facts["splits"], with_splits=False),
        "## Sources",
        "![sources](sources.svg)",
        _rows("source", facts["sources"]),
        *[f"* **{name}**: {text}" for name, text in facts["licences"].items()],
        "## Contents",
        "![contents](contents.svg)",
        _rows("content", facts["contents"]),
        "## Styles",
        "![styles](styles.svg)",
        _rows("style", facts["styles"]),
        "## Skipped",
        _skipped_rows(facts["skipped"]),
    ]
    return "\n\n".join(parts) + "\n"


def _table(clips: Iterable[Clip], key: Callable[[Clip], str]) -> dict[str, Any]:
    """{name: {"all": {...}, "train": {...}, ...}}, the largest first."""
    members: dict[str, list[Clip]] = {}
    for clip in clips:
        members.setdefault(key(clip), []).append(clip)
    order = sorted(members, key=lambda name: (-len(members[name]), name))
    return {
        name: {
            "all": _cell(members[name]),
            **{s: _cell([clip for clip in members[name] if clip.split == s]) for s in SPLITS},
        }
        for name in order
    }


def _cell(clips: list[Clip]) -> dict[str, Any]:
    groups = len({(clip.source, clip.group) for clip in clips})
    return {"clips": len(clips), "groups": groups, "minutes": _minutes(clips)}


def _minutes(clips: Iterable[Clip]) -> float:
    return round(sum(clip.frames for clip in clips) / FPS / 60.0, 2)


def _skipped(skipped: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Group reasons that differ only in names and numbers; keep one example of each."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], dict[str, str]] = {}
    for item in skipped:
        key = (item["source"], re.sub(r"[-+]?\d[\d.,]*", "#", item["reason"]))
        counts[key] += 1
        examples.setdefault(key, item)
    return [{"count": count, **examples[key]} for key, count in counts.most_common()]


def _rows(title: str, table: dict[str, Any], with_splits: bool = True) -> str:
    splits = SPLITS if with_splits else ()
    head = [title, "clips", "takes", "minutes", *splits]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for name, row in table.items():
        total = row["all"]
        cells = [name, f"{total['clips']:,}", f"{total['groups']:,}", f"{total['minutes']:,.1f}"]
        cells += [f"{row[split]['clips']:,}" for split in splits]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _skipped_rows(skipped: list[dict[str, Any]]) -> str:
    if not skipped:
        return "Nothing was skipped."
    lines = ["| source | count | example | reason |", "|---|---:|---|---|"]
    for item in skipped:
        reason = str(item["reason"]).replace("|", "/")
        lines.append(f"| {item['source']} | {item['count']} | {item['take']} | {reason} |")
    return "\n".join(lines)
