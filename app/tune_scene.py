"""What the Tune tab's live board is sent: curves, the heat map, gauges, buttons, the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from app.tune_process import (
    BUSY,
    FAILED,
    FINISHED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STARTING,
    Run,
)
from app.tune_words import duration, goal, sentence
from engine.tuning.rewards.registry import describe
from engine.tuning.watch import Seen, bounds

MOST_DOTS = 24
MOST_POINTS = 120  # per curve, and columns of the heat map
EMPTY: dict[str, Any] = {
    "state": "empty",
    "text": "Choose what the model should learn and press Start. You will see it learn here: "
    "the reward, which denoising steps gain, and one motion as it changes.",
}
EARLY = ("diverged", "collapsed", "disk")
STATES = {
    QUEUED: "waits", STARTING: "starting", RUNNING: "tuning", PAUSED: "paused",
    FINISHED: "done", FAILED: "failed", INTERRUPTED: "interrupted",
}  # fmt: skip
_GAUGES = {
    "drift": ("Drift", "from the base: root mean square distance of the latents to the base's", 2),
    "diversity": ("Diversity", "the same between two seeds of one prompt: low means collapse", 2),
    "foot_skate": ("Feet slide", "share of frames in which a planted toe slides", 2),
    "jerk": ("Trembling", "mean third derivative of the joints (jerk), m/s³", 0),
    "floor": ("In the floor", "mean depth of the lowest foot joint, mm", 1),
}


def board_value(run: Run) -> dict[str, Any]:
    """Everything about one run; about a hundred numbers a curve, however long it was."""
    seen = run.watch.seen
    return {
        "id": run.name,
        "state": run.state,
        "stamp": stamp(run),
        "title": run.name,
        "goal": goal(run),
        "text": sentence(run),
        "word": word(run),
        "early": early(run),
        "progress": _progress(run),
        "actions": _actions(run),
        "facts": _facts(seen),
        "warnings": [str(one.get("message", "")) for one in seen.warnings[-3:]],
        "charts": _charts(seen),
        "heat": _heat(seen),
        "gauges": _gauges(seen),
        "report": _report(run),
    }


def stamp(run: Run) -> list[Any]:
    """Changes whenever the board would look different."""
    return [run.name, run.state, run.watch.stamp, run.pending, run.place, run.ahead]


def runs_value(runs: Sequence[Run], chosen: str) -> dict[str, Any]:
    """The list of tunings, as small cards."""
    return {
        "current": chosen,
        "items": [
            {
                "id": run.name,
                "state": run.state,
                "word": word(run),
                "details": goal(run),
            }
            for run in runs
        ],
    }  # fmt: skip


def word(run: Run) -> str:
    """How a run stands, in a word or two."""
    if run.state == QUEUED:
        return f"number {run.place} in the queue"
    return "stopped early" if early(run) else STATES[run.state]


def early(run: Run) -> bool:
    """Whether the run was stopped to keep the model from harm."""
    return run.state == FINISHED and (run.watch.seen.stopped or {}).get("reason") in EARLY


def can_resume(run: Run) -> bool:
    """Whether `--resume` would go on with it."""
    if run.state not in (INTERRUPTED, FAILED, FINISHED) or not run.watch.config:
        return False
    reason = (run.watch.seen.stopped or {}).get("reason")
    return run.state != FINISHED or reason in ("asked", "signal", "disk")


def has_adapter(run: Run) -> bool:
    """Whether there is something to compare with the base."""
    return run.state == FINISHED and (run.folder / "adapter" / "easytune.json").is_file()


def _actions(run: Run) -> list[dict[str, Any]]:
    """The buttons, always in the same places."""
    going = run.state == RUNNING and bool(run.watch.seen.start) and not run.watch.seen.stopped
    if run.state == PAUSED:
        first = _action("resume", "Go on", not run.pending)
    elif run.state in BUSY or run.state == QUEUED:
        first = _action("pause", "Pause", going and not run.pending)
    else:
        first = _action("again", "Go on", can_resume(run))
    last = _action("compare", "Compare with the base", has_adapter(run), primary=True)
    if run.state == QUEUED:
        last = _action("forget", "Take out of the queue", True)
    elif run.state == FAILED and not run.watch.config:
        last = _action("forget", "Remove from the list", True)
    return [
        first,
        _action("stop", "Stop and keep", (going or run.state == PAUSED) and run.pending != "stop"),
        _action("preview", "Sample now", (going or run.state == PAUSED) and not run.pending),
        last,
    ]


def _action(name: str, label: str, enabled: bool, primary: bool = False) -> dict[str, Any]:
    return {"name": name, "label": label, "enabled": enabled, "primary": primary}


def _progress(run: Run) -> float | None:
    seen = run.watch.seen
    if run.state not in (RUNNING, PAUSED) or not seen.passes or seen.stopped:
        return None
    if seen.start.get("updates_planned"):
        return min(1.0, seen.passes[-1]["update"] / seen.start["updates_planned"])
    planned = seen.start.get("seconds_planned")
    return min(1.0, seen.passes[-1]["elapsed"] / planned) if planned else None


def _facts(seen: Seen) -> list[dict[str, str]]:
    """Memory, speed and counts, with the words of the field as tips."""
    if not seen.passes:
        return []
    last = seen.passes[-1]
    recent = [p["samples_per_second"] for p in seen.passes[-8:] if p.get("samples_per_second")]
    speed = sum(recent) / len(recent) if recent else None
    where = "GPU memory" if str(seen.start.get("device", "")).startswith("cuda") else "Memory"
    facts = [
        ("Updates", f"{last['update']:,}", f"optimiser steps, in {last['pass']:,} passes"),
        ("Tuned for", duration(last["elapsed"]), "pauses are not counted"),
        ("Motions a second", "–" if speed is None else f"{speed:.1f}", "samples per second"),
        (where, f"{(last.get('memory_bytes') or 0) / 1e9:.1f} GB", "the most so far"),
    ]
    return [{"name": name, "value": value, "tip": tip} for name, value, tip in facts]


def _charts(seen: Seen) -> list[dict[str, Any]]:
    """Reward and its terms, gradient norm; x in seconds tuned."""
    if not seen.passes:
        return []
    groups = _groups(seen.passes)
    x = _curve(groups, "elapsed")
    titles = {name: text for name, text, _ in describe()}
    names = list(seen.passes[-1].get("terms") or {})
    curves = [{"name": "Reward", "tip": "what is being raised", "y": _curve(groups, "reward")}]
    if len(names) > 1:
        curves += [
            {"name": name, "tip": titles.get(name, name),
             "y": [_mean([(one.get("terms") or {}).get(name) for one in g]) for g in groups]}
            for name in names
        ]  # fmt: skip
    norm = [{"name": "", "tip": "", "y": _curve(groups, "gradient_norm")}]
    checks = [{**(one.get("values") or {}), "elapsed": one["elapsed"]} for one in seen.checks]
    looks = _groups(checks)
    drift = [{"name": "", "tip": "", "y": _curve(looks, "drift")}]
    limit = next((one["limit"] for one in _gauges(seen) if one["name"] == "drift"), None)
    return [
        {"title": "Reward", "x": x, "curves": curves, "dots": _dots(checks),
         "tip": "Mean reward of each pass; dots: prompts that are watched all along, fixed seeds"},
        {"title": "Gradient norm", "x": x, "curves": norm,
         "tip": "Norm of the gradient before clipping: how hard the reward pulls"},
        {"title": "Drift", "x": _curve(looks, "elapsed"), "curves": drift, "limit": limit,
         "tip": "Distance to the base's motions from the same noise; dashed: the run is stopped"},
    ]  # fmt: skip


def _dots(checks: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """Time and reward of the watched prompts, at most MOST_DOTS."""
    known = [one for one in checks if one.get("reward") is not None]
    count = min(len(known), MOST_DOTS)
    kept = [known[k * len(known) // count] for k in range(count)]
    return [[round(one["elapsed"], 2), one["reward"]] for one in kept]


def _heat(seen: Seen) -> dict[str, Any] | None:
    """Reward over denoising step (rows, noisiest first) and time (columns)."""
    rows = [one for one in seen.passes if one.get("per_step")]
    if not rows or len({len(one["per_step"]) for one in rows}) != 1:
        return None
    groups = _groups(rows)
    steps = range(len(rows[0]["per_step"]))
    return {
        "x": _curve(groups, "elapsed"),
        "rows": [[_mean([one["per_step"][k] for one in group]) for group in groups] for k in steps],
    }


def _gauges(seen: Seen) -> list[dict[str, Any]]:
    """What must not go too far, each with the base's value and where the run would be stopped."""
    if not seen.checks:
        return []
    values, base = seen.checks[-1].get("values") or {}, seen.checks[-1].get("base") or {}
    try:
        limits = bounds(base)
    except (KeyError, TypeError):
        return []
    found = []
    for name, (title, tip, digits) in _GAUGES.items():
        value, limit = values.get(name), limits[name]
        found.append({
            "name": name, "title": title, "tip": tip, "digits": digits, "value": value,
            "base": base.get(name), "limit": limit.value, "at_most": limit.at_most,
            "bad": value is None or limit.broken(value),
        })  # fmt: skip
    return found


