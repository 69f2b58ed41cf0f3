"""How good the motions are: evaluator metrics, physical measures, kinematic suite, in one run.

python -m benchmarks.quality --model checkpoints/base --data DIR --evaluator checkpoints/evaluator

Writes results/DATE-quality.json and the same as tables in results/DATE-quality.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import add_output, record, start
from engine.data.dataset import MotionDataset
from engine.evaluation import metrics
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.kinematic_suite import failures, load_suite, run_suite
from engine.evaluation.protocol import (
    Reference,
    joint_error,
    make_reference,
    other_real,
    reconstruct,
    score,
)
from engine.evaluation.sampling import generate, replications
from engine.evaluation.suite_validation import validate_suite
from engine.pipeline import MotionPipeline

Row = dict[str, Any]
COLUMNS = ("r1", "r2", "r3", "strict_r3", "mm_dist", "fid", "diversity", "content",
           "content_by_label", "style")  # fmt: skip


def split_rows(
    pipeline: MotionPipeline,
    evaluator: Evaluator,
    data: MotionDataset,
    reference: Reference,
    args: argparse.Namespace,
) -> dict[str, Row]:
    """Real, reconstructed and generated (each step count, and uncleaned) rows of one split."""

    def generated(**how: Any) -> Row:
        made = replications(
            pipeline, reference, args.replications, args.seed, args.batch,
            guidance=args.guidance, **how,
        )  # fmt: skip
        return score(evaluator, reference, made)

    rows = {"real": score(evaluator, reference, [reference.joints])}
    kept, others = other_real(data, reference, args.replications, args.seed)
    if len(kept) > 1:
        rows["other real motions"] = {
            **score(evaluator, reference.part(kept), others), "clips": len(kept)
        }  # fmt: skip
    rebuilt = reconstruct(pipeline.model.own_vae(), reference.joints)
    rows["VAE reconstruction"] = {
        **score(evaluator, reference, [rebuilt]),
        "joint_error_mm": joint_error(rebuilt, reference.joints),
    }
    raw = reconstruct(pipeline.model.own_vae(), reference.joints, clean=False)
    rows["VAE reconstruction"]["joint_error_uncleaned_mm"] = joint_error(raw, reference.joints)
    for steps in args.steps or sorted({pipeline.model.steps, 20, 50}):
        print(f"  {reference.split}: {steps} steps", flush=True)
        rows[f"generated, {steps} steps"] = generated(steps=steps)
    rows[f"generated, {pipeline.model.steps} steps, not cleaned"] = generated(clean=False)
    return rows


def variety(
    pipeline: MotionPipeline, evaluator: Evaluator, reference: Reference, args: argparse.Namespace
) -> float:
    """MultiModality: 30 captions, 10 motions each."""
    chosen = np.random.default_rng(args.seed).permutation(len(reference.captions))[:30]
    rows = [int(index) for index in chosen for _ in range(10)]
    motions = generate(
        pipeline, [reference.captions[row] for row in rows],
        [reference.seconds[row] for row in rows], list(range(len(rows))), args.batch,
        guidance=args.guidance,
    )  # fmt: skip
    embedding = evaluator.embed_motion([motion.joints for motion in motions])
    return metrics.multimodality(
        embedding.reshape(len(chosen), 10, -1), np.random.default_rng(args.seed)
    )


def suite(pipeline: MotionPipeline, args: argparse.Namespace) -> Row:
    """The kinematic suite with three seeds; claims of single motions are left out of the file."""
    report = run_suite(
        lambda prompts, seconds, seeds: generate(
            pipeline, prompts, seconds, seeds, args.batch, guidance=args.guidance
        ),
        load_suite(),
        batch=1024,
    )
    report["failures"] = failures(report, limit=200)
    report["results"] = [
        {key: one[key] for key in ("id", "category", "label", "prompt", "rate")}
        for one in report["results"]
    ]
    return report


def table(rows: dict[str, Row]) -> list[str]:
    """Evaluator metrics as a markdown table."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in rows.items():
        cells = [
            f"{row[c]['mean']:.4f} ±{row[c]['half_width']:.4f}" if c in row else "-"
            for c in COLUMNS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def physical_table(rows: dict[str, Row]) -> list[str]:
    """Physical measures as a markdown table, with the ratio to real motions."""
    names = list(rows["real"]["physical"])
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for title, row in rows.items():
        cells = []
        for name in names:
            one = row["physical"][name]
            ratio = "" if one["ratio"] is None else f" ({one['ratio']:.2f}x)"
            cells.append(f"{one['value']:.4g}{ratio}")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _floor(rows: dict[str, Row]) -> list[str]:
    """What the row of other real motions is, in a paragraph."""
    if "other real motions" not in rows:
        return []
    return [
        f"Other real motions: another recording of the same content and style, never from the test "
        f"split, stands for each of {rows['other real motions']['clips']} clips (the rest have no "
        "such twin) and is compared with those clips: about the FID of a perfect generator. "
        "The evaluator learned from most of them, which flatters the row's other values.",
        "",
    ]


def markdown(result: dict[str, Any]) -> str:
    """The whole result as a page."""
    lines = [
        f"# Quality of {result['model']}",
        "",
        "r1-r3: R-precision in groups of 32, clips of the same content and style left out of "
        "the ranking; strict_r3: every other clip competes. Values ± 95 % interval.",
        "",
    ]
    for split, rows in result["splits"].items():
        rebuilt = rows["VAE reconstruction"]
        error, turned = rebuilt["joint_error_uncleaned_mm"], rebuilt["joint_error_mm"]
        lines += [
            f"## {split} ({result['clips'][split]} clips)",
            "",
            *table(rows),
            "",
            f"VAE mean joint error {error:.2f} mm in the world; {turned:.2f} mm once cleaning has "
            "turned the first frame to face +Z exactly, which swings what is far away.",
            "",
            *physical_table(rows),
            "",
            *_floor(rows),
        ]
    if "suite" in result:
        report = result["suite"]
        lines += ["## Kinematic suite", "",
                  f"{report['prompts']} prompts x 3 seeds: {report['motions']:.1%} of motions "
                  f"satisfy every claim, {report['claims']:.1%} of claims hold.",
            f"The same checks on captured clips: {result['suite_validation']['all']}.", "",
                  "| category | passed |", "|---|---|",
                  *(f"| {k} | {v:.1%} |" for k, v in report["by_category"].items()), "",
                  "| label | passed |", "|---|---|",
                  *(f"| {k} | {v:.1%} |" for k, v in sorted(
                      report["by_label"].items(), key=lambda pair: pair[1])), "",
                  "Worst:", "", *(f"- {line}" for line in report["failures"][:40]), ""]  # fmt: skip
    return "\n".join(lines)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--evaluator", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["test", "unseen"])
    parser.add_argument("--steps", nargs="+", type=int, help="step counts (default: own, 20, 50)")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--replications", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--limit", type=int, help="at most this many clips per split")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-suite", action="store_true")
    add_output(parser, "quality")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> Path:
    """Measure, write both files and print the page; returns the JSON's path."""
    args = parse(argv)
    begun = time.monotonic()
    pipeline = MotionPipeline.from_pretrained(args.model, device=args.device)
    evaluator = Evaluator.from_pretrained(args.evaluator, pipeline.text, args.device)
    data = MotionDataset.open(args.data)
    result: dict[str, Any] = {
        "model": pipeline.model_id,
        "guidance": args.guidance,
        "replications": args.replications,
        "splits": {},
        "clips": {},
    }
    for split in args.splits:
        reference = make_reference(data, evaluator, split, args.seed, args.limit)
        result["clips"][split] = len(reference.clips)
        result["splits"][split] = split_rows(pipeline, evaluator, data, reference, args)
        result.setdefault("multimodality", {})[split] = variety(
            pipeline, evaluator, reference, args
        )
    if not args.no_suite:
        result["suite"] = suite(pipeline, args)
        checked = validate_suite(data, load_suite(), args.seed)
        result["suite_validation"] = {k: v for k, v in checked.items() if k != "cases"}
    result["seconds"] = round(time.monotonic() - begun, 1)
    path = record(args.name, result, args.out)
    page = markdown(result)
    path.with_suffix(".md").write_text(page + "\n")
    print(page)
    print(f"Wrote {path} and {path.with_suffix('.md')} in {result['seconds']} s.")
    return path


if __name__ == "__main__":
    start(main)
