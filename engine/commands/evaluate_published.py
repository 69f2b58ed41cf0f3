"""evaluate-published: a model on HumanML3D or KIT-ML as the papers' tables are measured."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.backbones.judge import load_judge
from engine.checks import check_guidance, check_steps
from engine.commands.evaluate import Contender, load
from engine.errors import StudioError
from engine.evaluation.metrics import Interval
from engine.evaluation.published_data import read_items
from engine.evaluation.published_protocol import Generate, Judge, evaluate
from engine.evaluation.words import Words
from engine.models.registry import resolve_model
from engine.pipeline import MotionPipeline

TITLES = {
    "r_precision_1": "R-precision 1", "r_precision_2": "R-precision 2",
    "r_precision_3": "R-precision 3", "fid": "FID", "mm_dist": "MM-Dist",
    "diversity": "Diversity", "multimodality": "MultiModality",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """Arguments of `python -m engine evaluate-published`."""

    model: Contender
    data: Path
    words: Path
    evaluator: str = "t2m-evaluator"
    split: str = "test"
    replications: int = 20
    limit: int | None = None
    guidance: float | None = None
    steps: int | None = None
    batch: int = 64
    seed: int = 0
    device: str | None = None
    json: bool = False


def run(request: Request) -> dict[str, Any]:
    """Measure real motions and the model; prints a table or JSON and returns what is in it."""
    if request.guidance is not None:
        check_guidance(request.guidance)
    if request.steps is not None:
        check_steps(request.steps)
    items = read_items(request.data, request.split, request.limit)
    folder, words = resolve_model(request.evaluator), Words.read(request.words)
    pipeline = load(request.model, request.device)
    network: Any = load_judge(folder, "t2m-evaluator", pipeline.device)
    width = items[0].features.shape[1]
    if network.config.features != width:
        raise StudioError(
            f"The evaluator reads {network.config.features} features, the dataset has {width}."
        )
    judge = Judge(network, words)
    rows = {
        "real": evaluate(judge, items, None, request.replications, request.seed),
        "model": evaluate(
            judge, items, maker(pipeline, request), request.replications, request.seed
        ),
    }  # fmt: skip
    result = {
        "split": request.split, "motions": len(items), "seed": request.seed,
        "replications": request.replications, "model": pipeline.model_id,
        "rows": {name: {k: asdict(v) for k, v in row.items()} for name, row in rows.items()},
    }  # fmt: skip
    print(jsonlib.dumps(result) if request.json else "\n".join(_page(request, len(items), rows)))
    return result


def maker(pipeline: MotionPipeline, request: Request) -> Generate:
    """Raw features of many captions, sorted by length so that batches hold little padding."""

    def generate(
        texts: Sequence[str], frames: Sequence[int], seeds: Sequence[int]
    ) -> list[np.ndarray]:
        order = np.argsort(frames, kind="stable")
        made: dict[int, np.ndarray] = {}
        for start in range(0, len(order), request.batch):
            part = [int(row) for row in order[start : start + request.batch]]
            features = pipeline.features(
                [texts[i] for i in part], [frames[i] for i in part], [seeds[i] for i in part],
                guidance=request.guidance, steps=request.steps,
            )  # fmt: skip
            made.update(zip(part, features, strict=True))
        return [made[row] for row in range(len(texts))]

    return generate


def _page(request: Request, count: int, rows: dict[str, dict[str, Interval]]) -> list[str]:
    lines = [
        f"{request.split}: {count} motions, {request.replications} replications, "
        f"seed {request.seed}",
        f"{'':16}{'real':>20}{request.model.name[:18]:>20}",
    ]
    for name, title in TITLES.items():
        cells = [str(row[name]) if name in row else "-" for row in rows.values()]
        if cells != ["-", "-"]:
            lines.append(f"{title:16}" + "".join(f"{cell:>20}" for cell in cells))
    return lines
