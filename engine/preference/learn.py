"""Learning a reward from its own mistakes and from votes: a run as a folder that can go on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from engine.errors import StudioError
from engine.preference.outcome import Judge
from engine.preference.plan import Request
from engine.preference.report import write
from engine.preference.spl import NAMES, Trainer
from engine.preference.workshop import Workshop, prepare
from engine.tuning.checkpoint import State, load, save
from engine.tuning.session import Session

STATE, BEST = "checkpoint/state.safetensors", "checkpoint/best.safetensors"
CHECK_SHARE = 0.25  # of the time, at most, goes into checks
MOST_CHECKS = 12
WARM_UP, FLOOR = 0.05, 0.02
EVENT_SECONDS = 0.5
Say = Callable[[str], None]


def learn(request: Request, say: Say = print, encoder: Any = None) -> dict[str, Any]:
    """Learn, save the reward to `request.output`, return the report. `encoder` replaces the text
    encoder. The run's folder is `output/session`; see docs/preferences.md.
    """
    session = _session(request)
    with session.held():
        try:
            return _run(request, session, say, encoder)
        except StudioError as error:
            session.event("error", message=str(error))
            raise


def _session(request: Request) -> Session:
    folder = request.output / "session"
    if request.resume:
        return Session.open(folder)
    if (request.output / "config.json").exists():
        raise StudioError(f"{request.output} holds a reward already. Choose another --output.")
    return Session.create(folder)


def _run(request: Request, session: Session, say: Say, encoder: Any) -> dict[str, Any]:
    if request.resume:
        request = Request.from_config(session.config(), request)
    shop = prepare(request, encoder)
    if not request.resume:
        session.write_config({"task": "spl", "settings": request.to_dict(shop.keys)})
    for code, message in shop.missing:
        session.event("warning", code=code, message=message)
        say(message)
    judge = Judge(shop)
    run = _Loop(shop, session, judge, say)
    reason = run.loop()
    kept = run.finish()
    session.event("stopped", reason=reason, message=_REASONS[reason], update=shop.trainer.updates)
    report = write(shop, judge, session, kept, run.mined, run.curve)
    session.event("report", file="report.json", words=report["words"])
    for line in report["words"]:
        say(line)
    return report


_REASONS = {"finished": "The time is up.", "asked": "Stopped as asked."}


@dataclass
class _Loop:
    """Updates, checks and checkpoints until the time is over."""

    shop: Workshop
    session: Session
    judge: Judge
    say: Say

    def __post_init__(self) -> None:
        self.trainer: Trainer = self.shop.trainer
        self.seconds = 60.0 * self.shop.request.minutes
        self.best, self.best_update = 0.0, 0  # what there was before scores 0
        self.mined: list[float] = []
        self.curve: list[dict[str, Any]] = []
        self._told = 0.0
        self._next = 0.0
        self._asked = False

    def loop(self) -> str:
        """Returns why it ended."""
        torch.manual_seed(self.shop.request.seed)
        resumed = self._restore()
        started = time.perf_counter()
        self.judge.before()
        cost = time.perf_counter() - started
        checks = max(2, min(MOST_CHECKS, int(CHECK_SHARE * self.seconds / max(cost, 1e-3))))
        gap = self.seconds / checks
        if not resumed:
            self.session.clock.start(0.0)
            save(self._take(), self.session.folder / BEST)
        self._next = self.session.clock.elapsed() + gap
        self.session.event(
            "start", resumed=resumed, update=self.trainer.updates, device=str(self.shop.device),
            seconds_planned=self.seconds, votes=self.shop.judged.votes, values=self.judge.values(),
        )  # fmt: skip
        while self.session.clock.elapsed() < self.seconds and not self._asked:
            self._obey()
            terms = self.trainer.step(self._rate())
            self._tell(terms)
            if self.session.clock.elapsed() >= self._next:
                self._check()
                self._next = self.session.clock.elapsed() + gap
        self._check()
        return "asked" if self._asked else "finished"

    def finish(self) -> int:
        """Take the best state that was seen; the update it is of (0: what there was before)."""
        self._put(load(self.session.folder / BEST))
        return self.best_update

    def _rate(self) -> float:
        done = min(1.0, self.session.clock.elapsed() / self.seconds)
        if done < WARM_UP:
            return max(done / WARM_UP, 0.02)
        fall = 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
        return FLOOR + (1 - FLOOR) * fall

    def _obey(self) -> None:
        command = self.session.command()
        if command == "stop":
            self._asked = True
        elif command == "pause":
            self.session.clock.pause()
            self.session.event("paused", update=self.trainer.updates)
            while (command := self.session.command()) not in ("resume", "stop"):
                time.sleep(0.1)
            self._asked = command == "stop"
            self.session.clock.go_on()
            self.session.event("resumed", update=self.trainer.updates)

    def _tell(self, terms: torch.Tensor) -> None:
        elapsed = self.session.clock.elapsed()
        if elapsed - self._told < EVENT_SECONDS:
            return
        self._told = elapsed
        values = dict(zip(NAMES, terms.tolist(), strict=True))
        if not all(map(math.isfinite, values.values())):
            raise StudioError("Learning diverged; the reward before is unchanged.")
        found = self.trainer.found
        share = None if found is None else found.share
        if share is not None:
            self.mined.append(share)
        self.session.event(
            "progress", update=self.trainer.updates, losses=values, hard_share=share,
            pool_r1=None if found is None else found.recall,
            eta_seconds=max(0.0, self.seconds - elapsed),
        )  # fmt: skip

    def _check(self) -> None:
        values, score = self.judge.check()
        self.curve.append({"update": self.trainer.updates, "score": score, **values})
        better = score > self.best
        if better:
            self.best, self.best_update = score, self.trainer.updates
            save(self._take(), self.session.folder / BEST)
        save(self._take(), self.session.folder / STATE)
        self.session.event(
            "check", update=self.trainer.updates, values=values, score=score, best=better
        )
        told = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        self.say(f"update {self.trainer.updates}: {told}")

    def _take(self) -> State:
        trainer = self.trainer
        tensors = {f"learner/{name}": value for name, value in trainer.learner.state_dict().items()}
        averaged = trainer.average.module.state_dict()
        tensors |= {f"average/{name}": value for name, value in averaged.items()}
        for index, parameter in enumerate(trainer.learner.parameters()):
            for part, moment in trainer.update.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer/{part}/{index}"] = torch.as_tensor(moment)
        notes = {
            "updates": trainer.updates, "averaged": trainer.average.updates, "best": self.best,
            "best_update": self.best_update, "elapsed": self.session.clock.elapsed(),
        }  # fmt: skip
        return State({k: v.detach().cpu().clone() for k, v in tensors.items()}, notes)

    def _put(self, state: State) -> None:
        trainer, place = self.trainer, self.shop.device
        parts: dict[str, dict[str, torch.Tensor]] = {"learner": {}, "average": {}, "optimizer": {}}
        for name, value in state.tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = value
        try:
            trainer.learner.load_state_dict(parts["learner"])
            trainer.average.module.load_state_dict(parts["average"])
        except RuntimeError as error:
            raise StudioError("The checkpoint is of another run. Start anew.") from error
        for index, parameter in enumerate(trainer.learner.parameters()):
            moments = {
                part: parts["optimizer"][f"{part}/{index}"].to(place)
                for part in ("step", "exp_avg", "exp_avg_sq")
                if f"{part}/{index}" in parts["optimizer"]
            }
            if moments:
                if place.type == "cpu":
                    moments["step"] = moments["step"].cpu()
                trainer.update.optimizer.state[parameter] = moments
        trainer.updates = int(state.notes["updates"])
        trainer.average.updates = int(state.notes["averaged"])

    def _restore(self) -> bool:
        path = self.session.folder / STATE
        if not path.is_file():
            self.session.clock.start(0.0)
            return False
        state = load(path)
        self._put(state)
        self.best, self.best_update = float(state.notes["best"]), int(state.notes["best_update"])
        self.session.clock.start(float(state.notes["elapsed"]))
        torch.manual_seed(self.shop.request.seed + self.trainer.updates)
        return True
