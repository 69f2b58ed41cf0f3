"""Differentiable physics: joints in, one bounded score per motion out, higher is better.

Every function takes joints [B, T, 22, 3] (metres, Y up, floor y = 0, 20 fps) and `mask` [B, T] of
real frames, which come first; at least 4 frames are real. Padded frames never count. Scores are
bounded, so that a weight of 1 can never outbid text alignment, a cosine, by more than its range,
and they saturate: a motion that is far off is not worth ruining everything else for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.motion.skeleton import FPS, JOINTS
from engine.tuning.rewards.sides import Hands, hands_of, may_bend

# Left and right stand side by side; lists of indices would have to be copied to a GPU every time.
TOES = slice(JOINTS["left_foot"], JOINTS["right_foot"] + 1)
HEAD = JOINTS["head"]
WRISTS = slice(JOINTS["left_wrist"], JOINTS["right_wrist"] + 1)
SHOULDERS = slice(JOINTS["left_shoulder"], JOINTS["right_shoulder"] + 1)
GRAVITY = 9.81

TOE_DOWN, TOE_SOFT = 0.05, 0.01  # metres: a toe is down below this, softly (physical.foot_skate)
SKATING = 0.5  # m/s at which a planted toe scores half
SUNK = 0.01  # metres of depth that score half
HOVERING, HOVERED = 0.06, 0.05  # metres: hovering begins; that much more scores half
FALLING = 0.4  # share of g from which a root is in free flight (physical.float_share)
# Jerk alone is a matter of the action, 60 times larger in a kick than in a bow, so it is compared
# with how the body accelerates and how fast it moves.
REAL_TEMPO, TEMPO_SPREAD = (
    16.8,
    0.4,
)  # 1/s, jerk over acceleration; log deviation that scores half
BRISK, BRISK_SPREAD = 200.0, 0.4  # 1/s^2, jerk over speed: 95 % of real clips have less
STILL, RESTING = 0.3, 0.05  # m/s^2, m/s: a body that hardly moves has neither
MOMENT = 4  # frames over which joint speed is taken: what trembles within them gets nowhere
STRIDE = 8  # frames over which root speed is taken: sway and jitter are no travel
WALKING, STROLL, SPRINT = 1.5, 0.4, 4.0  # m/s
TINY = 1e-12


def feet(joints: Tensor, mask: Tensor, planted: Tensor | None = None) -> Tensor:
    """No skating, [-1, 0]: minus the share of time in which a toe that is down slides.

    `planted` [B, T - 1, 2] is how surely each toe is down. It passes no gradient: lifting a foot
    by a centimetre would be the cheapest way to stop it from skating.
    """
    toes = joints[:, :, TOES]
    planted = planted_toes(joints) if planted is None else planted
    speed = _length((toes[:, 1:] - toes[:, :-1])[..., ::2]) * FPS
    sliding = planted * _hill(speed, SKATING, 3)
    still = 1 - sliding
    either = 1 - still[..., 0] * still[..., 1]  # what `prod` does backward no graph can hold
    return -_mean(either, mask[:, 1:])


def planted_toes(joints: Tensor) -> Tensor:
    """How surely each toe is down both before and after a step of time, [B, T - 1, 2]."""
    height = joints[:, :, TOES, 1].detach()
    upper = torch.maximum(height[:, 1:], height[:, :-1])
    return torch.sigmoid((TOE_DOWN - upper) / TOE_SOFT)


def floor(joints: Tensor, mask: Tensor) -> Tensor:
    """Nothing under the floor and nobody hovering, [-1, 0]: the mean over frames.

    A frame is worse the deeper its lowest joint lies, or the higher it hovers, unless the body
    is in free flight. That gate passes no gradient: hovering is not mended by starting to fall.
    """
    lowest = joints[..., 1].amin(dim=-1)
    sunk = _hill((-lowest).clamp_min(0), SUNK, 2)
    hovering = _hill((lowest - HOVERING).clamp_min(0), HOVERED, 2)
    return -_mean(torch.maximum(sunk, hovering * ~in_flight(joints, mask)), mask)


def in_flight(joints: Tensor, mask: Tensor) -> Tensor:
    """Frames [B, T] in which the root falls freely: accelerates down at over 0.4 g over 0.2 s."""
    height = joints[:, :, 0, 1].detach()
    last = (mask.sum(dim=1, keepdim=True) - 3).clamp_min(2)
    middle = torch.arange(joints.shape[1], device=joints.device)[None].clamp_min(2)
    middle = torch.minimum(middle, last)
    around = [height.gather(1, (middle + by).clamp_max(joints.shape[1] - 1)) for by in (-2, 0, 2)]
    bend = (around[0] - 2 * around[1] + around[2]) * (FPS / 2) ** 2
    return bend < -FALLING * GRAVITY


def smooth(joints: Tensor, mask: Tensor, pace: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """As much jerk for its acceleration and speed as real motion has, [-1, 0].

    Against acceleration, trembling is too high and a washed-out motion too low; against speed, a
    wobble that gets nowhere is too high. The worse counts; standing still gains nothing. `pace`
    passes no gradient: to fling the body about would be a way to make its jerk look small.
    """
    bends = joints[:, 2:] - 2 * joints[:, 1:-1] + joints[:, :-2]
    jerk = _mean(_length(bends[:, 1:] - bends[:, :-1]).mean(-1), mask[:, 3:]) * FPS**3
    acceleration, speed = mean_pace(joints, mask) if pace is None else pace
    tempo = (jerk + REAL_TEMPO * STILL) / (REAL_TEMPO * (acceleration + STILL))
    wobble = jerk / (BRISK * (speed + RESTING))
    off_tempo = _hill(tempo.log().abs(), TEMPO_SPREAD, 2)
    return -torch.maximum(off_tempo, _hill(wobble.clamp_min(1).log(), BRISK_SPREAD, 2))


@torch.no_grad()
def mean_pace(joints: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean acceleration in m/s^2 and speed in m/s, taken over 0.2 s, of the joints: [B] each."""
    bends = joints[:, 2:] - 2 * joints[:, 1:-1] + joints[:, :-2]
    moment = min(MOMENT, joints.shape[1] - 1)
    ways = _length(joints[:, moment:] - joints[:, :-moment]).mean(-1) * (FPS / moment)
    return _mean(_length(bends).mean(-1), mask[:, 2:]) * FPS**2, _mean(ways, mask[:, moment:])


