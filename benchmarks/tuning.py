"""EasyTune beside its rivals: memory, time to the same reward, quality at equal time, and sweeps.

python -m benchmarks.tuning --data DIR --seconds 20

One base, one reward, one clock for all. Writes results/DATE-tuning.json and .md after every part,
so that a run that was cut keeps what it has.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.record import add_output, record, start
from benchmarks.tuning_pages import markdown
from benchmarks.tuning_runs import Curve, Options, Setup, rounded
from benchmarks.tuning_sweeps import SWEEPS, options
from engine.checks import check_steps
from engine.errors import StudioError
from engine.files import read_json
from engine.tuning.methods.registry import METHODS, MethodConfig
from engine.tuning.rewards.registry import FORMS

Row = dict[str, Any]
YARDSTICK = "draft"  # the rival whose best reward the others are timed to
PUBLISHED = ("draft", "easytune", "easytune-batched", "easytune-batched@10", "refl", "draft-lv",
             "alignprop", "drtune")  # fmt: skip


def memory(setup: Setup, values: Row, save: Callable[[], None]) -> None:
    """Peak extra bytes of a pass, per method and number of steps; DRaFT also recomputed."""
    args, rows = setup.args, []
    for steps in args.steps:
        names = dict.fromkeys(parts_of(label)[0] for label in args.methods)
        configs = [(name, MethodConfig(name)) for name in names]
        if YARDSTICK in args.methods:
            configs.append((f"{YARDSTICK}, recomputed", MethodConfig(YARDSTICK, checkpoint=True)))
        for label, config in configs:
            with setup.run(options(args, config, steps, 0.0)) as run:
                rows.append({"method": label, "steps": steps, "bytes": run.peak_bytes()})
            print(f"  {label}, {steps} steps: {rows[-1]['bytes'] / 2**20:.1f} MiB", flush=True)
        whole = [r["bytes"] for r in rows if r["steps"] == steps and r["method"] == YARDSTICK]
        for row in rows:
            if row["steps"] == steps and whole:
                row["share_of_draft"] = row["bytes"] / whole[0]
    values["memory"] = rows
    save()


def rates(setup: Setup, values: Row) -> dict[str, float]:
    """Each method's best learning rate of those given, by a short run on another seed."""
    args, chosen = setup.args, {}
    if args.rates_from is not None:
        values["rates"] = read_json(args.rates_from)["rates"]
        return {
            name: max((r for r in values["rates"] if r["method"] == name and r["reward"]),
                      key=lambda r: r["reward"])["rate"]
            for name in args.methods
        }  # fmt: skip
    table = values.setdefault("rates", [])
    for name in args.methods:
        own = parts_of(name)[2]
        tried: dict[float, float] = {}
        for rate in args.rates if len(args.rates) > 1 and own is None else ():
            with setup.run(entrant(args, name, rate, 1000)) as run:
                curve = run.train(seconds_of(args, name) * args.trial)
            tried[rate] = float("-inf") if curve.diverged else curve.points[-1].reward
            table.append({"method": name, "rate": rate, "reward": tried[rate]})
            print(f"  {name}, rate {rate:g}: {tried[rate]:.4f}", flush=True)
        chosen[name] = max(tried, key=lambda rate: tried[rate]) if tried else own or args.rates[0]
    return chosen


def race(setup: Setup, values: Row, save: Callable[[], None]) -> None:
    """The runs behind speed and quality: every method, every seed, the same seconds."""
    args, steps = setup.args, setup.args.steps[-1]
    best = rates(setup, values)
    save()
    quality = "quality" in args.parts
    if quality:
        values["real"] = on_splits(setup, setup.real)
        values["base"] = [judged(setup, steps, seed) for seed in seeds_of(args)]
    rows: list[Row] = values.setdefault("runs", [])
    curves = earlier(args)
    for seed in seeds_of(args):
        for name in args.methods:
            with setup.run(entrant(args, name, best[name], seed)) as run:
                curve = curves[name, seed] = run.train(seconds_of(args, name))
                row = {"method": name, "seed": seed, "rate": best[name], **shown(curve)}
                if quality:
                    row["metrics"] = judged(setup, steps, seed)
            rows.append(row)
            print(f"  {name}, seed {seed}: {row['from']:.4f} -> {row['reward']:.4f}", flush=True)
            save()
    if "speed" in args.parts:
        values["speed"] = speed(curves, args)
    save()


