"""What learning came to: the reward's folder, report.json, and the same in sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.files import write_json
from engine.preference.judged import HELD_SHARE
from engine.preference.learned import Seen
from engine.preference.outcome import Judge
from engine.preference.retrieval import Table
from engine.preference.taste import wilson
from engine.preference.workshop import Workshop
from engine.tuning.rewards.descriptors import NAMES
from engine.tuning.session import Session

FORMAT = "easytune-spl-report"
VERSION = 1
FEW = 20  # decided votes below which nothing is claimed
GAP = 0.15  # of agreement, by which learned votes may be better than kept-back ones
TOLD = 3  # descriptors that are named
COIN = 0.5


def write(
    shop: Workshop, judge: Judge, session: Session, kept: int, mined: list[float],
    curve: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """Save the reward (and the taste, where there are votes) and the report; returns it."""
    reward = shop.trainer.current
    reward.save_pretrained(shop.request.output)
    before, after = judge.full(shop.reward), judge.full(reward)
    votes = _votes(shop, judge)
    report = {
        "format": FORMAT,
        "version": VERSION,
        "reward": shop.request.reward,
        "updates": shop.trainer.updates,
        "kept_update": kept,
        "seconds": session.clock.elapsed(),
        "hyper": shop.trainer.hyper.to_dict(),
        "retrieval": {"before": before, "after": after} if before else None,
        "hard_share": {"first": mined[0], "last": mined[-1]} if mined else None,
        "votes": votes,
        "missing": [message for _, message in shop.missing],
        "curve": curve,
    }
    report["words"] = words(before, after, votes, kept)
    write_json(session.folder / "report.json", report)
    return report


def _votes(shop: Workshop, judge: Judge) -> dict[str, Any] | None:
    """Agreement with intervals; the taste of all votes is saved."""
    old, new = judge.seen(shop.reward), judge.seen(shop.trainer.current)
    if old is None or new is None:
        return None
    held = shop.held
    found = new.learn()
    new.taste(found).save(shop.request.output)
    if held.any():
        learned = new.learn(~held)
        shares = {
            "before": old.by_reward(held), "after": new.by(learned, held),
            "learned": new.by(learned, ~held),
        }  # fmt: skip
    else:
        shares = {"before": old.by_reward(), "after": old.cross(), "learned": new.by(found)}
    shares["cross"] = old.cross()
    return {
        "votes": shop.judged.votes,
        "unused": shop.judged.unused,
        "held_out": int(held.sum()),
        "agreement": {name: share(*counts) for name, counts in shares.items()},
        "likes": likes(new, found.mean[1:]),
    }


def share(right: int, counted: int) -> dict[str, Any]:
    """A share with its 95 % interval."""
    low, high = wilson(right, counted)
    value = right / counted if counted else None
    return {"right": right, "counted": counted, "share": value, "low": low, "high": high}


def likes(seen: Seen, weights: np.ndarray) -> list[dict[str, Any]]:
    """The descriptors that the taste weighs most."""
    order = np.argsort(-np.abs(weights))[:TOLD]
    return [{"name": NAMES[k], "weight": float(weights[k])} for k in order if abs(weights[k]) > 0.1]


def words(before: Table, after: Table, votes: dict[str, Any] | None, kept: int) -> list[str]:
    """What a person should know, in sentences."""
    lines = _retrieval_words(before, after, kept)
    if votes is not None:
        lines += _vote_words(votes)
    return lines


def _retrieval_words(before: Table, after: Table, kept: int) -> list[str]:
    if not before:
        return []
    if kept == 0:
        return ["The networks stay as they were: no state that was seen retrieves better."]
    lines = []
    for level, name in (("0", "clean motions"), ("500", "motions half in noise")):
        a, b = (table[level]["motion"]["r1"] for table in (before, after))
        lines.append(f"Finds the right one among 32 {name}: {a:.1%} before, {b:.1%} after.")
    worse = [
        f"{network} R@{rank[1:]} at t = {level}"
        for level, networks in before.items()
        for network, ranks in networks.items()
        for rank, value in ranks.items()
        if after[level][network][rank] < value - 0.005
    ]
    if worse:
        lines.append("Retrieval became worse in: " + ", ".join(worse) + ".")
    return lines


def _vote_words(votes: dict[str, Any]) -> list[str]:
    agreed = votes["agreement"]
    before, after, learned, cross = (agreed[k] for k in ("before", "after", "learned", "cross"))
    if not cross["counted"]:
        return ["No vote so far prefers one side: there is nothing to agree with."]
    kept = "votes that were kept back" if votes["held_out"] else (
        f"votes that were kept back in turn (one in {HELD_SHARE})"
    )  # fmt: skip
    lines = []
    if after["counted"]:
        lines.append(
            f"Agrees with {after['share']:.0%} of {after['counted']} {kept} "
            f"(95 %: {after['low']:.0%} to {after['high']:.0%}); before: "
            + ("unknown." if before["share"] is None else f"{before['share']:.0%}.")
        )
    if cross["counted"] < FEW:
        lines.append(
            f"Only {cross['counted']} votes prefer a side: too few to know whether what was "
            f"learned is more than chance. From {FEW} on it is worth a look."
        )
    elif cross["low"] <= COIN:
        lines.append(
            "What was learned does not foretell votes better than a coin: the votes may be too "
            "few, too unlike each other, or about something that is not measured."
        )
    if learned["share"] is not None and cross["counted"]:
        gap = learned["share"] - cross["right"] / cross["counted"]
        if gap > GAP:
            lines.append(
                f"It agrees with {learned['share']:.0%} of the votes it learned from, and with "
                f"{cross['right'] / cross['counted']:.0%} of those it did not: it learns them by "
                "heart. More votes will help."
            )
    return lines
