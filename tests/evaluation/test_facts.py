"""Facts read back what was put into constructed motions."""

import inspect

import numpy as np
import pytest

from engine.errors import StudioError
from engine.evaluation import facts
from engine.evaluation.body import Body, runs, swings
from engine.evaluation.facts import FACTS, Check, fact, parse_check, passes
from engine.motion.skeleton import JOINTS, MIRROR
from tests.evaluation import figures as fig


def mirrored(joints):
    return joints[:, list(MIRROR)] * np.array([-1.0, 1.0, 1.0])


def test_raised_hand_is_the_right_one():
    joints = fig.place_arm(fig.standing(), "right", (0, 1, 0))
    assert fact("right_hand_up", joints) > 0.15 > fact("left_hand_up", joints)
    assert fact("right_hand_lead", joints) > 0.5
    assert fact("right_hand_lead", mirrored(joints)) < -0.5
    assert fact("both_hands_up", joints) < 0
    assert fact("both_hands_up", fig.place_arm(joints, "left", (0, 1, 0))) > 0.15


def test_waves_are_counted_only_when_the_hand_is_raised():
    frames = 100
    angle = 0.5 * np.sin(2 * np.pi * 1.0 * np.arange(frames) / fig.FPS)
    up = np.stack([np.sin(angle), np.cos(angle), 0 * angle], axis=-1)
    waving = fig.place_arm(fig.standing(frames), "left", up)
    assert 4.0 <= fact("left_waves", waving) <= 5.0
    assert fact("right_waves", waving) == 0
    hanging = fig.place_arm(fig.standing(frames), "left", up * [1, -1, 1])
    assert fact("left_waves", hanging) == 0
    assert fact("right_hand_share", waving) < 0.05


def test_travel_is_read_in_the_walkers_own_frame():
    ahead = fig.walk(speed=1.0)
    assert fact("forward", ahead) == pytest.approx(4.0, abs=0.1)
    assert fact("speed", ahead) == pytest.approx(1.0, abs=0.05)
    backward = fig.move(fig.standing(), metres_forward=-3.0)
    assert fact("forward", backward) == pytest.approx(-3.0, abs=0.1)
    assert abs(fact("heading", backward)) == pytest.approx(180, abs=1)
    diagonal = fig.move(fig.standing(), metres_left=2.0, metres_forward=2.0)
    assert fact("heading", diagonal) == pytest.approx(45, abs=1)
    assert fact("heading", mirrored(diagonal)) == pytest.approx(-45, abs=1)
    assert fact("roam", fig.standing()) < 1e-9


def test_travel_does_not_depend_on_where_the_world_points():
    joints = fig.rotate(fig.move(fig.standing(), metres_left=1.0, metres_forward=2.0), 130)
    assert fact("forward", joints) == pytest.approx(2.0, abs=0.05)
    assert fact("leftward", joints) == pytest.approx(1.0, abs=0.05)
    assert fact("ahead", joints) == pytest.approx(2.0, abs=0.05)
    assert fact("aside", joints) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("degrees", [90, -90, 400, -300])
def test_turn_is_signed_and_unwrapped(degrees):
    joints = fig.rotate(fig.standing(100), np.linspace(0, degrees, 100))
    assert fact("turn", joints) == pytest.approx(degrees, rel=0.08)
    assert fact("turn_total", joints) == pytest.approx(abs(degrees), rel=0.08)
    assert np.sign(fact("turn_peak", joints)) == np.sign(degrees)


def test_steps_and_cadence():
    joints = fig.walk(frames=100, cadence=2.0)
    assert 8 <= fact("steps", joints) <= 11
    assert fact("steps", fig.standing()) == 0


def test_bow_and_lean():
    degrees = 60 * np.sin(np.linspace(0, np.pi, 60)) ** 2
    bow = fig.pitch(fig.standing(), degrees)
    assert fact("bend", bow) == pytest.approx(60, abs=4)
    assert fact("lean_max", bow) == pytest.approx(60, abs=4)
    assert fact("lean", fig.pitch(fig.standing(), 20)) == pytest.approx(20, abs=3)
    assert fact("bend", fig.pitch(fig.standing(), 20)) == pytest.approx(0, abs=1)
    assert fact("lean", fig.pitch(fig.standing(), -20)) == pytest.approx(-20, abs=3)


