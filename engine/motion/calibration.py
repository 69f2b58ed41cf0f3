"""Computes a rig's constants from takes of neutral walking or standing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.errors import StudioError
from engine.motion.formats.joints import World
from engine.motion.retarget import (
    SIDES,
    TARGET_FOOT_SLOPE,
    Foot,
    Frame,
    Quaternion,
    Rig,
    Vector,
    nearest_rotation,
    point,
    shoulder_offset,
)
from engine.motion.rotation import cross, matrix_to_quat, normalize


def facing_yaw(across: np.ndarray) -> np.ndarray:
    """Left-pointing vectors [T, 3] to rotations about Y that turn +X onto their heading."""
    x, z = normalize(across[:, [0, 2]]).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    return np.stack([x, zero, -z, zero, one, zero, z, zero, x], axis=1).reshape(-1, 3, 3)


def across(world: World, rig: Rig) -> np.ndarray:
    """Right-to-left vector of hips plus shoulders, [T, 3]."""
    hips = point(world, rig, "left_hip") - point(world, rig, "right_hip")
    shoulders = point(world, rig, "left_shoulder") - point(world, rig, "right_shoulder")
    return hips + shoulders


def calibrate(
    worlds: Sequence[World],
    rig: Rig,
    toes: Mapping[str, str | Vector],
    foot_slope: float | None = None,
) -> Rig:
    """Compute a rig's constants from takes of upright, straight, neutral walking or standing.

    Each frame's calibration makes the part face the body's heading on average over the takes.
    `toes` gives per side the source point of the toe, or the toe's offset in the foot joint's
    frame; `foot_slope` (degrees, ankle -> toe, standing) is pitched to the target's, and is
    measured when absent.
    """
    yaws = [facing_yaw(across(world, rig)) for world in worlds]
    parts = {
        name: replace(part, calibration=_average(worlds, part, yaws))
        for name in ("pelvis", "spine", "chest", "neck")
        if (part := getattr(rig, name)) is not None
    }
    rig = replace(rig, **parts)
    rest = {} if rig.shoulder_origin is None else {s: _rest(worlds, rig, s) for s in SIDES}
    if foot_slope is None:
        foot_slope = standing_slope(worlds, rig, toes)
    pitch = TARGET_FOOT_SLOPE - foot_slope
    feet = {side: _calibrate_foot(worlds, rig, side, toes[side], pitch) for side in SIDES}
    return replace(rig, shoulder_rest=rest, feet=feet)


def standing_slope(worlds: Sequence[World], rig: Rig, toes: Mapping[str, str | Vector]) -> float:
    """Median slope in degrees of ankle -> toe while that ankle stands still near its lowest."""
    slopes: list[np.ndarray] = []
    for world in worlds:
        for side in SIDES:
            ankle = point(world, rig, f"{side}_ankle") * rig.unit
            speed = np.linalg.norm(np.gradient(ankle, axis=0), axis=1) * world.fps
            flat = (speed < 0.15) & (ankle[:, 1] < ankle[:, 1].min() + 0.03)
            toe = world.rotation(rig.feet[side].joint) @ _local_toe([world], rig, side, toes[side])
            slopes.append(np.degrees(np.arcsin(toe[flat, 1])))
    steady = np.concatenate(slopes)
    if steady.size == 0:
        raise StudioError("No foot stands still in the calibration takes; give the foot's slope.")
    return float(np.median(steady))


def _average(worlds: Sequence[World], part: Frame, yaws: Sequence[np.ndarray]) -> Quaternion:
    total = sum(
        np.einsum("tba,tbc->ac", world.rotation(part.joint), yaw)
        for world, yaw in zip(worlds, yaws, strict=True)
    )
    w, x, y, z = (round(float(v), 5) for v in matrix_to_quat(nearest_rotation(np.asarray(total))))
    return (w, x, y, z)


def _rest(worlds: Sequence[World], rig: Rig, side: str) -> Vector:
    return _vector(
        np.concatenate([shoulder_offset(world, rig, side) for world in worlds]).mean(axis=0)
    )


def _calibrate_foot(
    worlds: Sequence[World],
    rig: Rig,
    side: str,
    toe: str | Vector,
    pitch: float,
) -> Foot:
    joint = rig.feet[side].joint
    local = _local_toe(worlds, rig, side, toe)
    # The hinge is level, at right angles to the toe, seen from the foot: averaged over the takes.
    hinge = np.zeros(3)
    for world in worlds:
        rotation = world.rotation(joint)
        level = cross(rotation @ local, np.array([0.0, 1.0, 0.0]))
        hinge += np.einsum("tba,tb->a", rotation, normalize(level))
    hinge -= local * (hinge @ local)
    hinge /= np.linalg.norm(hinge)
    angle = np.radians(pitch)
    turned = local * np.cos(angle) + np.cross(hinge, local) * np.sin(angle)
    return Foot(joint, _vector(turned))


def _local_toe(worlds: Sequence[World], rig: Rig, side: str, toe: str | Vector) -> np.ndarray:
    if not isinstance(toe, str):
        return normalize(np.array(toe))
    total = np.zeros(3)
    for world in worlds:
        bone = normalize(world.point(toe) - point(world, rig, f"{side}_ankle"))
        total += np.einsum("tba,tb->a", world.rotation(rig.feet[side].joint), bone)
    return total / np.linalg.norm(total)


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (round(float(v), 5) for v in values)
    return (x, y, z)
