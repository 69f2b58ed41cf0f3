"""SPL: the reward's own mistakes, and votes, as pairs that both of its networks learn from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from engine.diffusion.model import MotionModel
from engine.errors import StudioError
from engine.models.captions import CaptionTable
from engine.models.reward import RewardModel
from engine.preference.bank import Bank, views
from engine.preference.judged import Judged
from engine.preference.loss import pair_loss
from engine.preference.mining import Mined, mine
from engine.training.common import Average, Updater
from engine.training.reward import Learner, loss_terms
from engine.training.reward import views as contrast_views
from engine.training.reward_data import Pairs

NAMES = ("contrast", "mined", "votes", "keep")
EMBED = 512


@dataclass(frozen=True)
class Hyper:
    """Hyper-parameters. `captions` are looked up in the whole pool at each mining."""

    rate: float = 1e-4
    batch: int = 512  # of the contrast that keeps retrieval
    pairs: int = 256  # mined pairs per update
    captions: int = 4096
    every: int = 40  # updates between two minings
    sentences: int = 3  # of each motion, that a caption is compared with for saying the same
    top: int = 10
    noisy: float = 0.5  # share of the captions that are looked up among noised motions
    least_noise: int = 200  # timesteps between which those are noised, a level for each mining
    most_noise: int = 700
    temperature: float = 0.1
    mined: float = 1.0  # weights of the losses
    votes: float = 0.5
    keep: float = 1.0  # distance to the old embeddings of voted motions
    match: float = 4.0
    decay: float = 0.98
    weight_decay: float = 0.05
    seed: int = 0
    half: bool = True

    @classmethod
    def on(cls, device: torch.device, **changes: Any) -> Hyper:
        """Sizes that a CPU can do where there is no GPU."""
        small = {"batch": 64, "pairs": 32, "captions": 256, "half": False}
        return cls(**{**({} if device.type == "cuda" else small), **changes})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Found:
    """The last mining: pairs by index, and how the pool was retrieved."""

    rows: Tensor  # caption
    own: Tensor
    rival: Tensor
    when: Tensor  # timestep at which the mistake was made
    share: float  # of captions whose own motion was not among the first K
    recall: float  # of captions, looked up among clean motions, whose own one was the first


@dataclass
class Voted:
    """Voted motions on the device, and their prompts' token states."""

    bank: Bank
    captions: CaptionTable
    row: Tensor  # prompt of each comparison
    first: Tensor
    second: Tensor
    target: Tensor
    weight: Tensor

    @classmethod
    def of(
        cls, judged: Judged, model: MotionModel, encoder: Any, device: torch.device
    ) -> Voted:  # fmt: skip
        """All comparisons."""
        some = judged.comparisons
        prompts = judged.prompts
        captions = CaptionTable.build(prompts, encoder, device)

        def column(values: list[Any], kind: torch.dtype) -> Tensor:
            return torch.tensor(values, dtype=kind, device=device)

        return cls(
            Bank.of_motions(judged.joints, model.ours()[0], device), captions,
            column([prompts.index(one.prompt) for one in some], torch.long),
            column([one.first for one in some], torch.long),
            column([one.second for one in some], torch.long),
            column([one.target for one in some], torch.float32),
            column([one.weight for one in some], torch.float32),
        )  # fmt: skip

    def take(self, chosen: Tensor) -> Voted:
        """Some of the comparisons."""
        columns = ("row", "first", "second", "target", "weight")
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})


