"""Kinematic facts about trunk, legs and height: bows, squats, jumps, kicks, lying, liveliness."""

from __future__ import annotations

import numpy as np

from engine.evaluation.body import Body, runs, smooth


def bend(body: Body) -> float:
    """Deepest forward lean of the trunk against its usual lean in the clip, degrees."""
    pitch = smooth(body.pitch, 1.0)
    return float(pitch.max() - np.quantile(pitch, 0.15))


def lean(body: Body) -> float:
    """Median forward lean of the trunk, degrees."""
    return float(np.median(body.pitch))


def lean_max(body: Body) -> float:
    """Deepest forward lean of the trunk against the vertical, degrees."""
    return float(smooth(body.pitch, 1.0).max())


def tilt_max(body: Body) -> float:
    """Largest angle of the trunk to the vertical whichever way, degrees."""
    return float(smooth(body.tilt, 1.0).max())


def tilt_end(body: Body) -> float:
    """Angle of the trunk to the vertical at the end, degrees."""
    return body.end(body.tilt)


def tilt_start(body: Body) -> float:
    """Angle of the trunk to the vertical at the start, degrees."""
    return body.start(body.tilt)


def root_low(body: Body) -> float:
    """Lowest pelvis height above the floor, metres (standing is about 0.92)."""
    return float(body.root_height.min())


def root_high(body: Body) -> float:
    """Highest pelvis height above the floor, metres."""
    return float(body.root_height.max())


def root_mean(body: Body) -> float:
    """Mean pelvis height above the floor, metres."""
    return float(body.root_height.mean())


def root_start(body: Body) -> float:
    """Pelvis height at the start, metres."""
    return body.start(body.root_height)


def root_end(body: Body) -> float:
    """Pelvis height at the end, metres."""
    return body.end(body.root_height)


def knee_bend(body: Body) -> float:
    """Deepest bend that both knees have at one moment, degrees (0 = straight)."""
    both = np.minimum(body.knee_bend("left"), body.knee_bend("right"))
    return float(smooth(both, 1.0).max())


def knee_bend_mean(body: Body) -> float:
    """Mean bend of both knees over the clip, degrees."""
    return float((body.knee_bend("left").mean() + body.knee_bend("right").mean()) / 2)


def squats(body: Body) -> float:
    """How often the pelvis sinks under 0.7 m and comes up over 0.8 m (or stays) with trunk up."""
    down, count = False, 0
    for height, tilt in zip(smooth(body.root_height, 1.0), body.tilt, strict=True):
        if not down and height < 0.70 and tilt < 75.0:
            down, count = True, count + 1
        elif down and height > 0.80:
            down = False
    return float(count)


def jump(body: Body) -> float:
    """Highest the whole body gets off the floor (its lowest joint), metres."""
    return float(smooth(body.clearance, 0.5).max())


def jumps(body: Body) -> float:
    """How often the whole body leaves the floor by more than 8 cm for at least 0.1 s."""
    return float(len(runs(body.clearance > 0.08, shortest=max(2, round(0.1 * body.fps)))))


def air_share(body: Body) -> float:
    """Share (0..1) of frames with nothing within 6 cm of the floor."""
    return float((body.clearance > 0.06).mean())


def foot_up(body: Body, side: str) -> float:
    """Highest the ankle of one side gets above the floor, metres."""
    return float(smooth(body[f"{side}_ankle"][:, 1], 0.5).max() - body.floor)


def left_foot_up(body: Body) -> float:
    """Highest the left ankle gets above the floor, metres."""
    return foot_up(body, "left")


def right_foot_up(body: Body) -> float:
    """Highest the right ankle gets above the floor, metres."""
    return foot_up(body, "right")


def any_foot_up(body: Body) -> float:
    """Highest either ankle gets above the floor, metres."""
    return max(foot_up(body, "left"), foot_up(body, "right"))


def right_foot_lead(body: Body) -> float:
    """How much higher the right ankle's peak is than the left's, metres (negative = left)."""
    return foot_up(body, "right") - foot_up(body, "left")


def kick_ahead(body: Body) -> float:
    """How far in front of the pelvis the highest foot is at its peak, metres."""
    side = "right" if right_foot_lead(body) > 0 else "left"
    ankle = body.own(f"{side}_ankle")
    return float(ankle[int(np.argmax(smooth(ankle[:, 1], 0.5))), 2])


def foot_speed(body: Body) -> float:
    """Highest speed of either foot seen from the body, m/s."""
    feet = [body.own("left_ankle"), body.own("right_ankle")]
    speeds = [np.linalg.norm(np.diff(smooth(foot, 0.7), axis=0), axis=-1).max() for foot in feet]
    return float(max(speeds) * body.fps)


def knee_lift(body: Body) -> float:
    """Highest either knee gets against the pelvis, metres (standing is about -0.45)."""
    knees = np.maximum(body["left_knee"][:, 1], body["right_knee"][:, 1])
    return float(smooth(knees - body["pelvis"][:, 1], 0.5).max())


def inverted(body: Body) -> float:
    """How far the pelvis gets above the head, metres: positive = upside down at some moment."""
    return float((body["pelvis"][:, 1] - body["head"][:, 1]).max())


def lying_share(body: Body) -> float:
    """Share (0..1) of frames in which the body lies: pelvis under 0.4 m, trunk level."""
    return float(((body.root_height < 0.4) & (body.tilt > 55.0)).mean())


def lying_end(body: Body) -> float:
    """Share (0..1) of the last 0.5 s in which the body lies."""
    lying = (body.root_height < 0.4) & (body.tilt > 55.0)
    return body.end(lying.astype(np.float64), 0.5)


def low_share(body: Body) -> float:
    """Share (0..1) of frames with the pelvis under 0.65 m."""
    return float((body.root_height < 0.65).mean())


def face_up_end(body: Body) -> float:
    """Vertical part (-1..1) of the chest's direction at the end: 1 = lies on the back."""
    trunk = body["neck"] - body["pelvis"]
    trunk = trunk / np.maximum(np.linalg.norm(trunk, axis=-1, keepdims=True), 1e-9)
    return body.end(np.cross(body.across, trunk)[:, 1])


def crawl_share(body: Body) -> float:
    """Share (0..1) of frames on all fours: trunk level, pelvis and both hands low."""
    hands = np.maximum(body["left_wrist"][:, 1], body["right_wrist"][:, 1]) - body.floor
    return float(((body.tilt > 45) & (body.root_height < 0.75) & (hands < 0.45)).mean())


def activity(body: Body) -> float:
    """Mean speed of all joints seen from the body, m/s."""
    moves = np.linalg.norm(np.diff(smooth(body.local, 1.0), axis=0), axis=-1)
    return float(moves.mean() * body.fps)


def bounce(body: Body) -> float:
    """How much the pelvis goes up and down (standard deviation), metres."""
    return float(body.root_height.std())


def head_drop(body: Body) -> float:
    """Mean drop of the head under its height in an upright body, metres: slumped = more."""
    rise = body["head"][:, 1] - body["pelvis"][:, 1]
    return float(0.66 - rise.mean())


def feet_apart(body: Body) -> float:
    """Median sideways distance between the ankles, metres."""
    return float(np.median(body.own("left_ankle")[:, 0] - body.own("right_ankle")[:, 0]))


def hands_apart(body: Body) -> float:
    """Median sideways distance between the wrists, metres."""
    return float(np.median(body.own("left_wrist")[:, 0] - body.own("right_wrist")[:, 0]))
