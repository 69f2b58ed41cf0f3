"""The player's own tests, and that the committed bundle is what its source builds to."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from app.settings import BUNDLES

VIEWER = BUNDLES.parent
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


@needs_node
def test_player_parts_in_node():
    tests = sorted(str(path) for path in (VIEWER / "test").glob("*.test.js"))
    done = subprocess.run(
        ["node", "--test", *tests], cwd=VIEWER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
@pytest.mark.skipif(not (VIEWER / "node_modules").is_dir(), reason="needs npm ci in assets/viewer")
def test_bundles_are_built_from_this_source(tmp_path):
    copy = tmp_path / "viewer"
    shutil.copytree(VIEWER, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (copy / "node_modules").symlink_to(VIEWER / "node_modules")
    subprocess.run(["node", "build.mjs"], cwd=copy, check=True, capture_output=True)
    for name in ("player.js", "widgets.js"):
        assert (copy / "dist" / name).read_bytes() == (BUNDLES / name).read_bytes(), name


def test_bundles_reach_for_nothing_outside():
    for path in BUNDLES.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in ("unpkg.com", "jsdelivr", "cdnjs", "googleapis", "importScripts("):
            assert word not in text, f"{path.name} mentions {word}"
