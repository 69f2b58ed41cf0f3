"""How large each reward term is on real and generated motions, and where physics means something.

python -m benchmarks.reward_terms --reward checkpoints/reward --data DIR

Writes results/DATE-reward-terms.json. The spreads are those of `rewards.registry`; the levels of
real motion are the constants of `rewards.physics`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.record import RESULTS, record
from engine.data.dataset import MotionDataset
from engine.diffusion.model import MotionModel
from engine.diffusion.sampler import Guided, sample
from engine.files import read_json
from engine.models.text import TransformersTextEncoder
from engine.motion.kinematics import to_skeleton
from engine.motion.skeleton import FPS, MAX_FRAMES, MIN_FRAMES
from engine.tuning.problem import Batch, PromptBank
from engine.tuning.rewards import physics
from engine.tuning.rewards.base import Seen
from engine.tuning.rewards.registry import FOLLOW, TERMS, make_reward
from engine.tuning.rewards.total import PhysicsTerm, WeightedSum

PACKS = Path(__file__).parents[1] / "assets" / "prompts" / "tuning"
CLIPS = 600
BATCH = 32
LEVELS = (10, 50, 100, 200, 400, 700)

Row = dict[str, Any]


def generated(
    model: MotionModel, seeds: int, device: torch.device
) -> list[tuple[Batch, Tensor]]:  # fmt: skip
    """The base's latents for every prompt of the tuning packs, in batches."""
    packs = [read_json(path) for path in sorted(PACKS.glob("*.json"))]
    prompts = [prompt for pack in packs for prompt in pack["prompts"]]
    frames = [round(prompt["seconds"] * FPS) for prompt in prompts]
    encoder = TransformersTextEncoder(device=device)
    bank = PromptBank([prompt["text"] for prompt in prompts], frames, encoder, model, device)
    made = []
    for seed in range(seeds):
        for start in range(0, len(bank), BATCH):
            batch = bank.batch(range(start, min(start + BATCH, len(bank))), seed * 1000 + start)
            with torch.no_grad():
                guided = Guided.make(
                    model.denoiser, batch.states, batch.text_mask, batch.frames, batch.mask,
                    model.guidance_scale,
                )  # fmt: skip
                latents = sample(model.denoiser, model.schedule, batch.noise, guided, model.steps)
            assert latents is not None
            made.append((batch, latents))
    return made


def terms(reward: WeightedSum, made: list[tuple[Batch, Tensor]]) -> dict[str, np.ndarray]:
    """Every term as it is logged, of all samples."""
    rows: dict[str, list[Tensor]] = {}
    for batch, latents in made:
        with torch.no_grad():
            for name, value in reward(Seen(latents, 0, batch)).terms.items():
                rows.setdefault(name, []).append(value.cpu())
    return {name: torch.cat(values).double().numpy() for name, values in rows.items()}


def slopes(reward: WeightedSum, made: list[tuple[Batch, Tensor]]) -> dict[str, float]:
    """Median norm of each term's gradient in the latents, over the samples that have one."""
    norms: dict[str, list[Tensor]] = {name: [] for name in reward.terms}
    for batch, latents in made:
        for name, found in norms.items():
            alone = WeightedSum(reward.form, {name: reward.terms[name]}, {name: 1.0}, reward.vae)
            z = latents.clone().requires_grad_()
            (slope,) = torch.autograd.grad(alone(Seen(z, 0, batch)).total.sum(), z)
            found.append(slope.flatten(1).norm(dim=1).cpu())
    joined = {name: torch.cat(values) for name, values in norms.items()}
    return {name: float(norm[norm > 1e-6].median()) for name, norm in joined.items()}