def test_jumps_are_counted_when_everything_leaves_the_floor():
    frames = 80
    lift = np.maximum(0, np.sin(2 * np.pi * np.arange(frames) / 40)) * 0.4
    jumping = fig.standing(frames) + np.stack([0 * lift, lift, 0 * lift], -1)[:, None]
    assert fact("jumps", jumping) == 2
    assert fact("jump", jumping) == pytest.approx(0.4, abs=0.03)
    one_leg = fig.standing(frames)
    one_leg[:, [JOINTS["left_ankle"], JOINTS["left_foot"]], 1] += lift[:, None]
    assert fact("jumps", one_leg) == 0
    assert fact("left_foot_up", one_leg) == pytest.approx(0.4, abs=0.05)
    assert fact("right_foot_lead", one_leg) == pytest.approx(-0.4, abs=0.05)


def test_squat_depth_and_count():
    frames = 80
    sink = 0.45 * (1 - np.cos(2 * np.pi * np.arange(frames) / 40)) / 2
    joints = fig.standing(frames)
    feet = [JOINTS[n] for n in ("left_ankle", "right_ankle", "left_foot", "right_foot")]
    upper = [j for j in range(22) if j not in feet]
    joints[:, upper, 1] -= sink[:, None]
    assert fact("squats", joints) == 2
    assert fact("root_low", joints) < 0.55


def test_arm_circles_have_a_direction():
    frames = 60
    turns = np.linspace(0, 2 * 2 * np.pi, frames)  # from hanging, forward and up first
    direction = np.stack([0.1 + 0 * turns, -np.cos(turns), np.sin(turns)], -1)
    joints = fig.standing(frames)
    for side in ("left", "right"):
        joints = fig.place_arm(joints, side, direction)
    assert fact("arm_circles_back", joints) == pytest.approx(2.0, abs=0.1)
    assert fact("arm_circles_forward", joints[::-1]) == pytest.approx(2.0, abs=0.1)
    assert fact("arm_circles_forward", joints) < 0.2


def test_lying_is_lying_and_face_up():
    lying = fig.standing()
    flat = lying.copy()
    flat[..., 1], flat[..., 2] = 0.1 + lying[..., 2], -lying[..., 1]
    assert fact("lying_end", flat) == 1.0
    assert fact("face_up_end", flat) == pytest.approx(1.0, abs=0.05)
    assert fact("lying_share", lying) == 0.0


def test_facts_are_documented_and_finite_on_every_figure():
    figures = [fig.standing(), fig.walk(), fig.standing(20), fig.pitch(fig.walk(), 30)]
    for name, function in FACTS.items():
        assert len(inspect.getdoc(function)) > 20, name
        for joints in figures:
            assert np.isfinite(function(Body(joints))), name
    assert set(facts.describe()) == set(facts.all_facts(fig.standing()))


def test_checks_parse_and_decide():
    walk = fig.walk(speed=1.0)
    assert passes(walk, [parse_check(["forward", ">", 2]), parse_check(["turn", "<", 20])])
    assert not passes(walk, [parse_check(["forward", "between", [0, 2]])])
    late = parse_check(["forward", ">", 1.5, {"start": 2.0}])
    assert late == Check("forward", ">", 1.5, 2.0, None)
    assert late.value(Body(walk)) == pytest.approx(2.0, abs=0.15)
    assert not late.holds(float("nan"))


@pytest.mark.parametrize(
    "bad", [["nonsense", ">", 1], ["turn", "~", 1], ["turn", ">"], ["turn", ">", [1, 2]],
            ["turn", "between", 3], "turn", ["turn", "between", [1, 2, 3]], ["turn", ">", "high"]]
)  # fmt: skip
def test_bad_checks_say_what_is_wrong(bad):
    with pytest.raises(StudioError):
        parse_check(bad)


@pytest.mark.parametrize("shape", [(3, 22, 3), (10, 21, 3), (10, 66)])
def test_bad_motions_are_refused(shape):
    with pytest.raises(StudioError):
        Body(np.zeros(shape))
    with pytest.raises(StudioError):
        Body(np.full((10, 22, 3), np.nan))
    with pytest.raises(StudioError):
        fact("no-such-fact", fig.standing())


def test_helpers():
    assert swings(np.array([0, 1, 0, 1, 0.0]), 0.5) == 4
    assert swings(np.array([0, 0.2, 0.1, 0.3, 0.0]), 0.5) == 0
    assert swings(np.array([5.0]), 1) == 0
    assert runs(np.array([0, 1, 1, 0, 1], bool)) == [(1, 3), (4, 5)]
    assert runs(np.array([0, 1, 1, 0, 1], bool), shortest=2) == [(1, 3)]
