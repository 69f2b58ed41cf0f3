"""A run's state in one safetensors file: whole or absent, and enough to go on bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import StudioError
from engine.models import state as states
from engine.models.state import State
from engine.tuning.learner import Learner

FORMAT = "easytune-checkpoint"
STATE, GOOD = "checkpoint/state.safetensors", "checkpoint/good.safetensors"


def take(parameters: Mapping[str, nn.Parameter], learner: Learner, notes: dict[str, Any]) -> State:
    """A copy of the tuned parameters and of the optimiser."""
    tensors: dict[str, Tensor] = {}
    for name, value in parameters.items():
        tensors[f"weight/{name}"] = value
        for part, moment in learner.optimizer.state.get(value, {}).items():
            tensors[f"optimizer/{part}/{name}"] = torch.as_tensor(moment)
    copies = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    return State(copies, {**notes, "updates": learner.updates})


@torch.no_grad()
def put(state: State, parameters: Mapping[str, nn.Parameter], learner: Learner) -> None:
    """Set parameters and optimiser to a state; StudioError where it is of another run."""
    weights = {n.removeprefix("weight/"): t.shape for n, t in state.tensors.items()
               if n.startswith("weight/")}  # fmt: skip
    if weights != {name: value.shape for name, value in parameters.items()}:
        raise StudioError("The checkpoint belongs to another run: its tensors differ.")
    learner.optimizer.zero_grad(set_to_none=True)
    learner.optimizer.state.clear()
    for name, value in parameters.items():
        value.data.copy_(state.tensors[f"weight/{name}"])
        moments = {
            part: state.tensors[f"optimizer/{part}/{name}"].clone()
            for part in ("step", "exp_avg", "exp_avg_sq")
            if f"optimizer/{part}/{name}" in state.tensors
        }
        if moments:
            # AdamW counts steps on the CPU unless fused; moments lie where the parameter does.
            learner.optimizer.state[value] = {
                part: moment if part == "step" and not learner.fused else moment.to(value)
                for part, moment in moments.items()
            }
    learner.updates = int(state.notes["updates"])


def save(state: State, path: Path) -> None:
    """Write a state; StudioError when the disk is full, and then the file before stays."""
    states.save(state, path, FORMAT)


def load(path: Path) -> State:
    """Read a state; StudioError when it is damaged or from a newer version."""
    return states.load(path, FORMAT)
