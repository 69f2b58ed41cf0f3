"""New motions out of two: one after the other, or one's arms on the other's legs."""

from __future__ import annotations

import numpy as np

from engine.data.plausible import moves_like_parts, reaches_into_body, trunk_direction, trunk_tilt
from engine.motion.canonical import canonicalize, facing_yaw, rotate_yaw
from engine.motion.feet import pin_feet, planted_feet, raise_feet, smooth
from engine.motion.kinematics import bone_directions, place_bones
from engine.motion.legs import ANKLES, move_ankles
from engine.motion.rotation import normalize, slerp_directions
from engine.motion.skeleton import FPS, JOINTS, MAX_FRAMES, MIN_FRAMES

SEARCH = 10  # frames at the end of the first and the start of the second clip, for the cut
BLEND = 10  # frames; a real step takes about half a second
HIPS_GIVE = 0.25  # metres between where hips and standing foot want the second clip
STEP_HEIGHT = 0.06  # metres, toe of a moving foot
LONG_BLEND = 12
TOES = (10, 11)
FARTHEST_POSE = 0.30  # metres, mean joint distance of the two poses that are blended
TILT_APART = np.radians(40.0)  # trunks of the two poses
HEIGHT_APART = 0.25  # metres, pelvis
MOST_CUT = 0.4  # share of a clip that may go for the sake of the 9.8 seconds

