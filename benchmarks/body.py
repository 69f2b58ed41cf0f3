"""Bodies measured: joint error and turning speed of the fit, its time, drawing, files read back.

python -m benchmarks.body   (writes benchmarks/results/DATE-body.json)
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import RESULTS, record
from engine.body.fit import BodyMotion, fit
from engine.body.smpl import load_body
from engine.commands.export import file_bytes, read_back
from engine.data.dataset import MotionDataset
from engine.files import read_json
from engine.motion.export import FILES, VIDEOS, Options
from engine.motion.kinematics import forward_kinematics
from engine.motion.motion import Motion
from engine.motion.pose import rotation_angle
from engine.motion.skeleton import JOINT_NAMES, MAX_SECONDS, N_JOINTS, PARENTS
from engine.render.backend import get_renderer, probe
from engine.render.video import LOOKS, stage

PACKS = Path(__file__).resolve().parents[1] / "assets" / "prompts"
FLIP = 45.0  # degrees in a frame that no bone explains
FRAMES_DRAWN = 12
_CHILD = {joint: PARENTS.index(joint) for joint in range(N_JOINTS) if joint in PARENTS}


def real(data: Path, count: int) -> list[Motion]:
    """Clips of the prepared data, drawn with a fixed seed from all its splits."""
    dataset = MotionDataset.open(data)
    clips = list(dataset.select())
    chosen = np.random.default_rng(0).choice(len(clips), min(count, len(clips)), replace=False)
    return [Motion(dataset.joints(clips[k]), clips[k].id) for k in chosen]


def generated(model: str, count: int) -> list[Motion]:
    """The first prompts of every pack in turn, at full length."""
    from engine.models.registry import resolve_model
    from engine.pipeline import MotionPipeline

    packs = [read_json(path)["prompts"] for path in sorted(PACKS.glob("*.json"))]
    prompts = [entry for row in zip(*packs, strict=False) for entry in row]
    texts = [entry["text"] if isinstance(entry, dict) else entry for entry in prompts][:count]
    pipeline = MotionPipeline.from_pretrained(resolve_model(model))
    return list(pipeline(texts, [MAX_SECONDS] * len(texts), list(range(len(texts)))))


def fitting(motions: Iterable[Motion]) -> dict[str, Any]:
    """Joint error in millimetres, turning in degrees a frame, flips, seconds for 196 frames."""
    body = load_body()
    means, worst, speeds, seconds, unexplained = [], 0.0, [], [], []
    for motion in motions:
        joints = motion.joints.astype(np.float64)
        start = time.perf_counter()
        moved = fit(joints, body)
        seconds.append((time.perf_counter() - start) * 196 / len(joints))
        error = np.linalg.norm(moved.posed[1] - joints, axis=-1) * 1e3
        means.append(float(error.mean()))
        worst = max(worst, float(error.max()))
        speed = np.degrees(moved.angular_speed)
        frame, joint = np.unravel_index(speed.argmax(), speed.shape)
        speeds.append((float(speed.max()), f"{JOINT_NAMES[joint]}, frame {frame}, {motion.prompt}"))
        unexplained.append(beyond_bones(moved, joints))
    fastest = max(speeds)
    return {
        "motions": len(means),
        "mean_joint_error_mm": round(float(np.mean(means)), 3),
        "largest_mean_of_a_motion_mm": round(max(means), 3),
        "largest_joint_error_mm": round(worst, 2),
        "fastest_turn_median_deg_per_frame": round(float(np.median([s for s, _ in speeds])), 1),
        "fastest_turn_deg_per_frame": round(fastest[0], 1),
        "fastest_turn_where": fastest[1],
        "largest_turn_beyond_bones_deg": round(float(max(u.max() for u in unexplained)), 1),
        "flips": int(sum((u > FLIP).sum() for u in unexplained)),
        "seconds_196_frames_median": round(float(np.median(seconds)), 3),
        "seconds_196_frames_worst": round(max(seconds), 3),
    }


def beyond_bones(moved: BodyMotion, joints: np.ndarray) -> np.ndarray:
    """Degrees by which each joint turns in the world beyond what its bones do, [T - 1, 22].

    A joint's bones are the one to its child and the child's own; a twist that neither shows is a
    flip of the fit, not of the motion.
    """
    rest = moved.body.rest
    parents = np.array((0, *PARENTS[1:]))
    _, world = forward_kinematics(moved.rotations, rest - rest[parents], PARENTS, moved.root)
    turned = np.degrees(rotation_angle(world[:-1].swapaxes(-1, -2) @ world[1:]))
    bones = joints - joints[:, parents]
    bones = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
    bent = np.degrees(np.arccos(np.clip((bones[:-1] * bones[1:]).sum(-1), -1.0, 1.0)))
    shown = bent.copy()  # leaves turn with the bone that leads to them
    for joint, child in _CHILD.items():
        below = [child, *([_CHILD[child]] if child in _CHILD else [])]
        fan = [k for k in range(N_JOINTS) if PARENTS[k] == joint]
        shown[:, joint] = bent[:, [*below, *fan]].max(axis=-1)
    return turned - shown


def drawing(motion: Motion) -> list[dict[str, Any]]:
    """Milliseconds per picture of 640 x 480 for every look and renderer that works here."""
    rows = []
    for backend in ["software"] + (["pyrender"] if probe()["active"] == "pyrender" else []):
        for look in LOOKS:
            plan, renderer = stage([motion], look=look), get_renderer(backend)
            renderer.frame(plan.scene(0))
            times = []
            for index in range(FRAMES_DRAWN):
                start = time.perf_counter()
                renderer.frame(plan.scene(index))
                times.append((time.perf_counter() - start) * 1e3)
            rows.append({
                "backend": backend, "look": look, "ms_median": round(float(np.median(times)), 1),
                "ms_least": round(min(times), 1),
            })  # fmt: skip
    return rows


def reading_back(motions: Iterable[Motion]) -> dict[str, dict[str, float]]:
    """Largest joint error in millimetres of every format's file, by frame rate."""
    found: dict[str, dict[str, float]] = {}
    for motion in motions:
        for name in FILES:
            for fps in (20, 60):
                if name in VIDEOS or (name == "features" and fps != 20):
                    continue
                options = Options(fps=fps)
                error = read_back(file_bytes(motion, name, options), motion, name, options)
                row = found.setdefault(name, {})
                row[f"fps_{fps}"] = max(row.get(f"fps_{fps}", 0.0), round(1e3 * (error or 0.0), 5))
    return found


def main() -> None:
    """Measure everything and write the dated record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--model", default="base")
    parser.add_argument("--clips", type=int, default=300, help="real clips")
    parser.add_argument("--prompts", type=int, default=40, help="generated motions")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    made = generated(options.model, options.prompts)
    values = {
        "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1),
        "real": fitting(real(options.data, options.clips)), "generated": fitting(made),
        "drawing_640x480": drawing(made[0]), "files_read_back_mm": reading_back(made[:5]),
    }  # fmt: skip
    print(record("body", values, options.out))


if __name__ == "__main__":
    main()
