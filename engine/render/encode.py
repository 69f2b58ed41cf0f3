"""Writes frames to MP4 or GIF in a thread of its own; the file appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import secrets
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from PIL import Image

from engine.errors import StudioError
from engine.render import palette

_QUEUE_FRAMES = 4  # rendering may run this far ahead of encoding
_POLL_SECONDS = 0.2
_EXIT_SECONDS = 30.0


class RenderCancelled(StudioError):
    """The caller's `cancel` said stop; nothing was written."""


class _Writer(Protocol):
    def add(self, frame: np.ndarray) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class FrameSink:
    """A context that takes uint8 [H,W,3] frames (even sizes) and writes `path` on a clean exit.

    Frames are encoded in another thread. Leaving the context by an exception removes what was
    written. Raises StudioError when the encoder is missing or fails or the disk is full.
    """

    def __init__(self, path: Path | str, width: int, height: int, fps: float) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in {".mp4", ".gif"}:
            raise StudioError(f"{self.path.name}: a video is written as .mp4 or .gif.")
        if width % 2 or height % 2:
            raise StudioError(f"{width} x {height}: a video needs even sizes.")
        self._size, self._fps = (width, height), fps
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE_FRAMES)
        self._error: Exception | None = None
        self._stopping = threading.Event()
        self._temporary: Path | None = None
        self._thread = threading.Thread(target=self._work, name="video-encoder", daemon=True)

    def __enter__(self) -> FrameSink:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            name = f".{self.path.stem}.{secrets.token_hex(6)}{self.path.suffix.lower()}"
            self._temporary = self.path.parent / name
            self._temporary.touch(exist_ok=False)
        except OSError as error:
            raise StudioError(
                f"{self.path} cannot be written ({error.strerror}). Choose another folder."
            ) from error
        self._thread.start()
        return self

    def put(self, frame: np.ndarray) -> None:
        """Hand over one frame; waits while the encoder is far behind."""
        while self._error is None:
            try:
                self._frames.put(frame, timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue
        raise _explained(self._error)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._temporary is not None
        try:
            if kind is not None:
                self._stopping.set()
            self._close_queue()
            self._thread.join()
            if kind is None:
                if self._error is not None:
                    raise _explained(self._error)
                self._keep()
        finally:
            self._temporary.unlink(missing_ok=True)

    def _keep(self) -> None:
        assert self._temporary is not None
        try:
            self._temporary.replace(self.path)
        except OSError as error:
            raise StudioError(f"{self.path} cannot be written ({error.strerror}).") from error

    def _close_queue(self) -> None:
        while self._thread.is_alive():
            try:
                self._frames.put(None, timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue

    def _work(self) -> None:
        assert self._temporary is not None
        writer: _Writer | None = None
        try:
            kind = _GifWriter if self._temporary.suffix == ".gif" else _Mp4Writer
            writer = kind(self._temporary, self._size, self._fps)
            while (frame := self._frames.get()) is not None:
                if self._stopping.is_set():
                    break
                writer.add(frame)
            if self._stopping.is_set():
                writer.abort()
            else:
                writer.finish()
        except Exception as error:
            self._error = error
            if writer is not None:
                writer.abort()


class _Mp4Writer:
    """H.264 yuv420p through the ffmpeg binary that imageio-ffmpeg brings.

    PyAV needs less time for the same clip (benchmarks/render.py), but inside this process, where
    it would take time from the renderer, and it would be one more dependency.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        import imageio_ffmpeg

        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-nostdin",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}",
            "-r", f"{fps:g}", "-i", "pipe:0", "-an",
            # Said in the stream and done in the pixels, so that players show the colours meant.
            "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709",
            "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
            "-movflags", "+faststart", "-f", "mp4", str(path),
        ]  # fmt: skip
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log
        )

    def add(self, frame: np.ndarray) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(frame).data)
        except (BrokenPipeError, ValueError) as error:
            raise StudioError(self._failure()) from error

    def finish(self) -> None:
        self._process.communicate()
        if self._process.returncode != 0:
            raise StudioError(self._failure())
        self._log.close()

    def abort(self) -> None:
        self._process.kill()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # the pipe is gone with the process
                self._process.stdin.close()
        self._process.wait(_EXIT_SECONDS)
        self._log.close()

    def _failure(self) -> str:
        self._process.wait(_EXIT_SECONDS)
        self._log.seek(0)
        words = " ".join(self._log.read().decode(errors="replace").split())
        if os.strerror(errno.ENOSPC) in words:
            return "The disk is full: the video was not written. Free some space and try again."
        return f"The video encoder failed: {words[-300:] or 'no reason given'}"


class _GifWriter:
    """GIF with one palette for the whole clip, so that nothing flickers between frames."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        self._path, self._fps = path, fps
        self._palette: Image.Image | None = None
        self._frames: list[Image.Image] = []

    def add(self, frame: np.ndarray) -> None:
        image = Image.fromarray(frame)
        if self._palette is None:
            self._palette = _gif_palette(image)
        self._frames.append(image.quantize(palette=self._palette, dither=Image.Dither.NONE))

    def finish(self) -> None:
        if not self._frames:
            raise StudioError("A video needs at least one frame.")
        # A GIF counts in hundredths of a second; rounding the sum keeps the total length right.
        marks = np.round(np.arange(len(self._frames) + 1) * 100.0 / self._fps)
        durations = [int(step) * 10 for step in np.diff(marks)]
        self._frames[0].save(
            self._path, format="GIF", save_all=True, append_images=self._frames[1:],
            duration=durations, loop=0, optimize=False,
        )  # fmt: skip

    def abort(self) -> None:
        self._frames.clear()


def _gif_palette(first: Image.Image) -> Image.Image:
    """160 colours of the first frame, the rest for shades of the limbs, which turn to the light."""
    base = first.quantize(160, method=Image.Quantize.MEDIANCUT).getpalette() or []
    colours = [tuple(base[i : i + 3]) for i in range(0, min(len(base), 480), 3)]
    for value in (palette.LEFT, palette.RIGHT, palette.JOINT, *palette.ACCENTS.values()):
        tint = np.array(palette.rgb(value))
        for share in np.linspace(0.32, 1.18, (256 - 160) // 5):
            colours.append(tuple(int(c) for c in np.clip(tint * share * 255, 0, 255)))
    colours += [(0, 0, 0)] * (256 - len(colours))
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in colours[:256] for channel in colour])
    return image


def _explained(error: Exception) -> StudioError:
    if isinstance(error, StudioError):
        return error
    if isinstance(error, OSError) and error.strerror:
        return StudioError(f"The video could not be written ({error.strerror}).")
    return StudioError(
        f"The video encoder is not usable ({error}); run: pip install imageio-ffmpeg"
    )
