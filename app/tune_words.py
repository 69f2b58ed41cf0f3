"""What the Tune tab says about a run: how it stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app import tune_goals
from app.tune_process import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PAUSED,
    QUEUED,
    RUNNING,
    STARTING,
    Run,
)
from engine.tuning.watch import Seen

SLOWER = "Generating still works meanwhile, only slower."
_PENDING = {
    "pause": "It pauses after this pass.", "resume": "It goes on in a moment.",
    "stop": "It stops after this pass, keeps what it has and compares it with the base.",
    "preview": "A sample is on its way.",
}  # fmt: skip


def goal(run: Run) -> str:
    """What a run is for, in words."""
    settings = run.watch.config.get("settings") or {}
    weights = settings.get("reward") or _weights_asked(run.words)
    return tune_goals.in_words(weights)


def sentence(run: Run) -> str:
    """How a run stands, and what to do about it."""
    seen = run.watch.seen
    if run.state in (RUNNING, PAUSED) and run.pending:
        return _PENDING.get(run.pending, "")
    return _SENTENCES[run.state](run, seen)


def _queued(run: Run, _: Seen) -> str:
    ahead = f"{run.ahead} is at work" if run.ahead else "the device is taken"
    others = "" if run.place == 1 else f", {run.place - 1} more before it"
    return f"Number {run.place} in the queue: {ahead}{others}. It starts by itself."


def _starting(_: Run, seen: Seen) -> str:
    return f"{seen.stage or 'Starting'}…"


def _running(_: Run, seen: Seen) -> str:
    if seen.stopped and not seen.report:
        message = str(seen.stopped.get("message", ""))
        return f"{message} {seen.stage or 'Comparing base and tuned'}…"
    if not seen.start:
        return f"{seen.stage or 'Starting'}…"
    if not seen.passes:
        return f"The first pass is under way. {SLOWER}"
    left = seen.passes[-1].get("eta_seconds")
    words = "Tuning." if left is None else f"About {duration(float(left))} left."
    return f"{words} {SLOWER}"


def _paused(_: Run, seen: Seen) -> str:
    updates = seen.passes[-1].get("update", 0) if seen.passes else 0
    return f"Paused after {updates} updates; they are saved. It keeps its memory until it goes on."


def _finished(run: Run, seen: Seen) -> str:
    stopped = seen.stopped or {}
    message = str(stopped.get("message", "Finished."))
    if stopped.get("reason") in ("diverged", "collapsed"):
        message = f"Stopped before it got worse. {message}"
    restored = " The last good state was taken back." if stopped.get("restored") else ""
    if stopped.get("reason") == "signal" or not seen.report:
        return f"{message}{restored} The adapter is saved; it was not compared with the base."
    return f"{message}{restored} The new adapter is called {run.name}."


def _failed(run: Run, seen: Seen) -> str:
    return run.problem or seen.error or "It failed without a word."


def _interrupted(_: Run, seen: Seen) -> str:
    saved = [one for one in seen.previews if one] or seen.passes
    kept = "What it had saved is safe: go on from there." if saved else "Start it again from here."
    return (
        "The process that tuned is gone: it was killed, or the machine went down. "
        f"Nothing else was lost. {kept}"
    )


_SENTENCES: dict[str, Callable[[Run, Seen], str]] = {
    QUEUED: _queued, STARTING: _starting, RUNNING: _running, PAUSED: _paused,
    FINISHED: _finished, FAILED: _failed, INTERRUPTED: _interrupted,
}  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds in the words of people."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _weights_asked(words: Sequence[str]) -> dict[str, float]:
    """The weights of a command whose run has no folder yet."""
    from engine.tuning import presets
    from engine.tuning.rewards.registry import parse_weights

    found = list(words)
    if "--reward" in found[:-1]:
        return parse_weights(found[found.index("--reward") + 1])
    return dict(presets.REWARD) if found else {}
