"""A motion ready to be written: rotations and translations that give its joints exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.errors import StudioError
from engine.motion.feet import LOW, lock_feet
from engine.motion.kinematics import forward_kinematics
from engine.motion.legs import ANKLES, TOES
from engine.motion.motion import Motion
from engine.motion.pose import pose_from_joints
from engine.motion.resample import resample
from engine.motion.rotation import quat_between, quat_to_matrix
from engine.motion.skeleton import FPS, N_JOINTS, PARENTS

RATES = (20, 30, 60)
# Bones with less play than this are written as rigid; two such bones in a row stay under 1 mm.
PLAY = 2e-4
# Generated feet slide faster than the 0.6 m/s at which `feet.planted_feet` gives a step up.
LOCKED_BELOW = 1.2  # m/s
_ONLY_CHILD = tuple(
    (joint, PARENTS.index(joint)) for joint in range(N_JOINTS) if PARENTS.count(joint) == 1
)
_FROM = np.array((0, *PARENTS[1:]))


@dataclass(frozen=True)
class Take:
    """A motion as a jointed skeleton at some frame rate: metres, Y up, facing +Z at the start.

    rotations: [T, 22, 3, 3], each in its parent's frame (the pelvis' in the world).
    translations: [T, 22, 3] of each joint in its parent's frame (the pelvis' in the world).
    joints: [T, 22, 3] in the world, float64: what rotations and translations give.
    rest: [22, 3] joints of the T pose, pelvis at the origin. fps: frames per second.
    """

    rotations: np.ndarray
    translations: np.ndarray
    joints: np.ndarray
    rest: np.ndarray
    fps: float

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.rotations)

    @property
    def offsets(self) -> np.ndarray:
        """Rest position of each joint from its parent, [22, 3]; zero for the pelvis."""
        return self.rest - self.rest[_FROM]

    @cached_property
    def sliding(self) -> tuple[int, ...]:
        """Joints below the pelvis whose place in the parent's frame is not constant.

        Generated hips and shoulders shift by a millimetre or two against the pelvis and chest;
        no rotation can say that.
        """
        play = np.abs(self.translations - self.offsets).max(axis=(0, 2))
        return tuple(joint for joint in range(1, N_JOINTS) if play[joint] > PLAY)


def make_take(motion: Motion, fps: float = FPS, foot_lock: bool = False) -> Take:
    """The take of a motion at `fps`: rotations and translations by cubic splines.

    `foot_lock` first pins planted feet to the floor (see `locked`). Raises StudioError for a
    rate that is not offered or joints that are no motion.
    """
    if fps not in RATES:
        offered = ", ".join(map(str, RATES))
        raise StudioError(f"{fps:g} frames per second is not offered; choose {offered}.")
    joints = np.asarray(motion.joints, dtype=np.float64)
    if joints.ndim != 3 or len(joints) < 2:
        raise StudioError("A motion needs at least two frames to be exported.")
    native = _exact(locked(joints) if foot_lock else joints, motion.fps)
    return native if fps == motion.fps else at_rate(native, fps)


def locked(joints: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] with every low foot under 1.2 m/s pinned while it is down."""
    feet = joints[:, np.stack((ANKLES, TOES), axis=-1)]
    speed = np.linalg.norm(np.gradient(feet[..., 0::2], axis=0), axis=-1) * FPS
    planted = (feet[..., 1] < LOW) & (speed < LOCKED_BELOW)
    return lock_feet(joints, planted.reshape(len(joints), 4).astype(np.float64))


def at_rate(take: Take, fps: float) -> Take:
    """The same movement at another rate, from the same first moment on; nothing is extrapolated.

    Rotations follow cubic rotation splines, which pass through every frame with continuous
    angular velocity. Slerp, their piecewise linear kin, misses left-out frames by more.
    """
    from scipy.spatial.transform import Rotation, RotationSpline

    translations = resample(take.translations, take.fps, fps)
    times = np.minimum(np.arange(len(translations)) * (take.fps / fps), take.frames - 1)
    turned = np.stack(
        [
            RotationSpline(np.arange(take.frames), Rotation.from_matrix(turns))(times).as_matrix()
            for turns in take.rotations.swapaxes(0, 1)
        ],
        axis=1,
    )
    joints, _ = forward_kinematics(turned, translations, PARENTS, translations[:, 0])
    return Take(turned, translations, joints, take.rest, float(fps))


def _exact(joints: np.ndarray, fps: float) -> Take:
    """Every bone with one next joint points exactly at it; what is left over is translation."""
    pose = pose_from_joints(joints)
    world = pose.world.copy()
    for joint, child in _ONLY_CHILD:
        if joint == 0:
            continue
        aimed = world[:, joint] @ pose.offsets[child]
        bone = joints[:, child] - joints[:, joint]
        world[:, joint] = quat_to_matrix(quat_between(aimed, bone)) @ world[:, joint]
    inverse = world[:, _FROM].swapaxes(-1, -2)
    rotations = inverse @ world
    rotations[:, 0] = world[:, 0]
    bones = joints - joints[:, _FROM]
    translations = (inverse @ bones[..., None])[..., 0]
    translations[:, 0] = joints[:, 0]
    return Take(rotations, translations, joints, pose.rest, fps)