def root_speed(joints: Tensor, mask: Tensor) -> Tensor:
    """Mean speed [B] of the root on the floor in m/s, each over 0.4 s."""
    root = joints[:, :, 0, ::2]
    stride = min(STRIDE, joints.shape[1] - 1)
    steps = _length(root[:, stride:] - root[:, :-stride]) * (FPS / stride)
    return _mean(steps, mask[:, stride:])


def faster(joints: Tensor, mask: Tensor) -> Tensor:
    """Travel quickly, [0, 1): half at 1.5 m/s, nothing more to gain from 4 m/s on.

    Rises with the cube of slow speeds, so that somebody who stands and waves is not pushed off.
    """
    return _hill(root_speed(joints, mask).clamp_max(SPRINT), WALKING, 3)


def slower(joints: Tensor, mask: Tensor) -> Tensor:
    """Travel slowly, (-1, 0]: down to a stroll of 0.4 m/s, so that standing still gains nothing."""
    speed = root_speed(joints, mask).clamp_max(SPRINT)
    return -_hill((speed - STROLL).clamp_min(0), WALKING - STROLL, 2)


def straight(joints: Tensor, mask: Tensor, texts: Sequence[str]) -> Tensor:
    """A straight path, (-1, 0]: the share of the way that is a detour; 0 where a turn is asked."""
    seconds = mask.sum(dim=1) / FPS
    way = root_speed(joints, mask) * seconds
    last = (mask.sum(dim=1) - 1)[:, None, None].expand(-1, 1, 2)
    root = joints[:, :, 0, ::2]
    net = _length(root.gather(1, last)[:, 0] - root[:, 0])
    detour = (way - net).clamp_min(0) / (way + 0.5)  # half a metre: shifting feet are no way
    asked = torch.tensor([not may_bend(text) for text in texts], device=joints.device)
    return -detour * asked


def side(joints: Tensor, mask: Tensor, texts: Sequence[str]) -> Tensor:
    """The hand that the prompt names, [-1, 1]; 0 where it names none (see `sides.hands_of`).

    To be raised: its highest point against the other hand's, for both the lower one's against
    the head. Otherwise: its share of the hands' movement, for both how even the shares are.
    """
    asked = [hands_of(text) for text in texts]
    if not any(asked):
        return torch.zeros_like(joints[:, 0, 0, 0])
    up, way = _highest(joints, mask), _way(joints, mask)
    lead = torch.tanh((up[:, 1] - up[:, 0]) / 0.5)
    busier = (way[:, 1] - way[:, 0]) / (way.sum(dim=1) + 0.2)
    raised = torch.tanh((up.amin(dim=1) + 0.3) / 0.4)
    choices = torch.stack((lead, busier, raised, -busier.abs()), dim=1)
    signs = torch.tensor([_choice(hands) for hands in asked], dtype=up.dtype, device=up.device)
    return (choices * signs).sum(dim=1)


def _choice(hands: Hands | None) -> list[float]:
    """Weights of (right hand leads, right hand busier, both raised, both as busy)."""
    if hands is None:
        return [0.0] * 4
    if hands.side == "both":
        return [0.0, 0.0, float(hands.raised), float(not hands.raised)]
    sign = 1.0 if hands.side == "right" else -1.0
    return [sign * hands.raised, sign * (not hands.raised), 0.0, 0.0]


def _highest(joints: Tensor, mask: Tensor) -> Tensor:
    """Height of each wrist [B, 2] over the head at its best, softly: mean of about the top 5 cm."""
    over = joints[:, :, WRISTS, 1] - joints[:, :, HEAD, 1, None]
    over = torch.where(mask[..., None], over, 0.0)
    sharp = (over / 0.05).masked_fill(~mask[..., None], -torch.inf)
    return (torch.softmax(sharp, dim=1) * over).sum(dim=1)


def _way(joints: Tensor, mask: Tensor) -> Tensor:
    """Length [B, 2] in metres of each wrist's way around its shoulder."""
    arms = joints[:, :, WRISTS] - joints[:, :, SHOULDERS]
    return (_length(arms[:, 1:] - arms[:, :-1]) * mask[:, 1:, None]).sum(dim=1)


def _hill(x: Tensor, half: float, power: int) -> Tensor:
    """x^p / (x^p + half^p) for x >= 0: flat at 0, 1/2 at `half`, towards 1 beyond."""
    raised = (x / half) ** power
    return raised / (1 + raised)


def _length(vectors: Tensor) -> Tensor:
    """Norm over the last axis with a finite gradient at 0."""
    return ((vectors * vectors).sum(dim=-1) + TINY).sqrt()


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real frames of [B, T]."""
    return torch.where(mask, values, 0.0).sum(dim=1) / mask.sum(dim=1).clamp_min(1)
