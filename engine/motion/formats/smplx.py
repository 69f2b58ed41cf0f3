"""SMPL-X: body poses as an npz in the layout of AMASS' SMPL-X release, Z up."""

from __future__ import annotations

import numpy as np

from engine.errors import StudioError
from engine.files import npz_bytes
from engine.motion.export_take import Take
from engine.motion.formats.smpl_pose import (
    common_arrays,
    frame_rate,
    from_arrays,
    numbers,
    smpl_pose,
)

PELVIS = (0.00312, -0.35141, 0.01204)  # metres, of SMPL-X's mean neutral body
# Columns of `poses`, in order.
PARTS = {"root_orient": 3, "pose_body": 63, "pose_jaw": 3, "pose_eye": 6, "pose_hand": 90}


def write_smplx(take: Take, y_up: bool = False) -> bytes:
    """An npz with root_orient, pose_body, pose_jaw, pose_eye, pose_hand, poses [T, 165], trans.

    Face and hands are at rest. `trans` and `rest_joints` as in `amass.write_amass`.
    """
    pose = smpl_pose(take, PELVIS, y_up)
    parts = {name: np.zeros((take.frames, width)) for name, width in PARTS.items()}
    parts["root_orient"], parts["pose_body"] = pose.vectors[:, :3], pose.vectors[:, 3:]
    return npz_bytes({
        **common_arrays(pose, take, y_up),
        **parts,
        "poses": np.concatenate([parts[name] for name in PARTS], axis=1),
        "surface_model_type": np.array("smplx"),
        "num_betas": np.array(16),
        "mocap_time_length": np.array(take.frames / take.fps),
    })  # fmt: skip


def read_smplx(arrays: dict[str, np.ndarray], y_up: bool = False) -> tuple[np.ndarray, float]:
    """Joints [T, 22, 3] (metres, Y up) and the frame rate; arguments as in `amass.read_amass`.

    Takes `global_orient` and `body_pose` too, the body model's own names.
    """
    root = numbers(arrays, "root_orient" if "root_orient" in arrays else "global_orient", 3)
    body = numbers(arrays, "pose_body" if "pose_body" in arrays else "body_pose", 63)
    if len(root) != len(body):
        raise StudioError(f"The file has {len(root)} root orientations and {len(body)} poses.")
    vectors = np.concatenate((root[:, :3], body[:, :63]), axis=1)
    return from_arrays(arrays, vectors, PELVIS, y_up), frame_rate(arrays)
