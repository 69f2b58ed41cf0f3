"""Physics terms: gradients, bounds, faults that score lower, and that raising a term helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.diffusion.model import MotionModel
from engine.evaluation import physical
from engine.evaluation.body import Body
from engine.evaluation.facts import FACTS
from engine.motion.features import features_to_joints, joints_to_features
from engine.motion.kinematics import to_skeleton
from engine.motion.skeleton import JOINTS, MIRROR
from engine.tuning.rewards import physics
from tests.motion.bodies import stand, walk, wave
from tests.shared import SHARED, needs_shared

BASE = Path(__file__).parents[2] / "checkpoints" / "base"
TERMS = ("feet", "floor", "smooth", "faster", "slower", "straight", "side")
LOWEST = {"faster": 0.0, "side": -1.0}
RAISE, PUNCH = "a person raises the right hand", "a punch with the left hand"


def score(name: str, joints: np.ndarray | Tensor, text: str = RAISE, frames: int = 0) -> Tensor:
    """One term of one motion [T, 22, 3], of its first `frames` where given."""
    points = torch.as_tensor(joints)[None]
    mask = torch.arange(points.shape[1])[None] < (frames or points.shape[1])
    words = ([text],) if name in ("straight", "side") else ()
    return getattr(physics, name)(points, mask, *words)[0]


def shaken(joints: np.ndarray, size: float = 0.01, seed: int = 0) -> np.ndarray:
    return joints + size * np.random.default_rng(seed).standard_normal(joints.shape)


def moved(joints: np.ndarray, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """The same with a velocity x, z in m/s, and y metres higher."""
    time = np.arange(len(joints))[:, None] / 20
    return joints + np.concatenate((x * time, np.full_like(time, y), z * time), axis=1)[:, None]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, RAISE) for name in TERMS),
        *(("side", text) for text in (PUNCH, "both hands up", "clap with both hands")),
    ],
)
def test_gradients_are_those_of_finite_differences(name, text):
    joints = torch.from_numpy(shaken(moved(wave(14), 0.6, -0.012), 0.004)).requires_grad_()
    mask = torch.arange(14)[None] < 12
    given = {  # what passes no gradient stays as it is
        "feet": physics.planted_toes(joints[None]),
        "smooth": physics.mean_pace(joints[None], mask),
    }

    def of(points: Tensor) -> Tensor:
        if name in given:
            return getattr(physics, name)(points[None], mask, given[name])[0]
        return score(name, points, text, 12)

    assert of(joints).abs() > 1e-3
    assert torch.autograd.gradcheck(of, (joints,), eps=1e-6, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("size", [0.0, 0.02, 3.0])
def test_scores_are_bounded_and_their_gradients_finite(name, size):
    joints = torch.from_numpy(shaken(stand(24), size)).requires_grad_()
    value = score(name, joints)
    value.backward()
    assert LOWEST.get(name, -1.0) <= value.item() <= 1.0
    assert torch.isfinite(joints.grad).all()


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("frames", [21, 24, 37])
def test_padding_never_counts(name, frames):
    joints = torch.from_numpy(shaken(moved(wave(40), 0.4, 0.07)))
    alone = score(name, joints[:frames])
    joints[frames:] = 50.0
    joints.requires_grad_()
    together = score(name, joints, RAISE, frames)
    together.backward()
    assert torch.allclose(alone, together, rtol=0, atol=1e-12)
    assert not joints.grad[frames:].any()


def jump(frames: int = 24) -> np.ndarray:
    """A body that flies like a stone thrown up: half a metre, 0.64 s."""
    time = np.arange(frames) / 20 - 0.4
    height = np.clip(0.5 - 4.9 * (time - 0.32) ** 2, 0.0, None)
    return stand(frames) + height[:, None, None] * np.array([0.0, 1.0, 0.0])


def zigzag() -> np.ndarray:
    joints = moved(stand(), z=1.0)
    joints[..., 0] += 0.5 * np.sin(np.arange(60) / 6)[:, None]
    return joints


def washed_out() -> np.ndarray:
    """One slow sway, with far less jerk than any living body has for its acceleration."""
    joints = stand()
    joints[..., 2] += 2.0 * np.sin(np.arange(60) / 15)[:, None]
    return joints


def wobbling() -> np.ndarray:
    """A body at rest that wobbles: 3 Hz, 2 cm, smooth enough for its own acceleration."""
    joints = wave()
    joints[..., 0] += 0.02 * np.sin(2 * np.pi * 3 * np.arange(60) / 20)[:, None]
    return joints


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("feet", wave(), moved(stand(), x=1.0)),
        ("feet", stand(), walk()),  # the made-up walker slides on both feet
        ("feet", moved(stand(), y=0.3, x=1.0), moved(stand(), x=1.0)),
        ("floor", wave(), moved(wave(), y=-0.03)),
        ("floor", moved(wave(), y=-0.01), moved(wave(), y=-0.05)),
        ("floor", wave(), moved(wave(), y=0.15)),
        ("floor", jump(), moved(stand(24), y=0.25)),
        ("smooth", wave(), shaken(wave(), 0.004)),
        ("smooth", wave(), washed_out()),
        ("smooth", wave(), wobbling()),
        ("faster", moved(stand(), z=1.5), moved(stand(), z=0.7)),
        ("slower", moved(stand(), z=0.7), moved(stand(), z=1.5)),
        ("straight", moved(stand(), z=1.0), zigzag()),
        ("straight", moved(stand(), x=-1.0), walk(turn=1.5)),
        ("side", wave(side="right"), wave(side="left")),
    ],
)
def test_planted_faults_score_lower(name, better, worse):
    assert float(score(name, better)) > float(score(name, worse)) + 0.1


def test_what_is_no_fault_costs_nothing():
    for name in ("feet", "floor", "smooth", "slower"):
        assert float(score(name, stand())) == pytest.approx(0.0, abs=1e-6)
    assert float(score("slower", moved(stand(), z=0.39))) == pytest.approx(0.0, abs=1e-6)
    assert float(score("straight", walk(turn=1.5), "walk and turn left")) == 0.0
    assert float(score("side", wave(), "a person walks")) == 0.0


def test_there_is_nothing_to_gain_where_a_reward_could_be_tricked():
    assert float(score("faster", shaken(stand(), 0.05))) < 0.05  # trembling is no travel
    sprint, beyond = (float(score("faster", moved(stand(), z=z))) for z in (4.0, 9.0))
    assert sprint == pytest.approx(beyond)
    assert float(score("smooth", stand())) <= 0  # no better than to move like a real body
    joints = torch.from_numpy(moved(stand(), x=1.0)).requires_grad_()
    score("feet", joints).backward()
    assert not joints.grad[..., 1].any()  # no lifting of feet
    joints = torch.from_numpy(moved(stand(24), y=0.2)).requires_grad_()
    score("floor", joints).backward()
    assert not joints.grad[:, JOINTS["pelvis"]].any()  # no falling


@pytest.mark.parametrize("text", [RAISE, PUNCH])
def test_a_mirrored_body_does_what_the_other_side_is_asked_for(text):
    other = text.replace("right", "?").replace("left", "right").replace("?", "left")
    body = wave(side="right")
    mirrored = body[:, MIRROR] * np.array([-1.0, 1.0, 1.0])
    assert abs(float(score("side", body, text))) > 0.5
    assert torch.allclose(score("side", body, text), score("side", mirrored, other))
    assert torch.allclose(score("side", body, text), -score("side", mirrored, text))


def test_both_hands_need_both():
    left, right = wave(side="left"), wave(side="right")
    both = left.copy()
    arm = [JOINTS[f"right_{part}"] for part in ("elbow", "wrist")]
    both[:, arm] = right[:, arm]
    for text in ("raise both hands", "clap with both hands"):
        assert float(score("side", both, text)) > float(score("side", left, text)) + 0.3


def test_free_flight_is_found_up_to_the_ends():
    height = jump()[:, 0, 1] - stand()[0, 0, 1]
    joints = torch.from_numpy(jump())[None]
    flying = physics.in_flight(joints, torch.ones(1, 24).bool())[0]
    assert flying[height > 0.2].all()
    assert not flying[:5].any()
    cut = torch.ones(1, 24).bool()
    cut[:, 14:] = False  # ends in the air
    assert physics.in_flight(joints, cut)[0, 10:14].all()


@needs_shared
@pytest.mark.parametrize("clip", ["000000", "012314"])
def test_real_motion_scores_well(clip):
    joints = np.load(SHARED / "data" / "reference" / "humanml3d" / f"{clip}.joints.npy")
    for name, least in {"feet": -0.2, "floor": -0.1, "smooth": -0.3}.items():
        assert float(score(name, joints)) > least, name


Measure = Callable[[np.ndarray], float]
PROBLEMS: dict[str, tuple[np.ndarray, str, Measure]] = {
    "feet": (moved(wave(), x=0.8), RAISE, lambda j: -physical.foot_skate(j)),
    "sunk": (moved(wave(), y=-0.04), RAISE, lambda j: -physical.measure(j)["penetration_mm"]),
    "hovering": (moved(wave(), y=0.12), RAISE, lambda j: -physical.float_share(j)),
    "smooth": (shaken(wave(), 0.02), RAISE, lambda j: -physical.jerk(j)),
    "faster": (moved(stand(), z=0.8), RAISE, lambda j: FACTS["speed"](Body(j))),
    "slower": (moved(stand(), z=1.8), RAISE, lambda j: -FACTS["speed"](Body(j))),
    "straight": (walk(turn=0.8), RAISE, lambda j: FACTS["distance"](Body(j))),
    "side": (wave(side="left"), RAISE, lambda j: FACTS["right_hand_lead"](Body(j))),
}


@pytest.fixture(scope="module")
def base() -> MotionModel:
    return MotionModel.from_pretrained(BASE)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_raising_a_term_over_latents_improves_the_measure_of_the_evaluation(problem, base):
    """As tuning does, through the shipped VAE; judged by code that shares nothing with the term."""
    start, text, measure = PROBLEMS[problem]
    name = problem if problem in TERMS else "floor"
    features = torch.from_numpy(joints_to_features(start)).float()[None, :56]
    latents = base.vae.encode(features).detach().requires_grad_()
    climber = torch.optim.Adam([latents], lr=0.05)

    def decoded() -> Tensor:
        return to_skeleton(features_to_joints(base.vae.decode(latents)))[0]

    before, first = measure(decoded().detach().numpy()), score(name, decoded(), text).item()
    for _ in range(25):
        climber.zero_grad()
        (-score(name, decoded(), text)).backward()
        climber.step()
    assert score(name, decoded(), text).item() > first
    assert measure(decoded().detach().numpy()) > before
