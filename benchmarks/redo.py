"""Half a body made anew, measured: which design fits the new prompt and the kept half best.

python -m benchmarks.redo   (writes benchmarks/results/DATE-redo.json)
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.record import RESULTS, record
from engine.edit.redo import Correction, joined, keeping, remade
from engine.evaluation import physical
from engine.evaluation.evaluator import Evaluator
from engine.models.registry import resolve_model
from engine.motion.canonical import canonicalize, rotate_yaw
from engine.motion.features import HUMANML3D
from engine.motion.halves import HALVES, LEGS, UPPER, Half, heading
from engine.motion.motion import Motion
from engine.motion.skeleton import JOINTS
from engine.pipeline import MotionPipeline

LEGS_DO = (
    "a person walks forward", "a person runs forward", "a person walks backwards",
    "a person walks and turns left", "a person sneaks forward", "a person jumps",
    "a person sits down", "a person stands still", "a person squats down",
    "a person sidesteps to the right",
)  # fmt: skip
ARMS_DO = (
    "a person waves with the right hand", "a person raises both arms", "a person claps",
    "a person punches with the left hand", "a person throws a ball with the right hand",
    "a person waves with the left hand", "a person stretches both arms to the sides",
    "a person drinks from a cup", "a person bows", "a person boxes",
)  # fmt: skip
SECONDS = 4.0
SHIFTS = (0, 3, 5, 7)  # given motion k meets new prompts k + shift
RATE = 0.05  # of Adam, in standard deviations of a latent


@dataclass(frozen=True)
class Design:
    """Steps, how many of the last are corrected, and by how many updates of a gradient (0: by
    replacing the kept half)."""

    steps: int
    held: int
    updates: int = 0


DESIGNS = {
    "joined_afterwards": Design(5, 0),
    "replaced_in_last_1_of_5": Design(5, 1),
    "replaced_in_last_2_of_5": Design(5, 2),
    "replaced_in_all_5": Design(5, 5),
    "replaced_in_last_2_of_10": Design(10, 2),
    "replaced_in_last_6_of_10": Design(10, 6),
    "gradient_10_in_all_5": Design(5, 5, 10),
    "gradient_30_in_last_2_of_5": Design(5, 2, 30),
}  # fmt: skip


def gradient(
    pipeline: MotionPipeline, given: np.ndarray, half: Half, first: int, updates: int
) -> Correction:
    """x_0 led by the decoder's gradient to where its kept half is that of `given` [T, 22, 3]."""
    vae = pipeline.model.vae
    features = torch.from_numpy(Motion(given.astype(np.float32)).features)[None]
    target = torch.cat((features, features[:, -1:]), dim=1).to(pipeline.device)
    kept, heights = kept_features(half)
    spread = torch.as_tensor(vae.feature_std)

    def off(latents: Tensor) -> Tensor:
        made, wanted = vae.decode(latents), target
        if half == "lower":  # heights of joints are over the floor: they follow the new pelvis
            wanted = target + heights.to(target) * (made[..., 3:4] - target[..., 3:4])
        return (((made - wanted) / spread)[..., kept] ** 2).mean()

    def correct(index: int, x_0: Tensor) -> Tensor:
        if index < first:
            return x_0
        latents = x_0.detach().clone().requires_grad_(True)
        adam = torch.optim.Adam([latents], lr=RATE)
        with torch.enable_grad():
            for _ in range(updates):
                adam.zero_grad()
                off(latents).backward()  # type: ignore[no-untyped-call]
                adam.step()
        return latents.detach()

    return correct


def kept_features(half: Half) -> tuple[Tensor, Tensor]:
    """Which of the 263 features are of the kept half, and which are heights of its joints."""
    parts, kept, heights = HUMANML3D.parts, torch.zeros(263).bool(), torch.zeros(263)
    for joint in LEGS if half == "upper" else UPPER:
        place = parts["ric"].start + 3 * (joint - 1)
        kept[place : place + 3] = True
        heights[place + 1] = 1.0
        place = parts["rot6d"].start + 6 * (joint - 1)
        kept[place : place + 6] = True
    if half == "upper":
        kept[: parts["ric"].start] = True
    return kept, heights


def apart(given: np.ndarray, made: np.ndarray, half: Half) -> float:
    """Mean distance in cm, seen from the pelvis, of the kept half before both are joined."""
    kept = list(LEGS if half == "upper" else UPPER)

    def seen(joints: np.ndarray) -> np.ndarray:
        points = joints.astype(np.float64)
        return rotate_yaw(points - points[:, :1], -heading(points)[:, None])[:, kept]

    return 100 * float(np.linalg.norm(seen(given) - seen(made), axis=-1).mean())


