"""The loop with simulated voters: vote, learn, tune, and a rematch of base against tuned.

python -m benchmarks.voters_tuning --reward checkpoints/reward --minutes 1

For each hidden taste and seed: active votes as in `benchmarks.voters`, a reward that carries what
they tell, a tuning by it, and one by the reward before (the ablation). Both are compared with the
base on held-out prompts: the voter's own measure, the separate evaluator, physical measures, and
how often a voter without whims prefers the tuned motion. Writes results/DATE-voters-tuning.json.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import add_output, record, start
from benchmarks.voters import NOTICED, Learner, answer
from benchmarks.voters_pool import PACKS, TASTES, Pool, make_pool
from engine.errors import StudioError
from engine.evaluation.comparison import compare, paired_interval
from engine.evaluation.evaluator import Evaluator
from engine.motion.motion import Motion
from engine.pipeline import MotionPipeline
from engine.preference.active import SETTLE
from engine.preference.learned import Scale
from engine.preference.taste import wilson
from engine.tuning.prompts import load_prompts
from engine.tuning.rewards.registry import VOTES_WEIGHT
from engine.tuning.settings import Settings

TOLD = ("alignment", "content", "foot_skate", "jerk", "diversity")
WAYS = ("votes", "before")


def learned(pool: Pool, held: Pool, taste: str, args: argparse.Namespace, seed: int,
            folder: Path) -> Path:  # fmt: skip
    """A copy of the reward with the taste that active votes of one voter tell."""
    learner = Learner("taste", pool, held)
    rng = np.random.default_rng(seed)
    gaps = pool.gaps(taste) / pool.measures[taste].std()
    left = np.ones(len(gaps), dtype=bool)
    chosen: list[int] = []
    answers: list[float] = []
    found = learner.fit([], [])
    for count in range(args.votes):
        worth = found.doubt(learner.gaps) if count >= SETTLE else rng.random(len(gaps))
        pick = int(np.argmax(np.where(left, worth, -np.inf)))
        left[pick] = False
        chosen.append(pick)
        answers.append(answer(float(gaps[pick]), rng, args.random))
        found = learner.fit(chosen, answers) if count % 4 == 3 else found
    output = folder / f"reward-{taste.replace(' ', '-')}-{seed}"
    shutil.copytree(args.reward, output)
    scale = Scale.of(pool.described, pool.pairs)
    scale.taste(learner.fit(chosen, answers), pool.described).save(output)
    return output


def tuned(reward: Path, way: str, args: argparse.Namespace, seed: int, folder: Path) -> Path:
    """The adapter of a tuning in a process of its own."""
    votes = {"votes": args.weight} if way == "votes" else {}
    settings = Settings(
        prompts=PACKS, model=str(args.model), reward={"follow": 1.0, **votes},
        reward_model=str(reward), minutes=args.minutes, device=args.device, seed=seed,
    )  # fmt: skip
    session = folder / f"run-{reward.name}-{way}"
    command = [sys.executable, *settings.command()[1:], "--session", str(session)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (session / "adapter").is_dir():
        raise StudioError(f"The tuning failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    return session / "adapter"


def rematch(
    pipeline: MotionPipeline, evaluator: Evaluator, adapter: Path, strength: float, taste: str,
    spread: float, args: argparse.Namespace,
) -> dict[str, Any]:  # fmt: skip
    """Base against tuned on held-out prompts, the same noise for both."""
    prompts = [prompt for name in PACKS for prompt in load_prompts([name]).validation]
    texts = [prompt.text for prompt in prompts for _ in range(args.each)]
    seconds = [min(prompt.seconds, 5.0) for prompt in prompts for _ in range(args.each)]
    seeds = list(range(900_000, 900_000 + len(texts)))
    sides: list[list[Motion]] = []
    for worn in (None, adapter):
        pipeline.adapt(worn, strength)
        sides.append(list(pipeline(texts, seconds, seeds)))
    pipeline.adapt(None)
    values = [np.array([TASTES[taste](m.joints) for m in side]) for side in sides]
    change = (values[1] - values[0]) / spread
    won, lost = int((change > NOTICED).sum()), int((change < -NOTICED).sum())
    low, high = wilson(won, won + lost)
    measured = compare(evaluator, texts, sides[0], sides[1]).to_dict()
    return {
        "taste_change": float(change.mean()), "taste_interval": paired_interval(change),
        "won": won, "lost": lost, "alike": len(change) - won - lost,
        "win_rate": won / max(won + lost, 1), "win_interval": (low, high),
        "comparison": {name: measured["differences"][name] for name in TOLD
                       if name in measured["differences"]},
    }  # fmt: skip


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--reward", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--evaluator", type=Path, default=Path("checkpoints/evaluator"))
    parser.add_argument("--tastes", nargs="+", choices=list(TASTES), default=["swing", "skate"])
    parser.add_argument("--each", type=int, default=6, help="motions of a prompt")
    parser.add_argument("--prompts", type=int, default=60, help="at most so many to vote on")
    parser.add_argument("--votes", type=int, default=100)
    parser.add_argument("--random", type=float, default=0.15, help="share of random answers")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each tuning")
    parser.add_argument("--weight", type=float, default=VOTES_WEIGHT, help="of the votes")
    parser.add_argument(
        "--strengths", nargs="+", type=float, default=[1.0], help="of what was tuned"
    )
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add_output(parser, "voters-tuning")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> Path:
    """Run it all, write the result, return its path."""
    args = parse(argv)
    pool, held = make_pool(args.model, args.reward, args.device, args.each, args.prompts)
    pipeline = MotionPipeline.from_pretrained(args.model, args.device)
    evaluator = Evaluator.from_pretrained(args.evaluator, pipeline.text, args.device)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in args.seeds:
            for taste in args.tastes:
                reward = learned(pool, held, taste, args, seed, folder)
                for way in args.ways:
                    adapter = tuned(reward, way, args, seed, folder)
                    spread = float(pool.measures[taste].std())
                    for strength in args.strengths:
                        found = rematch(pipeline, evaluator, adapter, strength, taste, spread, args)
                        named = {"taste": taste, "way": way, "seed": seed, "strength": strength}
                        rows.append({**named, **found})
                        print(named, found["taste_change"], found["win_rate"],
                              found["comparison"].get("alignment"), flush=True)  # fmt: skip
    values = {
        "reward": args.reward.name, "votes": args.votes, "random": args.random,
        "minutes": args.minutes, "weight": args.weight, "noticed": NOTICED, "rows": rows,
    }  # fmt: skip
    path = record(args.name, values, args.out)
    print(f"Wrote {path}.")
    return path


if __name__ == "__main__":
    start(main)
