"""Writes BVH: a hierarchy in centimetres, Y up, with Euler angles in any order."""

from __future__ import annotations

import io
from itertools import permutations

import numpy as np

from engine.errors import StudioError
from engine.motion.export_take import Take
from engine.motion.formats.names import joint_names
from engine.motion.skeleton import JOINTS, N_JOINTS, PARENTS

ORDERS = tuple("".join(order) for order in permutations("XYZ"))
CENTIMETRES = 100.0
# Where the last bones end, in metres of the T pose: the tips of head, hands and toes.
_TIPS = {
    JOINTS["head"]: (0.0, 0.12, 0.02),
    JOINTS["left_wrist"]: (0.16, 0.0, 0.0),
    JOINTS["right_wrist"]: (-0.16, 0.0, 0.0),
    JOINTS["left_foot"]: (0.01, 0.0, 0.06),
    JOINTS["right_foot"]: (-0.01, 0.0, 0.06),
}


def write_bvh(take: Take, names: str = "smpl", order: str = "ZXY") -> bytes:
    """A BVH file of a take.

    `names` is "smpl" or "mixamo", `order` the rotation channels' order: "ZXY" means
    Rz @ Rx @ Ry. Joints that slide against their parent (see `Take.sliding`) get position
    channels, which replace their OFFSET; all others have rotations only. Raises StudioError for
    unknown names or order.
    """
    if order not in ORDERS:
        raise StudioError(f"Rotation order {order!r} is not one of {', '.join(ORDERS)}.")
    sequence = _depth_first()
    moving = {0, *take.sliding}
    lines = _hierarchy(take, joint_names(names), order, moving)
    angles = euler_angles(take.rotations, order)
    columns = []
    for joint in sequence:
        if joint in moving:
            columns.append(CENTIMETRES * take.translations[:, joint])
        columns.append(angles[:, joint])
    table = io.StringIO()
    np.savetxt(table, np.concatenate(columns, axis=1), fmt="%.6f")
    head = [*lines, "MOTION", f"Frames: {take.frames}", f"Frame Time: {1.0 / take.fps:.8f}"]
    return ("\n".join(head) + "\n" + table.getvalue()).encode()


def euler_angles(rotations: np.ndarray, order: str) -> np.ndarray:
    """Matrices [T, J, 3, 3] to degrees [T, J, 3], each joint's angles without leaps in time.

    Of the two triples that mean the same rotation, and their multiples of 360 degrees, each frame
    takes the one nearest to the frame before, so that curves can be edited and interpolated.
    """
    import warnings

    from scipy.spatial.transform import Rotation

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # at gimbal lock: one angle is free, taken 0
        flat = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_euler(order, degrees=True)
    angles = flat.reshape(*rotations.shape[:2], 3)
    for frame in range(1, len(angles)):
        before, now = angles[frame - 1], angles[frame]
        other = np.stack((now[:, 0] + 180.0, 180.0 - now[:, 1], now[:, 2] + 180.0), axis=-1)
        ways = np.stack((now, other))
        ways += 360.0 * np.round((before - ways) / 360.0)
        nearest = np.abs(ways - before).sum(axis=-1).argmin(axis=0)
        angles[frame] = ways[nearest, np.arange(len(now))]
    return angles


def _depth_first() -> list[int]:
    """Joints in the order in which the hierarchy names them."""
    found: list[int] = []
    waiting = [0]
    while waiting:
        joint = waiting.pop()
        found.append(joint)
        waiting += [child for child in reversed(range(N_JOINTS)) if PARENTS[child] == joint]
    return found


def _hierarchy(take: Take, names: tuple[str, ...], order: str, moving: set[int]) -> list[str]:
    lines = ["HIERARCHY"]

    def put(joint: int, depth: int) -> None:
        pad = "\t" * depth
        turning = " ".join(f"{axis}rotation" for axis in order)
        placing = "Xposition Yposition Zposition " if joint in moving else ""
        lines.append(f"{pad}{'JOINT' if joint else 'ROOT'} {names[joint]}")
        lines.append(f"{pad}{{")
        lines.append(f"{pad}\tOFFSET {_vector(take.offsets[joint])}")
        lines.append(f"{pad}\tCHANNELS {6 if joint in moving else 3} {placing}{turning}")
        for child in range(N_JOINTS):
            if PARENTS[child] == joint:
                put(child, depth + 1)
        if joint in _TIPS:
            tip = _vector(np.array(_TIPS[joint]))
            lines.extend((f"{pad}\tEnd Site", f"{pad}\t{{", f"{pad}\t\tOFFSET {tip}", f"{pad}\t}}"))
        lines.append(f"{pad}}}")

    put(0, 0)
    return lines


def _vector(metres: np.ndarray) -> str:
    # Adding 0.0 turns -0.0 into 0.0.
    return " ".join(f"{CENTIMETRES * value + 0.0:.6f}" for value in metres)
