"""Downloads in the formats of other programs: the row of buttons and what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import errors, notes, scene
from app.generate_work import LOOK, GenerateWork
from app.lanes import DONE
from app.notes import IDLE
from app.settings import LOOK as VIDEO_LOOK
from app.visits import Result, Visit
from app.widgets import widget
from engine.commands.bundle import bundle
from engine.commands.export import file_bytes, read_back, skate
from engine.commands.receipt import split_receipt
from engine.errors import StudioError
from engine.files import write_bytes
from engine.motion.export import FILES, Options
from engine.motion.export_take import RATES
from engine.motion.formats.names import NAMES
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from app.body import PageBody

BUTTONS = {
    "bvh": "BVH", "glb": "GLB", "amass": "AMASS", "smplx": "SMPL-X", "csv": "CSV",
    "npz": "Joints NPZ", "features": "Features NPY", "gif": "GIF", "all": "All (.zip)",
}  # fmt: skip
_IN_ZIP = ("bvh", "glb", "amass", "smplx", "csv", "npz", "features")
# The browser saves the file as soon as its link is there; without a file there is no link.
_SAVE = """() => setTimeout(() => {
  const link = document.querySelector("#export-file");
  (link?.tagName === "A" ? link : link?.closest("a") ?? link)?.click();
}, 300)"""


@dataclass
class Exports:
    """The components of the row."""

    sample: gr.Dropdown
    fps: gr.Dropdown
    lock: gr.Checkbox
    names: gr.Dropdown
    buttons: dict[str, gr.Button]
    notice: gr.HTML
    file: gr.DownloadButton

    def outputs(self) -> list[Any]:
        """What an export changes."""
        return [self.notice, self.file]


def build_exports() -> Exports:
    """Lay out the row inside the current column."""
    with gr.Accordion("Download for other programs", open=False, elem_id="exports"):
        with gr.Row(elem_classes="es-pair"):
            sample = gr.Dropdown(
                [("Sample 1", 0)], value=0, label="Motion", elem_id="export-sample", min_width=160
            )
            fps = gr.Dropdown(
                list(RATES), value=RATES[0], label="Frames per second", elem_id="export-fps",
                min_width=120,
            )  # fmt: skip
            names = gr.Dropdown(
                [("SMPL", "smpl"), ("Mixamo", "mixamo")], value="smpl", label="Joint names",
                elem_id="export-names", min_width=120,
            )  # fmt: skip
            lock = gr.Checkbox(False, label="Lock feet", elem_id="export-lock", min_width=120)
        with gr.Row(elem_classes="es-downloads"):
            buttons = {
                name: gr.Button(text, size="sm", min_width=88, elem_id=f"export-{name}")
                for name, text in BUTTONS.items()
            }
        notice = widget("notice", IDLE, elem_id="export-notice")
        file = gr.DownloadButton("", visible=False, size="sm", elem_id="export-file")
    return Exports(sample, fps, lock, names, buttons, notice, file)


class ExportWork:
    """Handlers of the row; one object serves all visitors."""

    def __init__(self, work: GenerateWork, parts: Exports) -> None:
        self.work = work
        self.parts = parts

    def wire(self) -> None:
        """Connect every button."""
        parts = self.parts
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        wishes = [parts.sample, parts.fps, parts.lock, parts.names]
        for name, button in parts.buttons.items():
            button.click(
                self._handler(name), wishes, parts.outputs(), concurrency_limit=None,
                trigger_mode="once", **quiet,
            ).then(None, None, None, js=_SAVE)  # fmt: skip

    def _handler(self, name: str) -> Callable[..., Iterator[dict[Any, Any]]]:
        """The handler of one button; gradio cannot look into partial functions."""

        def handle(
            sample: Any, fps: Any, lock: Any, names: Any, request: gr.Request
        ) -> Iterator[dict[Any, Any]]:
            yield from self.export(name, sample, fps, lock, names, request)

        return handle

    def export(
        self, name: str, sample: Any, fps: Any, lock: Any, names: Any, request: gr.Request
    ) -> Iterator[dict[Any, Any]]:
        """Make one file, say how well it reads back, hand it to the browser."""
        visit = self.work.visits.of(request.session_hash)
        try:
            result, index, options = _checked(visit, sample, fps, lock, names)
            make = self._zip if name == "all" else partial(_one, name, body=self.work.body)
            job = self.work.film_lane.submit(lambda job: make(result, index, options))
        except StudioError as error:
            yield self._failed(error)
            return
        yield {self.parts.notice: notes.exporting(BUTTONS[name]), self.parts.file: _no_file()}
        while not job.wait(LOOK):
            pass
        if job.state != DONE:
            yield self._failed(job.error or StudioError("The export was stopped."))
            return
        path, told = job.result
        yield {
            self.parts.notice: {"state": "done", "text": told},
            self.parts.file: gr.update(value=str(path), label=f"Save {path.name}", visible=True),
        }

    def choices(self, result: Result) -> dict[Any, Any]:
        """Updates for a result that comes up: its motions to choose from, no old file."""
        names = [(label, k) for k, label in enumerate(scene.labels(result))]
        return {
            self.parts.sample: gr.update(choices=names, value=0, visible=len(names) > 1),
            self.parts.notice: IDLE,
            self.parts.file: _no_file(),
        }

    def _failed(self, error: BaseException) -> dict[Any, Any]:
        return {
            self.parts.notice: notes.failed(errors.sentence(error)),
            self.parts.file: _no_file(),
        }

    def _zip(self, result: Result, index: int, options: Options) -> tuple[Path, str]:
        """All motions of a result in every format of data, with receipts and the video there is."""
        receipt: Callable[[Any, Any], dict[str, Any]] = self.work.engine.receipt
        count = len(result.motions)
        if result.source:
            receipts = [{"imported": result.source}]
        else:
            receipts = split_receipt(receipt(result.wish, result.motions))
        formats = [n for n in _IN_ZIP if n != "features" or options.fps == FPS]
        extra = {"motion.mp4": result.video.read_bytes()} if result.video else {}
        path = result.folder / "motions.zip"
        write_bytes(path, bundle(result.motions, receipts, formats, options, extra))
        motions = "One motion" if count == 1 else f"{count} motions"
        size = path.stat().st_size / 1e6
        return path, f"{motions} in {len(formats)} formats, with receipts: {size:.1f} MB."


def _checked(
    visit: Visit, sample: Any, fps: Any, lock: Any, names: Any
) -> tuple[Result, int, Options]:
    """What the controls say, whatever a client may send."""
    result = visit.get(visit.current)
    if type(sample) is not int or not 0 <= sample < len(result.motions):
        raise StudioError("Choose a motion of the result first.")
    if fps not in RATES or names not in NAMES:
        raise StudioError("Choose the frame rate and the joint names again.")
    return result, sample, Options(fps=fps, foot_lock=bool(lock), names=names)


def _one(
    name: str, result: Result, index: int, options: Options, body: PageBody | None = None
) -> tuple[Path, str]:
    """One format of one motion and the sentence on it."""
    motion = result.motions[index]
    shown = {} if body is None else {"look": VIDEO_LOOK, "body": body.path}
    data = file_bytes(motion, name, options, **shown)  # type: ignore[arg-type]
    path = result.folder / f"motion-{index + 1}{FILES[name]}"
    write_bytes(path, data)
    told = f"{path.name}, {_size(len(data))}, {options.fps:g} frames a second."
    error = read_back(data, motion, name, options)
    if error is not None:
        told += f" Read back, no joint is further off than {_distance(error)}."
    if options.foot_lock:
        before, after = skate(motion, True)
        told += f" Foot lock: {before:.0%} of frames skated before, {after:.0%} after."
    return path, told


def _no_file() -> dict[str, Any]:
    return gr.update(value=None, visible=False)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _distance(metres: float) -> str:
    return "0 mm (identical)" if metres == 0 else f"{max(metres * 1e3, 0.001):.3f} mm"
