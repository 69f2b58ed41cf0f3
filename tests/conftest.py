"""Models for every test that generates: a tiny random one, and the shipped one where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core: threads would fight over them
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files come first, and tests that take minutes only when asked for: -m slow."""
    items.sort(key=lambda item: not item.path.is_relative_to(ROOT / "tests" / "browser"))
    if "slow" in str(config.option.markexpr):
        return
    skip = pytest.mark.skip(reason="takes long; run with: pytest -m slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a saved model with random weights; its motions mean nothing."""
    from tests.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_patched_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_model`, with a denoiser that reads two latent tokens as one."""
    from tests.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-patched", patch=2)


@pytest.fixture(scope="session")
def shipped_model() -> Path:
    """Folder of the model in checkpoints/base."""
    folder = ROOT / "checkpoints" / "base"
    if not (folder / "denoiser.safetensors").is_file():
        pytest.skip("checkpoints/base is not in this checkout")
    return folder
