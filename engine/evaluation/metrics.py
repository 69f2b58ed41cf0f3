"""Text-to-motion metrics on embeddings: R-precision, MM-Dist, FID, Diversity, MultiModality.

All inputs are float arrays of embeddings [N,D]; everything is computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import StudioError

GROUP = 32


@dataclass(frozen=True)
class Interval:
    """Mean of replications and the half-width of its 95 % interval (0 for one replication)."""

    mean: float
    half_width: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.4f} ±{self.half_width:.4f}"


def interval(values: Sequence[float]) -> Interval:
    """Mean ± 1.96 * std / sqrt(n), as the field reports it."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise StudioError("No replication to average.")
    half = 1.96 * array.std() / np.sqrt(array.size) if array.size > 1 else 0.0
    return Interval(float(array.mean()), float(half), int(array.size))


def replicate(measure: Callable[[np.random.Generator], float], times: int, seed: int) -> Interval:
    """Call `measure` with `times` independent generators and summarise."""
    seeds = np.random.SeedSequence(seed).spawn(times)
    return interval([measure(np.random.default_rng(one)) for one in seeds])


def distances(text: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Euclidean distances [N,M] between rows of text [N,D] and motion [M,D]."""
    a, b = _rows(text), _rows(motion)
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0.0))


def r_precision(
    text: np.ndarray,
    motion: np.ndarray,
    rng: np.random.Generator,
    *,
    keys: Sequence[object] | None = None,
    top: int = 3,
    group: int = GROUP,
) -> np.ndarray:
    """Share of texts [N,D] whose own motion [N,D] is among the nearest 1..top of its group.

    Pairs are shuffled and cut into groups of `group`; an incomplete last group is left out.
    `keys` name what a pair shows (e.g. its caption or its content and style). In a group, another
    motion with the same key as the text is neither right nor wrong: it is left out of the ranking,
    so two clips of one caption do not make each other miss and do not help each other either.
    Without keys every other motion of the group competes, as in the published protocol. Equal
    distances count against the motion. Returns [top].
    """
    text, motion = _pairs(text, motion)
    if len(text) < group:
        raise StudioError(f"R-precision needs at least {group} pairs, not {len(text)}.")
    numbers = np.arange(len(text)) if keys is None else codes(keys, len(text))
    order = rng.permutation(len(text))
    hits = []
    for start in range(0, len(order) - group + 1, group):
        part = order[start : start + group]
        gap = distances(text[part], motion[part])
        rivals = numbers[part][:, None] != numbers[part][None]
        closer = (gap <= np.diag(gap)[:, None]) & rivals
        hits.append(closer.sum(axis=1)[:, None] < np.arange(1, top + 1))
    return np.concatenate(hits).mean(axis=0)


def mm_dist(text: np.ndarray, motion: np.ndarray) -> float:
    """Mean Euclidean distance between each text and its own motion."""
    text, motion = _pairs(text, motion)
    return float(np.linalg.norm(text - motion, axis=1).mean())


def fid(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance between Gaussians fitted to the rows of `a` [N,D] and `b` [M,D].

    |mean difference|^2 + tr(Ca + Cb - 2 (Ca^1/2 Cb Ca^1/2)^1/2), covariances with ddof 1. The
    symmetric form has real eigenvalues even for singular covariances, so nothing is added to the
    diagonal.
    """
    a, b = _rows(a), _rows(b)
    if min(len(a), len(b)) < 2:
        raise StudioError("FID needs at least two motions on each side.")
    mean = a.mean(axis=0) - b.mean(axis=0)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return frechet(mean, np.atleast_2d(cov_a), np.atleast_2d(cov_b))


def frechet(mean_gap: np.ndarray, cov_a: np.ndarray, cov_b: np.ndarray) -> float:
    """Fréchet distance from the means' difference [D] and two covariances [D,D]."""
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    product = root @ cov_b @ root
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0.0)).sum()
    total = mean_gap @ mean_gap + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap
    return float(max(total, 0.0))


def diversity(motion: np.ndarray, rng: np.random.Generator, pairs: int = 300) -> float:
    """Mean distance between two independent draws of `pairs` motions without replacement.

    With fewer motions than `pairs` as many as there are get drawn.
    """
    motion = _rows(motion)
    pairs = min(pairs, len(motion))
    first = rng.choice(len(motion), pairs, replace=False)
    second = rng.choice(len(motion), pairs, replace=False)
    return float(np.linalg.norm(motion[first] - motion[second], axis=1).mean())


def multimodality(motion: np.ndarray, rng: np.random.Generator, pairs: int = 10) -> float:
    """Mean distance between random pairs of motions of one caption; motion is [captions,K,D]."""
    motion = np.asarray(motion, dtype=np.float64)
    if motion.ndim != 3 or motion.shape[1] < 2:
        raise StudioError("MultiModality needs [captions, at least 2 samples, D].")
    count = motion.shape[1]
    pairs = min(pairs, count)
    gaps = []
    for samples in motion:
        first = rng.choice(count, pairs, replace=False)
        second = rng.choice(count, pairs, replace=False)
        gaps.append(np.linalg.norm(samples[first] - samples[second], axis=1).mean())
    return float(np.mean(gaps))


def accuracy(probabilities: np.ndarray, labels: Sequence[int]) -> float:
    """Share of rows [N,C] whose largest probability is at the labelled class."""
    return float((np.argmax(probabilities, axis=1) == np.asarray(labels)).mean())


def codes(keys: Sequence[object], count: int) -> np.ndarray:
    """Number [N] equal keys alike, from 0 in order of appearance."""
    if len(keys) != count:
        raise StudioError(f"{len(keys)} keys for {count} pairs.")
    table: dict[object, int] = {}
    return np.array([table.setdefault(key, len(table)) for key in keys])


def _rows(values: np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise StudioError(f"Embeddings have shape [N, D], not {list(array.shape)}.")
    if not np.isfinite(array).all():
        raise StudioError("Embeddings hold values that are not numbers.")
    return array


def _pairs(text: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    text, motion = _rows(text), _rows(motion)
    if text.shape != motion.shape:
        raise StudioError(f"Texts {text.shape} and motions {motion.shape} do not pair up.")
    return text, motion
