"""AMASS: body poses of SMPL+H as an npz, Z up."""

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

PELVIS = (-0.00217, -0.24079, 0.02858)  # metres, of SMPL's and SMPL+H's mean neutral body
WIDTH = 156  # 52 joints: 22 of the body, 15 in each hand
BODY = 66


def write_amass(take: Take, y_up: bool = False) -> bytes:
    """An npz as in AMASS: poses [T, 156], trans [T, 3], betas, gender, frame rate; hands at rest.

    `trans` puts the pelvis of SMPL's mean body where the motion's is. `rest_joints` is the T pose
    for which the poses give the motion's joints.
    """
    pose = smpl_pose(take, PELVIS, y_up)
    poses = np.zeros((take.frames, WIDTH))
    poses[:, :BODY] = pose.vectors
    arrays = common_arrays(pose, take, y_up)
    return npz_bytes({**arrays, "poses": poses, "dmpls": np.zeros((take.frames, 8))})


def read_amass(arrays: dict[str, np.ndarray], y_up: bool = False) -> tuple[np.ndarray, float]:
    """Joints [T, 22, 3] (metres, Y up) and the frame rate of an AMASS file's arrays.

    `poses` may have any number of joints from the body's 22 on (SMPL, SMPL+H, SMPL-X). `y_up` is
    for files that are not Z up and do not say so. Raises StudioError when something is missing.
    """
    poses = numbers(arrays, "poses", BODY)
    if poses.shape[1] % 3:
        raise StudioError(f"'poses' has {poses.shape[1]} columns, which is not three per joint.")
    return from_arrays(arrays, poses[:, :BODY], PELVIS, y_up), frame_rate(arrays)
