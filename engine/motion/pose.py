"""Joint positions to joint rotations: analytic swings, and twists that are smooth in time.

Positions do not say how a bone is turned about itself. Thighs and upper arms take that twist from
the plane in which knee and elbow bend; where a limb is straight, from the foot or, failing that,
from the moments around. Everything else turns as little as it can from its parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.errors import StudioError
from engine.motion.kinematics import forward_kinematics
from engine.motion.retarget import MEAN_DIRECTIONS, nearest_rotation
from engine.motion.rotation import (
    axis_angle_to_matrix,
    cross,
    matrix_to_quat,
    normalize,
    quat_between,
    quat_to_matrix,
    slerp,
)
from engine.motion.skeleton import BONE_LENGTHS, JOINTS, N_JOINTS, PARENTS
from engine.motion.twist import about, blend_angles, settle, signed_angle, soft_limit

_CHILDREN = tuple(
    tuple(child for child in range(N_JOINTS) if PARENTS[child] == joint)
    for joint in range(N_JOINTS)
)
_ARM_LIMIT, _LEG_LIMIT, _SHIN_LIMIT = np.radians((110.0, 80.0, 40.0))
# Toes bend while the ball of the foot is lower than this (metres), fading in below it.
_TOES_HIGH, _TOES_FADE, _TOES_BEND = 0.10, 0.06, np.radians(55.0)
_STRAIGHT, _BENT = 12.0, 40.0  # degrees at which a bend says nothing, and all, of the twist
_LIMP = 0.02  # pull of an untwisted limb, where nothing else says how it is turned
_FOOT = 0.25  # pull of the foot's heading on a straight leg; a bent knee's plane pulls with 1
# The directions from which a limb swings, in its parent's frame. Opposite to them swinging is
# ambiguous, so they point to the middle of where a limb gets to.
_ARM_MIDDLE = np.array([0.80, -0.50, 0.33])
_LEG_MIDDLE = np.array([0.0, -0.85, 0.53])


def rest_pose() -> np.ndarray:
    """Joints [22, 3] in metres of the T pose: Y up, facing +Z, pelvis at the origin.

    Bone lengths are the target skeleton's, the trunk is HumanML3D's mean one, arms lie along X,
    legs are straight and stand a little apart.
    """
    bones = MEAN_DIRECTIONS.copy()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name in ("elbow", "wrist"):
            bones[JOINTS[f"{side}_{name}"]] = (sign, 0.0, 0.0)
        # Hips lie close together, so legs of any thickness stand apart.
        bones[JOINTS[f"{side}_knee"]] = (0.17 * sign, -1.0, 0.0)
        bones[JOINTS[f"{side}_ankle"]] = (-0.02 * sign, -1.0, -0.02)
        bones[JOINTS[f"{side}_foot"]] = (0.16 * sign, -0.284, 0.945)
    bones = normalize(bones) * BONE_LENGTHS[:, None]
    rest = np.zeros((N_JOINTS, 3))
    for joint in range(1, N_JOINTS):
        rest[joint] = rest[PARENTS[joint]] + bones[joint]
    return rest


@dataclass(frozen=True)
class Pose:
    """A motion as rotations, in SMPL's order of joints.

    rotations: [T, 22, 3, 3], each relative to its parent's; the pelvis' is the world's.
    root: [T, 3] pelvis in metres. rest: [22, 3] joints of the T pose in metres, Y up, facing +Z.
    """

    rotations: np.ndarray
    root: np.ndarray
    rest: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """Each rest joint from its parent, [22, 3] metres; zero for the pelvis."""
        return _offsets(self.rest)

    @cached_property
    def _forward(self) -> tuple[np.ndarray, np.ndarray]:
        return forward_kinematics(self.rotations, self.offsets, PARENTS, self.root)

    @property
    def joints(self) -> np.ndarray:
        """Joints [T, 22, 3] in metres by forward kinematics."""
        return self._forward[0]

    @property
    def world(self) -> np.ndarray:
        """Rotations [T, 22, 3, 3] from the rest pose into the world."""
        return self._forward[1]

    @property
    def angular_speed(self) -> np.ndarray:
        """How fast each joint turns against its parent, [T - 1, 22] radians per frame."""
        return rotation_angle(self.rotations[:-1].swapaxes(-1, -2) @ self.rotations[1:])


def rotation_angle(matrices: np.ndarray) -> np.ndarray:
    """Angle in radians [...] of rotation matrices [..., 3, 3], exact for small ones too."""
    quaternion = matrix_to_quat(matrices)
    return 2.0 * np.arctan2(np.linalg.norm(quaternion[..., 1:], axis=-1), quaternion[..., 0])


def pose_from_joints(joints: np.ndarray, rest: np.ndarray | None = None) -> Pose:
    """Joints [T, 22, 3] (metres, Y up) on one skeleton to the pose that has them.

    Without `rest`, bone lengths and the shape of pelvis and chest (the two joints with several
    children) are the motion's own, so that forward kinematics gives its joints back as far as its
    skeleton is constant. With the `rest` [22, 3] of another body, each bone of that body points
    where the motion's next joint is. Raises StudioError for a wrong shape or values not finite.
    """
    if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3) or len(joints) == 0:
        raise StudioError(f"Expected joints [frames, {N_JOINTS}, 3], not {list(joints.shape)}.")
    points = np.asarray(joints, dtype=np.float64)
    if not np.isfinite(points).all():
        raise StudioError("The motion contains NaN or infinite values.")
    body = _Body(points, fitted_rest(points) if rest is None else np.asarray(rest, np.float64))
    _trunk(body)
    for side in ("left", "right"):
        _arm(body, side)
        _leg(body, side)
    parents = np.array((0, *PARENTS[1:]))
    local = body.world[:, parents].swapaxes(-1, -2) @ body.world
    local[:, 0] = body.world[:, 0]
    return Pose(local, points[:, 0], body.rest)


def fitted_rest(joints: np.ndarray) -> np.ndarray:
    """The T pose [22, 3] of the skeleton that joints [T, 22, 3] lie on."""
    rest = rest_pose()
    offsets = normalize(_offsets(rest))
    parents = np.array((0, *PARENTS[1:]))
    offsets *= np.median(np.linalg.norm(joints - joints[:, parents], axis=-1), axis=0)[:, None]
    for joint in (JOINTS["pelvis"], JOINTS["spine3"]):
        children = list(_CHILDREN[joint])
        nominal = offsets[children]
        length = np.linalg.norm(nominal, axis=-1, keepdims=True)
        bones = joints[:, children] - joints[:, [joint]]
        fan = nominal
        for _ in range(8):  # generalised Procrustes: turn every frame onto the mean, average
            mean = (_procrustes(fan, bones).swapaxes(-1, -2) @ bones.swapaxes(-1, -2)).mean(axis=0)
            fan = normalize(mean.T) * length
        offsets[children] = fan @ _procrustes(fan, nominal[None])[0].T
    for joint in range(1, N_JOINTS):
        rest[joint] = rest[PARENTS[joint]] + offsets[joint]
    return rest


def _offsets(rest: np.ndarray) -> np.ndarray:
    return rest - rest[np.array((0, *PARENTS[1:]))]


def _procrustes(rest: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] that turn vectors [K, 3] onto [T, K, 3] as well as possible."""
    return nearest_rotation(bones.swapaxes(-1, -2) @ rest)