def twist(joints: np.ndarray) -> float:
    """Mean angle in degrees between hips and shoulders on the floor."""
    lines = [
        joints[:, JOINTS[f"left_{part}"]] - joints[:, JOINTS[f"right_{part}"]]
        for part in ("hip", "shoulder")
    ]
    hips, shoulders = (np.arctan2(line[:, 2], line[:, 0]) for line in lines)
    return float(np.degrees(np.abs(np.angle(np.exp(1j * (hips - shoulders))))).mean())


def numbers(
    motions: Sequence[np.ndarray], own: list[int], words: np.ndarray, evaluator: Evaluator
) -> dict[str, float]:
    """Likeness to the new prompt, and the physical measures that a bad seam would show in."""
    cosines = evaluator.embed_motion([canonicalize(one) for one in motions]) @ words.T
    mine = cosines[np.arange(len(own)), own]
    measured = [physical.measure(one) for one in motions]
    upper = [physical.jerk(one - one[:, :1]) for one in motions]
    return {
        "similarity_new_prompt": round(float(mine.mean()), 3),
        "r_precision_3": round(float(((cosines > mine[:, None]).sum(1) < 3).mean()), 3),
        **{
            name: round(float(np.mean([row[name] for row in measured])), 4)
            for name in ("foot_skate", "float_share", "penetration_mm", "jerk", "spikes")
        },
        "jerk_from_pelvis": round(float(np.mean(upper)), 1),
        "waist_twist_degrees": round(float(np.mean([twist(one) for one in motions])), 2),
    }


def main() -> None:
    """Measure everything and write the dated record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="base")
    parser.add_argument("--evaluator", type=Path, default=Path("checkpoints/evaluator"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    pipeline = MotionPipeline.from_pretrained(resolve_model(options.model))
    evaluator = Evaluator.from_pretrained(options.evaluator, pipeline.text)
    rows: dict[str, Any] = {half: measured(pipeline, evaluator, half) for half in HALVES}
    pairs = len(SHIFTS) * len(ARMS_DO)
    print(record("redo", {"pairs_per_half": pairs, "seconds": SECONDS, **rows}, options.out))


def measured(pipeline: MotionPipeline, evaluator: Evaluator, half: Half) -> dict[str, Any]:
    """Every design on all pairs of given motions and new prompts."""
    old, new = (LEGS_DO, ARMS_DO) if half == "upper" else (ARMS_DO, LEGS_DO)
    given = [pipeline([text], SECONDS, 100 + k)[0].joints for k, text in enumerate(old)]
    own = [(k + shift) % len(new) for shift in SHIFTS for k in range(len(old))]
    kept = [given[k] for _ in SHIFTS for k in range(len(old))]
    score: Callable[..., dict[str, float]] = partial(
        numbers, own=own, words=evaluator.embed_text(list(new)), evaluator=evaluator
    )
    alone = [pipeline([new[k]], SECONDS, 300 + n)[0].joints for n, k in enumerate(own)]
    rows: dict[str, Any] = {"given_motion": score(kept), "new_prompt_alone": score(alone)}
    for name, design in DESIGNS.items():
        start = time.monotonic()
        made = [
            one(pipeline, joints, new[k], half, 300 + n, design)
            for n, (joints, k) in enumerate(zip(kept, own, strict=True))
        ]
        rows[name] = {
            "kept_half_off_before_joining_cm": round(
                float(np.mean([apart(a, b, half) for a, b in zip(kept, made, strict=True)])), 2
            ),
            **score([joined(a, b, half) for a, b in zip(kept, made, strict=True)]),
            "seconds_each": round((time.monotonic() - start) / len(own), 2),
        }
        print(half, name, rows[name], flush=True)
    return rows


def one(
    pipeline: MotionPipeline, given: np.ndarray, text: str, half: Half, seed: int, design: Design
) -> np.ndarray:
    """Joints [T, 22, 3] by a design, before both halves are joined."""
    first = design.steps - design.held
    if design.updates:
        way = partial(gradient, pipeline, half=half, first=first, updates=design.updates)
    else:
        way = partial(keeping, pipeline, half=half, first=first)
    scale = pipeline.model.guidance_at(design.steps)
    return remade(pipeline, given, text, seed, way, guidance=scale, steps=design.steps)


if __name__ == "__main__":
    main()
