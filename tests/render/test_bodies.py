"""Skinned bodies in pictures: both renderers, the three looks, left and right."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import StudioError
from engine.render.backend import get_renderer, probe
from engine.render.scene import draw_background
from engine.render.video import stage
from tests.render.look import similarity
from tests.render.poses import POSES, Clip


def picture(look: str, backend: str, azimuth: float = 0.0, pose: str = "stride") -> np.ndarray:
    plan = stage([Clip(POSES[pose][None])], look=look, azimuth=azimuth)
    return get_renderer(backend).frame(plan.scene(0))


def body_pixels(look: str, azimuth: float = 0.0) -> np.ndarray:
    """Which pixels of a software picture are not background."""
    plan = stage([Clip(POSES["stride"][None])], look=look, azimuth=azimuth)
    scene = plan.scene(0)
    frame = get_renderer("software").frame(scene).astype(int)
    return np.abs(frame - draw_background(scene.views[0])).max(axis=-1) > 12


@pytest.mark.parametrize("look", ["body", "both"])
def test_renderers_draw_the_same_body(look):
    if probe()["active"] != "pyrender":
        pytest.skip(f"OpenGL does not work here: {probe()['reason']}")
    assert similarity(picture(look, "software"), picture(look, "pyrender")) > 0.97


def test_the_body_stands_where_the_figure_stands():
    body, figure = body_pixels("body"), body_pixels("skeleton")
    assert (body & figure).sum() / (body | figure).sum() > 0.72


def test_left_glove_is_blue_and_right_is_orange():
    frame = picture("body", "software", pose="standing").astype(int)
    warm = frame[..., 0] - frame[..., 2]
    columns = np.arange(frame.shape[1])[None, :].repeat(frame.shape[0], 0)
    assert (warm > 60).sum() > 200
    assert (warm < -60).sum() > 200
    assert columns[warm > 60].mean() < columns[warm < -60].mean() - 20


def test_a_skeleton_shows_through_the_body():
    both, body = picture("both", "software").astype(int), picture("body", "software").astype(int)
    inside = body_pixels("body")
    assert np.abs(both - body).max(axis=-1)[inside].mean() > 20
    # The floor behind shines through, so the body is lighter on the whole.
    assert both[inside].mean() > body[inside].mean() + 15


def test_unknown_looks_are_refused():
    with pytest.raises(StudioError, match="skeleton, body, both"):
        stage([Clip(POSES["wave"][None])], look="flesh")