class _Body:
    """World rotations found so far, and where they put the joints."""

    def __init__(self, target: np.ndarray, rest: np.ndarray) -> None:
        self.target, self.rest, self.offsets = target, rest, _offsets(rest)
        self.world = np.empty((len(target), N_JOINTS, 3, 3))
        self.placed = np.empty_like(target)
        self.placed[:, 0] = target[:, 0]

    def put(self, joint: int, rotation: np.ndarray) -> None:
        """Turn a joint, which places its children."""
        self.world[:, joint] = rotation
        for child in _CHILDREN[joint]:
            self.placed[:, child] = self.placed[:, joint] + rotation @ self.offsets[child]

    def fan(self, joint: int) -> np.ndarray:
        """Best rotation [T, 3, 3] for a joint with several children."""
        children = list(_CHILDREN[joint])
        bones = self.target[:, children] - self.target[:, [joint]]
        return _procrustes(self.offsets[children], bones)

    def bone(self, joint: int) -> np.ndarray:
        """Direction [T, 3] from where the joint is to where its only child should be.

        Aimed at the place rather than along the target's bone, an error that a parent could not
        avoid is made up for instead of handed down.
        """
        return normalize(self.target[:, _CHILDREN[joint][0]] - self.placed[:, joint])

    def aim(self, joint: int, start: np.ndarray) -> np.ndarray:
        """The smallest turn of rotations `start` [T, 3, 3] that points the joint at its child."""
        now = start @ normalize(self.offsets[_CHILDREN[joint][0]])
        return quat_to_matrix(quat_between(now, self.bone(joint))) @ start

    def swing(self, joint: int, parent: np.ndarray, middle: np.ndarray) -> np.ndarray:
        """As `aim`, from the limb's middle direction (in the parent's frame)."""
        bone = normalize(self.offsets[_CHILDREN[joint][0]])
        return self.aim(joint, parent @ quat_to_matrix(quat_between(bone, normalize(middle))))


def _trunk(body: _Body) -> None:
    """Pelvis to head; the turn from pelvis to chest is shared out along the spine."""
    spine1, spine2, spine3, neck, head = (
        JOINTS[name] for name in ("spine1", "spine2", "spine3", "neck", "head")
    )
    pelvis, chest = body.fan(0), body.fan(spine3)
    body.put(0, pelvis)
    ends = matrix_to_quat(pelvis), matrix_to_quat(chest)
    for joint, share in ((spine1, 1 / 3), (spine2, 2 / 3)):
        body.put(joint, body.aim(joint, quat_to_matrix(slerp(*ends, share))))
    body.put(spine3, chest)
    body.put(neck, body.aim(neck, chest))
    body.put(head, body.world[:, neck])


