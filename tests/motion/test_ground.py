"""Slow rises go, jumps and climbs stay."""

from __future__ import annotations

import numpy as np
import pytest

from engine.motion.ground import CLIMB, settle
from tests.motion.bodies import walk


def support(joints: np.ndarray) -> np.ndarray:
    return joints[..., 1].min(axis=1)


def risen(rise: float) -> np.ndarray:
    joints = walk(120).astype(np.float64)
    joints[..., 1] += np.linspace(0.0, rise, 120)[:, None]
    return joints


@pytest.mark.parametrize("rise", [0.05, 0.12, 0.2])
def test_a_walk_up_a_tilted_floor_comes_down(rise):
    level = support(settle(risen(0.0)))
    assert np.abs(support(settle(risen(rise))) - level).max() < 0.02
    assert support(settle(risen(rise))).min() > -1e-6


def test_a_level_motion_stays_as_it_is():
    joints = walk(120)
    assert settle(joints) is joints


def test_whoever_climbs_stays_up():
    joints = risen(CLIMB + 0.3)
    assert settle(joints) is joints


def test_a_jump_stays_a_jump():
    joints = walk(120).astype(np.float64)
    flight = np.zeros(120)
    flight[50:64] = 0.4 * np.sin(np.linspace(0, np.pi, 14))
    joints[..., 1] += flight[:, None]
    assert np.abs(settle(joints) - joints).max() < 0.01


def test_only_heights_change():
    joints = risen(0.15)
    assert np.array_equal(settle(joints)[..., [0, 2]], joints[..., [0, 2]])
