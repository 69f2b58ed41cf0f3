"""Do generated motions do what was said? Prompts with kinematic checks, run and tallied."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine.errors import StudioError
from engine.evaluation.body import Body
from engine.evaluation.facts import FACTS, Check, compare, parse_check

SUITE = Path(__file__).parents[2] / "assets" / "prompts" / "kinematic_checks.jsonl"
SEEDS = (0, 1, 2)
LEAST = 1e-3  # smaller values count as this much when a ratio is taken


class HasJoints(Protocol):
    """What a generator returns: anything with joints [T,22,3]."""

    @property
    def joints(self) -> np.ndarray:
        """Joints [T,22,3]."""
        ...


Generator = Callable[[list[str], list[float], list[int]], Sequence[HasJoints]]


@dataclass(frozen=True)
class Contrast:
    """fact(first) against fact(second), as a ratio or a difference."""

    fact: str
    comparison: str
    threshold: float
    kind: str

    def value(self, first: Body, second: Body) -> float:
        """first / second, or first - second."""
        a, b = FACTS[self.fact](first), FACTS[self.fact](second)
        return max(a, LEAST) / max(b, LEAST) if self.kind == "ratio" else a - b

    def words(self) -> str:
        """The claim in one readable line."""
        return f"{self.fact} {self.kind} {self.comparison} {self.threshold}"


@dataclass(frozen=True)
class Case:
    """One prompt with what must be true of its motion.

    A contrast case has a second prompt, `than`, generated from the same seed, and `compare`
    instead of `checks`. `label` and `style` (and `parts` of a composition) say which captured
    clips show the same, which is how the checks themselves are validated.
    """

    id: str
    category: str
    label: str
    prompt: str
    seconds: float
    style: str = ""
    checks: tuple[Check, ...] = ()
    parts: tuple[str, ...] = ()
    than: str = ""
    than_label: str = ""
    than_style: str = ""
    compare: tuple[Contrast, ...] = ()

    def judge(self, motions: Sequence[np.ndarray]) -> list[dict[str, Any]]:
        """One record per claim for the motion (contrast: both motions), with value and verdict."""
        bodies = [Body(joints) for joints in motions]
        claims: list[tuple[str, float, bool]] = []
        if self.than:
            for one in self.compare:
                value = one.value(bodies[0], bodies[1])
                claims.append((one.words(), value, compare(value, one.comparison, one.threshold)))
        for check in self.checks:
            value = check.value(bodies[0])
            claims.append((check.words(), value, check.holds(value)))
        return [
            {"claim": words, "value": round(float(value), 4), "passed": bool(passed)}
            for words, value, passed in claims
        ]

    def passes(self, motions: Sequence[np.ndarray]) -> bool:
        """Whether every claim holds."""
        return all(record["passed"] for record in self.judge(motions))


def load_suite(path: Path | str = SUITE) -> list[Case]:
    """Read cases from JSONL; StudioError names the line that is wrong."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise StudioError(f"{path} cannot be read: {error}") from error
    cases = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            cases.append(parse_case(json.loads(line)))
        except (StudioError, ValueError, TypeError, KeyError) as error:
            raise StudioError(f"{path}, line {number}: {error}") from error
    if len({case.id for case in cases}) != len(cases):
        raise StudioError(f"{path}: two cases have the same id.")
    return cases


def parse_case(record: dict[str, Any]) -> Case:
    """Build a case from one JSONL record; StudioError when it claims nothing."""
    if not isinstance(record, dict):
        raise StudioError("a case is a JSON object")
    contrasts = []
    for name, comparison, threshold, kind in record.get("compare", ()):
        if name not in FACTS or comparison not in "<>" or kind not in ("ratio", "difference"):
            raise StudioError(f"{[name, comparison, threshold, kind]} is no contrast.")
        contrasts.append(Contrast(name, comparison, float(threshold), kind))
    case = Case(
        **{
            **record,
            "seconds": float(record["seconds"]),
            "checks": tuple(parse_check(check) for check in record.get("checks", ())),
            "parts": tuple(record.get("parts", ())),
            "compare": tuple(contrasts),
        }
    )
    if not case.checks and not case.compare:
        raise StudioError(f"{case.id} has no checks.")
    if bool(case.than) != bool(case.compare):
        raise StudioError(f"{case.id}: 'than' and 'compare' belong together.")
    return case


def run_suite(
    generate: Generator,
    cases: Sequence[Case],
    seeds: Sequence[int] = SEEDS,
    *,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Generate every prompt with every seed, `batch` at a time, and judge; returns the report."""
    jobs = [(case, seed, text) for case in cases for seed in seeds
            for text in ((case.prompt, case.than) if case.than else (case.prompt,))]  # fmt: skip
    made: dict[tuple[str, int], list[np.ndarray]] = defaultdict(list)
    for start in range(0, len(jobs), batch):
        part = jobs[start : start + batch]
        motions = generate(
            [text for _, _, text in part],
            [case.seconds for case, _, _ in part],
            [seed for _, seed, _ in part],
        )
        if len(motions) != len(part):
            raise StudioError(f"The generator gave {len(motions)} motions for {len(part)} prompts.")
        for (case, seed, _), motion in zip(part, motions, strict=True):
            made[case.id, seed].append(np.asarray(motion.joints))
        if progress:
            progress(min(start + batch, len(jobs)), len(jobs))
    results = [
        {
            "id": case.id,
            "category": case.category,
            "label": case.label,
            "prompt": case.prompt,
            **({"than": case.than} if case.than else {}),
            "seeds": [{"seed": seed, "claims": case.judge(made[case.id, seed])} for seed in seeds],
        }
        for case in cases
    ]
    return tally(results)


def tally(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Add pass rates to judged results: overall, by category, by label and by prompt.

    `motions` is the share of motions that satisfy all their claims, `claims` the share of single
    claims that hold.
    """
    motions: dict[str, list[bool]] = defaultdict(list)
    claims: list[bool] = []
    for result in results:
        verdicts = []
        for run in result["seeds"]:
            verdict = all(claim["passed"] for claim in run["claims"])
            verdicts.append(verdict)
            claims += [claim["passed"] for claim in run["claims"]]
        result["rate"] = float(np.mean(verdicts))
        motions["all"] += verdicts
        motions[f"category {result['category']}"] += verdicts
        motions[f"label {result['label']}"] += verdicts
    return {
        "motions": _mean(motions["all"]),
        "claims": _mean(claims),
        "by_category": _part(motions, "category "),
        "by_label": _part(motions, "label "),
        "prompts": len(results),
        "results": results,
    }


def _part(motions: dict[str, list[bool]], prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): _mean(values)
        for name, values in sorted(motions.items())
        if name.startswith(prefix)
    }


def _mean(values: Iterable[bool]) -> float:
    return round(float(np.mean(list(values))), 4)


def failures(report: dict[str, Any], limit: int = 40) -> list[str]:
    """Readable lines of the claims that failed most, worst prompts first."""
    lines = []
    for result in sorted(report["results"], key=lambda one: one["rate"]):
        broken: dict[str, list[float]] = defaultdict(list)
        for run in result["seeds"]:
            for claim in run["claims"]:
                if not claim["passed"]:
                    broken[claim["claim"]].append(claim["value"])
        for words, values in broken.items():
            shown = ", ".join(f"{value:.2f}" for value in values)
            lines.append(f"{result['rate']:.0%} {result['prompt']!r}: {words} (got {shown})")
    return lines[:limit]