def _hinge(body: _Body, joint: int, axis: np.ndarray, swung: np.ndarray) -> tuple[np.ndarray, ...]:
    """Twist [T] about a limb's upper bone that makes its bend a hinge's, and its weight [T].

    A hinge keeps the lower bone at one angle to its axis. That angle is the rest pose's, where
    neither bone need be square to the axis: legs are a little bowed.
    """
    middle = _CHILDREN[joint][0]
    upper = body.bone(joint)
    lower = normalize(body.target[:, _CHILDREN[middle][0]] - body.target[:, middle])
    lean = float(axis @ normalize(body.offsets[middle]))
    keeps = float(axis @ normalize(body.offsets[_CHILDREN[middle][0]]))
    along = (upper * lower).sum(-1)
    aside = np.sqrt(np.maximum(1.0 - along * along, 1e-12))
    cosine = (keeps - lean * along) / (aside * np.sqrt(1.0 - lean * lean))
    angle = signed_angle(swung @ axis, lower, upper) + np.arccos(np.clip(cosine, -1.0, 1.0))
    bend = np.degrees(np.arctan2(aside, along))
    share = np.clip((bend - _STRAIGHT) / (_BENT - _STRAIGHT), 0.0, 1.0)
    return np.angle(np.exp(1j * angle)), share * share * (3.0 - 2.0 * share)


def _arm(body: _Body, side: str) -> None:
    sign = 1.0 if side == "left" else -1.0
    collar, shoulder, elbow, wrist = (
        JOINTS[f"{side}_{name}"] for name in ("collar", "shoulder", "elbow", "wrist")
    )
    body.put(collar, body.aim(collar, body.world[:, JOINTS["spine3"]]))
    swung = body.swing(shoulder, body.world[:, collar], _ARM_MIDDLE * (sign, 1.0, 1.0))
    # In a T pose the forearm bends forward.
    angle, weight = _hinge(body, shoulder, np.array([0.0, -sign, 0.0]), swung)
    twist = soft_limit(blend_angles([(angle, weight)], _LIMP), _ARM_LIMIT)
    body.put(shoulder, about(body.bone(shoulder), twist) @ swung)
    body.put(elbow, body.aim(elbow, body.world[:, shoulder]))
    body.put(wrist, body.world[:, elbow])


def _leg(body: _Body, side: str) -> None:
    hip, knee, ankle, foot = (JOINTS[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot"))
    swung = body.swing(hip, body.world[:, 0], _LEG_MIDDLE)
    bend, bent = _hinge(body, hip, np.array([1.0, 0.0, 0.0]), swung)
    heading, sure = _foot_twist(body, ankle, body.bone(hip), swung)
    hints = [(bend, bent), (heading, _FOOT * sure * (1.0 - bent))]
    twist = soft_limit(blend_angles(hints, _LIMP), _LEG_LIMIT)
    body.put(hip, about(body.bone(hip), twist) @ swung)
    # Half of what the foot turns against the thigh turns the shin, so that no ankle is wrung.
    shin = body.aim(knee, body.world[:, hip])
    heading, sure = _foot_twist(body, ankle, body.bone(knee), shin)
    twist = soft_limit(0.5 * blend_angles([(heading, sure)], 0.2), _SHIN_LIMIT)
    body.put(knee, about(body.bone(knee), twist) @ shin)
    body.put(ankle, body.aim(ankle, body.world[:, knee]))
    body.put(foot, _level_toes(body, foot))


def _level_toes(body: _Body, foot: int) -> np.ndarray:
    """The foot's rotation with the toes bent up to lie on the floor y = 0 while the heel lifts.

    Nothing in the motion says how toes bend, so they must not be what turns fastest.
    """
    rotation = body.world[:, PARENTS[foot]]
    ahead = normalize(body.offsets[foot] * (1.0, 0.0, 1.0))
    drop = np.clip(-(rotation @ ahead)[:, 1], 0.0, 1.0)
    near = np.clip((_TOES_HIGH - body.placed[:, foot, 1]) / _TOES_FADE, 0.0, 1.0)
    bend = settle(np.minimum(np.arcsin(drop), _TOES_BEND) * near)
    axis = np.cross(ahead, (0.0, 1.0, 0.0))
    return rotation @ axis_angle_to_matrix(axis * bend[:, None])


def _foot_twist(
    body: _Body, ankle: int, axis: np.ndarray, rotation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Twist [T] about `axis` [T, 3] that turns the foot to its heading, and how sure it is [T]."""
    toe = _CHILDREN[ankle][0]
    actual = normalize(body.target[:, toe] - body.target[:, ankle])
    rest = rotation @ normalize(body.offsets[toe])
    sure = np.linalg.norm(cross(axis, actual), axis=-1) * np.linalg.norm(cross(axis, rest), axis=-1)
    return signed_angle(rest, actual, axis), np.clip(sure / 0.7, 0.0, 1.0) ** 2
