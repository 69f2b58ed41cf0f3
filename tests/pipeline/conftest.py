"""Loaded tiny pipelines, shared by the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.pipeline import MotionPipeline
from tests.tiny import load_tiny


@pytest.fixture(scope="session")
def pipeline(tiny_model: Path) -> MotionPipeline:
    """The tiny model; nobody changes its weights."""
    return load_tiny(tiny_model)


@pytest.fixture(scope="session", params=[1, 2], ids=["patch1", "patch2"])
def either(
    request: pytest.FixtureRequest, tiny_model: Path, tiny_patched_model: Path
) -> MotionPipeline:
    """Both kinds of denoiser in turn."""
    return load_tiny(tiny_model if request.param == 1 else tiny_patched_model)
