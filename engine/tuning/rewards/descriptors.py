"""How a motion moves, in a few dozen plain numbers that a gradient passes through.

A taste that was learned from votes is a weighted sum of them (`taste.py`). All are of joints
[B, T, 22, 3], metres, 20 fps, and a mask [B, T] of real frames, which come first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.motion.skeleton import FPS, JOINTS

TINY = 1e-8
PARTS: dict[str, tuple[str, ...]] = {
    "hands": ("left_wrist", "right_wrist"),
    "elbows": ("left_elbow", "right_elbow"),
    "knees": ("left_knee", "right_knee"),
    "toes": ("left_foot", "right_foot"),
    "head": ("head",),
}
AXES = ("side", "up", "forward")
REACHES = ("hands", "elbows", "knees", "toes", "head")
PLACES = (("hands", 0, "apart"), ("hands", 1, "height"), ("hands", 2, "forward"),
          ("elbows", 0, "apart"), ("knees", 0, "apart"), ("toes", 0, "apart"),
          ("head", 1, "height"), ("head", 2, "forward"))  # fmt: skip
NAMES: tuple[str, ...] = (
    *(f"{part}_speed" for part in PARTS),
    *(f"{part}_reach_{axis}" for part in REACHES for axis in AXES),
    *(f"{part}_{name}" for part, _, name in PLACES),
    "root_speed", "root_height", "root_bob", "turn", "lean", "sway", "knee_bend", "uneven_hands",
    "slide", "low", "jerk",
)  # fmt: skip


def describe(joints: Tensor, mask: Tensor) -> Tensor:
    """Descriptors [B, len(NAMES)]."""
    local, yaw = seen_from_the_body(joints)
    pairs = mask[:, 1:] & mask[:, :-1]
    out: list[Tensor] = []
    for names in PARTS.values():
        steps = [_length(_step(local, joint)) for joint in names]
        out.append((_mean(torch.stack(steps).mean(0), pairs) * FPS + 0.05).log())
    for part in REACHES:
        spread = torch.stack([_deviation(_of(local, joint), mask) for joint in PARTS[part]])
        out += spread.mean(0).unbind(-1)
    for part, axis, _ in PLACES:
        places = [_mean(_of(local, joint)[..., axis], mask) for joint in PARTS[part]]
        apart = axis == 0
        out.append(places[0] - places[-1] if apart else torch.stack(places).mean(0))
    out += _whole_body(joints, local, yaw, mask, pairs)
    return torch.stack(out, dim=-1)


def _whole_body(
    joints: Tensor, local: Tensor, yaw: Tensor, mask: Tensor, pairs: Tensor
) -> list[Tensor]:  # fmt: skip
    root = joints[:, :, 0]
    trunk = _of(local, "neck") - _of(local, "pelvis")
    trunk = trunk / _length(trunk)[..., None]
    left, right = (
        _mean(_length(_step(local, f"{side}_wrist")), pairs) for side in ("left", "right")
    )
    jerks = torch.diff(joints, n=3, dim=1) * FPS**3
    thrice = pairs[:, 2:] & pairs[:, :-2]
    bends = torch.stack([_knee_bend(local, side) for side in ("left", "right")]).mean(0)
    lowest = joints[:, :, :, 1].amin(dim=2)
    return [
        _mean(_length((root[:, 1:] - root[:, :-1])[..., ::2]), pairs) * FPS,
        _mean(root[..., 1], mask),
        _deviation(root[..., 1:2], mask)[:, 0],
        _mean(torch.atan2(yaw[:, 1:, 0] * yaw[:, :-1, 1] - yaw[:, 1:, 1] * yaw[:, :-1, 0],
                          (yaw[:, 1:] * yaw[:, :-1]).sum(-1) + TINY), pairs).abs() * FPS,
        _mean(trunk[..., 2], mask),
        _deviation(trunk, mask)[:, ::2].sum(-1),
        _mean(bends, mask),
        (left - right).abs() / (left + right + 0.005),
        _mean(_sliding(joints), pairs),
        _mean((-lowest).clamp_min(0.0), mask) * 10,
        (_mean(_length(jerks).mean(-1), thrice) + 1.0).log(),
    ]  # fmt: skip


def seen_from_the_body(joints: Tensor) -> tuple[Tensor, Tensor]:
    """Joints with the root over the origin and the facing along +Z (heights kept), and the facing
    as (sin, cos) [B, T, 2]."""
    across = joints[:, :, JOINTS["left_hip"]] - joints[:, :, JOINTS["right_hip"]]
    across = across + joints[:, :, JOINTS["left_shoulder"]] - joints[:, :, JOINTS["right_shoulder"]]
    flat = torch.stack([-across[..., 2], across[..., 0]], dim=-1)  # forward is across x up
    yaw = flat / (flat.square().sum(-1, keepdim=True) + 1e-4).sqrt()
    sin, cos = yaw[..., 0, None], yaw[..., 1, None]
    root = joints[:, :, :1]
    x, z = joints[..., 0] - root[..., 0], joints[..., 2] - root[..., 2]
    moved = torch.stack([cos * x - sin * z, joints[..., 1], sin * x + cos * z], dim=-1)
    return moved, yaw


def _sliding(joints: Tensor) -> Tensor:
    """How fast toes slide while they are near the floor, m/s, [B, T - 1]."""
    toes = joints[:, :, JOINTS["left_foot"] : JOINTS["right_foot"] + 1]
    level = _length((toes[:, 1:] - toes[:, :-1])[..., ::2]) * FPS
    height = torch.maximum(toes[:, 1:, :, 1], toes[:, :-1, :, 1])
    near = torch.sigmoid((0.05 - height) / 0.01)
    return ((level - 0.1).clamp_min(0.0) * near).sum(-1)


def _knee_bend(local: Tensor, side: str) -> Tensor:
    """1 - cosine between thigh and shin: 0 for a straight leg, [B, T]."""
    thigh = _of(local, f"{side}_knee") - _of(local, f"{side}_hip")
    shin = _of(local, f"{side}_ankle") - _of(local, f"{side}_knee")
    return 1 - (thigh * shin).sum(-1) / (_length(thigh) * _length(shin))


def _of(joints: Tensor, name: str) -> Tensor:
    return joints[:, :, JOINTS[name]]


def _step(joints: Tensor, name: str) -> Tensor:
    return torch.diff(_of(joints, name), dim=1)


def _length(vectors: Tensor) -> Tensor:
    """Norm over the last axis with a finite gradient at 0."""
    return (vectors.square().sum(-1) + TINY).sqrt()


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real frames of [B, T] -> [B]."""
    return torch.where(mask, values, 0.0).sum(1) / mask.sum(1).clamp_min(1)


def _deviation(values: Tensor, mask: Tensor) -> Tensor:
    """Deviation over the real frames of [B, T, K] -> [B, K]."""
    real = mask[..., None]
    count = mask.sum(1).clamp_min(1)[:, None]
    mean = torch.where(real, values, 0.0).sum(1) / count
    off = torch.where(real, values - mean[:, None], 0.0)
    return (off.square().sum(1) / count + TINY).sqrt()
