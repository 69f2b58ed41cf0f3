"""Sequences measured: jerk at the seams and how well each part fits its prompt, by context.

python -m benchmarks.sequences   (writes benchmarks/results/DATE-sequences.json)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import RESULTS, record
from engine.edit.parts import Part
from engine.edit.sequence import make_sequence
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.metrics import mm_dist
from engine.files import read_json
from engine.models.registry import resolve_model
from engine.motion.canonical import canonicalize, facing_yaw, rotate_yaw
from engine.motion.skeleton import FPS
from engine.pipeline import MotionPipeline

PACKS = Path(__file__).resolve().parents[1] / "assets" / "prompts"
CONTEXTS = (0, 4, 8, 12)
PARTS, SECONDS = 3, 4.0
AROUND = (5, 3)  # frames before and after a seam that count as it


def prompts(count: int) -> list[list[str]]:
    """Triples of prompts, drawn without repetition from the packs with a fixed seed."""
    packs = [read_json(path)["prompts"] for path in sorted(PACKS.glob("*.json"))]
    texts = sorted({entry["text"] for pack in packs for entry in pack})
    chosen = np.random.default_rng(0).permutation(texts)[: count * PARTS]
    return [list(map(str, row)) for row in chosen.reshape(-1, PARTS)]


def cut(pipeline: MotionPipeline, texts: list[str], seed: int) -> tuple[np.ndarray, list[int]]:
    """Motions made apart from each other, turned and moved to follow one another."""
    made = [pipeline([text], SECONDS, seed + k)[0].joints for k, text in enumerate(texts)]
    joints, starts = made[0].astype(np.float64), [0]
    for part in made[1:]:
        turned = rotate_yaw(part.astype(np.float64), np.full((1, 1), float(facing_yaw(joints[-1]))))
        turned[..., [0, 2]] += joints[-1, 0, [0, 2]] - turned[0, 0, [0, 2]]
        starts.append(len(joints))
        joints = np.concatenate((joints, turned))
    return joints, starts


def seams(joints: np.ndarray, starts: list[int]) -> list[float]:
    """Mean and largest jerk at the seams, mean and 99th percentile elsewhere, m/s^3."""
    jerk = np.linalg.norm(np.diff(joints.astype(np.float64), 3, axis=0), axis=-1).mean(-1) * FPS**3
    at = np.zeros(len(jerk), dtype=bool)
    for start in starts[1:]:
        at[start - AROUND[0] : start + AROUND[1]] = True
    here, elsewhere = jerk[at], jerk[~at]
    return [here.mean(), here.max(), elsewhere.mean(), float(np.percentile(elsewhere, 99))]


def measured(
    runs: list[tuple[np.ndarray, list[int]]], texts: list[str], evaluator: Evaluator
) -> dict[str, Any]:
    """One way of making all sequences, in numbers."""
    jerk = np.mean([seams(joints, starts) for joints, starts in runs], axis=0)
    parts = [
        canonicalize(joints[start:end].astype(np.float64))
        for joints, starts in runs
        for start, end in zip(starts, [*starts[1:], len(joints)], strict=True)
    ]
    words, motions = evaluator.embed_text(texts), evaluator.embed_motion(parts)
    names = ("jerk_seam_mean", "jerk_seam_max", "jerk_elsewhere_mean", "jerk_elsewhere_p99")
    return {
        **{name: round(float(value), 1) for name, value in zip(names, jerk, strict=True)},
        "seam_over_elsewhere": round(float(jerk[0] / jerk[2]), 2),
        "matching_distance": round(mm_dist(words, motions), 4),
        "r_precision_3": round(top3(words, motions), 3),
    }


def top3(words: np.ndarray, motions: np.ndarray) -> float:
    """Share of parts whose own prompt is among the three nearest of all prompts used."""
    apart = np.linalg.norm(motions[:, None] - words[None], axis=-1)
    own = np.diag(apart)[:, None]
    return float(((apart < own).sum(axis=1) < 3).mean())


def main() -> None:
    """Measure everything and write the dated record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="base")
    parser.add_argument("--evaluator", type=Path, default=Path("checkpoints/evaluator"))
    parser.add_argument("--count", type=int, default=20, help="sequences of three parts")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    pipeline = MotionPipeline.from_pretrained(resolve_model(options.model))
    evaluator = Evaluator.from_pretrained(options.evaluator)
    triples = prompts(options.count)
    flat = [text for triple in triples for text in triple]
    rows: dict[str, Any] = {}
    for context in CONTEXTS:
        made = [
            make_sequence(pipeline, [Part(t, SECONDS) for t in triple], 100 * k, context=context)
            for k, triple in enumerate(triples)
        ]
        runs = [(one.motion.joints, list(one.starts)) for one in made]
        rows[f"context_{context}"] = measured(runs, flat, evaluator)
    apart = [cut(pipeline, triple, 100 * k) for k, triple in enumerate(triples)]
    rows["made_apart_and_cut"] = measured(apart, flat, evaluator)
    print(record("sequences", {"sequences": len(triples), "parts": PARTS, **rows}, options.out))


if __name__ == "__main__":
    main()