def seeds_of(args: argparse.Namespace) -> range:
    """The race's seeds; several machines may each take some of them."""
    return range(args.first_seed, args.first_seed + args.seeds)


def earlier(args: argparse.Namespace) -> dict[tuple[str, int], Curve]:
    """The yardstick's curves of an earlier race, where one is given."""
    if args.yardstick_from is None:
        return {}
    found = read_json(args.yardstick_from)["runs"]
    return {(r["method"], r["seed"]): Curve.of(r["curve"]) for r in found
            if r["method"] == YARDSTICK}  # fmt: skip


def judged(setup: Setup, steps: int, seed: int) -> Row:
    """The evaluator's metrics on all splits of the model as it is now."""
    return on_splits(setup, lambda split: setup.evaluate(steps, seed, split))


def on_splits(setup: Setup, measure: Callable[[str | None], dict[str, float]]) -> Row:
    """What is measured on the split, and on others named, with their names before it."""
    found = dict(measure(None))
    for split in setup.args.also:
        found |= {f"{split} {name}": value for name, value in measure(split).items()}
    return found


def seconds_of(args: argparse.Namespace, label: str) -> float:
    """How long a method of the race may tune: the yardstick as long as it is told."""
    return args.yardstick_seconds or args.seconds if label == YARDSTICK else args.seconds


def speed(curves: dict[tuple[str, int], Curve], args: argparse.Namespace) -> list[Row]:
    """Seconds to the yardstick's best reward, per method; None where a seed never reached it."""
    levels = {seed: curves[YARDSTICK, seed].best for seed in seeds_of(args)}
    own = {seed: curves[YARDSTICK, seed].time_to(level) for seed, level in levels.items()}
    rows = []
    for name in args.methods:
        times = [curves[name, seed].time_to(level) for seed, level in levels.items()]
        ratios = [(own[seed] or 0.0) / t for seed, t in zip(levels, times, strict=True) if t]
        rows.append({
            "method": name, "levels": list(levels.values()), "seconds": times,
            "reached": len(ratios), "of": args.seeds,
            "times_faster": statistics.median(ratios) if ratios else None,
        })  # fmt: skip
    return rows


def sweep(
    setup: Setup, values: Row, save: Callable[[], None], name: str, variants: dict[str, Options]
) -> None:
    """Short runs of variants, with validation reward and the evaluator's metrics."""
    first = next(iter(variants.values())).steps
    rows: list[Row] = [{"variant": "base", "metrics": judged(setup, first, 0)}]
    values[name] = rows
    for label, chosen in variants.items():
        row: Row = {"variant": label}
        with setup.run(chosen) as run:
            row |= shown(run.train(setup.args.seconds * setup.args.trial))
            row["metrics"] = judged(setup, chosen.steps, 0)
        rows.append(row)
        print(f"  {label}: {row['from']:.4f} -> {row['reward']:.4f}", flush=True)
        save()


PARTS = ("memory", "speed", "quality", *SWEEPS)


def entrant(args: argparse.Namespace, label: str, rate: float, seed: int) -> Options:
    """A run of a label, tuned at its own steps if it has some, judged at as many as all others."""
    name, steps, _ = parts_of(label)
    judged = args.steps[-1]
    chosen = options(args, MethodConfig(name), steps or judged, rate, seed)
    return replace(chosen, judged=judged)


def parts_of(label: str) -> tuple[str, int | None, float | None]:
    """Method, steps and learning rate of METHOD[@STEPS][:RATE]; ValueError for anything else."""
    head, _, rate = label.partition(":")
    name, _, steps = head.partition("@")
    if name not in METHODS:
        raise ValueError(name)
    return name, check_steps(int(steps)) if steps else None, float(rate) if rate else None


def _label(text: str) -> str:
    try:
        parts_of(text)
    except ValueError:
        what = f"{text} is no METHOD[@STEPS][:RATE]; methods: {list(METHODS)}"
        raise argparse.ArgumentTypeError(what) from None
    return text


