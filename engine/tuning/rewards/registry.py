"""Rewards by name: what there is, what it means, and how to make one from weights.

Importing this loads no torch: the command line and the page ask it what they may offer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from engine.errors import StudioError

if TYPE_CHECKING:
    import torch

    from engine.diffusion.model import MotionModel
    from engine.tuning.rewards.base import Form, Seen
    from engine.tuning.rewards.total import Term, WeightedSum

# Which latents of a step are scored, and by which network `follow` reads them.
RewardForm = Literal["latent", "latent_prev", "x_0", "x_prev", "both"]
FORMS: tuple[RewardForm, ...] = get_args(RewardForm)
FOLLOW = "follow"
VOTES = "votes"
VOTES_WEIGHT = 0.3  # beside follow=1; at 0.1 minutes on a CPU change nothing to be seen
MOST = 100.0  # a weight beyond this is a slip of the keyboard


@dataclass(frozen=True)
class Physics:
    """How a physics term is told, and how large it is; it is measured by `physics.NAME`.

    `spread` is the measure's standard deviation over motions of the base model that it has
    something to say about. The term is divided by it and multiplied by that of text alignment,
    so that one unit of weight counts for as much of either.
    """

    spread: float
    words: str
    term: str
    reads_text: bool = False
    clean_only: bool = True

    @property
    def scale(self) -> float:
        """What the measure is multiplied by."""
        return FOLLOW_SPREAD / self.spread


# Measured by `python -m benchmarks.reward_terms` on the shipped base and the tuning packs.
FOLLOW_SPREAD = 0.15
TERMS: dict[str, Physics] = {
    "feet": Physics(0.16, "Feet that stand stay where they are", "foot skate"),
    "floor": Physics(
        0.08, "Nothing sinks into the floor, nobody hovers", "floor penetration, floating"
    ),
    "smooth": Physics(0.13, "No trembling, but all the liveliness of real motion", "jerk"),
    "faster": Physics(0.26, "Walk and run faster", "root velocity"),
    "slower": Physics(0.26, "Walk and run more slowly", "root velocity"),
    "straight": Physics(
        0.17, "Go straight ahead unless the prompt asks for a turn", "root trajectory", True
    ),
    "side": Physics(
        0.36, "Use the hand that the prompt names: left, right or both", "left/right side", True
    ),
}
NAMES: tuple[str, ...] = (FOLLOW, *TERMS, VOTES)


def describe() -> list[tuple[str, str, str]]:
    """(name, plain words, the field's term) of every reward term, for people to choose from."""
    follow = (FOLLOW, "Do what the prompt says", "text alignment (cosine)")
    votes = (VOTES, "Be what was voted for", "taste learned from preferences")
    return [follow, *((name, one.words, one.term) for name, one in TERMS.items()), votes]


def parse_weights(text: str) -> dict[str, float]:
    """ "follow=1,feet=0.2" to weights; a bare name counts as 1. StudioError says what is wrong."""
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        if name in weights:
            raise StudioError(f"The reward term {name!r} is given twice.")
        try:
            weights[name] = float(number) if "=" in part else 1.0
        except ValueError:
            raise StudioError(
                f"{part!r} is no reward weight. Write name=number, such as follow=1,feet=0.2."
            ) from None
    return check_weights(weights)


def check_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights that count, in the order of `describe`; StudioError for what cannot be meant."""
    for name, weight in weights.items():
        if name not in NAMES:
            raise StudioError(f"There is no reward term {name!r}; there are {', '.join(NAMES)}.")
        if not (_is_number(weight) and 0 <= weight <= MOST):
            raise StudioError(
                f"The weight of {name!r} is {weight}; choose a number from 0 to {MOST:g}."
            )
    kept = {name: float(weights[name]) for name in NAMES if weights.get(name, 0.0) > 0}
    if not kept:
        raise StudioError("A reward needs at least one term with a weight over 0.")
    return kept


def make_reward(
    weights: Mapping[str, float],
    form: RewardForm,
    model: MotionModel,
    folder: Path | None,
    device: torch.device | str,
) -> WeightedSum:
    """A frozen reward for latents of `model`, which is on `device`.

    `folder` holds the reward's networks and what it learned from votes; it may be None without the
    terms follow and votes, and for published backbones, which are judged by networks of their own
    (`published`). That they were trained for this VAE is for the caller to check
    (`RewardModel.check_belongs`), who knows the model's folder. Raises StudioError for unknown
    terms or forms, weights that are no numbers, and networks that do not fit.
    """
    from engine.tuning.rewards import physics
    from engine.tuning.rewards.published import form_for
    from engine.tuning.rewards.total import PhysicsTerm, WeightedSum

    kept = check_weights(weights)
    if form not in FORMS:
        raise StudioError(f"There is no reward form {form!r}; choose from {', '.join(FORMS)}.")
    form = form_for(form, model)
    terms: dict[str, Term] = {
        name: PhysicsTerm(getattr(physics, name), one.scale, one.reads_text, one.clean_only)
        for name, one in TERMS.items()
        if name in kept
    }
    if FOLLOW in kept:
        terms = {FOLLOW: _follow(form, model, folder, device), **terms}
    if VOTES in kept:
        terms[VOTES] = _votes(folder, device)
    model.vae.eval().requires_grad_(False)
    return WeightedSum(latents_of(form), terms, kept, model.vae, _told(model, folder, device))


def latents_of(form: RewardForm) -> Form:
    """Which latents of a step a form reads."""
    return "x_prev" if form in ("latent_prev", "x_prev") else "x_0"


def _told(
    model: MotionModel, folder: Path | None, device: torch.device | str
) -> Callable[[Seen], Seen] | None:
    """How noise is told to the reward in `folder`, where the model's is of another kind."""
    from engine.diffusion.flow import FlowSchedule
    from engine.files import read_json
    from engine.tuning.rewards.noise import FlowNoise

    if folder is None or not isinstance(model.schedule, FlowSchedule):
        return None
    return FlowNoise(model.schedule, read_json(folder / "config.json").get("schedule"), device)


def _follow(
    form: RewardForm, model: MotionModel, folder: Path | None, device: torch.device | str
) -> Term:
    from engine.models.reward import RewardModel
    from engine.tuning.rewards.alignment import BothAlignments, MotionAlignment, TextCache
    from engine.tuning.rewards.latent import LatentAlignment
    from engine.tuning.rewards.published import follow

    if not model.own:
        return follow(form, model, device, folder)
    if folder is None:
        raise StudioError("The reward term 'follow' needs the folder of a trained reward.")
    networks = RewardModel.from_pretrained(folder, device)
    theirs, ours = networks.latent.config.latent_dim, model.vae.config.latent_dim
    if theirs != ours:
        raise StudioError(
            f"The reward in {folder} reads latents of {theirs} channels, the model has {ours}. "
            "Train a reward for this model: python -m engine train reward --help"
        )
    texts = TextCache(networks.motion)
    latent = LatentAlignment(networks.latent, texts)
    motion = MotionAlignment(networks.motion, texts)
    if form == "both":
        return BothAlignments(latent, motion)
    return latent if form in ("latent", "latent_prev") else motion


def _votes(folder: Path | None, device: torch.device | str) -> Term:
    from engine.tuning.rewards.taste import Taste, TasteTerm

    taste = None if folder is None else Taste.load(folder)
    if taste is None:
        raise StudioError(
            f"The reward in {folder} has learned from no votes. Vote on some pairs, learn from "
            "them (python -m engine spl --help) and name the result: --reward-model NAME."
        )
    return TasteTerm(taste.to(device), FOLLOW_SPREAD)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
