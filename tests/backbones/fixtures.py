"""Small runs of the original classes: weights, inputs and outputs, where they are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.backbones.names import OURS_ALONE, published_name
from engine.files import read_json
from tests.shared import SHARED

FOLDER = SHARED / "fixtures"
needs_fixtures = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs the parity fixtures (EASYTUNE_SHARED)"
)


@dataclass(frozen=True)
class Fixture:
    """One original class: its sizes, tensors and what it made of them."""

    name: str
    sizes: dict[str, Any]
    config: dict[str, Any]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @classmethod
    def read(cls, name: str) -> Fixture:
        config = read_json(FOLDER / f"{name}.config.json")
        with np.load(FOLDER / f"{name}.io.npz") as archive:
            arrays = {key: torch.from_numpy(archive[key]) for key in archive.files}
        inputs, outputs = (
            {key.removeprefix(part): v for key, v in arrays.items() if key.startswith(part)}
            for part in ("in.", "out.")
        )
        return cls(name, config["constructor"], config, inputs, outputs)

    def load(self, module: nn.Module, ignored: tuple[str, ...] = ()) -> None:
        """Load the original's weights strictly: every one of them, and nothing is left out."""
        weights = load_file(FOLDER / f"{self.name}.weights.safetensors")
        own = module.state_dict()
        wanted = {name: published_name(name) for name in own if name not in OURS_ALONE}
        assert set(weights) - set(ignored) == set(wanted.values())
        state = {name: weights[theirs] for name, theirs in wanted.items()}
        statistics = {name: own[name] for name in OURS_ALONE if name in own}
        module.load_state_dict({**state, **statistics})
        module.eval().requires_grad_(False)

    def close(self, name: str, value: Tensor) -> None:
        """The output `name` within the fixture's tolerance for a module's output."""
        expected, allowed = self.outputs[name], self.config["tolerance"]
        assert value.shape == expected.shape, (name, value.shape, expected.shape)
        gap = (value - expected).abs() - allowed["rtol"] * expected.abs()
        assert float(gap.max()) <= allowed["atol"], f"{name}: {float(gap.max()):.2e}"

    def close_steps(self, name: str, values: list[Tensor]) -> None:
        """A trajectory: each step within 1e-4 of its own largest value."""
        expected = self.outputs[name]
        assert len(values) == len(expected)
        for step, (value, wanted) in enumerate(zip(values, expected, strict=True)):
            assert value.shape == wanted.shape
            worst = float((value - wanted).abs().max() / wanted.abs().max())
            assert worst <= 1e-4, f"{name}, step {step}: {worst:.2e}"
