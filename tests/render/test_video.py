"""Videos decode to what was asked, and a cancelled or failed one leaves nothing behind."""

from __future__ import annotations

import itertools
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from engine.errors import StudioError
from engine.render.backend import probe
from engine.render.encode import FrameSink, RenderCancelled
from engine.render.video import render_video, stage
from tests.render.poses import POSES, Clip, walk


def decode(path):
    """All frames of a video, uint8 [N,H,W,3], and ffmpeg's description."""
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    width, height = about["source_size"]
    frames = [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]
    return np.stack(frames), about


@pytest.mark.parametrize("backend", ["software", "pyrender"])
def test_mp4_has_the_frames_asked_for(tmp_path, backend):
    if backend == "pyrender" and probe()["active"] != "pyrender":
        pytest.skip(f"OpenGL does not work here: {probe()['reason']}")
    seen = []
    path = render_video([walk(16)], tmp_path / "a.mp4", labels=["walks"], backend=backend,
                        progress=seen.append)  # fmt: skip
    frames, about = decode(path)
    assert frames.shape == (16, 480, 640, 3)
    assert about["fps"] == 20
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert frames.std(axis=(1, 2, 3)).min() > 10  # no blank picture
    moved = np.abs(np.diff(frames.astype(int), axis=0)).max(axis=-1) > 25
    assert moved.sum(axis=(1, 2)).min() > 200
    assert seen == pytest.approx(np.arange(1, 17) / 16)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_video_pictures_are_the_rendered_ones(tmp_path):
    """Colours survive the trip through the encoder."""
    from engine.render.backend import get_renderer

    clip = walk(3)
    frames, _ = decode(render_video([clip], tmp_path / "a.mp4", backend="software"))
    drawn = get_renderer("software").frame(stage([clip]).scene(1)).astype(int)
    assert np.abs(frames[1].astype(int) - drawn).mean() < 3


@pytest.mark.parametrize(("count", "width"), [(1, 960), (2, 1280), (3, 1554), (4, 1784)])
def test_layouts_at_720(tmp_path, count, width):
    clips = [walk(2 + index) for index in range(count)]
    path = render_video(clips, tmp_path / "a.mp4", size=720, labels=["x"] * count,
                        backend="software")  # fmt: skip
    frames, _ = decode(path)
    assert frames.shape == (1 + count, 720, width, 3)
    # Every view shows a figure: strong colours in each.
    for index in range(count):
        view = frames[0][:, index * width // count : (index + 1) * width // count].astype(int)
        assert ((view.max(axis=-1) - view.min(axis=-1)) > 60).sum() > 3000


def test_a_shorter_motion_holds_its_last_pose():
    plan = stage([walk(4), walk(9)])
    assert plan.frames == 9
    assert plan.scene(8).views[0].pose is plan.poses[0][3]


def test_other_frame_rates_keep_the_duration(tmp_path):
    frames, about = decode(render_video([walk(11)], tmp_path / "a.mp4", fps=40, backend="software"))
    assert len(frames) == 21
    assert about["fps"] == 40


def test_gif(tmp_path):
    path = render_video([walk(7)], tmp_path / "a.GIF", backend="software")
    with Image.open(path) as image:
        assert image.format == "GIF"
        assert image.n_frames == 7
        assert image.size == (640, 480)
        durations, pictures = [], []
        for index in range(7):
            image.seek(index)
            durations.append(image.info["duration"])
            pictures.append(np.asarray(image.convert("RGB")).astype(int))
    assert durations == [50] * 7
    assert all(np.abs(a - b).max() > 40 for a, b in itertools.pairwise(pictures))


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_cancel_within_one_frame_leaves_no_file(tmp_path, name):
    asked, done = [], []

    def cancel():
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(RenderCancelled):
        render_video([walk(40)], tmp_path / name, backend="software", cancel=cancel,
                     progress=done.append)  # fmt: skip
    assert len(done) == 3
    assert not list(tmp_path.iterdir())
    assert not [t for t in threading.enumerate() if t.name == "video-encoder"]


def test_cancel_keeps_the_older_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    with pytest.raises(RenderCancelled):
        render_video([walk(5)], path, backend="software", cancel=lambda: True)
    assert path.read_bytes() == b"older"


def test_an_error_in_a_callback_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        render_video([walk(5)], tmp_path / "a.mp4", backend="software", progress=lambda _: 1 / 0)
    assert not list(tmp_path.iterdir())


def test_a_failing_encoder_is_an_error_with_its_words(tmp_path, monkeypatch):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho no space for this >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(broken))
    out = tmp_path / "out"
    with pytest.raises(StudioError, match="no space for this"):
        render_video([walk(12)], out / "a.mp4", backend="software")
    assert not list(out.iterdir())


def test_a_missing_encoder_is_an_error_that_says_what_to_install(tmp_path, monkeypatch):
    def missing():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(StudioError, match="pip install imageio-ffmpeg"):
        render_video([walk(12)], tmp_path / "a.mp4", backend="software")
    assert not list(tmp_path.iterdir())


def test_bad_requests_are_sentences(tmp_path):
    good, target = walk(2), tmp_path / "a.mp4"
    broken = Clip(np.full((4, 22, 3), np.nan))
    for motions, options, words in (
        ([], {}, "1 to 4 motions"),
        ([good] * 5, {}, "1 to 4 motions"),
        ([good], {"size": 481}, "480 or 720"),
        ([good], {"labels": ["a", "b"]}, "more labels"),
        ([good], {"accents": ["greenish"]}, "not a colour"),
        ([good], {"fps": 0}, "frames per second"),
        ([good], {"fps": float("nan")}, "frames per second"),
        ([good], {"backend": "vulkan"}, "Unknown renderer"),
        ([broken], {}, "not finite"),
        ([Clip(np.zeros((4, 21, 3)))], {}, r"joints \[T,22,3\]"),
        ([Clip(np.zeros((0, 22, 3)))], {}, r"joints \[T,22,3\]"),
    ):
        with pytest.raises(StudioError, match=words):
            render_video(motions, target, **{"backend": "software", **options})
    with pytest.raises(StudioError, match=r"\.mp4 or \.gif"):
        render_video([good], tmp_path / "a.avi", backend="software")
    with pytest.raises(StudioError, match="even sizes"):
        FrameSink(target, 101, 100, 20)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudioError, match="cannot be written"):
        render_video([good], tmp_path / "file" / "a.mp4", backend="software")
    assert not target.exists()


def test_videos_render_from_many_threads_at_once(tmp_path):
    def job(index):
        return render_video([walk(4)], tmp_path / f"{index}.mp4", labels=[f"clip {index}"])

    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(job, range(4)))
    assert all(len(decode(path)[0]) == 4 for path in paths)


def test_degenerate_motions_still_render():
    """All joints in one point, or bones of absurd length: an ugly picture, not a crash."""
    from engine.render.backend import get_renderer

    for joints in (np.zeros((2, 22, 3)), POSES["wave"][None] * 9, -POSES["wave"][None]):
        frame = get_renderer("software").frame(stage([Clip(joints)]).scene(0))
        assert frame.shape == (480, 640, 3)


def test_the_stream_says_which_colours_it_means(tmp_path):
    path = render_video([walk(2)], tmp_path / "a.mp4", backend="software")
    told = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)], capture_output=True,
                          text=True, check=False).stderr  # fmt: skip
    assert "bt709" in told
    assert "yuv420p" in told
