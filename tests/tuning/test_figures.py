"""The documentation's figures are what the dated results say."""

from __future__ import annotations

import pytest

from benchmarks.figures import IMAGES, figures, mean_curve


@pytest.mark.parametrize(("name", "picture"), figures().items())
def test_the_committed_figure_is_drawn_from_the_results(name, picture) -> None:
    assert (IMAGES / name).read_text() == picture


def test_a_curve_is_averaged_as_far_as_all_seeds_go() -> None:
    curves = [[[0.0, 0, 0, 1.0], [2.0, 1, 8, 3.0]], [[0.0, 0, 0, 2.0]]]
    assert mean_curve(curves) == [(0.0, 1.5)]
