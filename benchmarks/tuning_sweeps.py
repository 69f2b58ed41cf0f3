"""What the tuning benchmark sweeps: step windows and weights, rewards, ranks, rate and trust."""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks.tuning_runs import Options
from engine.tuning.methods.registry import MethodConfig
from engine.tuning.rewards.registry import FORMS

MOST_STEPS = 6  # up to so many, a sweep tries every window of neighbouring steps
SHARES = {"all steps": (0.0, 1.0), "first 40 %": (0.0, 0.4), "middle 40 %": (0.3, 0.7),
          "last 40 %": (0.6, 1.0), "last 20 %": (0.8, 1.0)}  # fmt: skip


def options(
    args: argparse.Namespace, method: MethodConfig, steps: int, rate: float, seed: int = 0
) -> Options:
    """A run with what the command line says."""
    method = replace(
        method, captured=args.captured, updates_per_pass=args.updates, trust=args.trust
    )
    return Options(method, steps, rate, args.rank, args.form, args.weights, seed)


def window_variants(args: argparse.Namespace) -> dict[str, Options]:
    """Step weights and windows of EasyTune."""
    plain = options(args, MethodConfig(args.sweep_method), args.steps[0], args.rates[-1])
    found = {
        kind: replace(plain, method=replace(plain.method, weighting=kind))
        for kind in ("linear", "adaptive")
    }
    for label, window in windows(plain.steps).items():
        method = replace(plain.method, weighting="window", window=window)
        found[f"uniform, {label}"] = replace(plain, method=method)
    if args.sweep_method == "easytune-batched":
        raw = replace(plain.method, weighting="uniform", normalise=False)
        found["uniform, steps not evened out"] = replace(plain, method=raw)
    return found


def windows(steps: int) -> dict[str, tuple[int, int]]:
    """Windows (first, last) to sweep, by what they are called; steps count from the noisiest."""
    if steps <= MOST_STEPS:
        return {
            f"steps {first + 1} to {last + 1}": (first, last)
            for first in range(steps)
            for last in range(first, steps)
        }
    found = {}
    for label, (low, high) in SHARES.items():
        start = int(low * steps)
        found[label] = (start, max(start, round(high * steps) - 1))
    return found


def reward_variants(args: argparse.Namespace) -> dict[str, Options]:
    """Which latents the reward reads and by which network, and physics beside the text."""
    plain = options(args, MethodConfig(args.sweep_method), args.steps[0], args.rates[-1])
    found = {form: replace(plain, form=form) for form in FORMS}
    mixed = "follow=1,feet=0.3,floor=0.3,smooth=0.3"
    return found | {f"x_0, {mixed}": replace(plain, form="x_0", weights=mixed)}


def rank_variants(args: argparse.Namespace) -> dict[str, Options]:
    """How much of the denoiser moves, and how far from the base it may."""
    plain = options(args, MethodConfig(args.sweep_method), args.steps[0], args.rates[-1])
    found = {f"rank {rank}": replace(plain, rank=rank) for rank in (2, 8, 32)}
    # Whole weights move further per update than a low-rank product: a smaller rate.
    found["whole blocks, rate / 10"] = replace(plain, rank=0, rate=plain.rate / 10)
    for trust in (0.1, 1.0):
        method = replace(plain.method, trust=trust)
        found[f"rank {plain.rank}, trust {trust:g}"] = replace(plain, method=method)
    return found


def pace_variants(args: argparse.Namespace) -> dict[str, Options]:
    """How fast, and how firmly held to the base."""
    plain = options(args, MethodConfig(args.sweep_method), args.steps[0], args.rates[-1])
    return {
        f"rate {rate:g}, trust {trust:g}": replace(
            plain, rate=rate, method=replace(plain.method, trust=trust)
        )
        for rate in args.rates
        for trust in args.trusts
    }


SWEEPS = {
    "windows": window_variants, "rewards": reward_variants, "ranks": rank_variants,
    "paces": pace_variants,
}  # fmt: skip
