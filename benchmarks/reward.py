"""How well the reward retrieves, at each noise level, and how far its two forms agree.

python -m benchmarks.reward --reward checkpoints/reward --data DIR

Writes results/DATE-reward.json and the same as tables in results/DATE-reward.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.record import add_output, record, start
from engine.data.dataset import MotionDataset
from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.evaluation.evaluator_data import draw_captions, make_items
from engine.models.reward import RewardModel
from engine.models.text import TransformersTextEncoder
from engine.motion.canonical import canonicalize
from engine.motion.features import joints_to_features
from engine.motion.kinematics import to_skeleton
from engine.motion.skeleton import MAX_FRAMES, MIN_FRAMES
from engine.training.reward_check import Embedded, HeldOut, embed, embed_captured, recall

Row = dict[str, Any]
RANKS = (1, 2, 3, 5, 10)
SHUFFLES = 20
FEWEST = 5  # candidates that a rank correlation needs
PROBED = 64  # motions whose gradients are compared


def held_out(
    data: MotionDataset, split: str, model: MotionModel, encoder: TransformersTextEncoder,
    args: argparse.Namespace,
) -> HeldOut:  # fmt: skip
    """Clips of a split, as training sees them, each with one caption in reserved phrasings."""
    rng = np.random.default_rng(args.seed)
    clips = [c for c in data.select(split=split) if MIN_FRAMES <= c.frames <= MAX_FRAMES]
    if args.limit is not None and args.limit < len(clips):
        clips = [clips[i] for i in sorted(rng.permutation(len(clips))[: args.limit])]
    if len(clips) < 32:
        raise StudioError(f"The split {split!r} has {len(clips)} clips; retrieval needs 32.")
    items = make_items(clips, with_mirrored=False)
    texts = [row[0] for row in draw_captions(items, 1, rng, "eval", typos=0.0)]
    features = [
        torch.from_numpy(
            joints_to_features(canonicalize(to_skeleton(data.joints(clip)), floor=0.0))
        ).float()
        for clip in clips
    ]
    keys = [item.key for item in items]
    return HeldOut.make(features, texts, keys, model.ours()[0], encoder, torch.device(args.device))


def retrieval(text: np.ndarray, motion: np.ndarray, keys: Sequence[object]) -> Row:
    """R@1, 2, 3, 5 and 10 of text to motion and of motion to text."""
    row: Row = {}
    for name, pair in (("t2m", (text, motion)), ("m2t", (motion, text))):
        hits = recall(*pair, keys, SHUFFLES, max(RANKS))
        row |= {f"{name}_r{rank}": float(hits[rank - 1]) for rank in RANKS}
    return row


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Mean rank correlation of the rows of two arrays [K, M]."""
    a, b = (np.argsort(np.argsort(x, axis=1), axis=1).astype(np.float64) for x in (first, second))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return float(((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))).mean())


def agreement(rows: list[Embedded], keys: Sequence[tuple[str, str]]) -> Row:
    """Rank agreement of latent and motion-space scores, over three sets of candidates per text.

    all: every motion; same content: motions of the text's content (styles and takes differ);
    same motion: its own motion under other noise.
    """
    by_motion = [one.text @ one.motion.T for one in rows]
    by_latent = [one.text @ one.latent.T for one in rows]
    content = np.array([key[0] for key in keys])
    near = []
    for text in range(len(content)):
        chosen = content == content[text]
        if chosen.sum() >= FEWEST:
            near.append(spearman(by_motion[0][text : text + 1, chosen],
                                 by_latent[0][text : text + 1, chosen]))  # fmt: skip
    found: Row = {
        "all": float(np.mean([spearman(a, b) for a, b in zip(by_motion, by_latent, strict=True)])),
        "same_content": float(np.mean(near)) if near else None,
        "embedding_cosine": float(np.mean([(o.motion * o.latent).sum(1).mean() for o in rows])),
        "same_motion": None,
    }
    if len(rows) >= FEWEST:
        own = [np.stack([np.diag(one) for one in scores], 1) for scores in (by_motion, by_latent)]
        found["same_motion"] = spearman(*own)
    return found


def scorers(
    reward: RewardModel, model: MotionModel, held: HeldOut, part: slice, t: int
) -> dict[str, Callable[[Tensor], Tensor]]:
    """Both rewards as functions of latents z [B, N, C] alone, for the first clips."""
    mask, frames_mask = held.mask[part], held.frames_mask[part]
    text = reward.motion.embed_text(held.states[part], held.text_mask[part])
    when = torch.full((len(mask),), t, device=mask.device)

    def by_motion(z: Tensor) -> Tensor:
        decoded = model.vae.decode(z, mask)
        return (text * reward.motion.embed_motion(decoded, frames_mask, when)).sum(-1)

    def by_latent(z: Tensor) -> Tensor:
        return (text * reward.latent.embed_latent(z, mask, when)).sum(-1)

    return {"motion": by_motion, "latent": by_latent}


