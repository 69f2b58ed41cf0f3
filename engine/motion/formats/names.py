"""What other programs call SMPL's joints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import StudioError
from engine.motion.skeleton import JOINT_NAMES

# In SMPL's order. Mixamo's names are those that the retargeters of Unity, Unreal and Blender know.
MIXAMO: tuple[str, ...] = tuple(
    f"mixamorig:{name}"
    for name in (
        "Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot",
        "RightFoot", "Spine2", "LeftToeBase", "RightToeBase", "Neck", "LeftShoulder",
        "RightShoulder", "Head", "LeftArm", "RightArm", "LeftForeArm", "RightForeArm", "LeftHand",
        "RightHand",
    )
)  # fmt: skip
UNREAL: tuple[str, ...] = (
    "pelvis", "thigh_l", "thigh_r", "spine_01", "calf_l", "calf_r", "spine_02", "foot_l", "foot_r",
    "spine_03", "ball_l", "ball_r", "neck_01", "clavicle_l", "clavicle_r", "head", "upperarm_l",
    "upperarm_r", "lowerarm_l", "lowerarm_r", "hand_l", "hand_r",
)  # fmt: skip
NAMES: dict[str, tuple[str, ...]] = {"smpl": JOINT_NAMES, "mixamo": MIXAMO}


def joint_names(scheme: str) -> tuple[str, ...]:
    """The 22 names of a scheme, in SMPL's order; StudioError for an unknown one."""
    if scheme not in NAMES:
        raise StudioError(f"Joint names {scheme!r} are not offered; choose {' or '.join(NAMES)}.")
    return NAMES[scheme]


def find_joints(names: Sequence[str]) -> dict[str, int]:
    """Which of a file's joints are SMPL's: {"left_hip": index}, by the naming that fits best.

    Case, spaces, prefixes up to a colon and "mixamorig" do not matter.
    """
    plain = [_plain(name) for name in names]
    found: dict[str, int] = {}
    for scheme in (JOINT_NAMES, MIXAMO, UNREAL):
        match = {
            smpl: plain.index(_plain(name))
            for smpl, name in zip(JOINT_NAMES, scheme, strict=True)
            if _plain(name) in plain
        }
        if len(match) > len(found):
            found = match
    return found


def _plain(name: str) -> str:
    last = re.split(r"[:|]", name)[-1].lower()
    return re.sub(r"^mixamorig\d*|[\s_.-]", "", last)
