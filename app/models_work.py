"""What the Models tab does: list, rename, note, delete and undo, export, import, merge."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import errors, models_scene, notes
from app.context import Context
from app.lanes import Job
from engine.errors import StudioError

log = logging.getLogger("easytune.page")

Update = dict[Any, Any]
LOOK = 0.1


@dataclass
class ModelsParts:
    """The components of the tab."""

    notice: gr.HTML
    cards: gr.HTML
    download: gr.DownloadButton

    def all(self) -> list[Any]:
        """Everything that any action may change."""
        return [self.notice, self.cards, self.download]


class ModelsWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, context: Context, parts: ModelsParts) -> None:
        self._context = context
        self.parts = parts

    def open(self) -> Update:
        """The tab was opened: the models there are by now."""
        return {self.parts.cards: self._cards(), self.parts.notice: notes.IDLE}

    def act(self, event: gr.EventData, request: gr.Request) -> Iterator[Update]:
        """A button of a card."""
        data = event._data
        name, text = str(data.get("name", "")), str(data.get("text", ""))
        action = str(data.get("action", ""))
        quick: dict[str, Callable[[], str]] = {
            "rename": lambda: self._rename(name, text),
            "notes": lambda: self._note(name, text),
            "delete": lambda: self._delete(name),
            "restore": lambda: self._restore(text),
            "empty": self._empty,
        }
        if action in quick:
            yield self._done(quick[action])
        elif action == "export":
            yield self._export(name, request)
        elif action == "merge":
            yield from self._merge(name)
        else:  # an event that says nothing empties what it could have changed
            yield gr.skip()

    def take_in(self, file: str | None) -> Iterator[Update]:
        """A zip that was uploaded."""
        from engine.adapters.parcel import import_zip

        if not file:
            yield gr.skip()  # as in `act`
            return
        path = Path(file)
        yield from self._follow(
            lambda _: import_zip(path), f"Checking {path.name}…",
            lambda entry: f"{entry.name} is in. Compare it with the base, or tune on from it.",
        )  # fmt: skip

    def _rename(self, name: str, new: str) -> str:
        from engine.adapters.changes import rename

        return f"{name} is called {rename(name, new).name} now."

    def _note(self, name: str, text: str) -> str:
        from engine.adapters.shelf import write_notes

        write_notes(name, text)
        return f"The notes of {name} are saved."

    def _delete(self, name: str) -> str:
        from engine.adapters.changes import delete

        delete(name)
        return f"{name} is in the trash below. Undo takes it back."

    def _restore(self, token: str) -> str:
        from engine.adapters.changes import restore

        return f"{restore(token).name} is back."

    def _empty(self) -> str:
        from engine.adapters.changes import empty

        return f"The trash is empty: {empty()} deleted for good."

    def _export(self, name: str, request: gr.Request) -> Update:
        from engine.adapters.parcel import export

        try:
            folder = self._context.visits.of(request.session_hash).folder / "models"
            file = export(name, folder / f"{name}.zip")
        except (StudioError, OSError) as error:
            return self._failed(error)
        words = f"{file.name} is ready. It says which prompts {name} was tuned on."
        button = gr.update(visible=True, value=str(file), label=f"Download {file.name}")
        return {self.parts.notice: _said(words), self.parts.download: button}

    def _merge(self, name: str) -> Iterator[Update]:
        def work(_: Job) -> Path:
            from engine.adapters.merge import merge

            return merge(name, model=self._context.engine.models()[0])

        yield from self._follow(
            work, f"Merging {name} into its base…",
            lambda folder: f"{folder.name} is a full model in checkpoints/ now.",
        )  # fmt: skip

    def _done(self, act: Callable[[], str]) -> Update:
        try:
            words = act()
        except (StudioError, OSError) as error:
            return {**self._failed(error), self.parts.cards: self._cards()}
        return {self.parts.notice: _said(words), self.parts.cards: self._cards()}

    def _follow(
        self, work: Callable[[Job], Any], words: str, done: Callable[[Any], str]
    ) -> Iterator[Update]:
        """Work that loads a model takes its turn among the motions."""
        try:
            job = self._context.lane.submit(work)
        except StudioError as error:
            yield self._failed(error)
            return
        yield {self.parts.notice: {"state": "running", "text": words}}
        while not job.wait(LOOK):
            time.sleep(0)
        if job.error:
            yield self._failed(job.error)
        else:
            yield {self.parts.notice: _said(done(job.result)), self.parts.cards: self._cards()}

    def _failed(self, error: BaseException) -> Update:
        return {self.parts.notice: notes.failed(errors.sentence(error))}

    def _cards(self) -> dict[str, Any]:
        return models_scene.models_value(self._context.engine.models(), self._tallies())

    def _tallies(self) -> dict[str, Any] | None:
        """Votes by adapter; without them where the store cannot be read: the cards matter more."""
        keeper = self._context.keeper
        try:
            return None if keeper is None else dict(keeper.tallies())
        except StudioError as error:
            log.warning("no votes on the Models tab: %s", error)
            return None

    def to_compare(self, data: dict[str, Any], _: gr.Request) -> tuple[str, str, float] | None:
        """The card's model, for the Compare tab."""
        name = str(data.get("name", ""))
        return (name, "", 4.0) if name in self._context.engine.adapters() else None


def _said(words: str) -> dict[str, Any]:
    return {"state": "done", "text": words}
