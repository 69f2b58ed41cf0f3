"""A run's state on disk: bit for bit what it was, or refused."""

from __future__ import annotations

import os

import pytest
import torch

from engine.errors import StudioError
from engine.tuning import checkpoint
from engine.tuning.learner import DivergedError, Learner
from tests.commands.test_folders_and_disks import full


def learner(seed=0):
    """Two parameters and a learner that has made three updates."""
    torch.manual_seed(seed)
    named = {"a": torch.nn.Parameter(torch.randn(3)), "b": torch.nn.Parameter(torch.randn(2, 2))}
    made = Learner(named.values(), 0.1)
    for _ in range(3):
        step(named, made)
    return named, made


def step(named, made):
    """One update on a curved loss."""
    made.update(sum(value.pow(4).sum() + value.sum() for value in named.values()))


def test_what_goes_on_from_a_state_goes_on_bit_for_bit(tmp_path):
    named, made = learner()
    path = tmp_path / "state.safetensors"
    checkpoint.save(checkpoint.take(named, made, {"passes": 3, "method": {}}), path)
    for _ in range(4):
        step(named, made)
    others, other = learner(seed=1)
    state = checkpoint.load(path)
    assert state.notes == {"passes": 3, "method": {}, "updates": 3}
    checkpoint.put(state, others, other)
    for _ in range(4):
        step(others, other)
    assert all(torch.equal(named[name], others[name]) for name in named)
    assert other.updates == made.updates == 7


def test_a_state_is_a_copy(tmp_path):
    named, made = learner()
    state = checkpoint.take(named, made, {"passes": 3})
    before = named["a"].detach().clone()
    step(named, made)
    checkpoint.put(state, named, made)
    step(named, made)
    checkpoint.put(state, named, made)
    assert torch.equal(named["a"], before)


def test_damaged_newer_and_foreign_states_are_refused(tmp_path):
    named, made = learner()
    path, state = tmp_path / "state.safetensors", checkpoint.take(named, made, {"passes": 3})
    checkpoint.save(state, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StudioError, match="is damaged"):
        checkpoint.load(path)
    path.write_bytes(whole.replace(b'"version":"1"', b'"version":"2"'))
    with pytest.raises(StudioError, match="is of version 2"):
        checkpoint.load(path)
    with pytest.raises(StudioError, match="is damaged"):
        checkpoint.load(tmp_path / "none")
    other = {"a": torch.nn.Parameter(torch.zeros(4))}
    with pytest.raises(StudioError, match="belongs to another run"):
        checkpoint.put(state, other, Learner(other.values(), 0.1))


def test_a_full_disk_leaves_the_state_before(tmp_path, monkeypatch):
    named, made = learner()
    path = tmp_path / "state.safetensors"
    checkpoint.save(checkpoint.take(named, made, {"passes": 3}), path)
    before = path.read_bytes()
    step(named, made)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StudioError, match="The disk is full"):
        checkpoint.save(checkpoint.take(named, made, {"passes": 4}), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_gradient_that_is_no_number_changes_nothing():
    named, made = learner()
    before = named["a"].detach().clone()
    with pytest.raises(DivergedError):
        made.update(named["a"].sum() * float("nan"))
    assert torch.equal(named["a"], before)
    assert made.updates == 3
