"""Simulated voters with hidden tastes: how many votes does it take to know what they like?

python -m benchmarks.voters --reward checkpoints/reward

Voters judge motions of the base model by a measure that the learner is not told, answer a tie where
they see no difference, and answer at random now and then. Reported is the agreement with noiseless
judgements on held-out prompts, for active and random pairs and for several designs of the learner.
Writes results/DATE-voters.json and a page of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import add_output, record, start
from benchmarks.voters_pool import TASTES, Pool, make_pool
from engine.preference.active import SETTLE
from engine.preference.learned import LEAST, REWARD, SIZE, Scale
from engine.preference.taste import Answers, Posterior, fit

NOTICED = 0.1  # deviations of the measure over all motions, below which a voter sees no difference
COVER = 0.02
AXES = 40  # of the embedding, those in which motions of a prompt differ most
SHOWN = (25, 50, 100, 200)
DESIGNS = ("taste", "embedding", "both", "reward")


class Learner:
    """What a design knows of a motion, and how it learns from answers.

    taste: the reward and descriptors (what `spl` saves); embedding: the reward and its own motion
    embedding, so a new last layer; both: all of it; reward: nothing is learned.
    """

    def __init__(self, design: str, pool: Pool, held: Pool) -> None:
        self.design = design
        scale = Scale.of(pool.described, pool.pairs)
        known = [scale.known(one.described, one.reward) for one in (pool, held)]
        if design in ("embedding", "both"):
            apart = pool.embedding[pool.pairs[:, 0]] - pool.embedding[pool.pairs[:, 1]]
            _, sizes, axes = np.linalg.svd(apart, full_matrices=False)
            size = sizes[:AXES] / np.sqrt(len(apart)) + 1e-6
            rows = [one.embedding @ axes[:AXES].T / size for one in (pool, held)]
            kept = SIZE if design == "both" else 1
            known = [np.column_stack([a[:, :kept], b]) for a, b in zip(known, rows, strict=True)]
        self.size = known[0].shape[1]
        self.gaps, self.held_gaps = (
            a[one.pairs[:, 0]] - a[one.pairs[:, 1]]
            for a, one in zip(known, (pool, held), strict=True)
        )

    def fit(self, chosen: Sequence[int], answers: Sequence[float]) -> Posterior:
        """The posterior of the answers to these pairs."""
        if self.design == "reward":
            chosen, answers = [], []
        target = np.array(answers, dtype=float)
        rows = self.gaps[list(chosen)].reshape(-1, self.size)
        return fit(Answers(rows, target, np.ones(len(target))), self.size, REWARD)

    def margin(self, found: Posterior) -> np.ndarray:
        """What the learned reward says of the held-out pairs."""
        text = max(float(found.mean[0]), LEAST)
        return self.held_gaps[:, 0] * text + self.held_gaps[:, 1:] @ found.mean[1:]


def answer(gap: float, rng: np.random.Generator, random: float) -> float:
    """A vote on a pair whose measures differ by `gap` deviations."""
    if rng.random() < random:
        return float(rng.integers(2))
    return 0.5 if abs(gap) < NOTICED else float(gap > 0)


def vote(
    learner: Learner, pool: Pool, held: Pool, taste: str, active: bool, args: argparse.Namespace,
    seed: int,
) -> dict[int, float]:  # fmt: skip
    """Agreement on held-out judgements after so many votes of one voter."""
    rng = np.random.default_rng(seed)
    spread = pool.measures[taste].std()
    gaps, truth = pool.gaps(taste) / spread, held.gaps(taste) / spread
    decided = np.abs(truth) > NOTICED
    left, shown = np.ones(len(gaps), dtype=bool), np.zeros(len(pool.prompts))
    chosen: list[int] = []
    answers: list[float] = []
    found, seen = learner.fit([], []), {}
    for count in range(1, args.votes * (1 if active else 2) + 1):
        if active and count > SETTLE:
            worth = found.doubt(learner.gaps) - COVER * shown[pool.owner[pool.pairs[:, 0]]]
            pick = int(np.argmax(np.where(left, worth, -np.inf)))
        else:
            pick = int(rng.choice(np.flatnonzero(left)))
        left[pick] = False
        shown[pool.owner[pool.pairs[pick, 0]]] += 1
        chosen.append(pick)
        answers.append(answer(float(gaps[pick]), rng, args.random))
        if (active and count % args.every == 0) or count in SHOWN:
            found = learner.fit(chosen, answers)
        if count in SHOWN:
            right = (learner.margin(found) > 0) == (truth > 0)
            seen[count] = float(right[decided].mean())
    return seen


def measure(pool: Pool, held: Pool, args: argparse.Namespace) -> dict[str, Any]:
    """Agreement by design, way of asking, taste and number of votes: mean and deviation."""
    result: dict[str, Any] = {}
    for design in args.designs:
        learner = Learner(design, pool, held)
        result[design] = {}
        for active in (True, False):
            way: dict[str, Any] = {}
            for taste in TASTES:
                rows = [vote(learner, pool, held, taste, active, args, s) for s in args.seeds]
                way[taste] = {str(n): _told([row[n] for row in rows]) for n in rows[0]}
            counts = next(iter(way.values()))
            way["mean"] = {n: {"mean": float(np.mean([way[t][n]["mean"] for t in TASTES]))}
                           for n in counts}  # fmt: skip
            result[design]["active" if active else "random"] = way
        means = {way: {n: round(v["mean"], 3) for n, v in found["mean"].items()}
                 for way, found in result[design].items()}  # fmt: skip
        print(design, means, flush=True)
    return result


def _told(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "deviation": float(np.std(values))}


def markdown(result: dict[str, Any]) -> str:
    """The whole result as a page."""
    lines = [
        f"# Voters with hidden tastes, {result['date']}", "",
        f"{result['prompts']} prompts, {result['held_prompts']} held out, {result['each']} motions "
        f"of each; voters answer {result['random']:.0%} of the time at random, and a tie where the "
        f"measure differs by less than {NOTICED} deviations. Agreement in percent with noiseless "
        f"judgements on held-out prompts, mean over {len(result['seeds'])} seeds.", "",
        "| design | pairs | votes | mean | " + " | ".join(TASTES) + " |",
        "|---" * (4 + len(TASTES)) + "|",
    ]  # fmt: skip
    for design, ways in result["agreement"].items():
        for way, found in ways.items():
            for count in found["mean"]:
                cells = [found[name][count]["mean"] for name in ("mean", *TASTES)]
                row = " | ".join(f"{100 * cell:.1f}" for cell in cells)
                lines.append(f"| {design} | {way} | {count} | {row} |")
    return "\n".join(lines) + "\n"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--reward", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--each", type=int, default=6, help="motions of a prompt")
    parser.add_argument("--prompts", type=int, default=60, help="at most so many to vote on")
    parser.add_argument("--votes", type=int, default=100)
    parser.add_argument("--every", type=int, default=4, help="votes between two fits")
    parser.add_argument("--random", type=float, default=0.15, help="share of random answers")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add_output(parser, "voters")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> Path:
    """Measure, write both files and print the page; returns the JSON's path."""
    args = parse(argv)
    pool, held = make_pool(args.model, args.reward, args.device, args.each, args.prompts)
    values = {
        "reward": args.reward.name, "prompts": len(pool.prompts), "held_prompts": len(held.prompts),
        "each": args.each, "random": args.random, "noticed": NOTICED, "seeds": args.seeds,
        "agreement": measure(pool, held, args),
    }  # fmt: skip
    path = record(args.name, values, args.out)
    page = markdown({**values, "date": path.name[:10]})
    path.with_suffix(".md").write_text(page)
    print(page)
    return path


if __name__ == "__main__":
    start(main)
