"""What tuning can be for, in plain words, and the reward weights that stand behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import StudioError
from engine.models.registry import CHECKPOINTS, available_rewards
from engine.tuning import presets
from engine.tuning.rewards.registry import FOLLOW, NAMES, VOTES, VOTES_WEIGHT, describe

MOST_WEIGHT, WEIGHT_STEP = 2.0, 0.1
FEET = "feet"
# What a person reads; a reward term that is not here is offered in its own words.
_WORDS = {
    FOLLOW: "Follow the text",
    FEET: "Feet stay planted",
    "smooth": "Smoother",
    "faster": "Faster",
    "slower": "Slower",
    "straight": "Straight ahead",
    "side": "Use the named hand",
    VOTES: "What I voted for",
}
_HIDDEN = ("floor",)  # no goal by itself, a slider only
_WEIGHTS: dict[str, dict[str, float]] = {
    FOLLOW: dict(presets.REWARD),
    FEET: {FEET: 1.0, "floor": 0.5},
    VOTES: {FOLLOW: 1.0, VOTES: VOTES_WEIGHT},  # a taste says nothing of what the text asks for
}
_MISSING = {
    FOLLOW: "“Follow the text” needs the reward in checkpoints/reward, which is not there.",
    VOTES: "Nothing was learned from votes yet. Vote in the Preferences tab first.",
}
_AGAINST = (("faster", "slower"),)


def available() -> list[str]:
    """Reward terms that can be used here: those that were learned only where they were."""
    there = {FOLLOW: (CHECKPOINTS / "reward" / "config.json").is_file(), VOTES: bool(learned())}
    return [name for name in NAMES if there.get(name, True)]


def learned() -> str:
    """The reward that was learned from votes last; "" where there is none."""
    return next(iter(available_rewards()), "")


def goals() -> list[tuple[str, str]]:
    """(words, name) to choose from, in the order of the registry."""
    words = {name: text for name, text, _ in describe()}
    return [
        (_WORDS.get(name, words[name]), name) for name in available() if name not in _HIDDEN
    ]  # fmt: skip


def first_goal() -> str:
    """What is chosen before anybody chooses."""
    return FOLLOW if FOLLOW in available() else FEET


def sliders() -> list[tuple[str, str, str]]:
    """(name, plain words, the field's term) of every weight there is."""
    return describe()


def goal_weights() -> dict[str, dict[str, float]]:
    """The weights behind every goal; several goals add up."""
    return {name: _WEIGHTS.get(name, {name: 1.0}) for name in NAMES if name not in _HIDDEN}


def weights_of(chosen: Sequence[str]) -> dict[str, float]:
    """Weights by term for the chosen goals, 0 for the rest."""
    found = dict.fromkeys(NAMES, 0.0)
    for goal in chosen:
        for name, weight in goal_weights().get(goal, {}).items():
            found[name] = max(found[name], weight)
    return found


def check_weights(weights: Mapping[str, Any]) -> dict[str, float]:
    """Weights that make sense together; StudioError says what to change."""
    kept = {name: float(value) for name, value in weights.items() if value}
    if not kept:
        raise StudioError("Choose at least one goal.")
    for name in kept:
        if name not in available():
            raise StudioError(_MISSING.get(name, f"{name} cannot be used here."))
    for one, other in _AGAINST:
        if one in kept and other in kept:
            raise StudioError(
                f"“{_WORDS[one]}” and “{_WORDS[other]}” pull against each other. Choose one."
            )
    return kept


def short_name(weights: Mapping[str, Any]) -> str:
    """ "feet-smooth": what a run for these weights is called."""
    told = [name for name in weights if name not in _HIDDEN] or list(weights)
    return "-".join(told[:2])


def in_words(weights: Mapping[str, Any]) -> str:
    """ "follow the text, feet stay planted": a run's goal for people."""
    words = {name: text for name, text, _ in describe()}
    named = [
        _WORDS.get(name, words.get(name, name)).lower()
        for name in weights
        if name not in _HIDDEN or len(weights) == 1
    ]  # fmt: skip
    return ", ".join(named)
