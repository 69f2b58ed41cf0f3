"""Known poses look as the stored pictures do, on both backends."""

from __future__ import annotations

import numpy as np
import pytest

from engine.render.backend import probe
from engine.render.video import stage
from tests.render.look import picture, reference, similarity
from tests.render.poses import POSES, Clip, body, mirrored

SAME = 0.985  # a wrist 10 cm elsewhere gives 0.966 at most
GL_MISSING = "OpenGL does not work here"


def _need(backend: str) -> None:
    if backend == "pyrender" and probe()["active"] != "pyrender":
        pytest.skip(f"{GL_MISSING}: {probe()['reason']}")


@pytest.mark.parametrize("backend", ["software", "pyrender"])
@pytest.mark.parametrize("pose", POSES)
def test_pose_looks_like_its_reference(pose, backend):
    _need(backend)
    assert similarity(picture(POSES[pose], backend), reference(pose, backend)) >= SAME


@pytest.mark.parametrize("pose", POSES)
def test_backends_look_alike(pose):
    assert similarity(reference(pose, "software"), reference(pose, "pyrender")) >= SAME


@pytest.mark.parametrize("pose", ["stride", "wave", "lying"])
def test_the_measure_sees_left_and_right(pose):
    assert similarity(picture(mirrored(POSES[pose]), "software"), reference(pose, "software")) < 0.8


def test_the_measure_sees_a_moved_wrist():
    moved = POSES["standing"].copy()
    moved[20] += [0.0, 0.1, 0.0]
    assert similarity(picture(moved, "software"), reference("standing", "software")) < SAME - 0.01


@pytest.mark.parametrize("backend", ["software", "pyrender"])
def test_left_is_blue_and_right_is_orange(backend):
    _need(backend)
    # Seen from the front, the body's left is on the picture's right.
    plan = stage([Clip(POSES["standing"][None])], azimuth=0.0)
    from engine.render.backend import get_renderer

    frame = get_renderer(backend).frame(plan.scene(0)).astype(int)
    warm = frame[..., 0] - frame[..., 2]
    columns = np.arange(frame.shape[1])[None, :].repeat(frame.shape[0], 0)
    assert (warm > 60).sum() > 1000
    assert (warm < -60).sum() > 1000
    assert columns[warm > 60].mean() < columns[warm < -60].mean() - 20


@pytest.mark.parametrize("backend", ["software", "pyrender"])
def test_accent_tints_the_trunk_only(backend):
    _need(backend)
    base, tuned = (picture(POSES["standing"], backend, accent).astype(int)
                   for accent in ("base", "tuned"))  # fmt: skip
    changed = np.abs(base - tuned).max(axis=-1) > 12
    rows = np.flatnonzero(changed.any(axis=1))
    assert changed.sum() > 300
    assert rows.max() < 140  # nothing below the hips


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 180.0, 270.0])
def test_the_figure_is_inside_the_picture_from_every_side(azimuth):
    from engine.render.backend import get_renderer

    wide = body(left_elbow=(1, 0.3, 0), left_wrist=(1, 0.3, 0), right_elbow=(-1, 1, 0),
                right_wrist=(-0.3, 1, 0))  # fmt: skip
    for motions in ([Clip(wide[None])], [Clip(wide[None])] * 4):
        frame = get_renderer("software").frame(stage(motions, azimuth=azimuth).scene(0)).astype(int)
        view = frame[:, : frame.shape[1] // len(motions)]
        colourful = (view.max(axis=-1) - view.min(axis=-1)) > 50
        assert colourful.sum() > 500
        edges = (colourful[:4], colourful[-4:], colourful[:, :4], colourful[:, -4:])
        assert not any(edge.any() for edge in edges)


def test_shadow_is_darker_under_a_standing_than_a_jumping_body():
    from engine.render.backend import get_renderer

    darkest = []
    for height in (0.0, 0.6):
        plan = stage([Clip(np.stack([POSES["standing"] + [0, height, 0], POSES["wave"]]))])
        frame = get_renderer("software").frame(plan.scene(0)).astype(int)
        grey = frame.max(axis=-1) - frame.min(axis=-1) < 22  # floor, not figure
        darkest.append(np.percentile(frame[300:][grey[300:]].mean(axis=-1), 1))
    assert darkest[0] < darkest[1] - 8