def shown(curve: Curve) -> Row:
    """A curve as it is stored."""
    return {
        "from": curve.points[0].reward, "reward": curve.points[-1].reward, "best": curve.best,
        "seconds": curve.points[-1].seconds, "passes": curve.points[-1].passes,
        "updates": curve.points[-1].updates, "diverged": curve.diverged,
        "curve": [list(asdict(point).values()) for point in curve.points],
    }  # fmt: skip


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments; StudioError where parts and methods do not fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--reward", type=Path, default=Path("checkpoints/reward"))
    parser.add_argument("--evaluator", type=Path, default=Path("checkpoints/evaluator"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    parser.add_argument(
        "--methods",
        nargs="+",
        default=list(PUBLISHED),
        type=_label,
        help="METHOD[@STEPS][:RATE]: steps to tune at, if not those it is judged at, and its rate",
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run, by its own clock")
    parser.add_argument(
        "--trial", type=float, default=0.25, help="share of them for a rate, or a sweep's variant"
    )
    parser.add_argument(
        "--yardstick-seconds", type=float, help="of DRaFT's runs in the race, else as all others"
    )
    parser.add_argument(
        "--yardstick-from", type=Path, help="earlier result whose DRaFT is run against"
    )
    parser.add_argument(
        "--updates", type=int, default=8, help="of the batched form from each walk of a batch"
    )
    parser.add_argument("--steps", nargs="+", type=int, default=[10, 50])
    parser.add_argument("--rates", nargs="+", type=float, default=[3e-4, 1e-3])
    parser.add_argument("--trust", type=float, default=0.0, help="trust region of all runs")
    parser.add_argument("--trusts", nargs="+", type=float, default=[0.0, 0.1, 1.0])
    parser.add_argument("--guidance", type=float, help="scale of the base, tuned and judged at")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0, help="of the race's seeds")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--form", choices=FORMS, default="latent_prev")
    parser.add_argument("--weights", default="follow=1")
    parser.add_argument("--sweep-method", choices=list(METHODS), default="easytune-batched")
    parser.add_argument("--split", default="val")
    parser.add_argument("--also", nargs="*", default=[], help="other splits to judge runs on")
    parser.add_argument("--rates-from", type=Path, help="earlier result whose rates are taken")
    parser.add_argument("--limit", type=int, default=512, help="clips that the evaluator judges")
    parser.add_argument("--validation", type=int, default=256, help="prompts of the reward curve")
    parser.add_argument("--prompts", type=int, default=1024, help="prompts to tune on")
    parser.add_argument("--captured", action="store_true", help="walk batches as CUDA graphs")
    parser.add_argument("--tf32", action="store_true", help="TF32 matrix products")
    add_output(parser, "tuning")
    args = parser.parse_args(argv)
    args.parts = args.parts.split(",")
    args.steps = [check_steps(steps) for steps in args.steps]
    for part in args.parts:
        if part not in PARTS:
            raise StudioError(f"There is no part {part!r}; choose from {', '.join(PARTS)}.")
    there = YARDSTICK in args.methods or args.yardstick_from is not None
    if "speed" in args.parts and not there:
        raise StudioError(f"Speed is measured against {YARDSTICK}: add it to --methods.")
    return args


def main(argv: Sequence[str] | None = None) -> Path:
    """Measure, writing after every part; returns the JSON's path."""
    args = parse(argv)
    if args.tf32:
        torch.set_float32_matmul_precision("high")
    started, setup = time.perf_counter(), Setup(args)
    plain = {key: value for key, value in vars(args).items() if not isinstance(value, Path)}
    plain["guidance"] = setup.model.guidance_scale
    values: Row = {"model": setup.model.model_id, "settings": plain}

    def save() -> None:
        values["wall_seconds"] = time.perf_counter() - started
        path = record(args.name, rounded(values), args.out)
        path.with_suffix(".md").write_text(markdown(rounded(values)), encoding="utf-8")

    for part in dict.fromkeys("race" if p in ("speed", "quality") else p for p in args.parts):
        print(f"{part}:", flush=True)
        if part == "memory":
            memory(setup, values, save)
        elif part == "race":
            race(setup, values, save)
        else:
            sweep(setup, values, save, part, SWEEPS[part](args))
    values["finished"] = True
    path = record(args.name, rounded(values), args.out)
    save()
    print(markdown(rounded(values)))
    return path


if __name__ == "__main__":
    start(main)
