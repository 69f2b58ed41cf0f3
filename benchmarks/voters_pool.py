"""Motions to vote on, what a learner knows of them, and what voters secretly like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from engine.evaluation.body import Body
from engine.models.captions import CaptionTable
from engine.models.reward import RewardModel
from engine.motion.skeleton import FPS
from engine.pipeline import MotionPipeline
from engine.preference.bank import Bank
from engine.preference.judged import described
from engine.tuning.prompts import Prompt, load_prompts

PACKS = ("everyday", "styles")
LONGEST = 5.0  # seconds
PART = 64


@dataclass(frozen=True)
class Pool:
    """Motions of prompts: all pairs of each prompt, and what is known of every motion."""

    prompts: list[str]
    owner: np.ndarray  # [M] number of the prompt
    joints: list[np.ndarray]
    described: np.ndarray  # [M, D]
    reward: np.ndarray  # [M]
    embedding: np.ndarray  # [M, E]
    measures: dict[str, np.ndarray]  # by taste, [M]

    @property
    def pairs(self) -> np.ndarray:
        """[V, 2] pairs of motions of one prompt."""
        rows = [np.flatnonzero(self.owner == k) for k in range(len(self.prompts))]
        return np.array([pair for row in rows for pair in combinations(row, 2)])

    def gaps(self, taste: str) -> np.ndarray:
        """Difference of the hidden measure, first - second, [V]."""
        values = self.measures[taste]
        return values[self.pairs[:, 0]] - values[self.pairs[:, 1]]


def swing(joints: np.ndarray) -> float:
    """Wide arm swings: how far the wrists go to and fro before the shoulders, metres."""
    body = Body(joints)
    ways = [(body.own(f"{s}_wrist") - body.own(f"{s}_shoulder"))[:, 2] for s in ("left", "right")]
    return float(np.mean([np.quantile(way, 0.95) - np.quantile(way, 0.05) for way in ways]))


def skate(joints: np.ndarray) -> float:
    """No foot skate: minus the speed over 0.2 m/s of toes that are under 6 cm."""
    toes = joints[:, [10, 11]]
    level = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * FPS
    return -float((np.maximum(level - 0.2, 0) * (toes[1:, :, 1] < 0.06)).mean())


def calm_head(joints: np.ndarray) -> float:
    """A steady head: minus its mean acceleration, m/s^2."""
    return -float(np.linalg.norm(np.diff(joints[:, 15], n=2, axis=0), axis=-1).mean() * FPS**2)


def deep_knees(joints: np.ndarray) -> float:
    """Knees that bend: the 90 % quantile of their angle, degrees."""
    body = Body(joints)
    return float(np.mean([np.quantile(body.knee_bend(s), 0.9) for s in ("left", "right")]))


def big_steps(joints: np.ndarray) -> float:
    """Big steps: how far apart the ankles get, metres."""
    return float(np.quantile(np.linalg.norm(joints[:, 7] - joints[:, 8], axis=-1), 0.95))


TASTES: dict[str, Callable[[np.ndarray], float]] = {
    "swing": swing, "skate": skate, "calm head": calm_head, "deep knees": deep_knees,
    "big steps": big_steps,
}  # fmt: skip


def make_pool(
    model: Path, reward: Path, device: str, each: int, most: int
) -> tuple[Pool, Pool]:  # fmt: skip
    """Motions of the base for prompts to vote on, and for prompts that are only judged."""
    packs = [load_prompts([name]) for name in PACKS]
    voted = [p for group in zip(*(pack.tuned for pack in packs), strict=False) for p in group]
    held = [prompt for pack in packs for prompt in pack.validation]
    pipeline = MotionPipeline.from_pretrained(model, device)
    networks = RewardModel.from_pretrained(reward, device)
    return (
        _pool(pipeline, networks, voted[:most], each, 0),
        _pool(pipeline, networks, held, each, 500_000),
    )


def _pool(
    pipeline: MotionPipeline, networks: RewardModel, prompts: Sequence[Prompt], each: int, seed: int
) -> Pool:
    joints: list[np.ndarray] = []
    texts = [prompt.text for prompt in prompts for _ in range(each)]
    seconds = [min(prompt.seconds, LONGEST) for prompt in prompts for _ in range(each)]
    for start in range(0, len(texts), PART):
        part = slice(start, start + PART)
        seeds = list(range(seed + start, seed + start + len(texts[part])))
        joints += [m.joints for m in pipeline(texts[part], seconds[part], seeds)]
    rewards, vectors = _rewarded(pipeline, networks, joints, texts)
    return Pool(
        [prompt.text for prompt in prompts], np.repeat(np.arange(len(prompts)), each), joints,
        described(joints).double().numpy(), rewards, vectors,
        {name: np.array([taste(one) for one in joints]) for name, taste in TASTES.items()},
    )  # fmt: skip


@torch.no_grad()
def _rewarded(
    pipeline: MotionPipeline, networks: RewardModel, joints: Sequence[np.ndarray],
    texts: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Rewards [M] and motion embeddings [M, E]."""
    place = torch.device(pipeline.device)
    bank = Bank.of_motions(joints, pipeline.model.ours()[0], place)
    table = CaptionTable.build(list(texts), pipeline.text, place)
    rewards, vectors = [], []
    for index in torch.arange(len(joints), device=place).split(PART):
        features, mask = bank.features(index)
        clean = torch.zeros(len(index), dtype=torch.long, device=place)
        motion = networks.motion.embed_motion(features, mask, clean)
        text = networks.motion.embed_text(*table.rows(index))
        rewards.append((text * motion).sum(-1))
        vectors.append(motion)
    return (
        torch.cat(rewards).double().cpu().numpy(), torch.cat(vectors).double().cpu().numpy()
    )  # fmt: skip
