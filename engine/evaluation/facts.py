"""Kinematic facts by name, and checks on them: (fact, comparison, threshold)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from engine.errors import StudioError
from engine.evaluation import facts_hands, facts_path, facts_posture
from engine.evaluation.body import Body

Fact = Callable[[Body], float]
COMPARISONS: tuple[str, ...] = (">", "<", "between")


def _public(module: ModuleType) -> dict[str, Fact]:
    """The functions of `module` that take a body and return one number."""
    found: dict[str, Fact] = {}
    for name, function in inspect.getmembers(module, inspect.isfunction):
        signature = inspect.signature(function)
        own = function.__module__ == module.__name__ and not name.startswith("_")
        one_number = signature.return_annotation == "float"
        if own and one_number and list(signature.parameters) == ["body"]:
            found[name] = function
    return found


FACTS: dict[str, Fact] = {
    name: function
    for module in (facts_hands, facts_path, facts_posture)
    for name, function in _public(module).items()
}


@dataclass(frozen=True)
class Check:
    """One claim about a motion, e.g. Check("turn", ">", 45.0) or Check("speed", "between", (1, 2)).

    `start` and `end` (seconds from the start, from the end) limit it to a part of the motion.
    """

    fact: str
    comparison: str
    threshold: float | tuple[float, float]
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if self.fact not in FACTS:
            raise StudioError(f"'{self.fact}' is no known fact; see engine/evaluation/facts.py.")
        if self.comparison not in COMPARISONS:
            raise StudioError(f"'{self.comparison}' is no comparison; use one of {COMPARISONS}.")
        if (self.comparison == "between") != isinstance(self.threshold, tuple):
            raise StudioError(f"{self.fact} {self.comparison}: wrong threshold {self.threshold}.")

    def value(self, body: Body) -> float:
        """The fact's number for this body, over the check's part of it."""
        return FACTS[self.fact](self.part(body))

    def part(self, body: Body) -> Body:
        """The piece of the motion this check looks at."""
        if self.start is None and self.end is None:
            return body
        frames = len(body.joints)
        first = round((self.start or 0.0) * body.fps)
        last = frames - round((self.end or 0.0) * body.fps)
        first = max(0, min(first, frames - 4))
        return Body(body.joints[first : max(last, first + 4)], body.fps)

    def holds(self, value: float) -> bool:
        """Whether `value` satisfies the claim."""
        return compare(value, self.comparison, self.threshold)

    def words(self) -> str:
        """The claim in one readable line."""
        return f"{self.fact} {self.comparison} {self.threshold}"


def compare(value: float, comparison: str, threshold: float | tuple[float, float]) -> bool:
    """True when `value` is above, below or between the threshold(s); NaN never passes."""
    if isinstance(threshold, tuple):
        return threshold[0] <= value <= threshold[1]
    return value > threshold if comparison == ">" else value < threshold


def fact(name: str, joints: np.ndarray) -> float:
    """The named fact of joints [T,22,3] (20 fps, metres); StudioError for an unknown name."""
    if name not in FACTS:
        raise StudioError(f"'{name}' is no known fact; known are: {', '.join(sorted(FACTS))}.")
    return FACTS[name](Body(joints))


def all_facts(joints: np.ndarray) -> dict[str, float]:
    """Every fact of joints [T,22,3], for looking at a motion and for choosing thresholds."""
    body = Body(joints)
    return {name: function(body) for name, function in FACTS.items()}


def describe() -> dict[str, str]:
    """Name -> what the fact measures and in which unit."""
    return {name: inspect.getdoc(function) or "" for name, function in sorted(FACTS.items())}


def parse_check(value: Sequence) -> Check:
    """Read ["turn", ">", 45] or ["speed", "between", [1, 2], {"start": 1.0}] from JSON."""
    try:
        name, comparison, threshold, *rest = value
        limits = rest[0] if rest else {}
        bound = tuple(map(float, threshold)) if isinstance(threshold, list) else float(threshold)
        if isinstance(bound, tuple) and len(bound) != 2:
            raise ValueError("a range has two numbers")
        return Check(str(name), str(comparison), bound, limits.get("start"), limits.get("end"))
    except (TypeError, ValueError, AttributeError) as error:
        raise StudioError(f"{value!r} is no check like [fact, comparison, number].") from error


def passes(joints: np.ndarray, checks: Iterable[Check]) -> bool:
    """Whether joints [T,22,3] satisfy every check."""
    body = Body(joints)
    return all(check.holds(check.value(body)) for check in checks)
