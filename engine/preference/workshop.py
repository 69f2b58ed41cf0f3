"""Everything that a run of learning works with, loaded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.diffusion.model import MotionModel
from engine.models.device import pick_device
from engine.models.registry import resolve_model, resolve_reward
from engine.models.reward import RewardModel
from engine.motion.features import features_to_joints
from engine.preference.judged import Judged, gather
from engine.preference.plan import Request
from engine.preference.retrieval import part
from engine.preference.spl import Hyper, Trainer, Voted
from engine.preference.store import Store
from engine.training import corpus
from engine.training.reward_check import HeldOut
from engine.training.reward_data import Pairs

CPU_CLIPS = 96  # of the validation split that a CPU checks retrieval on


@dataclass
class Workshop:
    """A run's parts. `held` says which comparisons are kept back [V]."""

    request: Request
    device: torch.device
    reward: RewardModel
    model: MotionModel
    encoder: Any
    judged: Judged
    held: np.ndarray
    validation: HeldOut | None
    trainer: Trainer
    keys: tuple[str, ...]
    missing: list[tuple[str, str]]
    voted: Voted | None  # all comparisons, those kept back too


def prepare(request: Request, encoder: Any = None) -> Workshop:
    """Load; StudioError for anything that does not exist, is damaged, or does not fit."""
    torch.manual_seed(request.seed)
    place = pick_device(request.device)
    folder, base = resolve_reward(request.reward), resolve_model(request.model)
    reward = RewardModel.from_pretrained(folder, place)
    reward.check_belongs(base)
    model = MotionModel.from_pretrained(base, place)
    encoder = encoder or model.encoder(place)
    missing: list[tuple[str, str]] = []
    judged, keys = _judged(request)
    if request.votes is None:
        missing.append(("votes", "No votes were given: the reward learns from its mistakes only."))
    elif not len(judged):
        missing.append(("votes", "There are no votes to learn from yet."))
    if judged.unused:
        missing.append(("bad", f"{judged.unused} votes for 'both bad' teach nothing: there is no "
                        "recorded motion of their prompts to compare with."))  # fmt: skip
    pairs = validation = None
    if request.data is None:
        missing.append(("data", "No corpus was given: retrieval is not measured, mistakes are not "
                        "looked for, and only the votes are learned."))  # fmt: skip
    else:
        vae, _ = model.ours()
        pairs = Pairs(request.data, vae, encoder, place)
        validation = HeldOut.validation(request.data, vae, encoder, place)
        if validation is not None and place.type == "cpu":
            validation = part(validation, CPU_CLIPS)
    held = judged.held()
    voted = learned = None
    if len(judged):
        voted = Voted.of(judged, model, encoder, place)
        learned = voted.take(torch.from_numpy(np.flatnonzero(~held)).to(place))
    hyper = Hyper.on(place, **{"seed": request.seed, **request.hyper})
    trainer = Trainer(reward, model, hyper, place, pairs, learned)
    return Workshop(
        request, place, reward, model, encoder, judged, held, validation, trainer, keys, missing,
        voted,
    )  # fmt: skip


def _judged(request: Request) -> tuple[Judged, tuple[str, ...]]:
    if request.votes is None:
        return Judged(), ()
    store = Store.open(request.votes)
    votes = store.votes()
    store.close()
    if request.keys is not None:
        known = set(request.keys)
        votes = [vote for vote in votes if vote.key in known]
    real = None if request.data is None else RealMotions(request.data)
    return gather(store, votes, real), tuple(vote.key for vote in votes)


class RealMotions:
    """Recorded motions of a corpus by the sentences that are true of them."""

    def __init__(self, folder: Path) -> None:
        items, self._rows, pools = corpus.load(folder)
        starts = np.concatenate([[0], np.cumsum([item.frames for item in items])])
        self._where: dict[str, tuple[int, int]] = {}
        for item, start in zip(items, starts[:-1], strict=True):
            if item.split != "train":
                continue
            for text in (*item.own, *(pools[item.pool] if item.pool else ())):
                self._where.setdefault(text.lower(), (int(start), item.frames))

    def __call__(self, prompt: str) -> np.ndarray | None:
        """Joints [T, 22, 3] of a motion whose caption is the prompt; None where there is none."""
        found = self._where.get(prompt.lower())
        if found is None:
            return None
        rows = torch.from_numpy(np.array(self._rows[found[0] : found[0] + found[1]]))
        return features_to_joints(rows[None])[0].numpy()
