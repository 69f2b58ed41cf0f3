"""A tuning run from its settings to its report, in a session folder that is held already."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.files import WriteError, write_json
from engine.models.needs import check_disk, compared, folder_bytes, memory_used
from engine.models.processes import Processes
from engine.models.text import TextEncoder
from engine.tuning import preflight, presets
from engine.tuning.assemble import MakeReward, Workshop, assemble
from engine.tuning.prompts import PromptSet
from engine.tuning.report import make_report
from engine.tuning.run import Run, Say
from engine.tuning.session import REPORT, Session
from engine.tuning.settings import Settings

LOADS_SECONDS = 2.0  # of the evaluator


@dataclass(frozen=True)
class Parts:
    """What tests, and whoever embeds a run, may replace."""

    encoder: TextEncoder | None = None
    reward: MakeReward | None = None
    cadence: presets.Cadence | None = None
    limits: presets.Limits | None = None
    evaluator: Path | None = None
    say: Say | None = None


@dataclass(frozen=True)
class Ended:
    """How a run ended. `report` is None where none was made: after a signal, in other processes."""

    reason: str
    message: str
    adapter: Path
    report: dict[str, Any] | None


def tune(
    session: Session, settings: Settings, name: str, say: Say, parts: Parts, resume: bool
) -> Ended:
    """Load, predict, tune, save, compare. StudioError for what does not exist or does not fit."""
    processes = Processes.start(settings.device)
    prompts = PromptSet.from_config(session.config()) if resume else None
    _tell(session, processes, "Loading the model")
    shop = assemble(settings, processes, parts.encoder, parts.reward, prompts)
    if resume:
        _check_same_base(session, shop)
    run = Run(shop, session, parts.cadence, parts.limits, say)
    if processes.main:
        _tell(session, processes, "Measuring the base")
        predicted = predict(run, name, write=not resume)
    run.restore()
    with stopped_by_signals(run):
        if processes.main:
            run.begin(resume, predicted)
        reason, message, restored = run.loop()
        if processes.main:
            run.finish(name, reason, message, restored)
    folder = session.folder / "adapter"
    report = None
    if processes.main and reason != "signal":
        report = compare(run, name, reason, parts.evaluator)
    processes.finish()
    return Ended(reason, message, folder, report)


def predict(run: Run, name: str, write: bool = True) -> preflight.Needs:
    """Measure the base and two small passes; say what the run needs, and write config.json."""
    shop, session = run.shop, run.session
    around = run.watch()
    settings = shop.settings
    size = shop.batch // shop.processes.count
    batch = shop.bank.draw(shop.batch, settings.seed, 0)
    found = preflight.probe(shop.method, shop.problem, batch)
    count = sum(value.numel() for value in shop.parameters.values())
    passes = None if settings.updates is None else settings.updates / found.updates
    after = _after(shop, around)
    needed = preflight.needs(found, shop.device, size, shop.seconds, passes, count, after)
    run.say(f"This run {needed.in_words(shop.device)}.")
    check_disk(session.folder, needed.disk_bytes)
    if write:
        session.write_config({
            "id": session.folder.name, "name": name,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **shop.describe(), "predicted": needed.to_dict(),
        })  # fmt: skip
    return needed


def compare(run: Run, name: str, reason: str, evaluator: Path | None) -> dict[str, Any]:
    """Base against tuned into report.json and onto the adapter's card; the report."""
    shop, session = run.shop, run.session
    assert run.guard is not None
    assert run.checked is not None
    _tell(session, shop.processes, "Comparing base and tuned")
    told = {
        "reason": reason, "passes": run.passes, "updates": shop.learner.updates,
        "seconds": session.clock.elapsed(),
    }  # fmt: skip
    report = make_report(shop, run.guard.base, run.checked.values, told, evaluator)
    predicted = session.config()["predicted"]
    measured = {
        "memory_bytes": memory_used(shop.device),
        "seconds": run.seconds_taken(),
        "disk_bytes": folder_bytes(session.folder),
    }
    report["predictions"] = compared(predicted, measured)
    try:
        run.output.adapter(name, report)
        write_json(session.folder / REPORT, report)
    except WriteError as error:
        run.warn("report", f"The comparison was not saved: {error}")
        raise
    session.event("report", file=REPORT, words=report["words"])
    for sentence in report["words"]:
        run.say(sentence)
    return report


def _after(shop: Workshop, around: float) -> float:
    """Seconds of the last check and of the comparison, told from those of one check, `around`."""
    judged = len(shop.prompts.validation)
    seeds = presets.check_seeds(shop.device.type)
    motions = 2 * judged * len(presets.report_seeds(judged))
    return around * (1.0 + 1.3 * motions / (len(shop.validation) * len(seeds))) + LOADS_SECONDS


def _check_same_base(session: Session, shop: Workshop) -> None:
    told = session.config()["model"]["hash"]
    if told != shop.base_hash:
        raise StudioError(
            f"The run in {session.folder} tunes another base model (weights {told[:12]}; "
            f"{shop.settings.model} is {shop.base_hash[:12]}). Put that model back to go on."
        )


def _tell(session: Session, processes: Processes, stage: str) -> None:
    if processes.main:
        session.event("stage", words=stage)


@contextmanager
def stopped_by_signals(run: Run) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run after the pass; a second one does not wait."""

    def note(number: int, _frame: object) -> None:
        if run.asked == "signal":
            raise KeyboardInterrupt
        run.asked = "signal"

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, note)
    except ValueError:  # not in the main thread, where signals go
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
