"""The mannequin's shape: which lofts make up trunk, head, arms, hands, legs and feet, in metres.

Everything hangs on the joints of the T pose, so the body fits the skeleton whatever its lengths.
Y is up, the body faces +Z, the left is +X. It is nobody's body: neither man nor woman, drawn from
ordinary proportions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.body.field import Group, Loft, ball
from engine.motion.rotation import normalize
from engine.motion.skeleton import JOINTS

SOLE = 0.024  # metres from the joint at the ball of the foot down to the sole


def build_groups(rest: np.ndarray) -> list[Group]:
    """All shapes for joints [22, 3] of a T pose."""
    at = {name: rest[index] for name, index in JOINTS.items()}
    groups = [_trunk(at), _neck_and_head(at), _face(at)]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        groups += [_leg(at, side, sign), _foot(at, side, sign)]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        groups += [_arm(at, side, sign), _hand(at, side, sign)]
    return groups


def _trunk(at: dict[str, np.ndarray]) -> Group:
    shoulder = float(at["left_shoulder"][1] + at["right_shoulder"][1]) / 2
    bottom, top = -0.135, shoulder + 0.075
    # Height above the pelvis, half width, half depth, depth of the middle.
    rows = (
        (bottom, 0.070, 0.066, -0.010), (-0.085, 0.122, 0.092, -0.016),
        (-0.01, 0.156, 0.106, -0.020), (0.06, 0.143, 0.097, -0.017), (0.15, 0.126, 0.088, -0.011),
        (0.24, 0.135, 0.097, -0.003), (shoulder - 0.09, 0.158, 0.108, 0.002),
        (shoulder - 0.03, 0.160, 0.102, -0.003), (shoulder + 0.015, 0.132, 0.082, -0.010),
        (top, 0.062, 0.058, -0.012),
    )  # fmt: skip
    profile = [((y - bottom) / (top - bottom), a, b, 0.0, -z) for y, a, b, z in rows]
    shapes = [Loft((0, bottom, 0), (0, top, 0), profile, caps=(0.6, 0.5), power=2.3)]
    for sign in (1.0, -1.0):
        shapes.append(ball((0.066 * sign, shoulder - 0.060, 0.042), (0.088, 0.064, 0.050)))
        shapes.append(ball((0.068 * sign, -0.080, -0.066), (0.080, 0.090, 0.058)))
        # The slope from the neck to the shoulder.
        shapes.append(
            Loft((0.02 * sign, shoulder + 0.080, -0.018), (0.165 * sign, shoulder + 0.016, -0.010),
                 ((0, 0.042, 0.042, 0, 0), (1, 0.036, 0.036, 0, 0)))
        )  # fmt: skip
    return Group("trunk", shapes, 0.055, 0.0)


def _neck_and_head(at: dict[str, np.ndarray]) -> Group:
    neck, head = at["neck"], at["head"]
    y, z = float(head[1]), float(head[2])
    chin, temple = y + 0.004, y + 0.138
    # Height above the chin, half width, half depth, depth of the middle; the caps close it.
    rows = (
        (0.000, 0.036, 0.036, 0.004), (0.018, 0.0455, 0.054, -0.006),
        (0.045, 0.0570, 0.072, -0.019), (0.080, 0.0670, 0.086, -0.032),
        (0.112, 0.0730, 0.0925, -0.040), (0.134, 0.0738, 0.0925, -0.043),
    )  # fmt: skip
    profile = [(h / (temple - chin), a, b, 0.0, -d) for h, a, b, d in rows]
    shapes = [
        Loft((0, neck[1] - 0.065, neck[2] - 0.018), (0, y + 0.06, z - 0.050),
             ((0, 0.058, 0.060, 0, 0), (0.45, 0.050, 0.053, 0, 0), (1, 0.050, 0.056, 0, 0))),
        Loft((0, chin, z), (0, temple, z), profile, caps=(0.75, 1.12), power=2.06),
    ]  # fmt: skip
    sockets = [
        ball((0.031 * sign, y + 0.106, z + 0.063), (0.019, 0.011, 0.017)) for sign in (1, -1)
    ]
    return Group("head", shapes, 0.034, 0.045, sockets, 0.020)


def _face(at: dict[str, np.ndarray]) -> Group:
    """Nose and ears: no more of a face than it takes to see where it looks."""
    y, z = float(at["head"][1]), float(at["head"][2])
    nose = Loft((0, y + 0.108, z + 0.044), (0, y + 0.072, z + 0.057),
                ((0, 0.006, 0.006, 0, 0), (1, 0.0105, 0.0095, 0, 0)))  # fmt: skip
    ears = [ball((0.073 * sign, y + 0.090, z - 0.046), (0.010, 0.027, 0.016)) for sign in (1, -1)]
    return Group("face", [nose, *ears], 0.0, 0.020)


def _arm(at: dict[str, np.ndarray], side: str, sign: float) -> Group:
    shoulder, elbow, wrist = (at[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    inner = shoulder - np.array([0.022 * sign, 0.004, 0.0])
    # Shares from shoulder to elbow (0 to 1) and on to the wrist (2); sections are height, depth.
    rows = (
        (0.00, 0.056, 0.058, 0, 0), (0.20, 0.058, 0.060, 0, 0), (0.45, 0.050, 0.052, 0, 0),
        (0.75, 0.042, 0.045, 0, 0), (1.00, 0.038, 0.041, 0, 0), (1.22, 0.039, 0.044, 0, 0),
        (1.50, 0.035, 0.040, 0, 0), (1.80, 0.026, 0.031, 0, 0), (2.00, 0.0225, 0.0285, 0, 0),
    )  # fmt: skip
    shapes = [_limb(inner, elbow, wrist, rows, (0.0, 1.0, 0.0))]
    return Group(f"{side}_arm", shapes, 0.0, 0.060)


def _limb(
    start: np.ndarray,
    middle: np.ndarray,
    end: np.ndarray,
    rows: Sequence[Sequence[float]],
    side: Sequence[float],
) -> Loft:
    """One loft through three joints; shares 0..1 lie before the middle joint, 1..2 behind it."""
    along = (end - start) / np.linalg.norm(end - start)
    across = normalize(np.asarray(side) - along * (np.asarray(side) @ along))
    third = np.cross(along, across)
    whole = float(np.linalg.norm(end - start))
    profile = []
    for share, a, b, u, v in rows:
        at = (
            start + (middle - start) * share if share < 1 else middle + (end - middle) * (share - 1)
        )
        off = at - start
        profile.append((off @ along / whole, a, b, u + off @ across, v + off @ third))
    return Loft(start, end, profile, side=side)


def _hand(at: dict[str, np.ndarray], side: str, sign: float) -> Group:
    wrist = at[f"{side}_wrist"]

    def point(x: float, y: float, z: float) -> np.ndarray:
        return wrist + np.array([sign * x, y, z])

    palm = (
        (0.0, 0.0200, 0.0265, 0, 0), (0.30, 0.0175, 0.0340, 0, 0), (0.75, 0.0145, 0.0400, 0, 0),
        (1.0, 0.0115, 0.0390, 0, 0),
    )  # fmt: skip
    up = (0.0, 1.0, 0.0)
    shapes = [
        Loft(point(-0.01, 0, 0), point(0.088, -0.003, 0), palm, side=up, caps=(1, 0.9), power=2.4)
    ]
    # Where each finger starts and ends across the hand, and its length: index to little finger.
    for base, tip, reach, radius in (
        (0.0290, 0.0370, 0.074, 0.0094), (0.0098, 0.0125, 0.083, 0.0098),
        (-0.0098, -0.0130, 0.077, 0.0094), (-0.0285, -0.0375, 0.061, 0.0084),
    ):  # fmt: skip
        middle = point(0.090 + 0.50 * reach, -0.0075, 0.5 * (base + tip))
        thick = ((0, radius, radius, 0, 0), (1, 0.93 * radius, 0.93 * radius, 0, 0))
        thin = ((0, 0.93 * radius, 0.93 * radius, 0, 0), (1, 0.76 * radius, 0.80 * radius, 0, 0))
        shapes.append(Loft(point(0.078, -0.002, base), middle, thick, side=up))
        shapes.append(Loft(middle, point(0.090 + reach, -0.021, tip), thin, side=up))
    knuckle = point(0.062, -0.011, 0.052)
    ball_of_thumb = ((0, 0.0150, 0.0160, 0, 0), (1, 0.0115, 0.0115, 0, 0))
    shapes.append(Loft(point(0.014, -0.004, 0.018), knuckle, ball_of_thumb, side=up))
    thumb = ((0, 0.0112, 0.0112, 0, 0), (1, 0.0085, 0.0088, 0, 0))
    shapes.append(Loft(knuckle, point(0.098, -0.018, 0.063), thumb, side=up))
    return Group(f"{side}_hand", shapes, 0.0075, 0.010)


def _leg(at: dict[str, np.ndarray], side: str, sign: float) -> Group:
    hip, knee, ankle = (at[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    outer = hip + np.array([0.034 * sign, 0.060, -0.006])
    # Half width, half depth, and shifts: the third axis of a loft that points down is +Z.
    rows = (
        (0.00, 0.034, 0.038, 0, -0.010), (0.20, 0.074, 0.080, 0, -0.006),
        (0.45, 0.077, 0.083, 0, 0.003), (0.75, 0.060, 0.064, 0, 0.005),
        (1.00, 0.050, 0.055, 0, 0.004),
        (1.13, 0.049, 0.054, 0, -0.002), (1.30, 0.052, 0.056, 0, -0.011),
        (1.54, 0.043, 0.046, 0, -0.009), (1.80, 0.032, 0.036, 0, -0.003),
        (2.00, 0.031, 0.036, 0, -0.002),
    )  # fmt: skip
    return Group(f"{side}_leg", [_limb(outer, knee, ankle, rows, (1.0, 0.0, 0.0))], 0.0, 0.070)


def _foot(at: dict[str, np.ndarray], side: str, sign: float) -> Group:
    ankle, toe = at[f"{side}_ankle"], at[f"{side}_foot"]
    floor = float(toe[1]) - SOLE
    ahead = np.array([toe[0] - ankle[0], 0.0, toe[2] - ankle[2]])
    length = float(np.linalg.norm(ahead))
    ahead /= length
    base = np.array([ankle[0], floor, ankle[2]])
    start, end = base - 0.042 * ahead, base + (length + 0.055) * ahead
    whole = float(np.linalg.norm(end - start))
    rise = float(ankle[1]) - floor
    # Metres from the heel, half width, height above the sole.
    rows = (
        (0.000, 0.028, 0.052), (0.040, 0.031, rise + 0.004), (0.085, 0.034, rise - 0.002),
        (0.130, 0.039, 0.058), (0.042 + length, 0.045, 0.041), (0.075 + length, 0.042, 0.032),
        (whole, 0.030, 0.024),
    )  # fmt: skip
    # The floor cuts the lower fifth off, so that the sole is flat.
    profile = [
        (way / whole, wide, 0.62 * tall, 0.008 * sign * (way / whole - 0.5), 0.38 * tall)
        for way, wide, tall in rows
    ]
    shapes = [Loft(start, end, profile, side=(1.0, 0.0, 0.0), caps=(0.85, 0.85), power=2.2)]
    return Group(f"{side}_foot", shapes, 0.01, 0.028, floor=floor)
