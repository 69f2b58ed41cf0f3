"""Kinematic facts about hands and arms: raised, waving, punching, circling, reaching."""

from __future__ import annotations

import numpy as np

from engine.evaluation.body import Body, smooth, swings

SIDES = ("left", "right")


def hand_above_head(body: Body, side: str) -> np.ndarray:
    """Wrist height [T] above the head joint, metres."""
    return smooth(body[f"{side}_wrist"][:, 1] - body["head"][:, 1], 1.0)


def hand_up(body: Body, side: str) -> float:
    """Highest the wrist gets above the head joint, metres (negative = never above it)."""
    return float(hand_above_head(body, side).max())


def left_hand_up(body: Body) -> float:
    """Highest the left wrist gets above the head joint, metres."""
    return hand_up(body, "left")


def right_hand_up(body: Body) -> float:
    """Highest the right wrist gets above the head joint, metres."""
    return hand_up(body, "right")


def both_hands_up(body: Body) -> float:
    """Highest the lower of the two wrists gets above the head joint at one moment, metres."""
    return float(np.minimum(hand_above_head(body, "left"), hand_above_head(body, "right")).max())


def right_hand_lead(body: Body) -> float:
    """How much higher the right wrist's peak is than the left's, metres (negative = left)."""
    return hand_up(body, "right") - hand_up(body, "left")


def any_hand_up(body: Body) -> float:
    """Highest either wrist gets above the head joint, metres."""
    return max(hand_up(body, "left"), hand_up(body, "right"))


def waves(body: Body, side: str) -> float:
    """Side-to-side swings (each at least 2.5 cm) of a hand held above its elbow, in full waves."""
    wrist, elbow = body.own(f"{side}_wrist"), body.own(f"{side}_elbow")
    shoulder = body.own(f"{side}_shoulder")
    raised = (wrist[:, 1] > elbow[:, 1] + 0.05) & (wrist[:, 1] > shoulder[:, 1] - 0.15)
    if raised.sum() < 6:
        return 0.0
    flat = smooth((wrist - shoulder)[:, [0, 2]], 0.8)[raised]
    centred = flat - flat.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return max(0, swings(centred @ axes[0], 0.025) - 1) / 2


def left_waves(body: Body) -> float:
    """Full side-to-side waves of the raised left hand."""
    return waves(body, "left")


def right_waves(body: Body) -> float:
    """Full side-to-side waves of the raised right hand."""
    return waves(body, "right")


def any_waves(body: Body) -> float:
    """Full waves of whichever raised hand waves more."""
    return max(waves(body, "left"), waves(body, "right"))


def both_waves(body: Body) -> float:
    """Full waves of whichever raised hand waves less: above 1 means both wave."""
    return min(waves(body, "left"), waves(body, "right"))


def hand_way(body: Body, side: str) -> float:
    """Length of the wrist's path seen from the body, metres."""
    path = smooth(body.own(f"{side}_wrist"), 1.0)
    return float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())


def right_hand_share(body: Body) -> float:
    """Share (0..1) of the hands' movement that the right hand makes."""
    left, right = hand_way(body, "left"), hand_way(body, "right")
    return right / max(left + right, 1e-9)


def lazier_hand_share(body: Body) -> float:
    """Share (0..0.5) of the hands' movement that the less busy hand makes: both involved."""
    share = right_hand_share(body)
    return min(share, 1 - share)


def hand_activity(body: Body) -> float:
    """Mean speed of both hands seen from the body, m/s."""
    return (hand_way(body, "left") + hand_way(body, "right")) / 2 / body.seconds


def left_hand_low(body: Body) -> float:
    """Lowest height of the left wrist above the floor, metres."""
    return float(body["left_wrist"][:, 1].min() - body.floor)


def right_hand_low(body: Body) -> float:
    """Lowest height of the right wrist above the floor, metres."""
    return float(body["right_wrist"][:, 1].min() - body.floor)


def any_hand_low(body: Body) -> float:
    """Lowest height of either wrist above the floor, metres."""
    return min(left_hand_low(body), right_hand_low(body))


def both_hands_low(body: Body) -> float:
    """Lowest height of the higher wrist above the floor at one moment, metres."""
    both = np.maximum(body["left_wrist"][:, 1], body["right_wrist"][:, 1])
    return float(both.min() - body.floor)