CHEST = [JOINTS[name] for name in ("spine3", "neck", "head", "left_collar", "right_collar")]
ARMS = tuple(
    [JOINTS[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist")]
    for side in ("left", "right")
)
SHARED = JOINTS["spine2"]  # half from each: the waist gives way
IDLE_REACH = 0.25  # metres a hanging hand moves in a clip that does not use it
STRETCH = 1.15  # at most this much faster or slower
MOST_TILT = np.radians(40.0)  # of either trunk in a "while": no crawling, lying, rolling
TRUNKS_APART = np.radians(22.0)  # on average


def then_motion(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """First `a`, then `b`: joints [20..196, 22, 3] float32, canonical, or None.

    `a`, `b` are joints on the target skeleton with the floor at y = 0. The second clip is turned
    and moved to go on where the first stands; the two are blended over 10 to 12 frames, at the
    place near the cut where poses, speeds and planted feet fit best. If both together are too
    long, quiet frames at the very start and end go. None where the poses do not fit, the blend
    would move as nobody does, or too much would have to go.
    """
    if min(len(a), len(b)) < MIN_FRAMES:
        return None
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    blend = BLEND
    end, start, distance = _best_cut(a, b, blend)
    if distance > FARTHEST_POSE:
        return None
    if distance > 0.5 * FARTHEST_POSE:
        blend = LONG_BLEND
        end, start, _ = _best_cut(a, b, blend)
    trimmed = _trim(a[: end + 1], b[start:], blend)
    if trimmed is None:
        return None
    a, b = trimmed
    b = _continue_from(a, b, blend)
    if not _poses_fit(a[-blend:], b[:blend]):
        return None
    joined = _join(a, b, blend)
    if not moves_like_parts(joined[max(len(a) - blend - 4, 0) : len(a) + 4], (a, b)):
        return None
    return canonicalize(joined, floor=0.0).astype(np.float32)


def while_motion(lower: np.ndarray, upper: np.ndarray) -> np.ndarray | None:
    """Arms, head and chest of `upper` on hips and legs of `lower`: joints float32, or None.

    Both are joints on the target skeleton with the floor at y = 0. The upper body is turned with
    the lower one's heading; where only one of its arms is used, the other swings as in `lower`.
    The longer clip is cut to the shorter (the arms' liveliest part, the
    legs' first), after a stretch of at most 15 %. None where a trunk is bent or the two trunks
    lean differently, hands would go into the body, or joints would move as in neither clip.
    """
    if min(len(lower), len(upper)) < MIN_FRAMES:
        return None
    legs, arms = _same_length(
        np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    )
    if max(trunk_tilt(legs).max(), trunk_tilt(arms).max()) > MOST_TILT:
        return None
    yaw, own_yaw = _steady_yaw(legs), _steady_yaw(arms)
    turned = rotate_yaw(bone_directions(arms), (yaw - own_yaw)[:, None])
    directions = bone_directions(legs)
    apart = (trunk_direction(legs) * rotate_yaw(trunk_direction(arms), yaw - own_yaw)).sum(-1)
    if np.arccos(np.clip(apart, -1.0, 1.0)).mean() > TRUNKS_APART:
        return None
    directions[:, CHEST] = turned[:, CHEST]
    busy = _busy_arms(arms)
    for arm, used in zip(ARMS, busy, strict=True):
        # An arm that just hangs says nothing: the walker's own swings more naturally.
        if used or not any(busy):
            directions[:, arm] = turned[:, arm]
    directions[:, SHARED] = slerp_directions(directions[:, SHARED], turned[:, SHARED], 0.5)
    mixed = place_bones(legs[:, 0], directions)
    if reaches_into_body(mixed, arms) or not moves_like_parts(mixed, (legs, arms)):
        return None
    return canonicalize(mixed, floor=0.0).astype(np.float32)


def _local(points: np.ndarray) -> np.ndarray:
    """Joints [T, 22, 3] around the pelvis' place on the floor, facing +Z in every frame."""
    ground = points[:, :1] * np.array([1.0, 0.0, 1.0])
    return rotate_yaw(points - ground, -facing_yaw(points)[:, None])


def _best_cut(a: np.ndarray, b: np.ndarray, blend: int) -> tuple[int, int, float]:
    """Last frame of `a`, first of `b`, and mean joint distance (metres) over the blend."""
    reach_a = min(SEARCH, len(a) - blend - 2)
    reach_b = min(SEARCH, len(b) - blend - 2)
    tail, head = a[len(a) - blend - reach_a :], b[: blend + reach_b]
    pose_a, pose_b = _local(tail), _local(head)
    apart = np.linalg.norm(pose_a[:, None] - pose_b[None], axis=-1).mean(-1)
    speed = _speeds(tail)[:, None] - _speeds(head)[None]
    steps = planted_feet(tail)[:, None] != planted_feet(head)[None]
    cost = apart + 0.15 * np.linalg.norm(speed, axis=-1) + 0.03 * steps.sum((-2, -1))
    # Blending pairs frames along diagonals: entry [p, q] is the mean over the next `blend` pairs.
    rows, columns = reach_a + 1, reach_b + 1
    mean_cost, mean_apart = (
        sum(table[k : k + rows, k : k + columns] for k in range(blend)) / blend
        for table in (cost, apart)
    )
    lost = np.arange(rows)[::-1, None] + np.arange(columns)[None]
    row, column = np.unravel_index(np.argmin(mean_cost + 0.002 * lost), mean_cost.shape)
    last = len(a) - reach_a + int(row) - 1
    return last, int(column), float(mean_apart[row, column])


def _speeds(points: np.ndarray) -> np.ndarray:
    """Root velocity [T, 3] in m/s, in the frame's own heading."""
    return rotate_yaw(np.gradient(points[:, 0], axis=0) * FPS, -facing_yaw(points))


def _trim(a: np.ndarray, b: np.ndarray, blend: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Both clips cut so that they fit 196 frames, where least happens; None if too much goes."""
    excess = len(a) + len(b) - blend - MAX_FRAMES
    if excess <= 0:
        return a, b
    most_a = min(excess, int(MOST_CUT * len(a)))
    least_a = max(0, excess - int(MOST_CUT * len(b)))
    if least_a > most_a:
        return None
    from_a = np.arange(least_a, most_a + 1)
    lost_a = np.concatenate(([0.0], np.cumsum(_activity(a))))
    lost_b = np.concatenate(([0.0], np.cumsum(_activity(b)[::-1])))
    cut = int(from_a[np.argmin(lost_a[from_a] + lost_b[excess - from_a])])
    return a[cut:], b[: len(b) - (excess - cut)]


def _activity(points: np.ndarray) -> np.ndarray:
    """How much the body does, [T]: mean speed of the limbs around the pelvis, m/s."""
    steps = np.diff(_local(points), axis=0, append=_local(points[-1:]))
    return np.linalg.norm(steps, axis=-1).mean(-1) * FPS


def _continue_from(a: np.ndarray, b: np.ndarray, blend: int) -> np.ndarray:
    """`b` turned and moved so that its first `blend` frames lie on the last ones of `a`."""
    old, new = a[-blend:], b[:blend]
    middle = blend // 2
    turn = float(facing_yaw(old[middle]) - facing_yaw(new[middle]))
    turned = rotate_yaw(b, turn)
    new = turned[:blend]
    offset = old[middle, 0] - new[middle, 0]
    stands_a, stands_b = (planted_feet(part)[..., 1] for part in (old, new))
    # A foot that stands in both clips stays where it is and the hips make up the difference:
    # the other foot then takes the step from one clip to the other.
    support = np.minimum(stands_a.sum(0), stands_b.sum(0))
    best = int(support.argmax())
    if support[best] >= blend // 4:
        toe = TOES[best]
        steady = np.median(old[stands_a[:, best], toe], 0) - np.median(
            new[stands_b[:, best], toe], 0
        )
        if np.linalg.norm((steady - offset)[0::2]) < HIPS_GIVE:
            offset = steady
    return turned + offset * np.array([1.0, 0.0, 1.0])


def _poses_fit(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the two halves of a blend stand equally upright and equally high."""
    cosine = (trunk_direction(a) * trunk_direction(b)).sum(-1)
    height = np.abs(a[:, 0, 1] - b[:, 0, 1])
    return bool(
        np.arccos(np.clip(cosine.min(), -1, 1)) < TILT_APART and height.max() < HEIGHT_APART
    )


def _join(a: np.ndarray, b: np.ndarray, blend: int) -> np.ndarray:
    """Both clips with the last `blend` frames of `a` faded into the first of `b`."""
    share = (np.arange(blend) + 0.5) / blend
    share = share**2 * (3 - 2 * share)
    old, new = a[-blend:], b[:blend]
    directions = slerp_directions(bone_directions(old), bone_directions(new), share[:, None])
    root = old[:, 0] + share[:, None] * (new[:, 0] - old[:, 0])
    mixed = _step_over(place_bones(root, directions), old, new, share)
    joined = np.concatenate((a[:-blend], mixed, b[blend:]))
    window = np.zeros(len(joined), dtype=bool)
    window[len(a) - blend - 1 : len(a) + 1] = True
    return raise_feet(pin_feet(joined, planted_feet(joined), window))


def _step_over(
    mixed: np.ndarray, old: np.ndarray, new: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Blended frames whose toes go straight from where `old` has them to where `new` does.

    Blended angles alone would let standing feet drift. A toe that moves more than it did in
    the clips is lifted off the floor; low steps of the clips' own stay as they are.
    """
    toes = [*TOES]
    path = old[:, toes] + share[:, None, None] * (new[:, toes] - old[:, toes])
    mixed_speed, old_speed, new_speed = (
        np.linalg.norm(np.gradient(feet[..., 0::2], axis=0), axis=-1) * FPS
        for feet in (path, old[:, toes], new[:, toes])
    )
    own_speed = old_speed + share[:, None] * (new_speed - old_speed)
    moving = np.clip((mixed_speed - own_speed - 0.1) / 0.3, 0.0, 1.0)
    lift = smooth(moving * np.maximum(STEP_HEIGHT - path[..., 1], 0.0), 1.0)
    path[..., 1] += lift * np.minimum(8 * share * (1 - share), 1.0)[:, None]
    ankles = path - (mixed[:, toes] - mixed[:, [*ANKLES]])
    return move_ankles(mixed, ankles)


def _same_length(legs: np.ndarray, arms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both clips at one length of 20 to 196 frames."""
    ratio = float(np.clip(len(legs) / len(arms), 1 / STRETCH, STRETCH))
    if abs(ratio - 1.0) > 1e-9:
        arms = _stretch(arms, max(MIN_FRAMES, round(len(arms) * ratio)))
    frames = min(len(legs), len(arms), MAX_FRAMES)
    if len(arms) > frames:
        moving = np.concatenate(([0.0], np.cumsum(_activity(arms))))
        first = int(np.argmax(moving[frames:] - moving[:-frames]))
        arms = arms[first : first + frames]
    return legs[:frames], arms


def _stretch(points: np.ndarray, frames: int) -> np.ndarray:
    """Joints [T, 22, 3] read at `frames` evenly spaced moments, bones kept."""
    times = np.linspace(0, len(points) - 1, frames)
    low = np.minimum(times.astype(int), len(points) - 2)
    weight = (times - low)[:, None]
    directions = bone_directions(points)
    mixed = directions[low] * (1 - weight[..., None]) + directions[low + 1] * weight[..., None]
    root = points[low, 0] * (1 - weight) + points[low + 1, 0] * weight
    return place_bones(root, normalize(mixed))


def _busy_arms(points: np.ndarray) -> tuple[bool, bool]:
    """Whether the left, the right arm does something: not hanging, or reaching about."""
    local = _local(points)
    chest = local[:, JOINTS["spine3"]]
    left, right = (
        bool((hand[:, 1] > chest[:, 1]).any() or np.ptp(hand - chest, axis=0).max() > IDLE_REACH)
        for hand in (local[:, arm[-1]] for arm in ARMS)
    )
    return left, right


def _steady_yaw(points: np.ndarray) -> np.ndarray:
    """Heading [T] in radians of the pelvis, without its swing from step to step."""
    across = points[:, JOINTS["right_hip"]] - points[:, JOINTS["left_hip"]]
    yaw = np.unwrap(np.arctan2(across[:, 2], -across[:, 0]))
    radius = 6
    padded = np.pad(yaw, radius, mode="edge")
    kernel = np.hanning(2 * radius + 3)[1:-1]
    return np.convolve(padded, kernel / kernel.sum(), "valid")