@dataclass
class Trainer:
    """Both networks while they learn. Without a corpus only votes and the old embeddings count."""

    reward: RewardModel
    model: MotionModel
    hyper: Hyper
    device: torch.device
    pairs: Pairs | None = None
    voted: Voted | None = None
    updates: int = 0
    found: Found | None = None
    learner: Learner = field(init=False)
    average: Average = field(init=False)

    def __post_init__(self) -> None:
        if self.pairs is None and self.voted is None:
            raise StudioError("There is nothing to learn from: give --data, or votes, or both.")
        self.vae, self.schedule = self.model.ours()
        config = self.reward.motion.config
        self.learner = Learner(config).to(self.device)
        self.learner.motion.load_state_dict(self.reward.motion.state_dict())
        self.learner.latent.load_state_dict(self.reward.latent.state_dict())
        self.average = Average(self.learner, self.hyper.decay)
        self.update = Updater(self.learner, self.terms, self.hyper.weight_decay, capture=False)
        self.pool = None if self.pairs is None else Bank.of_corpus(self.pairs)
        self._drawn: Any = None

    @property
    def current(self) -> RewardModel:
        """The averaged networks as a reward, frozen."""
        averaged: Any = self.average.module
        old = self.reward
        return RewardModel(
            averaged.motion, averaged.latent, old.vae_sha256, old.schedule, old.text_encoder
        )

    def step(self, rate: float) -> Tensor:
        """One update; the loss terms of NAMES."""
        if self.pool is not None and self.updates % self.hyper.every == 0:
            self.found = self.mine()
        terms = self.update(self.hyper.rate * rate, torch.zeros((), device=self.device))
        self.average.update()
        self.updates += 1
        return terms

    @torch.no_grad()
    def mine(self) -> Found:
        """Look captions up in the whole training pool with the reward as it is now.

        Some among clean motions, as the motion network sees them, and some among motions that are
        all noised to one level, drawn anew each time, as the latent network does.
        """
        assert self.pairs is not None and self.pool is not None
        hyper = self.hyper
        noisy = int(hyper.noisy * hyper.captions)
        level = int(torch.randint(hyper.least_noise, hyper.most_noise + 1, ()))
        parts = [
            (when, self._looked_up(count, when))
            for count, when in ((hyper.captions - noisy, 0), (noisy, level))
            if count
        ]
        columns = [
            (rows[one.hard], own[one.hard], one.rival[one.hard],
             torch.full_like(own[one.hard], when))
            for when, (rows, own, one) in parts
        ]  # fmt: skip
        rows, own, rival, when = (torch.cat(column) for column in zip(*columns, strict=True))
        first = parts[0][1][2]
        return Found(rows, own, rival, when, len(rows) / hyper.captions,
                     float((first.rank == 0).float().mean()))  # fmt: skip

    def _looked_up(self, count: int, when: int) -> tuple[Tensor, Tensor, Mined]:
        """Captions, their motions, and what was retrieved among motions at a timestep."""
        assert self.pairs is not None and self.pool is not None
        pairs, network = self.pairs, self.current
        everything = torch.arange(len(self.pool), device=self.device)
        pool = torch.cat([self._embedded(network, some, when) for some in everything.split(EMBED)])
        own = torch.multinomial(pairs.chance, count, replacement=True)
        rows = pairs._caption_rows(own)
        parts: list[Mined] = []
        for some, row in zip(own.split(EMBED), rows.split(EMBED), strict=True):
            rivals = torch.ones(len(some), len(pool), dtype=torch.bool, device=self.device)
            for _ in range(self.hyper.sentences):
                theirs = pairs._caption_rows(everything)
                rivals &= pairs.rivals((some, row), (everything, theirs))
            text = network.motion.embed_text(*pairs.captions.rows(row))
            parts.append(mine(text, some, pool, rivals, self.hyper.top))
        rank, rival, hard = (torch.cat(column) for column in zip(*parts, strict=True))
        return rows, own, Mined(rank, rival, hard)

    def _embedded(self, network: RewardModel, index: Tensor, when: int) -> Tensor:
        assert self.pool is not None
        times = torch.full((len(index),), when, dtype=torch.long, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.hyper.half):
            if when == 0:
                features, mask = self.pool.features(index)
                return network.motion.embed_motion(features, mask, times)
            x_0, mask = self.pool.latents(index)
            x_t = self.schedule.add_noise(x_0, torch.randn_like(x_0), times) * mask[..., None]
            return network.latent.embed_latent(x_t, mask, times)

    def terms(self, _: Tensor) -> Tensor:
        """Loss terms [4] of NAMES on what is drawn now."""
        zero = torch.zeros((), device=self.device)
        contrast, mined, votes, keep = zero, zero, zero, zero
        if self.pairs is not None and self.pool is not None:
            batch = self.pairs.pairs(self.hyper.batch)
            inputs = contrast_views(batch, self.vae, self.schedule, self.hyper.half)
            contrast = loss_terms(self.learner, self.hyper.match, self.hyper.half, *inputs).sum()
            if self.found is not None and len(self.found.rows):
                mined = self.hyper.mined * self._mined(self.found)
        if self.voted is not None:
            votes, keep = self._votes(self.voted)
        return torch.stack([contrast, mined, votes, keep])

    def _mined(self, found: Found) -> Tensor:
        assert self.pairs is not None and self.pool is not None
        size = self.hyper.pairs
        pick = torch.randint(len(found.rows), (size,), device=self.device)
        text = self.pairs.captions.rows(found.rows[pick])
        ones = torch.ones(size, device=self.device)
        # Skipped captions cost nothing: the loss is a mean over all that were looked up.
        # A mistake among noised motions is shown again at its own level, another one at any.
        level = torch.where(found.when[pick] > 0, found.when[pick], self._times(size))
        loss, *_ = self._compared(
            self.pool, text, found.own[pick], found.rival[pick], ones, ones / size, level
        )
        return found.share * loss

    def _votes(self, voted: Voted) -> tuple[Tensor, Tensor]:
        size = min(self.hyper.pairs, max(len(voted.row), 1))
        pick = torch.randint(len(voted.row), (size,), device=self.device)
        text = voted.captions.rows(voted.row[pick])
        weight = voted.weight[pick] / voted.weight[pick].sum().clamp_min(1e-6)
        loss, motion, latent, seen = self._compared(
            voted.bank, text, voted.first[pick], voted.second[pick], voted.target[pick], weight,
            self._times(size),
        )  # fmt: skip
        with torch.no_grad():
            old = self.reward.motion.embed_motion(seen.features, seen.frames_mask, seen.t)
        away = (2 - (motion * old).sum(-1) - (latent * old).sum(-1)).mean()
        return self.hyper.votes * loss, self.hyper.keep * away

    def _times(self, count: int) -> Tensor:
        return torch.randint(
            self.schedule.config.num_train_timesteps, (count,), device=self.device
        )  # fmt: skip

    def _compared(
        self, bank: Bank, text: tuple[Tensor, Tensor], first: Tensor, second: Tensor,
        target: Tensor, weight: Tensor, when: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Any]:  # fmt: skip
        """Loss of pairs, clean and noised, by both networks: the mean of four.

        Both motions of a pair carry the noise of the same timestep `when` [V]. Latents learn the
        space of texts, they do not shape it.
        """
        when = when.repeat(2)
        seen = views(
            bank, torch.cat([first, second]), when, self.vae, self.schedule, self.hyper.half
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.hyper.half):
            words, motion, latent = self.learner(*seen, *text)
        loss = torch.zeros((), device=self.device)
        for vectors, line in ((motion, words), (latent, words.detach())):
            for part in vectors.chunk(2):  # clean, noisy
                a, b = part.chunk(2)
                loss = loss + pair_loss(
                    (line * a).sum(-1), (line * b).sum(-1), target, weight, self.hyper.temperature
                )
        return 0.25 * loss, motion, latent, seen
