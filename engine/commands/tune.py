"""tune: a model, prompts and a reward to an adapter, in a session folder of its own."""

from __future__ import annotations

import json as jsonlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StudioError
from engine.files import WriteError
from engine.models.registry import home, resolve_adapter, resolve_model
from engine.tuning.prompts import load_prompts
from engine.tuning.session import CONFIG, REPORT, Session, newest, read_events, status
from engine.tuning.settings import Settings, check_name

if TYPE_CHECKING:
    from engine.tuning.start import Ended, Parts


MEANT = ("finished", "asked", "signal")


@dataclass(frozen=True)
class Request:
    """Arguments of `python -m engine tune`. `settings` None: go on with a run there is."""

    settings: Settings | None
    name: str | None = None
    session: Path | None = None
    json: bool = False


def run(request: Request) -> bool:
    """Tune and print what became of it; whether it ended as it was meant to.

    StudioError says what is wrong.
    """
    return work(request).reason in MEANT


def work(request: Request, parts: Parts | None = None) -> Ended:
    """The same with parts of one's own; how it ended."""
    say = (parts and parts.say) or (_to_stderr if request.json else _to_stdout)
    leads = int(os.environ.get("RANK", "0")) == 0
    if request.settings is not None:
        _look_up(request.settings)
    session = _session(request, leads)
    resume = request.settings is None
    config = session.config() if resume else {}
    settings = Settings.from_dict(config["settings"]) if resume else request.settings
    name = str(config["name"]) if resume else request.name or session.folder.name
    assert settings is not None
    with session.held() if leads else nullcontext(), _told(session if leads else None):
        if leads:
            say(f"Session {session.folder}")
            session.event("stage", words="Starting")
        from engine.tuning.start import Parts, tune

        ended = tune(session, settings, name, say if leads else _quiet, parts or Parts(), resume)
    if leads:
        _print(request, session, ended)
    return ended


def _look_up(settings: Settings) -> None:
    """Everything that can be missed without loading anything: StudioError before any folder is."""
    load_prompts(settings.prompts)
    resolve_model(settings.model)
    if settings.adapter is not None:
        resolve_adapter(settings.adapter)


def _session(request: Request, leads: bool) -> Session:
    """The session to work in: a fresh one, or one to go on with."""
    runs = home() / "runs"
    if request.settings is None:
        folder = request.session or (runs / check_name(request.name) if request.name else None)
        session = Session.open(folder or newest(runs))
        if (session.folder / REPORT).is_file() and status(session.folder) == "finished":
            _check_goes_on(session)
        return session
    name = check_name(request.name) if request.name else _fresh_name(request.settings, runs)
    folder = request.session or runs / name
    return Session.create(folder) if leads else Session(folder)


def _check_goes_on(session: Session) -> None:
    """StudioError for a run whose budget is spent."""
    ends = [event for event in read_events(session.folder) if event["kind"] == "stopped"]
    if ends and ends[-1].get("reason") == "finished":
        raise StudioError(
            f"The run in {session.folder} is finished. To tune further, start a run with "
            f"--adapter {session.folder.name}."
        )


def _fresh_name(settings: Settings, runs: Path) -> str:
    """Date, time and what is tuned on, in the words of a folder; not one there is."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", Path(settings.prompts[0]).stem).strip("-").lower()[:30]
    stem = time.strftime("%Y%m%d-%H%M%S") + (f"-{word}" if word else "")
    number, name = 1, stem
    while (runs / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


@contextmanager
def _told(session: Session | None) -> Iterator[None]:
    """Whatever ends the run before its time is an event as well, if the disk takes one.

    Of a run that had not begun nothing stays, unless somebody else put something in the folder.
    """
    before = _interruptible()
    try:
        yield
    except KeyboardInterrupt:
        begun = session is None or (session.folder / CONFIG).is_file()
        if not begun:
            _note(session, "Stopped before tuning began.")
        raise StudioError(
            "Stopped. What was saved is in the session's folder; --resume goes on from there."
            if begun else "Stopped before tuning began."
        ) from None  # fmt: skip
    except Exception as error:
        _note(session, str(error) if isinstance(error, StudioError) else _described(error))
        raise
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _note(session: Session | None, message: str) -> None:
    if session is None:
        return
    with suppress(WriteError):
        if not session.discard():
            session.event("error", message=message)


def _interruptible() -> Any:
    """SIGTERM ends loading as Ctrl-C does; what it did before, None outside the main thread."""
    try:
        return signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:
        return None


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _print(request: Request, session: Session, ended: Ended) -> None:
    found: dict[str, Any] = {
        "session": str(session.folder), "adapter": str(ended.adapter), "reason": ended.reason,
        "message": ended.message, "report": ended.report,
    }  # fmt: skip
    if request.json:
        print(jsonlib.dumps(found))
        return
    print(f"Adapter {ended.adapter}")
    if ended.reason == "signal":
        print(f"Go on: python -m engine tune --resume --session {session.folder}")
        return
    model = str(session.config()["settings"].get("model", "base"))
    other = "" if model == "base" else f" --model {model}"
    print(
        f'Try it: python -m engine generate "a person walks"{other} --adapter {session.folder.name}'
    )


def _to_stdout(text: str) -> None:
    print(text, flush=True)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _quiet(_text: str) -> None:
    pass
