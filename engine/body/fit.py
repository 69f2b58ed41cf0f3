"""Motions onto bodies: rotations from joints, shape from bone lengths, refinement by gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.body.smpl import Body
from engine.motion.kinematics import bone_lengths
from engine.motion.pose import pose_from_joints, rotation_angle
from engine.motion.skeleton import N_JOINTS, PARENTS

_SAME = 1e-6  # metres; a body whose shape does not move its joints further has no shapes
_CALM = 0.02  # pull of the shape towards the mean one, in metres per standard deviation
_STAY = 1e-4  # pull of the refinement towards the analytic pose, and of frames to each other


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """A body in motion: rotations [T, 22, 3, 3] relative to parents, pelvis [T, 3] in metres."""

    body: Body
    rotations: np.ndarray
    root: np.ndarray

    @cached_property
    def posed(self) -> tuple[np.ndarray, np.ndarray]:
        """Skin [T, V, 3] and joints [T, 22, 3] as smplx poses them, metres."""
        return self.body.pose(self.rotations, self.root)

    @property
    def angular_speed(self) -> np.ndarray:
        """How fast each joint turns against its parent, [T - 1, 22] radians per frame."""
        return rotation_angle(self.rotations[:-1].swapaxes(-1, -2) @ self.rotations[1:])


def fit(joints: np.ndarray, body: Body, shape: bool = True, refine: int = 0) -> BodyMotion:
    """Joints [T, 22, 3] (metres, Y up) to a body in motion.

    Rotations are analytic: swings from bone directions, twists from bends, headings and
    neighbouring frames. `shape` first fits betas to the motion's bone lengths, where the body has
    shapes. `refine` is the number of gradient steps that then bring the body's joints nearer to
    the motion's, which helps only bodies of other proportions. Raises StudioError for joints of a
    wrong shape or values that are not finite.
    """
    if shape:
        body = body.shaped(fit_betas(body, np.median(bone_lengths(joints), axis=0)))
    pose = pose_from_joints(joints, body.rest)
    if not refine:
        return BodyMotion(body, pose.rotations, pose.root)
    return BodyMotion(body, *_refined(body, pose.rotations, joints, refine))


def fit_betas(body: Body, lengths: np.ndarray) -> np.ndarray:
    """Shape [B] whose bone lengths are nearest to `lengths` [22] metres; 0 for a body of one shape.

    Gauss-Newton on the 21 lengths, pulled towards the mean shape so that no bone length is bought
    with a grotesque body.
    """
    moves = np.einsum("jv,vkb->jkb", body.arrays["J_regressor"][:N_JOINTS],
                      np.asarray(body.arrays["shapedirs"], np.float64))  # fmt: skip
    betas = np.zeros(moves.shape[-1])
    if np.abs(moves).max() < _SAME:
        return betas
    parents = np.array((0, *PARENTS[1:]))
    mean = body.arrays["J_regressor"][:N_JOINTS] @ body.arrays["v_template"]
    steps = (moves - moves[parents])[1:]
    for _ in range(8):
        joints = mean + moves @ betas
        bones = (joints - joints[parents])[1:]
        length = np.linalg.norm(bones, axis=-1)
        slope = np.einsum("jk,jkb->jb", bones / length[:, None], steps)
        system = np.vstack((slope, _CALM * np.eye(len(betas))))
        wanted = np.concatenate((lengths[1:] - length, -_CALM * betas))
        betas = betas + np.linalg.lstsq(system, wanted, rcond=None)[0]
    return np.clip(betas, -5.0, 5.0)


def _refined(
    body: Body, rotations: np.ndarray, target: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and pelvis after L-BFGS on the distance of smplx's joints to the motion's."""
    import torch
    from smplx.lbs import batch_rigid_transform, batch_rodrigues

    frames = len(rotations)
    first = torch.from_numpy(rotations.astype(np.float32))
    goal = torch.from_numpy(target.astype(np.float32))
    rest = torch.from_numpy(body.rest.astype(np.float32)).expand(frames, -1, -1)
    parents = torch.tensor(PARENTS)
    turn = torch.zeros(frames, N_JOINTS, 3, requires_grad=True)
    shift = torch.zeros(frames, 3, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [turn, shift], max_iter=steps, history_size=20, line_search_fn="strong_wolfe"
    )

    def now() -> tuple[Any, Any]:
        # A tiny constant: rodrigues' derivative at exactly zero is not finite.
        turned = first @ batch_rodrigues(turn.reshape(-1, 3) + 1e-7).reshape(first.shape)
        placed, _ = batch_rigid_transform(turned, rest, parents)
        return turned, placed - placed[:, :1] + goal[:, :1] + shift[:, None]

    def loss() -> Any:
        optimizer.zero_grad()
        _, placed = now()
        calm = turn.pow(2).mean() + (turn[1:] - turn[:-1]).pow(2).mean()
        value = 1e3 * ((placed - goal).pow(2).sum(-1).mean() + _STAY * calm)
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        turned, placed = now()
    return turned.numpy().astype(np.float64), placed[:, 0].numpy().astype(np.float64)
