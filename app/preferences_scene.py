"""What the Preferences tab shows: the vote, progress, the learning, and the win rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.ballot import Ballot
from app.preferences_engine import label
from app.preferences_learn import Lesson, curve
from app.preferences_poll import Poll

if TYPE_CHECKING:
    from engine.preference.records import Vote

LAST = 20  # votes that the running agreement is of
NO_PAIR: dict[str, Any] = {"empty": "Press Show a pair: two motions, and you say which is better."}
NONE: dict[str, Any] = {"state": "none"}
NO_RATE: dict[str, Any] = {"sides": []}
_WORDS = {"left": "Left it is.", "right": "Right it is.", "tie": "A tie.", "bad": "Both are bad."}
ENOUGH = 20  # votes from which on something can be learned
EMPTY_TEXT = (
    "Vote on a few pairs; from about twenty on it is worth learning from them. Every vote counts, "
    "also those of the Compare tab."
)


def vote_value(ballot: Ballot) -> dict[str, Any]:
    """The vote, open or closed; a closed one says who was who."""
    if not ballot.answer:
        seen = "" if ballot.blind else " You have seen who made them."
        return {"state": "open", "text": f"Which is better? Keys 1 to 4 vote too.{seen}"}
    left, right = (label(side) for side in ballot.sides)
    text = f"{_WORDS[ballot.answer]} Left was {left}; right was {right}."
    return {"state": "closed", "answer": ballot.answer, "text": text}


def facts(poll: Poll, stored: int) -> list[dict[str, str]]:
    """How many votes, how far they are foretold, how steady the voter is, how many more help."""
    here = len(poll.pairs)
    rows = [("Votes", f"{here} now, {stored} in all", "votes of this visit, and all that are kept")]
    known = [told for told in poll.foretold if told is not None][-LAST:]
    if known:
        rows.append((
            f"Foretold of your last {len(known)}", f"{sum(known) / len(known):.0%}",
            "share of your votes that the votes before them had told; half is chance",
        ))  # fmt: skip
    same, twice = poll.consistent
    if twice:
        rows.append((
            "Same answer again", f"{same} of {twice}",
            "pairs that were shown to you twice, swapped",
        ))  # fmt: skip
    if poll.proposer is not None and here:
        more = poll.proposer.useful()
        rows.append((
            "More votes that help", "few" if more < 5 else f"about {round(more, -1) or 5}",
            "an estimate: after so many, a vote will hardly tell anything new",
        ))  # fmt: skip
    return [{"name": name, "value": value, "tip": tip} for name, value, tip in rows]


def board_value(poll: Poll, stored: int, lesson: Lesson | None) -> dict[str, Any]:
    """Progress of voting, and of the learning that was begun last."""
    value: dict[str, Any] = {
        "state": "empty", "id": "", "title": "", "text": _voting_text(stored),
        "facts": facts(poll, stored) if stored or poll.pairs else [],
    }  # fmt: skip
    if lesson is None:
        return value
    planned = next((e.get("seconds_planned") for e in lesson.events if e["kind"] == "start"), None)
    elapsed = lesson.events[-1].get("elapsed", 0.0) if lesson.events else 0.0
    report = lesson.report if lesson.state == "finished" else None
    words = list(report["words"]) if report else []
    missing = [str(e.get("message")) for e in lesson.events if e["kind"] == "warning"]
    return {
        **value,
        "state": lesson.state,
        "id": lesson.name,
        "title": lesson.name,
        "text": _lesson_text(lesson, words),
        "progress": min(1.0, elapsed / planned) if lesson.busy and planned else None,
        "charts": _charts(lesson),
        "warnings": [*words[1:], *dict.fromkeys(missing)],
        "actions": [{"name": "stop", "label": "Stop learning", "enabled": True, "primary": False}]
        if lesson.state == "running" else [],
    }  # fmt: skip


def _voting_text(stored: int) -> str:
    if not stored:
        return EMPTY_TEXT
    if stored < ENOUGH:
        return f"{ENOUGH - stored} more votes, and it is worth learning from them."
    return "Learn from them whenever you like, and again after more votes."


def _lesson_text(lesson: Lesson, words: Sequence[str]) -> str:
    if words:
        return words[0]
    return {
        "starting": "Reading votes and motions…",
        "running": "Learning from your votes…",
        "finished": "Learned.",
        "paused": "Paused.",
        "interrupted": "Learning was interrupted. Learn again.",
    }.get(lesson.state, lesson.problem or "Learning failed.")


def _charts(lesson: Lesson) -> list[dict[str, Any]]:
    charts = []
    for key, title, tip in (
        ("agreement", "Agrees with votes kept back", "share of votes that nothing learned from"),
        ("motion_t0_r1", "Finds the right motion", "R@1 among 32 held-out motions, by the text"),
    ):
        x, y = curve(lesson.events, key)
        if any(value is not None for value in y):
            charts.append({"title": title, "tip": tip, "x": x,
                           "curves": [{"name": "", "tip": "", "y": y}]})  # fmt: skip
    rows = [e for e in lesson.events if e["kind"] == "progress"]
    if rows:
        charts.append({
            "title": "Loss", "tip": "what is made smaller, all parts together",
            "x": [float(e["elapsed"]) for e in rows],
            "curves": [{"name": "", "tip": "", "y": [sum(e["losses"].values()) for e in rows]}],
        })  # fmt: skip
    return charts


def rate_value(votes: Sequence[Vote], name: str) -> dict[str, Any]:
    """How often the tuned model won blind, with its 95 % interval; nothing before the first."""
    from engine.preference.taste import wilson

    won = lost = alike = 0
    for vote in votes:
        if vote.pair.source != "base-tuned" or not vote.blind:
            continue
        labels = {vote.pair.first: vote.pair.first_label, vote.pair.second: vote.pair.second_label}
        if not any(one.rpartition(", seed ")[0].split(" × ")[0] == name for one in labels.values()):
            continue
        if vote.winner is None:
            alike += 1
        elif labels[vote.winner].startswith("base, seed "):
            lost += 1
        else:
            won += 1
    total = won + lost + alike
    if not total:
        return NO_RATE
    sides = [("base", "base", lost / total), (name, "tuned", won / total)]
    low, high = wilson(won, won + lost)
    clear = "" if low > 0.5 or high < 0.5 else " That is no clear win yet."
    text = (
        f"{name} wins {won} of {won + lost} decided pairs: {won / max(won + lost, 1):.0%} "
        f"(95 %: {low:.0%} to {high:.0%}), {alike} without a winner.{clear}"
    )
    return {
        "sides": [{"name": n, "accent": a, "share": round(s, 4)} for n, a, s in sides],
        "text": text if won + lost else f"{alike} pairs without a winner so far.",
        "words": [],
    }
