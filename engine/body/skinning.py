"""How much each joint moves each point of the mannequin's skin: smooth weights from planes.

Walking the skeleton from the pelvis outwards, every joint takes a share of what its parent had of
a point: none before a plane through the joint, all behind it, and a smooth step in between that is
as wide as the flesh there is thick. Points belong to a limb by the side they are on, so that a
hand beside the hip stays with its arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.motion.rotation import normalize
from engine.motion.skeleton import JOINTS

SMPL_PARENTS = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21,
)  # fmt: skip
SMPL_JOINTS = len(SMPL_PARENTS)
_HANDS = (22, 23)
INFLUENCES = 4  # joints per vertex, as game engines and three.js take them


@dataclass(frozen=True)
class Plane:
    """Where a joint begins: a point, the direction the joint lies in, and half the step's width."""

    joint: int
    point: np.ndarray
    direction: np.ndarray
    half: float
    side: float = 0.0  # keep to x of this sign; 0 for both
    side_half: float = 0.02


def smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, with zero slope at both."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def planes(rest: np.ndarray) -> list[Plane]:
    """One plane for every moving joint of SMPL's but the hands, parents first, for a T pose."""
    at = {name: rest[index] for name, index in JOINTS.items()}
    up = np.array([0.0, 1.0, 0.0])
    spine = {"spine1": 0.060, "spine2": 0.050, "spine3": 0.040}
    found = [Plane(JOINTS[n], at[n] * (0, 1, 0) + 0.0, up, half) for n, half in spine.items()]
    neck = normalize(at["head"] - at["neck"] + np.array([0.0, 0.10, 0.0]))
    found.append(Plane(JOINTS["neck"], at["neck"] - 0.015 * neck, neck, 0.045))
    skull = at["head"] + np.array([0.0, 0.030, -0.060])
    found.append(Plane(JOINTS["head"], skull, normalize(np.array([0.0, 0.85, 0.5])), 0.040))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        found += _limbs(at, side, sign)
    return found


def _limbs(at: dict[str, np.ndarray], side: str, sign: float) -> list[Plane]:
    hip, knee, ankle, foot = (at[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "foot"))
    shoulder, elbow, wrist = (at[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist"))
    out = np.array([sign, 0.0, 0.0])
    thigh, shin = normalize(knee - hip), normalize(ankle - knee)
    # The groin slopes: the thigh starts lower at the crotch than at the hip bone.
    groin = normalize(thigh + 0.55 * out)
    ahead = normalize((foot - ankle) * (1, 0, 1))
    sole = normalize(shin + 0.35 * ahead)
    collar = shoulder - 0.110 * out
    return [
        Plane(JOINTS[f"{side}_hip"], hip + 0.030 * out, groin, 0.075, sign, 0.022),
        Plane(JOINTS[f"{side}_knee"], knee, shin, 0.060, sign, 0.012),
        Plane(JOINTS[f"{side}_ankle"], ankle + 0.004 * shin, sole, 0.034, sign, 0.012),
        Plane(JOINTS[f"{side}_foot"], foot, ahead, 0.026, sign, 0.012),
        Plane(JOINTS[f"{side}_collar"], collar, out, 0.060, sign, 0.012),
        Plane(JOINTS[f"{side}_shoulder"], shoulder + 0.006 * out, out, 0.066, sign, 0.012),
        Plane(JOINTS[f"{side}_elbow"], elbow, out, 0.050, sign, 0.012),
        Plane(JOINTS[f"{side}_wrist"], wrist, out, 0.030, sign, 0.012),
    ]


def skin_weights(
    vertices: np.ndarray, faces: np.ndarray, rest: np.ndarray, smoothing: int = 6
) -> np.ndarray:
    """Weights [V, 24], at most four per vertex, each row summing to 1, for a T pose [22, 3]."""
    weights = np.zeros((len(vertices), SMPL_JOINTS))
    weights[:, 0] = 1.0
    for plane in planes(rest):
        share = smoothstep((vertices - plane.point) @ plane.direction, -plane.half, plane.half)
        if plane.side:
            share = share * smoothstep(
                plane.side * vertices[:, 0], -plane.side_half, plane.side_half
            )
        share = share * _reach(vertices, plane, rest)
        parent = SMPL_PARENTS[plane.joint]
        weights[:, plane.joint] = weights[:, parent] * share
        weights[:, parent] *= 1.0 - share
    return strongest(_smooth(weights, faces, smoothing))


def _reach(vertices: np.ndarray, plane: Plane, rest: np.ndarray) -> np.ndarray:
    """The collar holds only what is as high as the armpit, so the flank stays with the chest."""
    if plane.joint not in (JOINTS["left_collar"], JOINTS["right_collar"]):
        return np.ones(len(vertices))
    shoulder = float(rest[JOINTS["left_shoulder"], 1])
    return smoothstep(vertices[:, 1], shoulder - 0.150, shoulder - 0.030)


def _smooth(weights: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Weights averaged with their neighbours' over the mesh, a few times."""
    from scipy.sparse import coo_matrix, diags

    edges = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    edges = np.concatenate((edges, edges[:, ::-1]))
    size = len(weights)
    links = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(size, size))
    links = links.tocsr()
    links.data[:] = 1.0
    mean = diags(1.0 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1.0)) @ links
    for _ in range(rounds):
        weights = 0.5 * weights + 0.5 * (mean @ weights)
    return weights


def strongest(weights: np.ndarray, count: int = INFLUENCES) -> np.ndarray:
    """Each row's `count` largest weights, the others 0, summing to 1."""
    limit = np.partition(weights, -count, axis=1)[:, -count][:, None]
    kept = np.where(weights >= limit, weights, 0.0)
    return kept / kept.sum(axis=1, keepdims=True)


def sparse(weights: np.ndarray, count: int = INFLUENCES) -> tuple[np.ndarray, np.ndarray]:
    """Weights [V, J] as joint indices uint8 [V, 4] and their weights float32 [V, 4]."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(weights, order, axis=1)
    values = values / values.sum(axis=1, keepdims=True)
    return order.astype(np.uint8), values.astype(np.float32)


def dense(indices: np.ndarray, values: np.ndarray, joints: int = SMPL_JOINTS) -> np.ndarray:
    """The inverse of `sparse`: float32 [V, joints]."""
    table = np.zeros((len(indices), joints), dtype=np.float32)
    rows = np.arange(len(indices))
    for column in range(indices.shape[1]):
        np.add.at(table, (rows, indices[:, column].astype(int)), values[:, column])
    return table
