"""Serves the real page with a fake engine."""

from __future__ import annotations

from typing import Any

from app.page import launch
from app.settings import Settings
from tests.app.fake_engine import FakeEngine


def serve(port: int, options: dict[str, Any]) -> None:
    """Serve until SIGTERM; `options` are those of FakeEngine, `failure` as a text."""
    if "failure" in options:
        options = {**options, "failure": RuntimeError(options["failure"])}
    launch(FakeEngine(**options), Settings(port=port))
