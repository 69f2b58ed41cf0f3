"""Are the kinematic checks themselves right? Real clips must pass theirs and few others'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.data.clip import Clip
from engine.data.compose import then_motion, while_motion
from engine.data.dataset import MotionDataset
from engine.evaluation.kinematic_suite import Case
from engine.motion.mirror import mirror


@dataclass(frozen=True)
class _Pick:
    clip: Clip
    mirrored: bool = False

    def joints(self, data: MotionDataset) -> np.ndarray:
        joints = data.joints(self.clip)
        return mirror(joints) if self.mirrored else joints


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
        kind = "composition" if case.parts else "contrast" if case.than else "single"
        records.append({"id": case.id, "kind": kind, "label": case.label, "right": right,
                        "random": _rate(data, case, _random(data, case, rng, most))})  # fmt: skip
    return {**_means(records), "cases": records, "absent": sorted(absent)}


def _means(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean pass rates over all cases and apart for single motions, compositions, contrasts."""
    kinds = {"all": records}
    for kind in ("single", "composition", "contrast"):
        kinds[kind] = [record for record in records if record["kind"] == kind]
    return {
        name: {
            side: round(float(np.mean([one[side] for one in chosen if one[side] is not None])), 4)
            for side in ("right", "random")
        }
        for name, chosen in kinds.items()
        if chosen
    }


def _rate(data: MotionDataset, case: Case, groups: Sequence[Sequence[_Pick]]) -> float | None:
    verdicts = []
    for group in groups:
        motions: list[np.ndarray] | None = [pick.joints(data) for pick in group]
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
) -> list[tuple[_Pick, ...]]:
    if case.parts:
        pools = [_clips(data, part, "") for part in case.parts]
    elif case.than:
        pools = [_clips(data, case.label, case.style),
                 _clips(data, case.than_label, case.than_style)]  # fmt: skip
    else:
        return [(pick,) for pick in _draw(_clips(data, case.label, case.style), rng, most)]
    if not all(pools):
        return []
    return [tuple(pool[int(rng.integers(len(pool)))] for pool in pools) for _ in range(most)]


def _random(
    data: MotionDataset, case: Case, rng: np.random.Generator, most: int
) -> list[tuple[_Pick, ...]]:
    taken = {case.label, *case.parts}
    # Labels first, clips second: otherwise the few most frequent labels are all there is.
    labels = sorted({clip.content for clip in data.clips if clip.content} - taken)

    def one() -> _Pick:
        label = labels[int(rng.integers(len(labels)))]
        return _draw([_Pick(clip) for clip in data.select(content=label)], rng, 1)[0]

    return [(one(), one()) if case.than else (one(),) for _ in range(most)]


def _clips(data: MotionDataset, label: str, style: str) -> list[_Pick]:
    """Clips that show a label whole; pieces of long takes only where there is nothing else.

    A label that only mirrored clips show ("run and turn right") is met by mirroring its twin.
    """
    from engine.data.captions import canonical_style, mirror_label

    for content, mirrored in ((label, False), (mirror_label(label), True)):
        found = [clip for clip in data.select(content=content)
                 if not style or canonical_style(clip.style) == canonical_style(style)]  # fmt: skip
        whole = [clip for clip in found if clip.parts == 1]
        if found:
            return [_Pick(clip, mirrored) for clip in whole or found]
    return []


def _draw(pool: Sequence[_Pick], rng: np.random.Generator, most: int) -> list[_Pick]:
    order = rng.permutation(len(pool))[:most]
    return [pool[int(index)] for index in order]
