"""The published protocol (Guo et al.): what the tables of text-to-motion papers are measured by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.backbones.t2m_evaluator import T2MEvaluator
from engine.errors import StudioError
from engine.evaluation import metrics
from engine.evaluation.metrics import Interval, interval
from engine.evaluation.published_data import Item, crop
from engine.evaluation.sampling import SEED_STEP
from engine.evaluation.words import Words
from engine.models.device import exact_convolutions

MULTIMODAL_CAPTIONS, MULTIMODAL_SAMPLES = 100, 30
# Features [T, F] of texts, numbers of frames and seeds: a pipeline's, or a test's.
Generate = Callable[[Sequence[str], Sequence[int], Sequence[int]], list[np.ndarray]]


@dataclass
class Judge:
    """The published evaluator with its word vectors, on one device."""

    network: T2MEvaluator
    words: Words
    batch: int = 128

    @torch.no_grad()
    def texts(self, tokens: Sequence[Sequence[str]]) -> np.ndarray:
        """Embeddings [N, D] of captions given as tokens."""
        read = [self.words.caption(one) for one in tokens]
        rows = []
        for start in range(0, len(read), self.batch):
            part = read[start : start + self.batch]
            words, classes = (
                torch.from_numpy(np.stack([one[column] for one in part])).to(self._device)
                for column in (0, 1)
            )
            lengths = torch.tensor([length for _, _, length in part])
            rows.append(self.network.embed_text(words, classes, lengths).cpu())
        return torch.cat(rows).numpy()

    @torch.no_grad()
    def motions(self, features: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings [N, D] of raw features [T_i, F]."""
        rows = []
        for start in range(0, len(features), self.batch):
            part = features[start : start + self.batch]
            lengths = torch.tensor([len(one) for one in part])
            padded = torch.zeros(len(part), int(lengths.max()), part[0].shape[1])
            for row, one in zip(padded, part, strict=True):
                row[: len(one)] = torch.from_numpy(np.asarray(one, np.float32))
            with exact_convolutions():
                rows.append(self.network.embed_motion(padded.to(self._device), lengths).cpu())
        return torch.cat(rows).numpy()

    @property
    def _device(self) -> torch.device:
        return self.network.feature_mean.device


def evaluate(
    judge: Judge,
    items: Sequence[Item],
    generate: Generate | None,
    times: int = 20,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Interval]:
    """R-precision, MM-Dist, FID, Diversity and MultiModality over `times` replications.

    `generate` None scores the real motions themselves. In each replication every item has a random
    caption and stretch; generated motions are as long as that. StudioError when the model's
    features are not the dataset's.
    """
    found: dict[str, list[float]] = {}
    for number in range(times):
        rng = np.random.default_rng([seed, number])
        picks = [item.captions[int(rng.integers(len(item.captions)))] for item in items]
        cuts = [crop(item, rng) for item in items]
        real = judge.motions([
            item.features[first : first + length]
            for item, (first, length) in zip(items, cuts, strict=True)
        ])  # fmt: skip
        text = judge.texts([tokens for _, tokens in picks])
        made, lengths = real, [length for _, length in cuts]
        if generate is not None:
            seeds = [seed + number * SEED_STEP + row for row in range(len(items))]
            made = judge.motions(_checked(generate, picks, lengths, seeds, items))
        for name, value in _scores(text, made, real, rng).items():
            found.setdefault(name, []).append(value)
        if progress:
            progress(number + 1)
    scores = {name: interval(values) for name, values in found.items()}
    if generate is not None:
        scores["multimodality"] = multimodality(judge, items, generate, times, seed)
    return scores


def multimodality(
    judge: Judge, items: Sequence[Item], generate: Generate, times: int, seed: int
) -> Interval:
    """Mean distance between motions of one caption: 100 captions, 30 samples, 10 pairs."""
    rng = np.random.default_rng([seed, 77])
    rows = rng.permutation(len(items))[:MULTIMODAL_CAPTIONS]
    texts = [items[row].captions[0][0] for row in rows for _ in range(MULTIMODAL_SAMPLES)]
    lengths = [crop(items[row], rng)[1] for row in rows for _ in range(MULTIMODAL_SAMPLES)]
    seeds = [seed + times * SEED_STEP + place for place in range(len(texts))]
    embedded = judge.motions(generate(texts, lengths, seeds))
    stacked = embedded.reshape(len(rows), MULTIMODAL_SAMPLES, -1)
    return metrics.replicate(lambda one: metrics.multimodality(stacked, one), times, seed)


def _scores(
    text: np.ndarray, made: np.ndarray, real: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    found: dict[str, float] = {}
    if len(text) >= metrics.GROUP:
        for rank, value in enumerate(metrics.r_precision(text, made, rng), start=1):
            found[f"r_precision_{rank}"] = float(value)
    found["mm_dist"] = metrics.mm_dist(text, made)
    found["fid"] = metrics.fid(made, real)
    found["diversity"] = metrics.diversity(made, rng)
    return found


def _checked(
    generate: Generate,
    picks: Sequence[tuple[str, tuple[str, ...]]],
    lengths: Sequence[int],
    seeds: Sequence[int],
    items: Sequence[Item],
) -> list[np.ndarray]:
    made = generate([caption for caption, _ in picks], lengths, seeds)
    width = items[0].features.shape[1]
    if made[0].shape[1] != width:
        raise StudioError(
            f"The model makes {made[0].shape[1]} features per frame, the dataset has {width}: "
            "it was trained on another one."
        )
    return made