def under_noise(
    reward: WeightedSum, model: MotionModel, made: list[tuple[Batch, Tensor]]
) -> dict[str, Row]:
    """Per timestep: mean of each physics measure on decoded x_t, and correlation with x_0's."""
    clean = terms(reward, made)
    everywhere = {
        name: PhysicsTerm(getattr(physics, name), one.scale, one.reads_text, False)
        for name, one in TERMS.items()
    }
    reward = WeightedSum(reward.form, everywhere, dict.fromkeys(TERMS, 1.0), reward.vae)
    result: dict[str, Row] = {}
    for timestep in LEVELS:
        noisy = []
        for batch, latents in made:
            noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(timestep))
            when = torch.full((len(latents),), timestep, device=latents.device)
            noisy.append((batch, model.ours()[1].add_noise(latents, noise.to(latents), when)))
        row: Row = {"alphas_cumprod": float(model.schedule.alphas_cumprod[timestep])}
        for name, value in terms(reward, noisy).items():
            asked = np.abs(clean[name]) > 1e-6
            together = float(np.corrcoef(value[asked], clean[name][asked])[0, 1])
            row[name] = {"mean": float(value[asked].mean()), "correlation": together}
        result[str(timestep)] = row
    return result


def told(values: np.ndarray) -> Row:
    """Mean, spread and the middle 90 % of the samples that a term has something to say about."""
    values = values[np.abs(values) > 1e-6] if (values == 0).mean() > 0.2 else values
    low, middle, high = np.percentile(values, [5, 50, 95])
    return {"samples": len(values), "mean": float(values.mean()), "spread": float(values.std()),
            "p5": float(low), "median": float(middle), "p95": float(high)}  # fmt: skip


def real_levels(folder: Path) -> Row:
    """What real training clips score, and their levels of jerk."""
    data = MotionDataset.open(folder)
    clips = [c for c in data.select(split="train") if MIN_FRAMES <= c.frames <= MAX_FRAMES]
    rng = np.random.default_rng(0)
    clips = [clips[row] for row in rng.permutation(len(clips))[:CLIPS]]
    rows: dict[str, list[float]] = {}
    for clip in clips:
        joints = torch.from_numpy(to_skeleton(data.joints(clip))).double()[None]
        mask = torch.ones(1, clip.frames, dtype=torch.bool)
        acceleration, speed = (float(value) for value in physics.mean_pace(joints, mask))
        jerk = float((joints.diff(n=3, dim=1).norm(dim=-1)).mean()) * FPS**3
        rows.setdefault("jerk / acceleration, 1/s", []).append(jerk / max(acceleration, 1e-9))
        slow = jerk / (speed + physics.RESTING)
        rows.setdefault("jerk / speed, 1/s^2", []).append(slow)
        for name in ("feet", "floor", "smooth"):
            rows.setdefault(name, []).append(float(getattr(physics, name)(joints, mask)))
    return {name: told(np.array(values)) for name, values in rows.items()}


def measure(args: argparse.Namespace) -> Row:
    """All of it."""
    device = torch.device(args.device)
    model = MotionModel.from_pretrained(args.model, device)
    made = generated(model, args.seeds, device)
    weights = dict.fromkeys([FOLLOW, *TERMS] if args.reward else TERMS, 1.0)
    reward = make_reward(weights, "x_0", model, args.reward, device)
    found = terms(reward, made)
    scales = {name: TERMS[name].scale for name in TERMS}
    values: Row = {
        "model": model.model_id,
        "prompts": sum(len(batch) for batch, _ in made),
        "measures": {name: told(value / scales.get(name, 1.0)) for name, value in found.items()},
        "scales": scales,
        "gradient_norms": slopes(reward, made),
        "under_noise": under_noise(reward, model, made),
    }
    if args.reward:
        latent = make_reward({FOLLOW: 1.0}, "latent", model, args.reward, device)
        values["measures"]["follow, latent"] = told(terms(latent, made)[FOLLOW])
        values["gradient_norms"]["follow, latent"] = slopes(latent, made)[FOLLOW]
    if args.data:
        values["real"] = real_levels(args.data)
    return values


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and write a dated result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, default=Path("checkpoints/base"))
    parser.add_argument("--reward", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    print(record("reward-terms", measure(args), args.out))


if __name__ == "__main__":
    main()
