"""The mannequin's parts: which tapered capsules hang on which bone, and how thick they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.motion.skeleton import BONE_LENGTHS, JOINTS

# Joints of the data sit inside the foot; the sole is this much below them (metres), so the drawn
# floor is too.
FLOOR_Y = -0.024

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """A tapered capsule in the frame of one joint: two centres and two radii, in metres.

    `wide` and `thick` scale the cross-section along `side` and along the third axis.
    """

    frame: str
    start: Vector
    end: Vector
    radii: tuple[float, float]
    role: str
    wide: float = 1.0
    thick: float = 1.0
    side: Vector = (1.0, 0.0, 0.0)

    def mirrored(self) -> Part:
        """The same part on the other side of the body."""
        return Part(
            self.frame.replace("left", "right"),
            _flip(self.start),
            _flip(self.end),
            self.radii,
            self.role.replace("left", "right"),
            self.wide,
            self.thick,
            _flip(self.side),
        )


def _flip(vector: Vector) -> Vector:
    return -vector[0], vector[1], vector[2]


def _trunk(length: np.ndarray) -> list[Part]:
    """Pelvis, belly, chest, neck and head."""
    belly = float(length[JOINTS["spine1"]] + length[JOINTS["spine2"]])
    neck = float(length[JOINTS["head"]])
    return [
        Part("pelvis", (-0.060, -0.042, 0), (0.060, -0.042, 0), (0.086, 0.086), "pelvis"),
        Part("pelvis", (-0.058, -0.068, -0.030), (0.058, -0.068, -0.030), (0.074, 0.074), "pelvis"),
        Part("waist", (0, -0.01, 0), (0, belly - 0.06, 0.002), (0.094, 0.098), "torso",
             wide=1.22, thick=0.90),
        Part("chest", (0, -0.10, 0.004), (0, 0.075, 0.0), (0.101, 0.118), "torso",
             wide=1.28, thick=0.88),
        Part("chest", (0, 0.11, -0.014), (0, 0.212, -0.012), (0.082, 0.052), "torso", wide=1.42),
        Part("neck", (0, -0.005, 0.012), (0, neck, 0.002), (0.045, 0.046), "joint"),
        Part("head", (0, 0.098, -0.006), (0, 0.028, 0.018), (0.088, 0.066), "head", wide=0.88),
        Part("head", (0, 0.080, 0.040), (0, 0.020, 0.047), (0.056, 0.044), "visor", wide=1.06),
    ]  # fmt: skip


def _left_arm(length: np.ndarray) -> list[Part]:
    """Collar to fingers of the left arm, which points along +x in its frames."""
    upper, lower = (float(length[JOINTS[name]]) for name in ("left_elbow", "left_wrist"))
    parts = [
        Part("left_shoulder", (-0.085, 0.010, 0), (-0.004, 0.002, 0), (0.062, 0.049), "torso"),
        Part("left_upper_arm", (0, 0, 0), (0.018, 0, 0), (0.061, 0.059), "joint"),
        Part("left_upper_arm", (0.035, 0, 0), (upper - 0.02, 0, 0), (0.055, 0.040), "left"),
        Part("left_forearm", (-0.004, 0, 0), (0.006, 0, 0), (0.042, 0.042), "joint"),
        Part("left_forearm", (0.03, 0, 0), (0.45 * lower, 0, 0), (0.040, 0.040), "left"),
        Part("left_forearm", (0.4 * lower, 0, 0), (lower - 0.015, 0, 0), (0.0405, 0.027), "left"),
        Part("left_hand", (-0.002, 0, 0), (0.004, 0, 0), (0.030, 0.030), "joint"),
        Part("left_hand", (0.028, 0, 0), (0.078, -0.004, 0.001), (0.031, 0.036), "left_hand",
             wide=1.0, thick=0.52, side=(0, 0, 1)),
        Part("left_hand", (0.028, -0.004, 0.022), (0.062, -0.016, 0.048), (0.014, 0.0115),
             "left_hand"),
        Part("left_hand", (0.062, -0.016, 0.048), (0.088, -0.022, 0.052), (0.0115, 0.0095),
             "left_hand"),
    ]  # fmt: skip
    for z, reach in ((0.027, 0.062), (0.0092, 0.072), (-0.0088, 0.067), (-0.026, 0.052)):
        knuckle, middle = (0.098, -0.006, z), (0.098 + 0.55 * reach, -0.014, z * 1.05)
        tip = (0.098 + reach, -0.030, z * 1.02)
        parts.append(Part("left_hand", knuckle, middle, (0.0118, 0.0105), "left_hand"))
        parts.append(Part("left_hand", middle, tip, (0.0105, 0.0085), "left_hand"))
    return parts


def _left_leg(length: np.ndarray) -> list[Part]:
    """Hip to toes of the left leg, which points along -y in its frames."""
    upper, lower = (float(length[JOINTS[name]]) for name in ("left_knee", "left_ankle"))
    foot = float(length[JOINTS["left_foot"]])
    parts = [
        Part("left_thigh", (0, 0.006, 0), (0, -0.008, 0), (0.080, 0.080), "joint"),
        Part("left_thigh", (0, -0.042, 0), (0, -upper + 0.03, 0.004), (0.082, 0.054), "left"),
        Part("left_shin", (0, 0.005, 0.004), (0, -0.008, 0.004), (0.056, 0.055), "joint"),
        Part("left_shin", (0, -0.04, 0), (0, -lower + 0.03, 0), (0.049, 0.034), "left"),
        Part("left_shin", (0, -0.09, -0.016), (0, -0.58 * lower, -0.008), (0.047, 0.036), "left"),
        Part("left_foot", (0, 0.008, 0), (0, 0, 0), (0.038, 0.038), "joint"),
        Part("left_foot", (0, -0.034, -0.038), (0, -0.036, 0.05), (0.034, 0.030), "left_end"),
        Part("left_foot", (0, -0.012, 0.012), (0.002, -0.036, 0.12), (0.036, 0.026), "left_end",
             wide=1.05),
        Part("left_toes", (-0.020, -0.002, 0.002), (0.022, -0.004, -0.008), (0.025, 0.022),
             "left_end"),
        Part("left_foot", (0.006, -0.038, 0.04), (0.014, -0.040, foot - 0.02), (0.027, 0.024),
             "left_end"),
    ]  # fmt: skip
    toes = ((-0.024, 0.062, 0.0150), (-0.0045, 0.064, 0.0115), (0.0115, 0.057, 0.0108),
            (0.0255, 0.047, 0.0102), (0.0375, 0.036, 0.0096))  # fmt: skip
    for x, reach, radius in toes:
        lift = radius + FLOOR_Y - 0.001
        root, tip = (x * 0.85, lift + 0.005, 0.008), (x, lift, reach - 0.004)
        parts.append(Part("left_toes", root, tip, (radius * 1.12, radius), "left_hand"))
    return parts


def build_sticks(lengths: np.ndarray) -> tuple[Part, ...]:
    """Thin bones and balls at the joints for bones of these lengths [22], metres."""
    size = dict(zip(JOINTS, np.clip(lengths, 0.6 * BONE_LENGTHS, 1.6 * BONE_LENGTHS), strict=True))
    spine, neck, thin = float(size["spine1"] + size["spine2"]), float(size["head"]), (0.016, 0.013)
    parts = [
        Part("pelvis", (-0.085, -0.075, 0), (0.085, -0.075, 0), (0.016, 0.016), "pelvis"),
        Part("waist", (0, 0, 0), (0, spine, 0), thin, "torso"),
        Part("chest", (0, -0.02, 0), (0, 0.19, 0), thin, "torso"),
        Part("neck", (0, 0, 0), (0, neck, 0), thin, "joint"),
        Part("head", (0, 0.0, 0.0), (0, 0.12, 0.0), thin, "joint"),
    ]
    for frame, end, bone in (
        ("left_shoulder", (-1.0, 0.0, 0.0), "left_shoulder"),
        ("left_upper_arm", (1.0, 0.0, 0.0), "left_elbow"),
        ("left_forearm", (1.0, 0.0, 0.0), "left_wrist"),
        ("left_thigh", (0.0, -1.0, 0.0), "left_knee"),
        ("left_shin", (0.0, -1.0, 0.0), "left_ankle"),
    ):
        x, y, z = (float(size[bone]) * axis for axis in end)
        limb = [
            Part(frame, (0, 0, 0), (x, y, z), thin, "left"),
            Part(frame, (0, 0, 0), (0.02 * end[0], 0.02 * end[1], 0), (0.023, 0.023), "joint"),
        ]
        parts += [*limb, *(part.mirrored() for part in limb)]
    foot = Part("left_foot", (0, 0, 0), (0, -0.036, float(size["left_foot"])), thin, "left_end")
    return (*parts, foot, foot.mirrored())


def build_parts(lengths: np.ndarray) -> tuple[Part, ...]:
    """All parts for bones of these lengths [22], metres."""
    # A damaged clip must not turn parts inside out.
    safe = np.clip(lengths, 0.6 * BONE_LENGTHS, 1.6 * BONE_LENGTHS)
    left = _left_arm(safe) + _left_leg(safe)
    return (*_trunk(safe), *left, *(part.mirrored() for part in left))
