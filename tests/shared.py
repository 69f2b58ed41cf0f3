"""Where tests find the shared research data, and the marker that skips them without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("EASYTUNE_SHARED", Path(__file__).resolve().parents[1].parent / "shared")
)
needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="needs the shared data folder (EASYTUNE_SHARED)"
)
