"""Motions and votes for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.motion.motion import Motion
from engine.preference.records import Pair, Vote
from engine.preference.store import Store
from tests.motion.bodies import walk


def motion(number: int, frames: int = 40, prompt: str = "a person walks") -> Motion:
    """A walk whose speed is its number."""
    joints = walk(frames, 0.5 + 0.1 * number, phase=number).astype(np.float32)
    return Motion(joints, prompt, number, f"model-{number}")


def open_store(folder: Path) -> Store:
    return Store.open(folder / "votes.sqlite")


def add_pair(store: Store, first: int, second: int, prompt: str = "a person walks") -> Pair:
    a, b = (store.add_motion(motion(number, prompt=prompt)) for number in (first, second))
    return Pair(prompt, a, b, "seeds", f"seed {first}", f"seed {second}")


def fill(store: Store, votes: int = 4) -> list[Vote]:
    """Votes of every kind."""
    choices = ("left", "right", "tie", "bad")
    made = [
        Vote(add_pair(store, 2 * k, 2 * k + 1), choices[k % 4], f"voter-{k % 2}", k % 3 == 0,
             reasons=("feet slide",) if k % 2 else (), key=f"key-{k}", created=100.0 + k)
        for k in range(votes)
    ]  # fmt: skip
    store.add(made)
    return made
