"""Opening a motion file of another program in the player, as a result like any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes
from app.given import shelf_of
from app.inputs import Wish
from app.lanes import DONE
from app.notes import IDLE
from app.widgets import widget
from engine.errors import StudioError
from engine.motion.formats.load import SUFFIXES, Loaded, load_motion

if TYPE_CHECKING:
    from app.generate_work import GenerateWork

_NAME = 60  # characters of a file's name that are shown
_MOST_SECONDS = 3600.0


class OpenFile:
    """The part of the Generate tab that takes files; its events are wired by `wire`."""

    def __init__(self) -> None:
        with gr.Accordion("Open a motion file", open=False, elem_id="open"):
            self.file = gr.File(
                label="BVH, GLB, AMASS or SMPL-X npz, joints npz or csv, features npy; 32 MB",
                file_types=list(SUFFIXES), file_count="single", elem_id="open-file", height=120,
            )  # fmt: skip
            with gr.Row(elem_classes="es-pair"):
                self.start = gr.Number(
                    0, label="From second", minimum=0, elem_id="open-start", min_width=120
                )
                self.y_up = gr.Checkbox(
                    False, label="AMASS or SMPL-X with Y up", elem_id="open-y-up", min_width=180
                )
            self.notice = widget("notice", IDLE, elem_id="open-notice")

    def wire(self, work: GenerateWork) -> Any:
        """Read the file when it has arrived; returns the event, for what comes after."""
        self.work = work
        return self.file.upload(
            self.open, [self.file, self.start, self.y_up], [self.notice, *work.parts.outputs()],
            concurrency_limit=None, show_progress="hidden", api_visibility="private",
        )  # fmt: skip

    def open(self, file: Any, start: Any, y_up: Any, request: gr.Request) -> dict[Any, Any]:
        """Show the motion of an uploaded file, or say what is wrong with it."""
        work = self.work
        visit = work.visits.of(request.session_hash)
        try:
            path = Path(str(file))
            job = work.lane.submit(lambda job: load_motion(path, _seconds(start), bool(y_up)))
            while not job.wait(1.0):
                pass
            if job.state != DONE:
                raise job.error or StudioError("Reading the file was stopped.")
            loaded: Loaded = job.result
            name = path.name if len(path.name) <= _NAME else path.name[: _NAME - 1] + "…"
            prompt = loaded.motion.prompt or name
            wish = Wish(prompt, loaded.motion.seconds, 0, 1, *work.engine.sampling(),
                        work.engine.models()[0])  # fmt: skip
            result = visit.add(wish, [loaded.motion], source=name)
        except Exception as error:
            return {self.notice: notes.failed(errors.sentence(error))}
        shelf_of(visit).add(name, loaded.motion)
        visit.to_film = result.id
        told = (
            f"{loaded.motion.seconds:.2f} of {loaded.seconds:.2f} seconds of {name}, which has "
            f"{loaded.fps:g} frames a second."
        )
        done = {self.notice: {"state": "done", "text": told}, work.parts.notice: IDLE}
        return {**work.show(visit, result), **done}


def _seconds(start: Any) -> float:
    number = isinstance(start, (int, float)) and not isinstance(start, bool)
    if not (number and 0 <= start <= _MOST_SECONDS):
        raise StudioError("Say from which second on the file is read: 0 is its beginning.")
    return float(start)
