"""The target skeleton, forward kinematics, and the last clean-up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StudioError
from engine.motion.kinematics import (
    bone_directions,
    bone_lengths,
    finish,
    forward_kinematics,
    to_skeleton,
)
from engine.motion.rotation import euler_to_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINTS, N_JOINTS, PARENTS
from engine.motion.spikes import find_spikes, remove_spikes
from tests.motion.bodies import settle, stand, walk, wave
from tests.shared import SHARED, needs_shared

FEET = [7, 8, 10, 11]
CLEAN = {"stand": stand(40), "walk": walk(80), "curve": walk(196, turn=0.5), "wave": wave(60)}


def noisy(joints: np.ndarray, size: float, seed: int = 0) -> np.ndarray:
    return joints + np.random.default_rng(seed).normal(size=joints.shape) * size


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 0.1), st.integers(1, 60))
def test_bones_become_the_targets(seed, size, frames):
    joints = noisy(walk(frames), size, seed)
    placed = to_skeleton(joints)
    np.testing.assert_allclose(bone_lengths(placed), np.tile(BONE_LENGTHS, (frames, 1)), atol=1e-9)
    np.testing.assert_array_equal(placed[:, 0], joints[:, 0])
    np.testing.assert_allclose(bone_directions(placed), bone_directions(joints), atol=1e-9)
    np.testing.assert_allclose(to_skeleton(placed), placed, atol=1e-12)


def test_torch_gives_the_same_skeleton():
    joints = noisy(walk(30), 0.05).reshape(2, 15, 22, 3)
    placed = to_skeleton(torch.from_numpy(joints))
    np.testing.assert_allclose(placed.numpy(), to_skeleton(joints), atol=1e-12)
    assert to_skeleton(torch.from_numpy(joints).float()).dtype == torch.float32


def test_skeleton_is_differentiable():
    joints = torch.from_numpy(noisy(walk(2), 0.02)).requires_grad_()
    assert torch.autograd.gradcheck(to_skeleton, (joints,))


def test_bones_without_length_are_safe():
    joints = torch.zeros(3, 22, 3, requires_grad=True)
    placed = to_skeleton(joints)
    placed.square().sum().backward()
    assert torch.isfinite(joints.grad).all()
    expected = np.tile(BONE_LENGTHS, (3, 1))
    np.testing.assert_allclose(bone_lengths(placed.detach().numpy()), expected, atol=1e-6)
    np.testing.assert_allclose(bone_lengths(to_skeleton(np.zeros((3, 22, 3)))), expected)


def test_forward_kinematics_of_a_bent_chain():
    rotations = np.stack([euler_to_matrix(np.radians([angle]), "Z") for angle in (90, -90, 45)])
    offsets = np.array([[0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]])
    places, world = forward_kinematics(rotations, offsets, (-1, 0, 1))
    np.testing.assert_allclose(places, [[0, 0, 0], [0, 1, 0], [2, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(world[2], euler_to_matrix(np.radians([45.0]), "Z"), atol=1e-12)


def test_forward_kinematics_batches_and_torch():
    angles = np.random.default_rng(0).uniform(-1, 1, size=(4, 7, N_JOINTS, 3))
    rotations, root = euler_to_matrix(angles, "XYZ"), angles[..., 0, :]
    offsets = stand(20)[0] - stand(20)[0][[max(parent, 0) for parent in PARENTS]]
    places, world = forward_kinematics(rotations, offsets, PARENTS, root)
    assert places.shape == (4, 7, N_JOINTS, 3)
    np.testing.assert_allclose(bone_lengths(places), np.broadcast_to(BONE_LENGTHS, (4, 7, 22)))
    tensors = [torch.from_numpy(value) for value in (rotations, offsets)]
    torch_places, torch_world = forward_kinematics(*tensors, PARENTS, torch.from_numpy(root))
    np.testing.assert_allclose(torch_places.numpy(), places, atol=1e-12)
    np.testing.assert_allclose(torch_world.numpy(), world, atol=1e-12)


@pytest.mark.parametrize("name", CLEAN)
def test_finish_leaves_clean_motion_alone(name):
    assert finish(CLEAN[name]).dtype == np.float32
    np.testing.assert_allclose(finish(CLEAN[name]), CLEAN[name], atol=2e-6)


@needs_shared
@pytest.mark.parametrize("name", ["012314", "000000"])
def test_finish_leaves_real_motion_alone(name):
    joints = np.load(SHARED / "data" / "reference" / "humanml3d" / f"{name}.joints.npy")
    np.testing.assert_allclose(finish(joints), joints, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 0.02), st.floats(-0.25, 0.1))
def test_finish_keeps_its_promises(seed, size, height):
    rng = np.random.default_rng(seed)
    joints = noisy(walk(60, turn=0.3), size, seed)
    joints[..., 1] += height
    for _ in range(4):
        joints[rng.integers(60), rng.integers(22)] += rng.normal(size=3) * 0.3
    done = finish(joints)
    lengths = bone_lengths(done)[:, 1:]
    assert (np.abs(lengths / BONE_LENGTHS[1:] - 1) < 1e-4).all()
    assert done[:, FEET, 1].min() >= -0.03
    out, back = np.diff(done, axis=0)[:-1], np.diff(done, axis=0)[1:]
    leap = np.minimum(np.linalg.norm(out, axis=-1), np.linalg.norm(back, axis=-1))
    assert leap[np.linalg.norm(out + back, axis=-1) < 0.5 * leap].max(initial=0.0) < 0.2


def test_finish_keeps_the_path():
    joints = noisy(walk(80, turn=0.4), 0.01)
    joints[..., 1] -= 0.06
    np.testing.assert_allclose(finish(joints)[:, 0, [0, 2]], joints[:, 0, [0, 2]], atol=1e-6)


@pytest.mark.parametrize("joint", [0, 4, 15, 20])
@pytest.mark.parametrize("frame", [1, 17, 58])
def test_one_frame_spikes_go(joint, frame):
    clean = walk(60)
    spiked = clean.copy()
    spiked[frame, joint] += (0.1, 0.15, -0.1)
    assert find_spikes(spiked - (spiked[:, :1] if joint else 0)).any()
    assert np.abs(remove_spikes(spiked) - clean).max() < 0.02
    assert np.abs(finish(spiked) - clean).max() < 0.02


@pytest.mark.parametrize("frame", [0, 59])
def test_loose_ends_go(frame):
    spiked = stand(60)
    spiked[frame, 20] += 0.3
    assert np.abs(remove_spikes(spiked) - stand(60)).max() < 1e-6


def test_quick_but_possible_movement_is_no_spike():
    time = np.arange(80) / 20
    hand = stand(80)
    hand[:, 20, 0] += 0.15 * np.sin(2 * np.pi * 3.0 * time)  # waving three times a second
    np.testing.assert_array_equal(remove_spikes(hand), hand)


def test_sunken_walk_is_lifted_and_not_crouched():
    sunk = walk(80)
    sunk[..., 1] -= 0.10
    done = finish(sunk)
    assert done[:, FEET, 1].min() >= -0.03
    knee = bone_directions(done)[:, JOINTS["left_knee"]]
    np.testing.assert_allclose(knee, bone_directions(sunk)[:, JOINTS["left_knee"]], atol=0.1)
    assert np.abs(np.diff(done[:, 0, 1] - sunk[:, 0, 1])).max() < 0.01


def test_one_foot_dipping_does_not_lift_the_body():
    joints = walk(80)
    dipped = joints.copy()
    dipped[40:44, [7, 10], 1] -= 0.12
    done = finish(to_skeleton(dipped))
    assert done[:, FEET, 1].min() >= -0.03
    assert (done[:, 0, 1] - joints[:, 0, 1]).max() < 0.03


def lying(frames: int = 40) -> np.ndarray:
    """On the back, the heels 12 cm too deep."""
    bones = bone_directions(stand(frames))
    turn = euler_to_matrix(np.array([-np.pi / 2]), "X")
    bones = (turn @ bones[..., None])[..., 0]
    joints = settle(bones, np.zeros((frames, 3)))
    joints[..., 1] += 0.12 - joints[:, :1, 1]
    leg = [4, 7, 10]
    joints[:, leg, 1] -= np.array([0.10, 0.32, 0.32])
    return to_skeleton(joints)


def test_lying_bodies_do_not_float():
    body = lying()
    assert body[:, FEET, 1].min() < -0.1
    done = finish(body)
    assert done[:, FEET, 1].min() >= -0.03
    assert np.abs(done[:, [0, 9, 15], 1] - body[:, [0, 9, 15], 1]).max() < 0.01


@pytest.mark.parametrize("shape", [(20, 21, 3), (22, 3), (0, 22, 3)])
def test_finish_refuses_other_shapes(shape):
    with pytest.raises(StudioError, match="22"):
        finish(np.zeros(shape))


def test_finish_refuses_nan():
    joints = walk(30)
    joints[2, 2, 2] = np.nan
    with pytest.raises(StudioError, match="NaN"):
        finish(joints)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_finish_takes_very_short_motions(frames):
    assert finish(noisy(walk(frames), 0.03)).shape == (frames, 22, 3)