def gradients(reward: RewardModel, model: MotionModel, held: HeldOut, t: int, seed: int) -> Row:
    """Mean cosine of both rewards' gradients in x_t, and what a gradient costs each."""
    part = slice(0, PROBED)
    x_t = held.noised(model.ours()[1], t, seed)[0][part]
    rows, row = [], {}
    for name, score in scorers(reward, model, held, part, t).items():
        for timed in (False, True):  # the first call warms up
            began = time.perf_counter()
            z = x_t.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(score(z).sum(), z)
            rows.append(gradient.flatten(1).cpu())  # waits for the device
            if timed:
                row[f"{name}_ms"] = round(1000 * (time.perf_counter() - began), 2)
    cosine = torch.nn.functional.cosine_similarity(rows[1], rows[3], dim=1)
    return {"gradient_cosine": float(cosine.mean()), **row}


def measure(
    reward: RewardModel, model: MotionModel, held: HeldOut, args: argparse.Namespace
) -> Row:
    """Everything about one split."""
    captured = embed_captured(reward.motion, held)
    levels = {}
    for t in args.levels:
        draws = range(args.seed, args.seed + (args.draws if t else 1))
        rows = [embed(reward.motion, reward.latent, held, *model.ours(), t, draw) for draw in draws]
        levels[str(t)] = {
            name: mean([retrieval(one.text, getattr(one, name), held.keys) for one in rows])
            for name in ("motion", "latent")
        } | {"agreement": agreement(rows, held.keys) | gradients(reward, model, held, t, args.seed)}
        print(f"  t = {t}: done", flush=True)
    return {
        "clips": len(held.keys),
        "captured": retrieval(rows[0].text, captured, held.keys),
        "levels": levels,
    }


def mean(rows: Sequence[Row]) -> Row:
    """Key by key."""
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def markdown(result: Row) -> str:
    """The whole result as a page."""
    lines = [
        f"# The reward {result['reward']} on {result['model']}",
        "",
        f"{result['parameters']:,} parameters, {result['bytes'] / 1e6:.2f} MB. R@k in percent in "
        "groups of 32, motions of the text's content and style left out of the ranking. Captions "
        "lean on the reserved phrasings; training draws from all phrasings, so only the sentences "
        "are new, not each of their words. `motion` reads what the VAE decodes from x_t, `latent` "
        "reads x_t itself; t = 0 is clean.",
        "",
    ]
    names = [f"{way}_r{rank}" for way in ("t2m", "m2t") for rank in RANKS]
    kinds = ("all", "same_content", "same_motion", "embedding_cosine", "gradient_cosine",
             "motion_ms", "latent_ms")  # fmt: skip
    for split, one in result["splits"].items():
        lines += [f"## {split} ({one['clips']} clips)", "",
                  "| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]  # fmt: skip
        rows = {"as captured": one["captured"]}
        for t, level in one["levels"].items():
            rows |= {f"{name}, t = {t}": level[name] for name in ("motion", "latent")}
        for title, row in rows.items():
            lines.append(f"| {title} | " + " | ".join(f"{100 * row[n]:.1f}" for n in names) + " |")
        lines += ["", "Agreement of latent and motion-space reward: Spearman's rank correlation "
                  "of their scores for a text, over all motions, motions of the same content, and "
                  "the text's own motion under other noise; then cosines, and milliseconds for a "
                  f"gradient of {PROBED} motions.", "",
                  "| t | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]  # fmt: skip
        for t, level in one["levels"].items():
            cells = [level["agreement"][kind] for kind in kinds]
            text = " | ".join("-" if cell is None else f"{cell:.3f}" for cell in cells)
            lines.append(f"| {t} | {text} |")
        lines.append("")
    return "\n".join(lines)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--reward", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    parser.add_argument("--levels", nargs="+", type=int, default=[0, 100, 250, 500, 750])
    parser.add_argument("--draws", type=int, default=8, help="noise drawn per level")
    parser.add_argument("--limit", type=int, help="at most this many clips per split")
    parser.add_argument("--seed", type=int, default=0)
    add_output(parser, "reward")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> Path:
    """Measure, write both files and print the page; returns the JSON's path."""
    args = parse(argv)
    model = MotionModel.from_pretrained(args.model, args.device)
    reward = RewardModel.from_pretrained(args.reward, args.device)
    reward.check_belongs(args.model)
    encoder, data = TransformersTextEncoder(device=args.device), MotionDataset.open(args.data)
    result: Row = {
        "reward": args.reward.name,
        "model": model.model_id,
        "parameters": sum(
            p.numel() for m in (reward.motion, reward.latent) for p in m.parameters()
        ),
        "bytes": sum(path.stat().st_size for path in args.reward.glob("*.safetensors")),
        "splits": {},
    }
    for split in args.splits:
        print(split, flush=True)
        held = held_out(data, split, model, encoder, args)
        result["splits"][split] = measure(reward, model, held, args)
    path = record(args.name, result, args.out)
    page = markdown(result)
    path.with_suffix(".md").write_text(page + "\n")
    print(page)
    print(f"Wrote {path} and {path.with_suffix('.md')}.")
    return path


if __name__ == "__main__":
    start(main)
