"""What the model knows well, roughly or not at all: a page made of counts and measured rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data import captions
from engine.data.captions.phrases import unknown_prompts
from engine.data.clip import Clip
from engine.data.dataset import MotionDataset
from engine.errors import StudioError
from engine.files import read_json, write_bytes
from engine.motion.skeleton import FPS

WELL, ROUGHLY, NOT = "well", "roughly", "not at all"
LEVELS = (WELL, ROUGHLY, NOT)
MANY_TAKES = 10  # fewer are copied rather than understood
GOOD_RATE, LEAST_RATE = 0.8, 0.5

RULE = f"""\
* **well**: at least {MANY_TAKES} takes in training, and, where it was measured, at least \
{GOOD_RATE:.0%} of the generated motions do what was said.
* **roughly**: at least one take, and, where it was measured, at least {LEAST_RATE:.0%}. Expect \
something close to the few takes there are, whatever else the prompt says, or a miss now and then.
* **not at all**: no take in training, or measured below {LEAST_RATE:.0%}.

A take is one recording; a long one gives several clips. A measured rate can lower a level, never \
raise it."""

BEYOND = """\
* Anything that is not in the tables above. The model still answers, with the nearest thing it \
knows; the page's familiarity gauge warns of that.
* Two people, animals, and what happens to objects: there is one body, and the ball, the bottle or \
the ladder is not there.
* Fingers, face, where the eyes look: the body has 22 joints, the hands end at the wrists.
* Stairs and slopes as such: the floor is flat. Climbing was recorded on things that are not shown.
* Styles outside the table of styles, and most styles on rare actions: they were recorded in one \
style, the neutral one.
* Numbers, distances and speeds, except roughly: "three times", "two metres".
* More than two actions in one prompt, and anything longer than 9.8 seconds."""


@dataclass(frozen=True)
class Entry:
    """One action: what training has of it, own clips and mirrored clips of its twin."""

    label: str
    title: str
    clips: int
    mirrored: int
    takes: int
    minutes: float
    styles: tuple[str, ...]
    rate: float | None
    level: str


def vocabulary(data: Path | str, out: Path | str, suite: Path | str | None = None) -> Path:
    """Write the page about the dataset folder `data` to `out` and return its path.

    `suite` is a result of the kinematic suite, alone or inside a quality result. StudioError when
    `data` is no prepared dataset or `suite` holds no pass rates.
    """
    dataset, out = MotionDataset.open(data), Path(out)
    rates = read_rates(Path(suite)) if suite is not None else {}
    source = Path(suite).name if suite is not None else ""
    write_bytes(out, markdown(dataset.clips, rates, source).encode())
    return out


def read_rates(path: Path) -> dict[str, float]:
    """Share of motions that pass, by label, from a suite report or a quality result."""
    value = read_json(path)
    report = value.get("suite", value) if isinstance(value, dict) else {}
    rates = report.get("by_label") if isinstance(report, dict) else None
    if not isinstance(rates, dict) or not all(_is_share(rate) for rate in rates.values()):
        raise StudioError(
            f"{path} holds no pass rates by label. Give a result of python -m benchmarks.quality."
        )
    return {str(label): float(rate) for label, rate in rates.items()}


def level(takes: int, rate: float | None = None) -> str:
    """Level of an action by its takes in training and its measured pass rate, 0 to 1."""
    if takes == 0 or (rate is not None and rate < LEAST_RATE):
        return NOT
    if takes >= MANY_TAKES and (rate is None or rate >= GOOD_RATE):
        return WELL
    return ROUGHLY


def entries(clips: Iterable[Clip], rates: Mapping[str, float]) -> list[Entry]:
    """One entry per action of the caption grammar; the best known and most recorded first."""
    trained: dict[str, list[Clip]] = {label: [] for label in captions.CONTENTS}
    for clip in clips:
        if clip.split == "train" and clip.content in trained:
            trained[clip.content].append(clip)
    found = [_entry(label, trained, rates.get(label)) for label in trained]
    return sorted(found, key=lambda e: (LEVELS.index(e.level), -e.takes, -e.minutes, e.label))


def _entry(label: str, trained: Mapping[str, Sequence[Clip]], rate: float | None) -> Entry:
    twin = captions.mirror_label(label)
    own = trained[label]
    other = trained[twin] if twin != label else []
    both = [*own, *other]
    title = captions.content_of(label).title
    if label.endswith("-mirrored") and title == captions.content_of(twin).title:
        title += ", mirrored"
    takes = len({(clip.source, clip.group) for clip in both})
    return Entry(
        label, title, len(own), len(other), takes, _minutes(both),
        tuple(sorted({captions.canonical_style(clip.style) for clip in both})),
        rate, level(takes, rate),
    )  # fmt: skip


def markdown(clips: Sequence[Clip], rates: Mapping[str, float], source: str = "") -> str:
    """The whole page; `source` names the file the rates come from."""
    found = entries(clips, rates)
    trained = [clip for clip in clips if clip.split == "train"]
    free = sum(not clip.content for clip in trained)
    measured = (
        f"Measured rates are from `{source}`: the share of generated motions that satisfy every "
        "check of the kinematic suite (`assets/prompts/kinematic_checks.jsonl`). Where *passed* is "
        "empty, the level follows from the takes alone."
        if rates
        else "Pass rates were not measured for this page, so levels follow from the takes alone."
    )
    parts = [
        "# What the model knows",
        "Written by `python -m engine data vocabulary`; do not edit by hand.",
        f"{len(trained):,} training clips, {_minutes(trained):,.1f} minutes"
        + (f"; {free:,} of them have captions and no label, and are not counted below" * (free > 0))
        + f". {measured}",
        "## How the levels are given",
        RULE,
        "Training also sees every clip mirrored, with left and right exchanged in its words. "
        "*mirrored* counts the clips that an action gets from its twin that way.",
    ]
    for name in (WELL, ROUGHLY):
        chosen = [entry for entry in found if entry.level == name]
        parts += [f"## Known {name}" if name == WELL else "## Known roughly", _table(chosen)]
    parts += ["## Styles", _styles(trained), _unseen(clips)]
    parts += ["## Two actions in one prompt", _joined(found, rates)]
    parts += ["## Not known", _unknown(found), BEYOND, _examples()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(chosen: Sequence[Entry]) -> str:
    if not chosen:
        return "Nothing."
    lines = [
        "| action | label | takes | clips | mirrored | minutes | styles | passed |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for entry in chosen:
        passed = "" if entry.rate is None else f"{entry.rate:.0%}"
        lines.append(
            f"| {entry.title} | `{entry.label}` | {entry.takes} | {entry.clips} | "
            f"{entry.mirrored or ''} | {_time(entry.minutes)} | {_style_cell(entry.styles)} | "
            f"{passed} |"
        )
    return "\n".join(lines)


def _style_cell(styles: Sequence[str]) -> str:
    return styles[0] if len(styles) == 1 else str(len(styles))


def _styles(trained: Sequence[Clip]) -> str:
    labelled = [clip for clip in trained if clip.content in captions.CONTENTS]
    every = sorted({clip.content for clip in labelled})
    lines = [
        "The number of styles in the tables above is out of these. A style was recorded for the "
        "actions named here; on others it is a guess.",
        "",
        "| style | clips | minutes | actions |",
        "|---|---:|---:|---|",
    ]
    for style in captions.STYLES:
        chosen = [clip for clip in labelled if captions.canonical_style(clip.style) == style]
        labels = sorted({clip.content for clip in chosen})
        aliases = [] if style == "neutral" else captions.STYLES[style]
        names = ", ".join([style, *(name for name in aliases if "_" not in name)])
        if chosen:
            lines.append(
                f"| {names} | {len(chosen)} | {_time(_minutes(chosen))} | {_named(labels, every)} |"
            )
    return "\n".join(lines)


def _named(labels: Sequence[str], every: Sequence[str]) -> str:
    """The labels, or what is missing where that is shorter."""
    missing = [label for label in every if label not in labels]
    if len(missing) >= len(labels):
        return ", ".join(f"`{label}`" for label in labels)
    return "all" + (" but " + ", ".join(f"`{label}`" for label in missing) if missing else "")


def _unseen(clips: Sequence[Clip]) -> str:
    pairs = sorted({(clip.content, clip.style) for clip in clips if clip.split == "unseen"})
    if not pairs:
        return ""
    named = ", ".join(f"`{content}` {style}" for content, style in pairs)
    return (
        "These pairs are kept out of training, to measure whether an action and a style that were "
        f"learned apart go together: {named}."
    )


def _joined(found: Sequence[Entry], rates: Mapping[str, float]) -> str:
    known = [entry.label for entry in found if entry.takes]
    lower = [label for label in known if captions.content_of(label).lower]
    upper = [label for label in known if captions.content_of(label).upper]
    parts = [
        'Training composes clips: one action *then* another ("walks forward, then bows"), and '
        'arms of one clip *while* the legs of another go on ("waves while walking"). *Then* '
        "joins any two known actions, where the result is plausible. *While* joins these legs: "
        + ", ".join(f"`{label}`" for label in lower)
        + "; with these arms: "
        + ", ".join(f"`{label}`" for label in upper)
        + "."
    ]
    rows = [(label, rate) for label, rate in sorted(rates.items()) if ":" in label]
    if rows:
        lines = ["| measured combination | passed |", "|---|---:|"]
        lines += [f"| `{label}` | {rate:.0%} |" for label, rate in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _unknown(found: Sequence[Entry]) -> str:
    absent = [f"{e.title} (`{e.label}`)" for e in found if e.level == NOT and not e.takes]
    failed = [entry for entry in found if entry.level == NOT and entry.takes]
    parts = []
    if absent:
        parts.append(
            "Captions can name these actions, but no training clip shows them: "
            + ", ".join(absent)
            + "."
        )
    if failed:
        parts += ["Recorded, but the model does not do it when asked:", _table(failed)]
    return "\n\n".join(parts)


def _examples() -> str:
    lines = [f"* {prompt}" for prompt in unknown_prompts()[:20]]
    return "\n".join(["Examples of what it does not know:", "", *lines])


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _time(minutes: float) -> str:
    return f"{minutes:.1f}" if minutes >= 1 else f"{minutes:.2f}"


def _minutes(clips: Iterable[Clip]) -> float:
    return sum(clip.frames for clip in clips) / FPS / 60.0
