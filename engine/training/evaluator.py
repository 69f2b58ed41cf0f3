"""Train the evaluator on the train split of a prepared dataset; choose weights on val."""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data.dataset import MotionDataset
from engine.errors import StudioError
from engine.evaluation import metrics
from engine.evaluation.evaluator import Evaluator
from engine.evaluation.evaluator_data import Bank, build_bank, make_items, shown_to_judge
from engine.evaluation.evaluator_net import EvaluatorConfig, EvaluatorNet, statistics
from engine.files import write_json
from engine.models.draw import Draw
from engine.models.processes import Processes
from engine.models.text import TextEncoder
from engine.training.common import Average, Updater
from engine.training.loop import Budget, Job
from engine.training.loop import train as run
from engine.training.start import begin

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How the evaluator is trained; the defaults are for a GPU with everything resident on it."""

    batch: int = 512  # of all processes together
    rate: float = 1e-3
    weight_decay: float = 0.05  # of matrices alone
    captions: int = 60_000
    balance_power: float = 0.6
    class_weight: float = 0.5
    smoothing: float = 0.05
    noise: float = 0.05
    shortest_crop: float = 0.85
    average: float = 0.998
    checks: int = 8
    unseen_share: float = 0.0
    jobs: int | None = None


def train(
    data: MotionDataset,
    token_encoder: TextEncoder,
    budget: Budget,
    device: str | None,
    seed: int,
    out: Path | str,
    *,
    config: EvaluatorConfig | None = None,
    recipe: Recipe | None = None,
    processes: Processes | None = None,
) -> Evaluator:
    """Train (bank building not counted) and save to `out`; returns the evaluator.

    Only the train split is learned from (and, if the recipe says so, a share of the "unseen"
    split, see `shown_to_judge`); val chooses among the averaged weights. Raises StudioError when
    the dataset has no training clips.
    """
    recipe, out = recipe or Recipe(), Path(out)
    processes, place = begin(out, budget, seed, device, processes, recipe.batch)
    rng = np.random.default_rng(seed)
    bank, val, config = _banks(data, token_encoder, place, rng, config, recipe)
    net = EvaluatorNet(config)
    mean, std = statistics(bank.features.float().cpu(), bank.lengths, config.root_gain)
    net.mean.copy_(mean)
    net.std.copy_(std)
    best = copy.deepcopy(net).to(place).eval().requires_grad_(False)
    job = _Lessons(net.to(place), best, bank, val, recipe, processes).job(out, seed)
    evaluator = Evaluator(best, token_encoder, place)

    def save() -> None:
        if job.notes["best"] > -math.inf:  # nothing was chosen before the first look
            evaluator.save_pretrained(out)

    job.save = save
    report = run(job, budget, processes)
    if processes.main:
        more = {"clips": len(bank.items), "captions": len(bank.captions), "parameters": count(best)}
        write_json(out / "training.json", {**report, **more})
    return evaluator


def count(net: torch.nn.Module) -> int:
    """Number of trained parameters."""
    return sum(parameter.numel() for parameter in net.parameters())


def _banks(
    data: MotionDataset,
    encoder: TextEncoder,
    device: torch.device,
    rng: np.random.Generator,
    config: EvaluatorConfig | None,
    recipe: Recipe,
) -> tuple[Bank, Bank, EvaluatorConfig]:
    clips, chosen = data.select(split="train"), data.select(split="val")
    if not clips:
        raise StudioError("The dataset has no training clips.")
    clips = clips + [c for c in data.clips if shown_to_judge(c, recipe.unseen_share)]
    items = make_items(clips)
    config = replace(
        config or EvaluatorConfig(),
        contents=tuple(sorted({item.content for item in items if item.content})),
        styles=tuple(sorted({clip.style for clip in clips})),
        text_dim=encoder.dim,
        text_encoder=encoder.name,
        unseen_share=recipe.unseen_share,
    )
    names: dict[str, Any] = {"contents": config.contents, "styles": config.styles}
    per_item = max(2, round(recipe.captions / len(items)))
    bank = build_bank(data, clips, encoder, device, rng, per_item=per_item,
                      power=recipe.balance_power, jobs=recipe.jobs, **names)  # fmt: skip
    val = build_bank(data, chosen or clips[:256], encoder, device, rng, per_item=1, kind="eval",
                     with_mirrored=False, typos=0.0, jobs=recipe.jobs, **names)  # fmt: skip
    return bank, val, config


class _Lessons:
    """The network, what it is taught, and its best average so far."""

    def __init__(
        self, net: EvaluatorNet, best: EvaluatorNet, bank: Bank, val: Bank, recipe: Recipe,
        processes: Processes,
    ) -> None:  # fmt: skip
        self.net, self.best, self.bank, self.val = net, best, bank, val
        self.recipe, self.processes = recipe, processes
        self.average = Average(net, recipe.average)
        self.notes = {"best": -math.inf}
        self.device = bank.features.device

    def job(self, out: Path, seed: int) -> Job:
        """How it is trained. Lengths are needed on the CPU, so everything is drawn there."""
        recipe = self.recipe
        update = Updater(
            self.net.train(), self.loss, recipe.weight_decay, capture=False,
            processes=self.processes, betas=(0.9, 0.98), decay_vectors=False,
        )  # fmt: skip
        settings = {**asdict(recipe), "seed": seed, "motions": len(self.bank.items)}
        for name in ("checks", "jobs"):
            settings.pop(name)
        return Job(
            "evaluator", out, self.net, self.average, update,
            Draw(torch.device("cpu"), seed, self.processes.draws_for), self.inputs, ("loss",),
            recipe.rate, settings, lambda: None, self.validate, recipe.checks,
            {"best": self.best}, self.notes,
        )  # fmt: skip

    def inputs(self, draw: Draw) -> tuple[Tensor, ...]:
        """One label-balanced batch: this process's motions and captions, and everybody's rows."""
        bank = self.bank
        size = self.processes.part(self.recipe.batch)
        picked = draw.pick(bank.weights, size)
        rows = picked.to(self.device)
        features, lengths = self._crop(rows, bank.lengths[picked], draw)
        column = draw.integers(bank.caption_rows.shape[1], size)
        texts = bank.caption_rows[rows, column.to(self.device)]
        states, mask = bank.texts.rows(texts)
        longest = int(bank.texts.lengths[texts].max())
        whole = self.processes.whole
        return (features, lengths, states[:, :longest], mask[:, :longest], whole(texts),
                whole(rows))  # fmt: skip

    def loss(
        self, features: Tensor, lengths: Tensor, states: Tensor, mask: Tensor, texts: Tensor,
        rows: Tensor,
    ) -> Tensor:  # fmt: skip
        """Contrast of everybody's batch plus both class losses, as one term."""
        bank, recipe, kind = self.bank, self.recipe, self.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            text = self.processes.whole(self.net.embed_text(states, mask).float())
            motion = self.processes.whole(self.net.embed_motion(features, lengths).float())
            rivals = self._false_negatives(texts, rows)
            total = contrast(text, motion, self.net.scale, rivals)
            for logits, labels in zip(
                self.net.class_logits(motion), (bank.contents, bank.styles), strict=True
            ):
                total = total + recipe.class_weight * F.cross_entropy(
                    logits.float(), labels[rows], ignore_index=-1, label_smoothing=recipe.smoothing
                )
        return total[None]

    def _crop(self, rows: Tensor, lengths: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Cut a random stretch (at least 85 %) out of every motion and add a little noise."""
        share = self.recipe.shortest_crop
        kept = share + (1 - share) * draw.uniform(len(rows))
        short = (lengths * kept).long().clamp(min=4)
        first = (draw.uniform(len(rows)) * (lengths - short + 1)).long()
        steps = torch.arange(int(short.max()))[None] + first[:, None]
        steps = steps.clamp(max=self.bank.features.shape[1] - 1).to(self.device)
        features = self.bank.features[rows[:, None], steps].float()
        spread = torch.zeros(features.shape[-1], device=self.device)
        spread[: len(self.net.std)] = self.recipe.noise * self.net.std
        return features + spread * torch.randn_like(features), short

    def _false_negatives(self, texts: Tensor, rows: Tensor) -> Tensor:
        """[B,B] True where text i was also drawn for motion j's label, or both share a label."""
        keys = self.bank.keys[rows]
        return self.bank.allowed[texts][:, keys] | (keys[:, None] == keys[None])

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Retrieval and class accuracy of the averaged weights on val; keeps the best."""
        scores = val_scores(cast(EvaluatorNet, self.average.module), self.val)
        score = scores["r1"] + scores["content"] + scores["style"]
        if score >= self.notes["best"]:
            self.notes["best"] = score
            self.best.load_state_dict(self.average.module.state_dict())
        return scores


def contrast(text: Tensor, motion: Tensor, scale: Tensor, masked: Tensor) -> Tensor:
    """Symmetric InfoNCE of unit rows [B,D]; `masked` [B,B] off-diagonal pairs do not compete."""
    logits = scale * text @ motion.T
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    logits = logits.masked_fill(masked & ~own, -torch.inf)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@torch.no_grad()
def val_scores(net: EvaluatorNet, bank: Bank) -> dict[str, float]:
    """R-precision (label twins left out) and class accuracies of `net` on a bank."""
    motions = []
    for start in range(0, len(bank.items), 256):
        part = slice(start, start + 256)
        motions.append(net.embed_motion(bank.features[part].float(), bank.lengths[part]))
    motion = torch.cat(motions)
    first = bank.caption_rows[:, 0]
    text = net.embed_text(*bank.texts.rows(first))
    scores = {"r1": 0.0, "r3": 0.0}
    if len(bank.items) >= metrics.GROUP:
        hits = metrics.r_precision(
            text.cpu().numpy(), motion.cpu().numpy(), np.random.default_rng(0),
            keys=[item.key for item in bank.items],
        )  # fmt: skip
        scores = {"r1": float(hits[0]), "r3": float(hits[2])}
    for name, logits, labels in zip(("content", "style"), net.class_logits(motion),
                                    (bank.contents, bank.styles), strict=True):  # fmt: skip
        known = labels >= 0
        right = (logits.argmax(-1) == labels)[known]
        scores[name] = float(right.float().mean()) if len(right) else 0.0
    return scores
