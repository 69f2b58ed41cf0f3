"""Models side by side at equal steps: quality on a split, and what a motion costs.

python -m benchmarks.backbones --data DIR --models base:2,3,5,10,20 checkpoints/flow:2,3,5,10,20

Read by the evaluator, which no generator has seen. Choose on val; test and unseen are for the end.
Writes results/DATE-backbones.json and .md after every row, so that a cut run keeps what it has.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.record import add_output, record, start
from benchmarks.tuning_runs import METRICS, rounded
from engine.checks import check_guidance, check_steps
from engine.data.dataset import MotionDataset
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.protocol import Reference, make_reference, score
from engine.evaluation.sampling import replications
from engine.models.registry import resolve_model
from engine.models.text import TransformersTextEncoder
from engine.pipeline import MotionPipeline

Row = dict[str, Any]
COLUMNS = (*METRICS, "foot_skate", "ms_per_motion")


def columns(found: Row) -> Row:
    """The metrics of a table's row, with 95 % intervals under `name_pm`."""
    row: Row = {}
    for name in METRICS:
        if name in found:
            row[name], row[f"{name}_pm"] = found[name]["mean"], found[name]["half_width"]
    return row | {"foot_skate": found["physical"]["foot_skate"]["value"]}


def measured(
    pipeline: MotionPipeline, evaluator: Evaluator, reference: Reference, steps: int,
    guidance: float, args: argparse.Namespace,
) -> Row:  # fmt: skip
    """One model at one number of steps and one guidance scale on one split."""
    how: Row = {"steps": steps, "guidance": guidance}
    prompts, seconds = reference.captions[: args.batch], reference.seconds[: args.batch]
    pipeline(prompts, seconds, list(range(len(prompts))), **how)  # kernels and graphs are there
    begun = time.perf_counter()
    made = replications(pipeline, reference, args.replications, args.seed, args.batch, **how)
    each = 1000 * (time.perf_counter() - begun) / (args.replications * len(reference.clips))
    return {**how, **columns(score(evaluator, reference, made)), "ms_per_motion": each}


def table(rows: Sequence[Row]) -> list[str]:
    """Rows of one split as a markdown table."""
    lines = [
        "| model | steps | guidance | " + " | ".join(COLUMNS) + " |",
        "|---|---:|---:" + "|---:" * len(COLUMNS) + "|",
    ]
    for row in rows:
        cells = [
            f"{row[name]:.4g}" + (f" ±{row[f'{name}_pm']:.2g}" if f"{name}_pm" in row else "")
            if row.get(name) is not None
            else "-"
            for name in COLUMNS
        ]
        steps, guidance = row.get("steps", "-"), row.get("guidance", "-")
        lines.append(f"| {row['model']} | {steps} | {guidance} | " + " | ".join(cells) + " |")
    return lines


def markdown(values: Row) -> str:
    """The whole result as a page."""
    lines = ["# Models at equal steps", "", f"{values['replications']} replications; "
             "R-precision in groups of 32, twins of a label left out; ± 95 %.", ""]  # fmt: skip
    for split, rows in values["splits"].items():
        lines += [f"## {split} ({values['clips'][split]} clips)", "", *table(rows), ""]
    return "\n".join(lines)


def _plan(text: str) -> tuple[str, tuple[int, ...]]:
    """FOLDER or FOLDER:STEPS,STEPS; none means the steps that the model was judged at."""
    folder, _, steps = text.rpartition(":")
    if not folder or not all(one.isdigit() for one in steps.split(",")):
        return text, ()
    return folder, tuple(check_steps(int(one)) for one in steps.split(","))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", nargs="+", required=True, help="FOLDER[:STEPS,STEPS ...]")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--evaluator", type=Path, default=Path("checkpoints/evaluator"))
    parser.add_argument("--splits", nargs="+", default=["val"])
    parser.add_argument("--guidance", nargs="+", type=float, help="scales; default: each model's")
    parser.add_argument("--replications", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--limit", type=int, help="at most this many clips per split")
    parser.add_argument("--seed", type=int, default=0)
    add_output(parser, "backbones")
    args = parser.parse_args(argv)
    args.plans = [_plan(text) for text in args.models]
    args.guidance = [check_guidance(scale) for scale in args.guidance or []]
    for folder, _ in args.plans:  # nothing is measured when one of them is not there
        resolve_model(folder)
    return args


def main(argv: Sequence[str] | None = None) -> Path:
    """Measure, writing after every row; returns the JSON's path."""
    args = parse(argv)
    encoder = TransformersTextEncoder(device=args.device)
    evaluator = Evaluator.from_pretrained(args.evaluator, encoder, args.device)
    data = MotionDataset.open(args.data)
    references = {
        split: make_reference(data, evaluator, split, args.seed, args.limit)
        for split in args.splits
    }
    values: Row = {
        "replications": args.replications, "seed": args.seed, "models": {},
        "clips": {split: len(one.clips) for split, one in references.items()},
        "splits": {
            split: [{"model": "real", **columns(score(evaluator, one, [one.joints]))}]
            for split, one in references.items()
        },
    }  # fmt: skip

    def save() -> Path:
        path = record(args.name, rounded(values), args.out)
        path.with_suffix(".md").write_text(markdown(rounded(values)) + "\n", encoding="utf-8")
        return path

    for folder, counts in args.plans:
        pipeline = MotionPipeline.from_pretrained(resolve_model(folder), args.device)
        values["models"][folder] = pipeline.model_id
        for steps in counts or (pipeline.model.steps,):
            for scale in args.guidance or [pipeline.model.guidance_at(steps)]:
                for split, reference in references.items():
                    row = measured(pipeline, evaluator, reference, steps, scale, args)
                    values["splits"][split].append({"model": folder, **row})
                    print(f"  {table([values['splits'][split][-1]])[-1]}", flush=True)
                save()
    values["finished"] = True
    path = save()
    print(markdown(rounded(values)))
    return path


if __name__ == "__main__":
    start(main)
