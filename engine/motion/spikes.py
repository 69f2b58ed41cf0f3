"""One-frame spikes: a joint that leaps off and is back in the next frame."""

from __future__ import annotations

import numpy as np

from engine.motion.rotation import normalize

# Measured on fast real motion (dashes, punches, energetic waving, kicks at 20 fps): a limb's
# sharpest turn scores under 1, and none comes back within a frame from farther than 12 cm.
SMALLEST = 0.05  # metres out and back
SHARPEST = 1.3  # leap over what the neighbouring frames move
FARTHEST = 0.14  # metres out and back that no limb does, however lively
_STILL = 0.01  # metres per frame added to the neighbours' movement: noise is no movement


def remove_spikes(joints: np.ndarray) -> np.ndarray:
    """Joints [T, J, 3] without one-frame spikes; frames without one are returned unchanged.

    The root is looked at in the world, every other joint first relative to it (so that a fast
    run hides nothing), then in the world too. A spiked joint is put where a cubic through the two
    frames on either side passes.
    """
    if len(joints) < 3:
        return joints
    local = np.concatenate((joints[:, :1], joints[:, 1:] - joints[:, :1]), axis=1)
    calm = _calm(local)
    world = joints
    if calm is not local:
        world = np.concatenate((calm[:, :1], calm[:, 1:] + calm[:, :1]), axis=1)
    return _calm(world)


def _calm(points: np.ndarray) -> np.ndarray:
    """Points [T, J, 3] without spikes, the same array if there were none."""
    for _ in range(3):  # a spike next to another hides it
        spiked = find_spikes(points)
        if not spiked.any():
            break
        points = np.where(spiked[..., None], _without(points), points)
    return points


def find_spikes(points: np.ndarray) -> np.ndarray:
    """Which points of [T, J, 3] are one-frame spikes, bool [T, J]; only the worst of neighbours."""
    score = np.zeros(points.shape[:2])
    score[1:-1] = _sharpness(points)
    score[0], score[-1] = _loose_end(points), _loose_end(points[::-1])
    padded = np.pad(score, ((1, 1), (0, 0)))
    highest = (score >= padded[:-2]) & (score >= padded[2:])
    return (score > SHARPEST) & highest


def _sharpness(points: np.ndarray) -> np.ndarray:
    """Leap there and back over the movement around it, [T - 2, J]; 0 where nothing turns back."""
    step = np.diff(points, axis=0)
    length = np.linalg.norm(step, axis=-1)
    out, back = step[:-1], step[1:]
    leap = np.minimum(length[:-1], length[1:])
    closed = np.linalg.norm(out + back, axis=-1)
    before = np.concatenate((length[1:2] * 0, length[:-2]))
    after = np.concatenate((length[2:], length[1:2] * 0))
    around = np.maximum(np.maximum(before, after), 0.5 * closed)
    turned = (normalize(out) * normalize(back)).sum(-1) < -0.3
    score = np.where(turned & (leap > SMALLEST), leap / (around + _STILL), 0.0)
    # A kick's foot turns like this too, but between steps at least as long.
    impossible = (leap > FARTHEST) & (closed < 0.5 * leap) & (leap > np.maximum(before, after))
    return np.where(impossible, np.maximum(score, 2 * SHARPEST), score)


def _loose_end(points: np.ndarray) -> np.ndarray:
    """Sharpness of the first frame, [J]: a leap from it into calm movement."""
    lengths = np.linalg.norm(np.diff(points[:4], axis=0), axis=-1)
    first, rest = lengths[0], lengths[1:].max(axis=0)
    return np.where(first > 2 * SMALLEST, 0.25 * first / (rest + _STILL), 0.0)


def _without(points: np.ndarray) -> np.ndarray:
    """Every point [T, J, 3] as its neighbours predict it: cubic inside, linear near the ends."""
    guess = points.copy()
    guess[1:-1] = 0.5 * (points[:-2] + points[2:])
    if len(points) >= 5:
        near, far = points[1:-3] + points[3:-1], points[:-4] + points[4:]
        guess[2:-2] = (4.0 * near - far) / 6.0
    guess[0] = 2 * points[1] - points[2]
    guess[-1] = 2 * points[-2] - points[-3]
    return guess
