"""evaluate: a model, or two beside each other, scored on a held-out split."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checks import check_guidance, check_steps
from engine.errors import StudioError
from engine.models.registry import resolve_adapter, resolve_model

if TYPE_CHECKING:
    import numpy as np

    from engine.data.dataset import MotionDataset
    from engine.evaluation.comparison import Comparison
    from engine.evaluation.evaluator import Evaluator
    from engine.evaluation.protocol import Reference
    from engine.models.text import TextEncoder
    from engine.pipeline import MotionPipeline

SPLITS = ("val", "test", "unseen")
SCORES = {
    "r1": "R-precision 1", "r2": "R-precision 2", "r3": "R-precision 3",
    "strict_r1": "strict 1", "strict_r2": "strict 2", "strict_r3": "strict 3",
    "mm_dist": "MM-Dist", "fid": "FID", "diversity": "Diversity", "multimodality": "MultiModality",
    "content": "content accuracy", "content_by_label": "  mean over labels",
    "style": "style accuracy",
}  # fmt: skip
NOTES = (
    "R-precision in groups of 32. Captions of clips with the same content and style say nearly the "
    "same: in a group such clips are left out of each other's ranking, so they neither miss for "
    "one another nor help. strict: every other clip competes, as published.",
    "± is the 95 % interval over replications, of real motions over shuffles into groups.",
    "other real: for {clips} clips another recording of the same content and style, compared with "
    "those clips: about the FID of a perfect generator. The evaluator was trained on most of "
    "them, which flatters the column's other values.",
    "Physical measures with the ratio to the real motions' own value.",
)


@dataclass(frozen=True)
class Contender:
    """A model to score: name or folder, and an adapter on it."""

    model: str
    adapter: str | None = None
    strength: float = 1.0

    @property
    def name(self) -> str:
        """Short name for the table."""
        base = Path(self.model).name
        if self.adapter is None:
            return base
        part = "" if self.strength == 1.0 else f" x{self.strength:g}"
        return f"{base} + {Path(self.adapter).name}{part}"


@dataclass(frozen=True)
class Request:
    """Arguments of `python -m engine evaluate`."""

    model: Contender
    against: Contender | None
    data: Path
    evaluator: str = "evaluator"
    split: str = "val"
    replications: int = 20
    limit: int | None = None
    guidance: float | None = None
    steps: int | None = None
    seed: int = 0
    device: str | None = None
    json: bool = False


def run(request: Request) -> dict[str, Any]:
    """Score, print a table or JSON; returns what is in the JSON. StudioError before any work."""
    _check(request)
    from engine.data.dataset import MotionDataset
    from engine.evaluation.evaluator import Evaluator
    from engine.evaluation.protocol import make_reference

    data = MotionDataset.open(request.data)
    judge = _evaluator_folder(request.evaluator)
    contenders = [request.model, *([request.against] if request.against else [])]
    pipelines = [load(contenders[0], request.device)]
    text = pipelines[0].text if pipelines[0].model.own else None
    pipelines += [load(one, request.device, text) for one in contenders[1:]]
    evaluator = Evaluator.from_pretrained(judge, text, pipelines[0].device)
    reference = make_reference(data, evaluator, request.split, request.seed, request.limit)
    result: dict[str, Any] = {
        "split": request.split, "clips": len(reference.clips), "seed": request.seed,
        "replications": request.replications, "evaluator": judge.name, "models": {},
        "rows": real_rows(data, evaluator, reference, request),
    }  # fmt: skip
    made = []
    for role, one, pipeline in zip(("model", "against"), contenders, pipelines, strict=False):
        result["models"][role] = _described(one, pipeline, request)
        motions, embeddings, row = scored(pipeline, evaluator, reference, request, one.name)
        result["rows"][role] = row
        made.append((motions, embeddings))
    if request.against:
        (ours, first), (theirs, second) = made
        paired = compared(evaluator, reference, (theirs, second), (ours, first), request.seed)
        result["comparison"] = paired.to_dict()
        result["words"] = in_words(paired)
    print(jsonlib.dumps(result) if request.json else "\n".join(page(result)))
    return result


def load(one: Contender, device: str | None, text: TextEncoder | None = None) -> MotionPipeline:
    """The pipeline of a contender; StudioError when it or the adapter is not there."""
    from engine.diffusion.model import is_own
    from engine.pipeline import MotionPipeline

    folder = resolve_model(one.model)
    if text is not None and not is_own(folder):
        text = None  # a published model reads through its own
    extra: dict[str, Any] = {}
    if one.adapter is not None:
        extra = {"adapter": resolve_adapter(one.adapter), "strength": one.strength}
    return MotionPipeline.from_pretrained(folder, device, text, **extra)


def real_rows(
    data: MotionDataset, evaluator: Evaluator, reference: Reference, request: Request
) -> dict[str, Any]:
    """The split's own motions, and other recordings of the same labels where there are any."""
    from engine.evaluation.protocol import other_real, score

    rows = {"real": score(evaluator, reference, [reference.joints], embeddings=[reference.motion])}
    kept, others = other_real(data, reference, request.replications, request.seed)
    if len(kept) > 1:
        rows["other real"] = {
            **score(evaluator, reference.part(kept), others), "clips": len(kept)
        }  # fmt: skip
    return rows


