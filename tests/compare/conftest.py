"""A tiny pipeline and two adapters that change its motions visibly."""

from __future__ import annotations

import pytest
import torch

from engine.models.adapter import attach, detach, save_adapter
from tests.tiny import load_tiny, save_tiny


@pytest.fixture(scope="session")
def pipe(tmp_path_factory):
    return load_tiny(save_tiny(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def adapters(pipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    for number, name in enumerate(("feet", "text")):
        torch.manual_seed(number)
        for value in attach(pipe.model.denoiser, rank=2, seed=number):
            torch.nn.init.normal_(value, std=0.2)
        save_adapter(pipe.model.denoiser, folder / name, {"base": {"id": "tiny"}})
        detach(pipe.model.denoiser)
    return folder / "feet", folder / "text"
