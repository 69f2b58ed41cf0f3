"""What is watched while a reward learns: retrieval, and agreement with kept-back votes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from engine.models.reward import RewardModel
from engine.preference.learned import Seen
from engine.preference.loss import pair_loss
from engine.preference.retrieval import LEVELS, Table, retrieval, score
from engine.preference.workshop import Workshop

WATCHED = (0, 500)  # timesteps at which retrieval is checked on the way


@dataclass
class Judge:
    """Measures the networks as they are now against what they were."""

    shop: Workshop
    table: Table = field(default_factory=dict)
    _loss: float = 0.0

    def before(self) -> None:
        """Measure the reward that was given."""
        self.table = self._retrieval(self.shop.reward, WATCHED)
        self._loss = self.loss(self.shop.reward)

    def values(self) -> dict[str, float]:
        """What was measured before."""
        return {**_first(self.table), **self._votes(self.shop.reward)}

    def check(self) -> tuple[dict[str, float], float]:
        """Values now, and how much better than before the state is to keep."""
        now = self.shop.trainer.current
        table = self._retrieval(now, WATCHED)
        if table:
            gain = score(self.table, table)
        else:  # nothing is kept on the word of the votes that it was learned from
            gain = self._loss - self.loss(now) if self.shop.held.any() else 0.0
        return {**_first(table), **self._votes(now)}, gain

    def full(self, reward: RewardModel) -> Table:
        """Retrieval at every noise level."""
        return self._retrieval(reward, LEVELS)

    def seen(self, reward: RewardModel) -> Seen | None:
        """The votes with what `reward` says of the motions; None without votes."""
        if self.shop.voted is None:
            return None
        return Seen.of(self.shop.judged, self.rewards(reward))

    @torch.no_grad()
    def rewards(self, reward: RewardModel) -> np.ndarray:
        """Rewards [V, 2] of both clean motions of every comparison, for its own prompt."""
        voted = self.shop.voted
        assert voted is not None
        text = reward.motion.embed_text(*voted.captions.rows(voted.row))
        sides = []
        for index in (voted.first, voted.second):
            features, mask = voted.bank.features(index)
            clean = torch.zeros(len(index), dtype=torch.long, device=self.shop.device)
            sides.append((text * reward.motion.embed_motion(features, mask, clean)).sum(-1))
        return torch.stack(sides, dim=1).double().cpu().numpy()

    def loss(self, reward: RewardModel) -> float:
        """Mean loss of the votes kept back."""
        voted, chosen = self.shop.voted, self.shop.held
        if voted is None or not chosen.any():
            return 0.0
        values = torch.from_numpy(self.rewards(reward)[chosen])
        target = voted.target.cpu().double()[torch.from_numpy(chosen)]
        weight = voted.weight.cpu().double()[torch.from_numpy(chosen)]
        total = pair_loss(
            values[:, 0], values[:, 1], target, weight, self.shop.trainer.hyper.temperature
        )
        return float(total / weight.sum())

    def _retrieval(self, reward: RewardModel, levels: tuple[int, ...]) -> Table:
        if self.shop.validation is None:
            return {}
        vae, schedule = self.shop.model.ours()
        return retrieval(reward, self.shop.validation, vae, schedule, levels)

    def _votes(self, reward: RewardModel) -> dict[str, float]:
        """Agreement on kept-back votes, by the reward and a taste learned from the rest."""
        seen = self.seen(reward)
        held = self.shop.held
        if seen is None or not held.any():
            return {}
        right, counted = seen.by(seen.learn(~held), held)
        return {"agreement": right / counted} if counted else {}


def _first(table: Table) -> dict[str, float]:
    return {
        f"{network}_t{level}_r1": networks[network]["r1"]
        for level, networks in table.items()
        for network in networks
    }
