"""Kinematic facts about where the body goes: travel, speed, turning, steps."""

from __future__ import annotations

import numpy as np

from engine.evaluation.body import Body, smooth, swings


def forward(body: Body) -> float:
    """Metres walked along the body's own facing, summed over the clip (negative = backward)."""
    return float(body.travel[:, 1].sum())


def leftward(body: Body) -> float:
    """Metres moved toward the body's own left, summed over the clip (negative = right)."""
    return float(body.travel[:, 0].sum())


def ahead(body: Body) -> float:
    """Net displacement along the facing at the start, metres."""
    return float(_initial(body)[1])


def aside(body: Body) -> float:
    """Net displacement toward the left of the facing at the start, metres."""
    return float(_initial(body)[0])


def _initial(body: Body) -> np.ndarray:
    net = body.root_path[-1] - body.root_path[0]
    yaw = body.start(body.yaw, 0.5)
    sin, cos = np.sin(yaw), np.cos(yaw)
    return np.array([cos * net[0] - sin * net[1], sin * net[0] + cos * net[1]])


def heading(body: Body) -> float:
    """Direction of travel against the facing in degrees: 0 ahead, 90 left, -90 right, 180 back."""
    return float(np.degrees(np.arctan2(leftward(body), forward(body))))


def distance(body: Body) -> float:
    """Straight distance between the first and the last root position, metres."""
    return float(np.linalg.norm(body.root_path[-1] - body.root_path[0]))


def path(body: Body) -> float:
    """Length of the root's way on the ground, metres."""
    return float(np.linalg.norm(np.diff(body.root_path, axis=0), axis=-1).sum())


def speed(body: Body) -> float:
    """Mean speed of the root along its way on the ground, m/s."""
    return path(body) / body.seconds


def top_speed(body: Body) -> float:
    """Highest ground speed of the root, averaged over half a second, m/s."""
    steps = np.linalg.norm(np.diff(body.root_path, axis=0), axis=-1) * body.fps
    return float(smooth(steps, 0.2 * body.fps).max())


def roam(body: Body) -> float:
    """Farthest the root gets from where it started, metres: small = stays in place."""
    return float(np.linalg.norm(body.root_path - body.root_path[0], axis=-1).max())


def turn(body: Body) -> float:
    """Net change of facing in degrees, positive to the left."""
    return float(np.degrees(body.end(body.yaw, 0.3) - body.start(body.yaw, 0.3)))


def turn_total(body: Body) -> float:
    """All turning added up whichever way, in degrees, swings of single steps smoothed away."""
    yaw = smooth(body.yaw, 0.3 * body.fps)
    return float(np.degrees(np.abs(np.diff(yaw)).sum()))


def turn_peak(body: Body) -> float:
    """The facing farthest from the first one, in degrees, positive to the left."""
    change = np.degrees(body.yaw - body.start(body.yaw, 0.3))
    return float(change[np.argmax(np.abs(change))])


def course_turn(body: Body) -> float:
    """Net change of the direction of travel in degrees, positive to the left."""
    moves = np.diff(smooth(body.root_path, 0.25 * body.fps), axis=0)
    moving = np.linalg.norm(moves, axis=-1) * body.fps > 0.25
    if moving.sum() < 4:
        return 0.0
    angle = np.unwrap(np.arctan2(moves[moving, 0], moves[moving, 1]))
    return float(np.degrees(body.end(angle, 0.5) - body.start(angle, 0.5)))


def steps(body: Body) -> float:
    """Number of steps: how often one foot passes the other by more than 12 cm."""
    gap = body.own("left_ankle")[:, [0, 2]] - body.own("right_ankle")[:, [0, 2]]
    gap = smooth(gap, 1.0)
    gap = gap - np.array([np.median(gap[:, 0]), 0.0])
    # Along the axis in which the feet pass each other: forward, or sideways for side steps.
    axis = int(np.argmax(gap.std(axis=0)))
    return float(swings(gap[:, axis], 0.24))


def cadence(body: Body) -> float:
    """Steps taken per second."""
    return steps(body) / body.seconds


def step_length(body: Body) -> float:
    """Metres of way per step (0 when there are no steps)."""
    count = steps(body)
    return path(body) / count if count else 0.0


def start_speed(body: Body) -> float:
    """Mean ground speed in the first third of the clip, m/s."""
    return _speed(body, slice(0, max(2, len(body.root_path) // 3)))


def end_speed(body: Body) -> float:
    """Mean ground speed in the last third of the clip, m/s."""
    return _speed(body, slice(-max(2, len(body.root_path) // 3), None))


def _speed(body: Body, part: slice) -> float:
    steps_taken = np.linalg.norm(np.diff(body.root_path[part], axis=0), axis=-1)
    return float(steps_taken.mean() * body.fps)
