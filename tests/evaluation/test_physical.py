"""Physical measures on motions whose faults were put in by hand."""

import numpy as np
import pytest

from engine.errors import StudioError
from engine.evaluation import physical
from engine.motion.skeleton import JOINTS
from tests.evaluation import figures as fig
from tests.shared import SHARED, needs_shared


def test_a_still_figure_has_no_fault():
    got = physical.measure(fig.standing())
    assert set(got) == set(physical.MEASURES)
    assert all(value == pytest.approx(0, abs=1e-9) for value in got.values())


def test_skate_needs_a_low_toe_and_half_a_metre_per_second():
    assert physical.foot_skate(fig.move(fig.standing(61), metres_forward=3.0)) > 0.9
    assert physical.foot_skate(fig.move(fig.standing(61), metres_forward=1.2)) == 0.0
    high = fig.move(fig.standing(61), metres_forward=3.0) + np.array([0, 0.06, 0])
    assert physical.foot_skate(high) == 0.0
    blip = fig.standing(61)  # one fast frame is not a slide: the 5-frame mean stays low
    blip[30:, :, 2] += 0.05
    assert physical.foot_skate(blip) == 0.0
    one = fig.standing(61)
    one[:, JOINTS["left_foot"], 0] += np.linspace(0, 3, 61)
    assert physical.foot_skate(one) > 0.9


def test_penetration_in_millimetres():
    sunk = fig.standing() - [0, 0.02, 0]
    assert physical.measure(sunk)["penetration_mm"] == pytest.approx(20, abs=0.01)
    assert physical.measure(fig.standing() + np.array([0, 0.5, 0]))["penetration_max_mm"] == 0


def test_hovering_is_floating_but_free_flight_is_not():
    assert physical.float_share(fig.standing() + np.array([0, 0.2, 0])) == 1.0
    time = np.arange(16) / fig.FPS
    flight = 0.1 + 3.0 * time - 0.5 * physical.GRAVITY * time**2
    flying = fig.standing(16)
    flying[..., 1] += np.maximum(flight, 0)[:, None]
    assert physical.float_share(flying[1:12]) == 0.0


def test_jerk_of_a_cubic():
    joints = fig.standing(40)
    joints[..., 0] += ((np.arange(40) / fig.FPS) ** 3)[:, None]
    assert physical.jerk(joints) == pytest.approx(6.0, rel=1e-6)


def test_bone_drift():
    joints = fig.standing(40)
    upper = np.linalg.norm(joints[0, JOINTS["left_knee"]] - joints[0, JOINTS["left_ankle"]])
    joints[20:, [JOINTS["left_ankle"], JOINTS["left_foot"]], 1] -= 0.1 * upper
    assert physical.bone_drift(joints) == pytest.approx(0.1 / 1.05, rel=0.01)


def test_spikes_are_found_and_fast_limbs_are_not():
    joints = fig.standing(40)
    joints[20, JOINTS["right_wrist"]] += [0.2, 0, 0]
    got = physical.measure(joints)
    assert got["spikes"] == 1
    assert got["spike_mm"] == pytest.approx(200, abs=5)
    swing = fig.standing(40)
    swing[:, JOINTS["right_wrist"], 2] += 0.6 * np.sin(2 * np.pi * np.arange(40) / 14)
    assert physical.measure(swing)["spikes"] == 0


def test_summary_and_comparison():
    still, sunk = fig.standing(), fig.standing() - [0, 0.02, 0]
    got = physical.compare([sunk, still], [sunk])
    assert got["penetration_mm"]["ratio"] == pytest.approx(0.5)
    assert got["jerk"]["ratio"] is None
    with pytest.raises(StudioError):
        physical.summary([])
    with pytest.raises(StudioError):
        physical.measure(np.zeros((2, 22, 3)))


@needs_shared
@pytest.mark.parametrize("name", ["000000", "012314"])
def test_real_samples_are_within_what_real_motion_shows(name):
    joints = np.load(SHARED / "data/reference/humanml3d" / f"{name}.joints.npy")
    got = physical.measure(joints)
    assert 0.1 < got["foot_skate"] < 0.5
    assert got["bone_drift"] < 1e-4
    assert got["spikes"] == 0
    assert got["penetration_max_mm"] < 1
