"""What the grid of a whole pack and the bar of wins are sent."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from app.scene import encode
from engine.motion.skeleton import FPS

if TYPE_CHECKING:
    from engine.compare.pack import PackResult, Wins
    from engine.motion.motion import Motion

NO_RATE: dict[str, Any] = {"sides": []}


def rate_value(result: PackResult) -> dict[str, Any]:
    """Who wins how often: two shares, a sentence, and what the other measures say."""
    wins, count = result.wins, len(result.prompts)
    names, accents = _names(result)
    shares = wins.left / count, wins.right / count
    sides = zip(names, accents, shares, strict=True)
    return {
        "sides": [{"name": n, "accent": a, "share": round(s, 4)} for n, a, s in sides],
        "text": _sentence(wins, names),
        "words": [f"{names[1]} {sentence}" for sentence in result.words],
    }


def _sentence(wins: Wins, names: tuple[str, str]) -> str:
    alike = f", {wins.ties} alike" if wins.ties else ""
    if wins.rate is None or wins.low is None or wins.high is None:
        return "Both follow the text equally well on every prompt: the motions are alike."
    clear = wins.low > 0.5 or wins.high < 0.5
    verdict = "" if clear else " That is no clear win."
    return (
        f"By the evaluator, {names[1]} follows the text better on {wins.right} prompts, {names[0]} "
        f"on {wins.left}{alike}: {wins.rate:.0%} (95 %: {wins.low:.0%} to {wins.high:.0%})."
        f"{verdict}"
    )


def grid_value(result: PackResult) -> dict[str, Any]:
    """Every prompt with both motions and how well each follows the text."""
    _, accents = _names(result)
    rows = zip(result.prompts, *result.motions, *result.similarity, result.winners, strict=True)
    return {
        "id": secrets.token_hex(8),
        "fps": FPS,
        "accents": accents,
        "tiles": [
            {
                "prompt": prompt.text,
                "scores": [f"{left:.2f}", f"{right:.2f}"],
                "better": better,
                "motions": [_motion(one, a) for one, a in zip(pair, accents, strict=True)],
            }
            for prompt, *pair, left, right, better in rows
        ],
    }


def _names(result: PackResult) -> tuple[tuple[str, str], tuple[str, str]]:
    left, right = result.choices
    accents = (left.accent, "other" if left.accent == right.accent else right.accent)
    return (left.label, right.label), accents


def _motion(motion: Motion, accent: str) -> dict[str, Any]:
    joints = motion.joints
    return {"label": "", "accent": accent, "frames": len(joints), "joints": encode(joints)}
