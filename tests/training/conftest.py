"""One toy dataset and its corpus for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.dataset import MotionDataset
from engine.training import corpus
from tests.training.toy import toy_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> MotionDataset:
    return toy_dataset(tmp_path_factory.mktemp("toy") / "data")


@pytest.fixture(scope="session")
def corpus_folder(dataset: MotionDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "corpus"
    corpus.build(dataset.folder, folder, composed=12, pool=6, jobs=1)
    return folder
