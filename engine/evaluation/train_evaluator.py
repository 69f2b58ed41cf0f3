"""Train the evaluator on the train split of a prepared dataset; choose weights on val."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from engine.models.text import TextEncoder


@dataclass(frozen=True)
class Recipe:
    """How the evaluator is trained; the defaults are for a GPU with everything resident on it."""

    batch: int = 512
    rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: int = 150
    captions: int = 60_000
    balance_power: float = 0.6
    class_weight: float = 0.5
    smoothing: float = 0.05
    noise: float = 0.05
    shortest_crop: float = 0.85
    average: float = 0.998
    checks: int = 8
    max_steps: int = 1_000_000
    unseen_share: float = 0.0
    jobs: int | None = None


def train(
    data: MotionDataset,
    token_encoder: TextEncoder,
    minutes: float,
    device: torch.device | str,
    seed: int,
    out: Path | str,
    *,
    config: EvaluatorConfig | None = None,
    recipe: Recipe | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> Evaluator:
    """Train for `minutes` (bank building not counted) and save to `out`; returns the evaluator.

    Only the train split is learned from (and, if the recipe says so, a share of the "unseen"
    split, see `shown_to_judge`); val chooses among the averaged weights. Raises StudioError when
    the dataset has no training clips.
    """
    device, recipe = torch.device(device), recipe or Recipe()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    bank, val, config = _banks(data, token_encoder, device, rng, config, recipe)
    net = EvaluatorNet(config)
    mean, std = statistics(bank.features.float().cpu(), bank.lengths, config.root_gain)
    net.mean.copy_(mean)
    net.std.copy_(std)
    run = _Run(net.to(device), bank, val, recipe, rng, seed)
    history = run.loop(minutes * 60.0, progress)
    evaluator = Evaluator(run.best, token_encoder, device)
    evaluator.save_pretrained(out)
    write_json(
        Path(out) / "training.json",
        {"seed": seed, "minutes": minutes, "steps": run.step, "clips": len(bank.items),
         "captions": len(bank.captions), "parameters": count(run.best), "history": history},
    )  # fmt: skip
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


class _Run:
    """One training: the network, its running average, and the best average so far."""

    def __init__(
        self, net: EvaluatorNet, bank: Bank, val: Bank, recipe: Recipe,
        rng: np.random.Generator, seed: int,
    ) -> None:  # fmt: skip
        self.net, self.bank, self.val, self.recipe, self.rng = net, bank, val, recipe, rng
        self.average = copy.deepcopy(net).eval().requires_grad_(False)
        self.best, self.best_score, self.step = copy.deepcopy(self.average), -math.inf, 0
        self.device = bank.features.device
        self.draw = torch.Generator().manual_seed(seed)
        plain = [p for p in net.parameters() if p.ndim < 2]
        matrices = [p for p in net.parameters() if p.ndim >= 2]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": recipe.weight_decay},
             {"params": plain, "weight_decay": 0.0}],
            lr=recipe.rate, betas=(0.9, 0.98),
        )  # fmt: skip

    def loop(
        self, seconds: float, progress: Callable[[dict[str, Any]], None] | None
    ) -> list[dict[str, Any]]:
        """Step until the time or the steps are used up; returns the validation records."""
        history: list[dict[str, Any]] = []
        begun, due = time.monotonic(), 1
        done = 0.0
        while done < 1.0:
            loss = self.update(done)
            elapsed = (time.monotonic() - begun) / max(seconds, 1e-9)
            done = max(elapsed, self.step / self.recipe.max_steps)
            if done >= due / self.recipe.checks or done >= 1.0:
                due += 1
                record = {"step": self.step, "loss": float(loss), **self.validate()}
                history.append(record)
                if progress:
                    progress(record)
        return history

    def update(self, done: float) -> Tensor:
        """One optimiser step at share `done` of the run."""
        recipe = self.recipe
        warm = min(1.0, (self.step + 1) / recipe.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.loss()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            ours: list[Tensor] = list(self.average.parameters())
            theirs: list[Tensor] = list(self.net.parameters())
            torch._foreach_lerp_(ours, theirs, 1 - keep)
        return loss.detach()

    def loss(self) -> Tensor:
        """Contrast of one label-balanced batch plus both class losses."""
        bank, recipe = self.bank, self.recipe
        picked = torch.multinomial(
            bank.weights, recipe.batch, replacement=True, generator=self.draw
        )
        rows = picked.to(self.device)
        features, lengths = self._crop(rows, bank.lengths[picked])
        column = torch.randint(bank.caption_rows.shape[1], (recipe.batch,), generator=self.draw)
        texts = bank.caption_rows[rows, column.to(self.device)]
        states, mask = bank.texts.rows(texts)
        longest = int(bank.texts.lengths[texts].max())
        text = self.net.embed_text(states[:, :longest], mask[:, :longest]).float()
        motion = self.net.embed_motion(features, lengths).float()
        total = contrast(text, motion, self.net.scale, self._false_negatives(texts, rows))
        for logits, labels in zip(self.net.class_logits(motion), (bank.contents, bank.styles),
                                  strict=True):  # fmt: skip
            total = total + recipe.class_weight * F.cross_entropy(
                logits.float(), labels[rows], ignore_index=-1, label_smoothing=recipe.smoothing
            )
        return total

    def _crop(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Cut a random stretch (at least 85 %) out of every motion and add a little noise."""
        share = self.recipe.shortest_crop
        kept = share + (1 - share) * torch.rand(len(rows), generator=self.draw)
        short = (lengths * kept).long().clamp(min=4)
        first = (torch.rand(len(rows), generator=self.draw) * (lengths - short + 1)).long()
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
        scores = val_scores(self.average, self.val)
        score = scores["r1"] + scores["content"] + scores["style"]
        if score >= self.best_score:
            self.best_score = score
            self.best.load_state_dict(self.average.state_dict())
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