def _report(run: Run) -> dict[str, Any] | None:
    """The report card: a verdict per measure, in the engine's own sentences."""
    if run.state != FINISHED or not run.watch.seen.report:
        return None
    report = run.watch.report()
    differences = (report.get("comparison") or {}).get("differences") or {}
    lines = report_lines(report.get("words") or [], differences)
    held_out = (report.get("validation") or {}).get("held_out")
    judged = len((report.get("validation") or {}).get("prompts") or [])
    where = "that were not tuned on" if held_out else "it was tuned on, from other noise"
    if not {"better", "worse"} & {one["verdict"] for one in lines}:
        where += ". Nothing has clearly changed: tune longer, or go on from this one"
    count = "1 prompt" if judged == 1 else f"{judged} prompts"
    return {
        "lines": lines, "note": f"Judged on {count} {where}.", "reward": report.get("reward")
    }  # fmt: skip


def report_lines(words: Sequence[Any], differences: Mapping[str, Any]) -> list[dict[str, str]]:
    """The engine's sentences about base and tuned, each with its verdict."""
    spoken = [name for name in differences if name != "mm_dist"]  # as the engine leaves out
    names = spoken if len(spoken) == len(words) else [""] * len(words)
    lines = []
    for name, line in zip(names, words, strict=True):
        title, _, answer = str(line).partition(": ")
        verdict = dict(differences.get(name) or {}).get("verdict") or "note"
        lines.append({"title": title, "answer": answer, "verdict": str(verdict)})
    return lines


def _groups(passes: Sequence[Mapping[str, Any]]) -> list[Sequence[Mapping[str, Any]]]:
    """At most MOST_POINTS runs of neighbours."""
    count = max(1, min(len(passes), MOST_POINTS))
    edges = [k * len(passes) // count for k in range(count + 1)]
    return [passes[a:b] for a, b in pairwise(edges)]


def _curve(groups: Sequence[Sequence[Mapping[str, Any]]], key: str) -> list[float | None]:
    return [_mean([one.get(key) for one in group]) for group in groups]


def _mean(values: Sequence[Any]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known else None
