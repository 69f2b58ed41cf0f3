"""The Sequence tab: several prompts on a timeline, made as one motion."""

from __future__ import annotations

import json
import secrets
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, scene
from app.context import Context
from app.engine_access import WARMING
from app.inputs import MAX_SEED, Wish, check_whole
from app.lanes import DONE, FAILED, Job
from app.notes import IDLE
from app.visits import Result
from app.widgets import player, widget
from engine.commands.export import file_bytes
from engine.edit.parts import MAX_PARTS, Part
from engine.errors import StudioError
from engine.files import write_bytes
from engine.motion.export import Options
from engine.motion.motion import LONGEST_SECONDS

if TYPE_CHECKING:
    from engine.edit.sequence import LongMotion

LOOK = 0.1  # seconds between two looks at the running job
NAME = "sequence"
FIRST = (("a person walks forward", 4.0), ("a person kicks with the right leg", 3.0),
         ("a person walks backwards", 4.0))  # fmt: skip
FILES = {"npz": "Motion (.npz)", "bvh": "BVH", "glb": "GLB"}
_MOST_LETTERS = 40_000  # of what the timeline sends
# The timeline lives in the browser; what it holds takes the place of the hidden text.
_READ = """(_, seed) => [
  JSON.stringify(document.querySelector("#timeline .es-timeline")?.parts ?? []), seed]"""


