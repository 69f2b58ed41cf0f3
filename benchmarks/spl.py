"""SPL mining: retrieval by the reward before and after, on a split that nothing was chosen on.

python -m benchmarks.spl --reward checkpoints/reward --corpus DIR --data DIR --minutes 2

Three runs (seeds) with mined pairs, and as many with the same training and time but none, which
says what the pairs add to more training. Writes results/DATE-spl.json and a page of it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import add_output, record, start
from benchmarks.reward import held_out
from engine.data.dataset import MotionDataset
from engine.diffusion.model import MotionModel
from engine.models.reward import RewardModel
from engine.models.text import TransformersTextEncoder
from engine.preference.learn import learn
from engine.preference.plan import Request
from engine.preference.retrieval import NETWORKS, RANKS, Table, retrieval

LEVELS = (0, 100, 250, 500, 750)
DRAWS = 4
WAYS: dict[str, Mapping[str, Any]] = {"mined": {}, "no pairs": {"mined": 0.0}}


def run(way: str, seed: int, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One run of learning; its report."""
    output = folder / f"{way.replace(' ', '-')}-{seed}"
    hyper = {**WAYS[way], **dict(_setting(text) for text in args.set)}
    request = Request(
        output, str(args.reward), str(args.model), args.corpus, None, args.minutes, seed,
        args.device, hyper=hyper,
    )  # fmt: skip
    report = learn(request, lambda line: print(f"  {line}", flush=True))
    return {**{key: report[key] for key in ("updates", "kept_update", "seconds", "hard_share",
                                            "retrieval")}, "folder": str(output)}  # fmt: skip


def measured(folder: Path, split: str, args: argparse.Namespace) -> Table:
    """Retrieval of a reward on held-out clips of a prepared dataset."""
    model = MotionModel.from_pretrained(args.model, args.device)
    reward = RewardModel.from_pretrained(folder, args.device)
    encoder = TransformersTextEncoder(device=args.device)
    held = held_out(MotionDataset.open(args.data), split, model, encoder, args)
    vae, schedule = model.ours()
    return retrieval(reward, held, vae, schedule, LEVELS, DRAWS)


def gains(before: Table, afters: Sequence[Table]) -> dict[str, Any]:
    """By level and network: R@k before and after (mean over runs), and the relative gain."""
    out: dict[str, Any] = {}
    for level, networks in before.items():
        for network in NETWORKS:
            row: dict[str, Any] = {}
            for rank in (f"r{k}" for k in RANKS):
                values = [after[level][network][rank] for after in afters]
                old, new = networks[network][rank], float(np.mean(values))
                row[rank] = {
                    "before": old, "after": new, "relative": new / old - 1,
                    "deviation": float(np.std(values)),
                }  # fmt: skip
            out[f"{network}, t = {level}"] = row
    return out


def markdown(result: dict[str, Any]) -> str:
    """The whole result as a page."""
    lines = [
        f"# SPL: the reward before and after its own mistakes, {result['date']}", "",
        f"{result['minutes']:g} minutes each, {len(result['seeds'])} seeds, split "
        f"{result['split']}. R@k of text to motion in percent, in groups of 32; the relative gain "
        "in brackets.", "",
    ]  # fmt: skip
    for way, table in result["gains"].items():
        lines += [f"## {way}", "", "| | " + " | ".join(f"R@{k}" for k in RANKS) + " |",
                  "|---" * (1 + len(RANKS)) + "|"]  # fmt: skip
        for name, row in table.items():
            cells = [
                f"{100 * one['before']:.1f} → {100 * one['after']:.1f} "
                f"({100 * one['relative']:+.1f} %)"
                for one in row.values()
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, int(value) if value.lstrip("-").isdigit() else float(value)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--reward", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--corpus", type=Path, required=True, help="what is learned from")
    parser.add_argument("--data", type=Path, required=True, help="prepared dataset, to judge on")
    parser.add_argument("--split", default="test")
    parser.add_argument("--minutes", type=float, default=2.0, help="of each run")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE",
                        help="hyper-parameters of engine.preference.spl.Hyper")  # fmt: skip
    parser.add_argument("--keep", type=Path, help="folder for the first mined run's reward")
    parser.add_argument("--limit", type=int, help="at most this many clips to judge on")
    parser.add_argument("--seed", type=int, default=0, help="of the held-out captions")
    add_output(parser, "spl")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> Path:
    """Measure, write both files and print the page; returns the JSON's path."""
    args = parse(argv)
    started = time.monotonic()
    before = measured(args.reward, args.split, args)
    runs: dict[str, list[dict[str, Any]]] = {}
    tables: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in args.ways:
            print(way, flush=True)
            runs[way] = [run(way, seed, args, Path(folder)) for seed in args.seeds]
            afters = [measured(Path(one["folder"]), args.split, args) for one in runs[way]]
            tables[way] = gains(before, afters)
        if args.keep is not None:
            shutil.copytree(runs[args.ways[0]][0]["folder"], args.keep)
    values = {
        "reward": args.reward.name, "minutes": args.minutes, "seeds": args.seeds,
        "split": args.split, "settings": args.set, "gains": tables, "runs": runs,
        "seconds": time.monotonic() - started,
    }  # fmt: skip
    path = record(args.name, values, args.out)
    page = markdown({**values, "date": path.name[:10]})
    path.with_suffix(".md").write_text(page + "\n")
    print(page)
    return path


if __name__ == "__main__":
    start(main)
