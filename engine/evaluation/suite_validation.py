"""Are the kinematic checks themselves right? Real clips must pass theirs and few others'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.data.clip import Clip
from engine.data.compose import then_motion, while_motion
from engine.data.dataset import MotionDataset
from engine.evaluation.kinematic_suite import Case


def validate_suite(
    data: MotionDataset, cases: Sequence[Case], seed: int = 0, most: int = 60
) -> dict[str, Any]:
    """Pass rates of each case's checks on clips of its label and on clips of other labels.

    Up to `most` of each are drawn. A composition is judged on compositions of real clips of its
    two parts, a contrast on random pairs of clips of its two labels. Returns the means over
    cases, one record per case, and the labels for which there is no clip.
    """
    rng = np.random.default_rng(seed)
    records, absent = [], set()
    for case in cases:
        right = _rate(data, case, _right(data, case, rng, most))
        if right is None:
            absent.add(case.label)
            continue
        records.append({"id": case.id, "label": case.label, "style": case.style, "right": right,
                        "random": _rate(data, case, _random(data, case, rng, most))})  # fmt: skip
    return {
        "right": float(np.mean([record["right"] for record in records])),
        "random": float(np.mean([record["random"] for record in records])),
        "cases": records,
        "absent": sorted(absent),
    }


def _rate(data: MotionDataset, case: Case, groups: Sequence[Sequence[Clip]]) -> float | None:
    verdicts = []
    for group in groups:
        motions: list[np.ndarray] | None = [data.joints(clip) for clip in group]
        if case.parts and len(group) == 2:
            motions = compose(case.category, *motions)  # type: ignore[misc]
        if motions is not None:
            verdicts.append(case.passes(motions))
    return round(float(np.mean(verdicts)), 4) if verdicts else None


def compose(how: str, first: np.ndarray, second: np.ndarray) -> list[np.ndarray] | None:
    """The real composition ("then" or "while") of two clips, or None where they do not fit."""
    made = then_motion(first, second) if how == "then" else while_motion(first, second)
    return None if made is None else [made]


def _right(
    data: MotionDataset, case: Case, rng: np.random.Generator, most: int
) -> list[tuple[Clip, ...]]:
    if case.parts:
        pools = [_clips(data, part, "") for part in case.parts]
    elif case.than:
        pools = [
            _clips(data, case.label, case.style),
            _clips(data, case.than_label, case.than_style),
        ]
    else:
        return [(clip,) for clip in _draw(_clips(data, case.label, case.style), rng, most)]
    if not all(pools):
        return []
    return [tuple(pool[int(rng.integers(len(pool)))] for pool in pools) for _ in range(most)]


def _random(
    data: MotionDataset, case: Case, rng: np.random.Generator, most: int
) -> list[tuple[Clip, ...]]:
    taken = {case.label, *case.parts}
    if case.than:
        pool = data.clips
        return [(a, b) for a, b in zip(_draw(pool, rng, most), _draw(pool, rng, most), strict=True)]
    # Labels first, clips second: otherwise the four most frequent labels are all there is.
    labels = sorted({clip.content for clip in data.clips} - taken)
    picked = [labels[int(rng.integers(len(labels)))] for _ in range(most)]
    return [(_draw(data.select(content=label), rng, 1)[0],) for label in picked]


def _clips(data: MotionDataset, label: str, style: str) -> list[Clip]:
    """Clips that show a label whole; pieces of long takes only where there is nothing else."""
    from engine.data.captions import canonical_style

    found = [clip for clip in data.select(content=label)
             if not style or canonical_style(clip.style) == canonical_style(style)]  # fmt: skip
    whole = [clip for clip in found if clip.parts == 1]
    return whole or found


def _draw(pool: Sequence[Clip], rng: np.random.Generator, most: int) -> list[Clip]:
    order = rng.permutation(len(pool))[:most]
    return [pool[int(index)] for index in order]