def scored(
    pipeline: MotionPipeline, evaluator: Evaluator, reference: Reference, request: Request,
    name: str,
) -> tuple[list[list[np.ndarray]], list[np.ndarray], dict[str, Any]]:  # fmt: skip
    """Motions and embeddings of every replication, and their scores.

    MultiModality takes a caption's motions from all replications.
    """
    import numpy as np
    from tqdm import tqdm

    from engine.evaluation import metrics
    from engine.evaluation.protocol import score
    from engine.evaluation.sampling import replications

    times = request.replications
    with tqdm(total=times, desc=name, unit="replication", disable=None) as bar:
        motions = replications(
            pipeline, reference, times, request.seed, progress=lambda _: bar.update(),
            guidance=request.guidance, steps=request.steps,
        )  # fmt: skip
    embeddings = [evaluator.embed_motion(joints) for joints in motions]
    row = score(evaluator, reference, motions, request.seed, embeddings)
    if times > 1:
        stacked = np.stack(embeddings, axis=1)
        row["multimodality"] = asdict(
            metrics.replicate(lambda rng: metrics.multimodality(stacked, rng), 20, request.seed)
        )
    return motions, embeddings, row


def compared(
    evaluator: Evaluator,
    reference: Reference,
    a: tuple[list[list[np.ndarray]], list[np.ndarray]],
    b: tuple[list[list[np.ndarray]], list[np.ndarray]],
    seed: int,
) -> Comparison:
    """Paired differences b - a over all replications of (motions, embeddings)."""
    import numpy as np

    from engine.evaluation.comparison import compare

    flat = [[joints for part in motions for joints in part] for motions, _ in (a, b)]
    embeddings = np.concatenate(a[1]), np.concatenate(b[1])
    return compare(evaluator, reference, *flat, seed=seed, embeddings=embeddings)


def in_words(comparison: Comparison) -> list[str]:
    """Its sentences."""
    from engine.evaluation.comparison import in_words as sentences

    return sentences(comparison)


def page(result: dict[str, Any]) -> list[str]:
    """The result as lines: what was done, the table, the paired test, how to read it."""
    models, rows = result["models"], result["rows"]
    titles = {**{name: name for name in rows}, **{k: v["name"] for k, v in models.items()}}
    if len(set(titles.values())) < len(titles):
        titles["against"] += " (against)"
    lines = [
        f"{result['split']}: {result['clips']} clips, {result['replications']} replications, "
        f"seed {result['seed']}, judged by {result['evaluator']}",
        *(f"{titles[role]}: {one['id']}, guidance {one['guidance']:g}, {one['steps']} steps"
          for role, one in models.items()),
        "",
        *_table(rows, titles),
        "",
    ]  # fmt: skip
    if "words" in result:
        paired = result["comparison"]
        lines += [
            f"{titles['model']} beside {titles['against']}, the same captions and seeds "
            f"({paired['prompts']} captions, {paired['motions']} motions each):",
            *(f"  {sentence}" for sentence in result["words"]),
            "",
        ]
    clips = rows.get("other real", {}).get("clips")
    notes = [note.format(clips=clips) for note in NOTES if clips or "{clips}" not in note]
    return lines + notes


def _table(rows: dict[str, Any], titles: dict[str, str]) -> list[str]:
    names = ["", *(titles[name] for name in rows)]
    cells = [names]
    for key, title in SCORES.items():
        if any(key in row for row in rows.values()):
            found = (row.get(key) for row in rows.values())
            cells.append(
                [title, *(f"{v['mean']:.4f} ±{v['half_width']:.4f}" if v else "-" for v in found)]
            )
    for key in rows["real"]["physical"]:
        cells.append([key, *(_physical(row["physical"][key]) for row in rows.values())])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _physical(one: dict[str, float | None]) -> str:
    ratio = "" if one["ratio"] is None else f" ({one['ratio']:.2f}x)"
    return f"{one['value']:.4g}{ratio}"


def _described(one: Contender, pipeline: MotionPipeline, request: Request) -> dict[str, Any]:
    model = pipeline.model
    steps = model.steps if request.steps is None else request.steps
    return {
        "name": one.name, "id": pipeline.model_id,
        "adapter": one.adapter,
        "strength": None if one.adapter is None else one.strength,
        "guidance": model.guidance_at(steps) if request.guidance is None else request.guidance,
        "steps": steps,
    }  # fmt: skip


def _check(request: Request) -> None:
    if request.split not in SPLITS:
        raise StudioError(
            f"--split {request.split} is not offered; choose {', '.join(SPLITS[:-1])} or unseen."
        )
    if request.guidance is not None:
        check_guidance(request.guidance)
    if request.steps is not None:
        check_steps(request.steps)


def _evaluator_folder(name: str) -> Path:
    try:
        return resolve_model(name)
    except StudioError as error:
        raise StudioError(
            f"There is no evaluator {name!r}. Give the folder of one, or train one: "
            "python -m engine train evaluator --data DIR --out DIR"
        ) from error
