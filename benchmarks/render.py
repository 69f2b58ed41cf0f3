"""Milliseconds per video frame: both renderers, sizes and layouts, and two ways to encode H.264.

Run: python -m benchmarks.render   (writes benchmarks/results/DATE-render.json)
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import record
from engine.motion.skeleton import BONE_LENGTHS, FPS, PARENTS, REST_DIRECTIONS
from engine.render.backend import get_renderer, probe
from engine.render.encode import FrameSink
from engine.render.video import render_video, stage

FRAMES, MEASURED = 120, 24


@dataclass(frozen=True)
class Clip:
    """A made-up walk, so that the measurement needs no data."""

    joints: np.ndarray
    fps: float = FPS


def walk(frames: int = FRAMES) -> Clip:
    """Swinging limbs on the target skeleton, moving along +z: joints [frames,22,3]."""
    joints = np.zeros((frames, 22, 3))
    swing = 0.6 * np.sin(np.arange(frames) * 0.45)
    for joint in range(1, 22):
        direction = np.tile(REST_DIRECTIONS[joint], (frames, 1))
        if joint in (4, 5, 18, 19):  # knees and elbows, opposite in pairs
            direction[:, 2] += swing * (1 if joint in (4, 19) else -1)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        joints[:, joint] = joints[:, PARENTS[joint]] + direction * BONE_LENGTHS[joint]
    joints[..., 1] -= joints[..., 1].min()
    joints[..., 2] += np.arange(frames)[:, None] * 0.05
    return Clip(joints)


def drawing(backend: str, size: int, motions: int) -> dict[str, Any]:
    """Median and least milliseconds to draw one frame."""
    plan = stage([walk()] * motions, size=size, labels=["a person walks forward"] * motions)
    renderer = get_renderer(backend)
    renderer.frame(plan.scene(0))
    times = []
    for index in range(0, FRAMES, FRAMES // MEASURED):
        scene = plan.scene(index)
        start = time.perf_counter()
        renderer.frame(scene)
        times.append((time.perf_counter() - start) * 1e3)
    return {
        "backend": backend, "size": f"{plan.width}x{plan.height}", "motions": motions,
        "ms_per_frame_median": round(float(np.median(times)), 1),
        "ms_per_frame_least": round(min(times), 1),
    }  # fmt: skip


def timed(work: Callable[[Path], Any], suffix: str = ".mp4") -> tuple[float, int]:
    """Seconds that `work(path)` takes (the better of two) and the bytes it leaves."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        for _ in range(2):
            start = time.perf_counter()
            work(path)
            seconds.append(time.perf_counter() - start)
        return round(min(seconds), 2), path.stat().st_size


def encoders() -> list[dict[str, Any]]:
    """The same 120 drawn frames through the encoder used and through PyAV, same settings."""
    plan = stage([walk()], labels=["a person walks forward"])
    renderer = get_renderer("software")
    frames = [renderer.frame(plan.scene(index)) for index in range(FRAMES)]

    def used(path: Path) -> None:
        with FrameSink(path, plan.width, plan.height, FPS) as sink:
            for frame in frames:
                sink.put(frame)

    rows = []
    seconds, size = timed(used)
    rows.append({"encoder": "ffmpeg process of imageio-ffmpeg (used)", "seconds": seconds,
                 "bytes": size})  # fmt: skip
    try:
        import av
    except ImportError:
        return [*rows, {"encoder": "PyAV", "skipped": "not installed"}]

    def pyav(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(
                "libx264", rate=int(FPS), options={"preset": "veryfast", "crf": "20"}
            )
            stream.width, stream.height, stream.pix_fmt = plan.width, plan.height, "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            container.mux(stream.encode())

    seconds, size = timed(pyav)
    return [*rows, {"encoder": "PyAV, same preset", "seconds": seconds, "bytes": size}]


def main() -> None:
    """Measure everything in one run and write the dated record."""
    backends = ["software"] + (["pyrender"] if probe()["active"] == "pyrender" else [])
    rows = [drawing(b, size, n) for b in backends for size in (480, 720) for n in (1, 4)]
    videos = []
    for backend in backends:

        def whole(path: Path, name: str = backend) -> None:
            render_video([walk()], path, labels=["a person walks forward"], backend=name)

        for suffix in (".mp4", ".gif"):
            seconds, size = timed(whole, suffix)
            videos.append({"backend": backend, "file": suffix, "frames": FRAMES, "size": "640x480",
                           "seconds": seconds, "bytes": size})  # fmt: skip
    values = {
        "opengl": probe()["reason"], "cores": os.cpu_count(), "load": os.getloadavg()[0],
        "drawing": rows, "encoding_120_frames_640x480": encoders(), "whole_videos": videos,
    }  # fmt: skip
    path = record("render", values)
    for row in [*rows, *values["encoding_120_frames_640x480"], *videos]:  # type: ignore[misc]
        print(row)
    print(path)


if __name__ == "__main__":
    main()