class Kept:
    """The job and the folder of one visitor's sequence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.job: Job | None = None

    def stop(self) -> None:
        """Stop what runs."""
        if self.job:
            self.job.cancel()


@dataclass
class Parts:
    """The components that a sequence changes."""

    go: gr.Button
    notice: gr.HTML
    player: gr.HTML
    files: dict[str, gr.DownloadButton]
    line: gr.Textbox

    def all(self) -> list[Any]:
        """Every one of them."""
        return [self.go, self.notice, self.player, *self.files.values(), self.line]


def build_sequence(context: Context) -> SequenceWork:
    """Lay out the tab inside the current bar of tabs and wire its events."""
    value = {
        "parts": [{"text": text, "seconds": seconds} for text, seconds in FIRST],
        "total": LONGEST_SECONDS,
    }
    with gr.Tab("Sequence", id=NAME, elem_id="tab-sequence"):
        widget("timeline", value, elem_id="timeline")
        with gr.Row(elem_classes="es-actions es-sequence-actions"):
            seed = gr.Number(7, label="Seed", elem_id="sequence-seed", min_width=96, scale=1)
            go = gr.Button("Make the sequence", variant="primary", elem_id="sequence-go", scale=3)
            cancel = gr.Button("Cancel", elem_id="sequence-cancel", scale=1, min_width=96)
        notice = widget("notice", IDLE, elem_id="sequence-notice")
        stage = player(elem_id="sequence-player")
        with gr.Row(elem_classes="es-downloads"):
            files = {
                name: gr.DownloadButton(
                    text, visible=False, size="sm", min_width=120, elem_id=f"sequence-{name}"
                )
                for name, text in FILES.items()
            }
        line = gr.Textbox(
            label="The same from a terminal", interactive=False, lines=1, max_lines=6,
            buttons=["copy"], elem_id="sequence-cli", visible=False,
        )  # fmt: skip
        hidden = gr.Textbox(visible=False)
    work = SequenceWork(context, Parts(go, notice, stage, files, line))
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    go.click(
        work.make, [hidden, seed], work.parts.all(), js=_READ, trigger_mode="once",
        concurrency_limit=None, **quiet,
    )  # fmt: skip
    cancel.click(work.cancel, None, None, queue=False, **quiet)
    return work


class SequenceWork:
    """Handlers of the tab; one object serves all visitors."""

    def __init__(self, context: Context, parts: Parts) -> None:
        self.context = context
        self.parts = parts

    def make(self, timeline: Any, seed: Any, request: gr.Request) -> Iterator[dict[Any, Any]]:
        """Check the timeline, wait for its turn, show the motion; always ends with a sentence."""
        kept = self._kept(request)
        kept.stop()
        try:
            wanted, first = read_timeline(timeline), check_whole(seed, "seed", 0, MAX_SEED - 99)
            job = kept.job = self.context.lane.submit(
                lambda job: self._made(kept, wanted, first, job)
            )
        except StudioError as error:
            yield self._idle(notes.failed(errors.sentence(error)))
            return
        yield from self._follow(job)
        if job.cancelled():
            yield self._idle(notes.CANCELLED_SEQUENCE)
        elif job.state == FAILED or job.state != DONE:
            yield self._idle(notes.failed(errors.sentence(job.error or StudioError("Stopped."))))
        else:
            yield {**self._idle(IDLE), **job.result}

    def cancel(self, request: gr.Request) -> None:
        """Stop the sequence that is being made for this visitor."""
        self._kept(request).stop()

    def _kept(self, request: gr.Request) -> Kept:
        visit = self.context.visits.of(request.session_hash)
        found = visit.kept.get(NAME)
        if not isinstance(found, Kept):
            found = visit.kept[NAME] = Kept(visit.folder / NAME)
        return found

    def _follow(self, job: Job) -> Iterator[dict[Any, Any]]:
        told: Any = None
        warming = self.context.engine.status.state == WARMING
        try:
            while not job.ended and not job.cancelled():
                note = {**notes.waiting(job, self.context.lane, warming), "progress": job.progress}
                if note != told:
                    told = note
                    yield {self.parts.notice: note, self.parts.go: gr.update(interactive=False)}
                job.wait(LOOK)
        except GeneratorExit:  # the page was closed
            job.cancel()
            raise

    def _made(self, kept: Kept, wanted: Sequence[Part], seed: int, job: Job) -> dict[Any, Any]:
        """Make the motion and its files; what they change on the page."""

        def progress(share: float) -> None:
            job.progress = share

        made: LongMotion = self.context.engine.sequence(wanted, seed, progress, job.cancelled)
        shutil.rmtree(kept.folder, ignore_errors=True)  # one sequence a visitor is kept
        body = self.context.body
        updates: dict[Any, Any] = {}
        for name, button in self.parts.files.items():
            path = kept.folder / f"sequence.{name}"
            data = made.motion.to_bytes() if name == "npz" else file_bytes(
                made.motion, name, Options(), body=None if body is None else body.path
            )  # fmt: skip
            write_bytes(path, data)
            updates[button] = gr.update(value=str(path), visible=True)
        wish = Wish(made.motion.prompt, made.motion.seconds, seed, 1, 0.0, 0, "")
        result = Result(secrets.token_hex(8), wish, [made.motion], kept.folder,
                        source=made.motion.prompt)  # fmt: skip
        return {
            **updates,
            self.parts.player: scene.player_value(result, body=body),
            self.parts.line: gr.update(value=terminal_line(wanted, seed), visible=True),
            self.parts.notice: {"state": "done", "text": told(wanted, made)},
        }

    def _idle(self, note: dict[str, Any]) -> dict[Any, Any]:
        return {self.parts.notice: note, self.parts.go: gr.update(interactive=True)}


def read_timeline(value: Any) -> list[Part]:
    """Parts of what the browser sent, whatever it is; StudioError when it is no timeline."""
    text = value if isinstance(value, str) else ""
    try:
        rows = json.loads(text[:_MOST_LETTERS])
        parts = [Part(str(row["text"]), float(row["seconds"])) for row in rows]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise StudioError("The timeline could not be read. Reload the page.") from error
    if not 1 <= len(parts) <= MAX_PARTS:
        raise StudioError(f"A sequence has 1 to {MAX_PARTS} parts, not {len(parts)}.")
    for number, part in enumerate(parts, start=1):
        if not part.prompt.strip():
            raise StudioError(f"Say what the person does in part {number}.")
    return parts


def terminal_line(parts: Sequence[Part], seed: int) -> str:
    """`python -m engine sequence ...`, quoted for a POSIX shell."""
    words = [f"{part.seconds:g}: {' '.join(part.prompt.split())}" for part in parts]
    start = ["python", "-m", "engine", "sequence", *words, "--seed", str(seed)]
    return shlex.join([*start, "--output", "outputs/sequence"])


def told(parts: Sequence[Part], made: LongMotion) -> str:
    """How long it is and when each part begins."""
    begins = ", ".join(
        f"{start / made.motion.fps:.1f} s “{' '.join(part.prompt.split())}”"
        for part, start in zip(parts, made.starts, strict=True)
    )
    return f"{made.motion.seconds:.1f} seconds in one motion: {begins}"