def punch(body: Body, side: str) -> float:
    """Fastest stretching of the arm (shoulder to wrist) in front of the body, m/s."""
    arm = smooth(body.own(f"{side}_wrist") - body.own(f"{side}_shoulder"), 0.7)
    speed = np.diff(np.linalg.norm(arm, axis=-1)) * body.fps
    ahead = np.linalg.norm(arm[1:, [0, 2]], axis=-1) > 0.15
    return float(np.where(ahead, speed, 0.0).max())


def left_punch(body: Body) -> float:
    """Fastest stretching of the left arm away from the shoulder, m/s."""
    return punch(body, "left")


def right_punch(body: Body) -> float:
    """Fastest stretching of the right arm away from the shoulder, m/s."""
    return punch(body, "right")


def any_punch(body: Body) -> float:
    """Fastest stretching of either arm away from the shoulder, m/s."""
    return max(punch(body, "left"), punch(body, "right"))


def hand_drop_speed(body: Body) -> float:
    """Fastest fall of the two hands' mean height seen from the pelvis, m/s."""
    middle = (body["left_wrist"][:, 1] + body["right_wrist"][:, 1]) / 2 - body["pelvis"][:, 1]
    return float(-np.diff(smooth(middle, 0.8)).min() * body.fps)


def arm_turns(body: Body, side: str) -> tuple[float, float]:
    """Largest (backward, forward) rotation of the arm about the shoulder, in full circles.

    Backward means: up in front and down behind, seen from the side.
    """
    arm = body.own(f"{side}_wrist") - body.own(f"{side}_shoulder")
    angle = np.unwrap(np.arctan2(arm[:, 2], -arm[:, 1])) / (2 * np.pi)
    backward = (angle - np.minimum.accumulate(angle)).max()
    forward = (np.maximum.accumulate(angle) - angle).max()
    return float(backward), float(forward)


def arm_circles_back(body: Body) -> float:
    """Backward circles that both arms make (the lesser arm's), in full circles."""
    return min(arm_turns(body, side)[0] for side in SIDES)


def arm_circles_forward(body: Body) -> float:
    """Forward circles that both arms make (the lesser arm's), in full circles."""
    return min(arm_turns(body, side)[1] for side in SIDES)


def reach(body: Body, side: str, axis: int) -> np.ndarray:
    """Wrist position [T] from its shoulder along the body's left (0) or forward (2), metres."""
    return smooth((body.own(f"{side}_wrist") - body.own(f"{side}_shoulder"))[:, axis], 1.0)


def hands_ahead(body: Body) -> float:
    """Mean distance of the nearer hand in front of its shoulder, metres."""
    return float(np.minimum(reach(body, "left", 2), reach(body, "right", 2)).mean())


def both_hands_forward(body: Body) -> float:
    """Farthest the nearer hand gets in front of its shoulder at one moment, metres."""
    return float(np.minimum(reach(body, "left", 2), reach(body, "right", 2)).max())


def right_hand_reach(body: Body) -> float:
    """Farthest the right wrist gets level from its shoulder, metres."""
    arm = body.own("right_wrist") - body.own("right_shoulder")
    return float(smooth(np.linalg.norm(arm[:, [0, 2]], axis=-1), 1.0).max())


def left_hand_reach(body: Body) -> float:
    """Farthest the left wrist gets level from its shoulder, metres."""
    arm = body.own("left_wrist") - body.own("left_shoulder")
    return float(smooth(np.linalg.norm(arm[:, [0, 2]], axis=-1), 1.0).max())


def hand_to_head(body: Body) -> float:
    """Closest either wrist gets to the head joint, metres."""
    gaps = [np.linalg.norm(body[f"{side}_wrist"] - body["head"], axis=-1) for side in SIDES]
    return float(min(gap.min() for gap in gaps))


def left_elbow_right_knee(body: Body) -> float:
    """Closest the left elbow gets to the right knee, metres."""
    return float(np.linalg.norm(body["left_elbow"] - body["right_knee"], axis=-1).min())


def right_elbow_left_knee(body: Body) -> float:
    """Closest the right elbow gets to the left knee, metres."""
    return float(np.linalg.norm(body["right_elbow"] - body["left_knee"], axis=-1).min())


def elbow_to_knee(body: Body) -> float:
    """Closest either elbow gets to the knee of the other side, metres."""
    return min(left_elbow_right_knee(body), right_elbow_left_knee(body))


def hand_swing(body: Body) -> float:
    """How far the hands swing to and fro along the walking direction (mean of both), metres."""
    spans = [np.ptp(smooth(body.own(f"{side}_wrist")[:, 2], 1.0)) for side in SIDES]
    return float(np.mean(spans))
