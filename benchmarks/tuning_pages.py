"""The tuning benchmark's result as a page of tables."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def markdown(result: Row) -> str:
    """Everything that has been measured so far."""
    settings = result["settings"]
    lines = [
        f"# Tuning of {result['model']}",
        "",
        f"Batch {settings['batch']}, rank {settings['rank']}, reward `{settings['weights']}` as "
        f"{settings['form']}, {settings['seconds']:g} s a run on {settings['device']}, guidance "
        f"{settings['guidance']:g}. The clock "
        "stands still while a run is validated; kernels are loaded before it starts. Validation "
        f"reward: decoded motions for held-out prompts of {settings['split']}.",
        "",
    ]
    if not result.get("finished"):
        lines += ["This run is not finished, or was cut.", ""]
    for name, page in (("memory", _memory), ("rates", _rates), ("speed", _speed),
                       ("runs", _runs)):  # fmt: skip
        if result.get(name):
            lines += page(result)
    for name in ("windows", "rewards", "ranks", "paces"):
        if result.get(name):
            lines += _sweep(name, result[name], settings)
    return "\n".join(lines)


def _memory(result: Row) -> list[str]:
    cuda = result["settings"]["device"].startswith("cuda")
    what = (
        "Most bytes allocated above the resting model, reward, adapter and optimiser state"
        if cuda
        else "Most bytes that autograd kept for backward passes"
    )
    rows = [
        (r["method"], r["steps"], f"{r['bytes'] / 2**20:.1f}", _percent(r.get("share_of_draft")))
        for r in result["memory"]
    ]
    return ["## Memory", "", f"{what}, MiB. DRaFT keeps all activations unless recomputed.", "",
            *table(("method", "steps", "MiB", "of DRaFT through all steps"), rows)]  # fmt: skip


def _rates(result: Row) -> list[str]:
    rows = [(r["method"], f"{r['rate']:g}", _number(r["reward"])) for r in result["rates"]]
    return ["## Learning rates", "", "Each method goes on with its best.", "",
            *table(("method", "rate", "validation reward"), rows)]  # fmt: skip


def _speed(result: Row) -> list[str]:
    rows = [
        (
            r["method"],
            ", ".join("never" if s is None else f"{s:.2f}" for s in r["seconds"]),
            f"{r['reached']} of {r['of']}",
            "-" if r["times_faster"] is None else f"{r['times_faster']:.1f}x",
        )
        for r in result["speed"]
    ]
    columns = ("method", "seconds (each seed)", "reached", "faster (median)")
    return ["## Time to DRaFT's best validation reward", "", *table(columns, rows)]


def _runs(result: Row) -> list[str]:
    """Reward and metrics at equal time, mean ± standard deviation over seeds."""
    grouped: dict[str, list[Row]] = {}
    for run in result["runs"]:
        grouped.setdefault(run["method"], []).append(run)
    base = result.get("base") or [{}]
    names = list(base[0])
    rows = [("base", "-", "-", "-", _spread([r["from"] for r in result["runs"]]),
             *(_spread([one[n] for one in base]) for n in names))]  # fmt: skip
    if result.get("real"):
        rows.insert(0, ("real", "-", "-", "-", "-", *(_number(result["real"][n]) for n in names)))
    for method, runs in grouped.items():
        rows.append((
            method + (" (diverged)" if any(r["diverged"] for r in runs) else ""),
            f"{runs[0]['rate']:g}",
            f"{statistics.mean(r['seconds'] for r in runs):.0f}",
            f"{statistics.mean(r['updates'] for r in runs):.0f}",
            _spread([r["reward"] for r in runs]),
            *(_spread([r["metrics"][n] for r in runs if "metrics" in r]) for n in names),
        ))  # fmt: skip
    columns = ("method", "rate", "seconds", "updates", "validation reward", *names)
    return ["## Quality at equal time", "", *table(columns, rows)]


def _sweep(name: str, rows: list[Row], settings: Row) -> list[str]:
    names = list(rows[0]["metrics"])
    cells = [
        (r["variant"], _number(r.get("reward")), r.get("updates", "-"),
         *(_number(r["metrics"][n]) for n in names))
        for r in rows
    ]  # fmt: skip
    return [f"## Sweep: {name}", "",
            f"{settings['sweep_method']}, {settings['steps'][0]} steps.", "",
            *table(("variant", "reward", "updates", *names), cells)]  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A markdown table and an empty line."""
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows), ""]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _spread(values: Sequence[float | None]) -> str:
    """Mean, and the standard deviation where there is more than one value."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = _number(statistics.mean(known))
    return mean if len(known) < 2 else f"{mean} ±{statistics.stdev(known):.4f}"
