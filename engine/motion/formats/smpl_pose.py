"""What AMASS and SMPL-X files share: rotation vectors, the place of the pelvis, the up axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import StudioError
from engine.motion.export_take import Take
from engine.motion.kinematics import forward_kinematics
from engine.motion.pose import pose_from_joints, rest_pose
from engine.motion.rotation import axis_angle_to_matrix
from engine.motion.skeleton import N_JOINTS, PARENTS

# Turns Y up into Z up; what faced +Z then faces -Y, as a body does in Blender's front view.
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
MAX_INPUT_FRAMES = 36_000  # five minutes at 120 frames a second


@dataclass(frozen=True)
class SmplPose:
    """Rotation vectors [T, 66] of 22 joints, pelvis first, and the body's translation [T, 3].

    `rest` [22, 3] are the joints of the T pose; SMPL puts the pelvis at rest[0] + translation.
    """

    vectors: np.ndarray
    translation: np.ndarray
    rest: np.ndarray


def smpl_pose(take: Take, pelvis: tuple[float, float, float], y_up: bool) -> SmplPose:
    """A take for a body whose pelvis rests at `pelvis`, Z up unless `y_up`."""
    from scipy.spatial.transform import Rotation

    pose = pose_from_joints(take.joints)
    turn = np.eye(3) if y_up else Z_UP
    rotations = pose.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    vectors = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_rotvec()
    root = pose.root @ turn.T
    return SmplPose(vectors.reshape(take.frames, -1), root - pelvis, pose.rest + pelvis)


def smpl_joints(pose: SmplPose, y_up: bool) -> np.ndarray:
    """Joints [T, 22, 3] in metres, Y up, of a pose whose own up axis is Z unless `y_up`."""
    turn = np.eye(3) if y_up else Z_UP.T
    rotations = axis_angle_to_matrix(pose.vectors.reshape(-1, N_JOINTS, 3))
    parents = np.array((0, *PARENTS[1:]))
    root = pose.rest[0] + pose.translation
    joints, _ = forward_kinematics(rotations, pose.rest - pose.rest[parents], PARENTS, root)
    return joints @ turn.T


def common_arrays(pose: SmplPose, take: Take, y_up: bool) -> dict[str, np.ndarray]:
    """Arrays that both kinds of file have; the frame rate in both spellings programs look for."""
    rate = np.array(float(take.fps))
    return {
        "trans": pose.translation,
        "gender": np.array("neutral"),
        "betas": np.zeros(16),
        "mocap_framerate": rate,
        "mocap_frame_rate": rate,
        "up_axis": np.array("y" if y_up else "z"),
        "rest_joints": pose.rest,
    }


def numbers(arrays: dict[str, np.ndarray], name: str, columns: int) -> np.ndarray:
    """A table [T, at least `columns`] of finite numbers as float64; StudioError otherwise."""
    if name not in arrays:
        raise StudioError(f"The file has no array '{name}'; it has: {', '.join(sorted(arrays))}.")
    table = arrays[name]
    if table.dtype.kind not in "fiu" or table.ndim != 2 or table.shape[1] < columns:
        raise StudioError(
            f"'{name}' is {table.dtype} of shape {list(table.shape)}, not numbers "
            f"[frames, {columns} or more]."
        )
    if not 1 <= len(table) <= MAX_INPUT_FRAMES:
        raise StudioError(
            f"'{name}' has {len(table):,} frames; 1 to {MAX_INPUT_FRAMES:,} are read."
        )
    table = table.astype(np.float64)
    if not np.isfinite(table).all() or np.abs(table).max() > 1e6:
        raise StudioError(f"'{name}' contains NaN or infinite values.")
    return table


def frame_rate(arrays: dict[str, np.ndarray]) -> float:
    """Frames per second of a file, under any of the names in use; StudioError without one."""
    for name in ("mocap_frame_rate", "mocap_framerate", "fps", "frame_rate"):
        value = arrays.get(name)
        if value is not None and value.size == 1 and value.dtype.kind in "fiu":
            return check_rate(float(value.reshape(-1)[0]))
    raise StudioError("The file does not say its frame rate (mocap_frame_rate).")


def check_rate(rate: float) -> float:
    """A frame rate that motion capture may have; StudioError otherwise."""
    if not 1.0 <= rate <= 1000.0:
        raise StudioError(f"{rate:g} frames per second is no frame rate; 1 to 1000 are read.")
    return rate


def from_arrays(
    arrays: dict[str, np.ndarray],
    vectors: np.ndarray,
    pelvis: tuple[float, float, float],
    y_up: bool,
) -> np.ndarray:
    """Joints [T, 22, 3], Y up, of a file's rotation vectors [T, 66] and its other arrays.

    The body's shape (betas) needs the licensed body model, so that a file without `rest_joints`
    gets the proportions of this program's skeleton.
    """
    translation = numbers(arrays, "trans", 3)[:, :3]
    if len(translation) != len(vectors):
        raise StudioError(f"The file has {len(vectors)} poses and {len(translation)} places.")
    rest = arrays.get("rest_joints")
    if rest is None or rest.shape != (N_JOINTS, 3) or rest.dtype.kind != "f":
        rest = rest_pose() + pelvis
    if not np.isfinite(rest).all() or np.abs(rest).max() > 10.0:
        raise StudioError("'rest_joints' is no body in metres.")
    said = arrays.get("up_axis")
    known = said is not None and said.ndim == 0 and str(said) in ("y", "z")
    return smpl_joints(SmplPose(vectors, translation, rest), str(said) == "y" if known else y_up)
