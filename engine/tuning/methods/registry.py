"""Tuning methods by name, from a plain record of their options."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.checks import check_steps, shown
from engine.errors import StudioError
from engine.tuning.methods.adaptive import Adaptive
from engine.tuning.methods.alignprop import AlignProp
from engine.tuning.methods.base import TuningMethod
from engine.tuning.methods.chain import EasyTuneChain
from engine.tuning.methods.draft import DRaFT, DRaFTLV
from engine.tuning.methods.drtune import DRTune
from engine.tuning.methods.easytune import EasyTune
from engine.tuning.methods.easytune_batched import EasyTuneBatched
from engine.tuning.methods.refl import ReFL
from engine.tuning.methods.weights import FIXED, FixedWeights, Weighting, step_weights

WEIGHTINGS = (*FIXED, "adaptive")


@dataclass(frozen=True)
class MethodConfig:
    """Options of all methods; each reads those it has. JSON-able through to_dict and from_dict.

    `window` (first, last) counts only these steps, noisiest first. `k` is DRaFT's and DRTune's
    number of trained steps, and how many last steps ReFL and AlignProp draw from; None is what was
    published. `trust` weighs the squared distance to the base's output. `checkpoint` recomputes
    activations (rivals only), `captured` walks as CUDA graphs (batched form and DRaFT).
    """

    name: str = "easytune-batched"
    weighting: str = "linear"
    window: tuple[int, int] | None = None
    k: int | None = None
    trust: float = 0.0
    micro_batch: int | None = None
    updates_per_pass: int = 8
    normalise: bool = True
    checkpoint: bool = False
    captured: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises StudioError for what no method could work with."""
        _known(self.name, METHODS, "tuning method")
        _known(self.weighting, WEIGHTINGS, "step weighting")
        for name in ("k", "micro_batch", "updates_per_pass"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise StudioError(f"{name} is {shown(value)}: give a whole number.")
            if value is not None and value < 1:
                raise StudioError(f"{name} is {shown(value)}: give 1 or more.")
        if not isinstance(self.trust, (int, float)) or not 0 <= self.trust < math.inf:
            raise StudioError(
                f"Trust {shown(self.trust)} is out of range: choose 0 (none) or more."
            )

    def to_dict(self) -> dict[str, Any]:
        """As stored in JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MethodConfig:
        """From JSON; StudioError for options that there are not."""
        names = [field.name for field in fields(cls)]
        for name in values:
            _known(name, names, "option of tuning methods")
        window = values.get("window")
        return cls(**{**values, "window": None if window is None else tuple(window)})


def _easytune(config: MethodConfig, steps: int) -> TuningMethod:
    return EasyTune(make_weighting(config, steps), config.trust)


def _chain(config: MethodConfig, steps: int) -> TuningMethod:
    return EasyTuneChain(make_weighting(config, steps), config.trust)


def _batched(config: MethodConfig, steps: int) -> TuningMethod:
    return EasyTuneBatched(
        make_weighting(config, steps), config.updates_per_pass, config.micro_batch,
        config.normalise, config.trust, config.captured, config.seed,
    )  # fmt: skip


def _by_k(
    kind: type[ReFL] | type[AlignProp] | type[DRTune],
) -> Callable[[MethodConfig, int], TuningMethod]:
    return lambda config, _: kind(config.k, config.seed, config.trust, config.checkpoint)


def _draft(config: MethodConfig, steps: int) -> TuningMethod:
    return DRaFT(config.k, config.seed, config.trust, config.checkpoint, config.captured)


def _draft_lv(config: MethodConfig, steps: int) -> TuningMethod:
    return DRaFTLV(config.seed, config.trust, config.checkpoint, config.captured)


METHODS: dict[str, Callable[[MethodConfig, int], TuningMethod]] = {
    "easytune": _easytune,
    "easytune-chain": _chain,
    "easytune-batched": _batched,
    "refl": _by_k(ReFL),
    "draft": _draft,
    "draft-lv": _draft_lv,
    "alignprop": _by_k(AlignProp),
    "drtune": _by_k(DRTune),
}


def make_method(name: str, problem_steps: int, **options: Any) -> TuningMethod:
    """A method for trajectories of `problem_steps` steps; options as in MethodConfig.

    Raises StudioError for unknown names and options, and for values out of range.
    """
    return build(MethodConfig.from_dict({"name": name, **options}), problem_steps)


def build(config: MethodConfig, steps: int) -> TuningMethod:
    """The method that `config` describes, for trajectories of `steps` steps."""
    return METHODS[config.name](config, check_steps(steps))


def make_weighting(config: MethodConfig, steps: int) -> Weighting:
    """The step weighting of EasyTune's forms; StudioError where it does not fit the window."""
    if config.weighting == "adaptive":
        if config.window is not None:
            raise StudioError("Adaptive step weights need all steps: leave the window out.")
        return Adaptive(steps)
    if config.weighting == "window" and config.window is None:
        raise StudioError("The weighting 'window' needs a window: its first and last step.")
    first, last = config.window or (0, steps - 1)
    return FixedWeights(step_weights(config.weighting, steps, first, last))


def _known(name: Any, known: Any, what: str) -> None:
    if not isinstance(name, str) or name not in known:
        raise StudioError(f"There is no {what} {shown(name)!r}; choose from {', '.join(known)}.")
