"""Measured facts of a clip that a caption may mention, and how they are said."""

from __future__ import annotations

import re

import numpy as np

from engine.data.captions.labels import CONTENTS
from engine.motion.skeleton import FPS, JOINTS

# Mean speed in m/s of the pelvis over the ground (locomotion) or of the faster wrist (gestures)
# below which a clip is slow, above which it is fast for its label: about the 20 % slowest and
# fastest of all takes of all styles, moved apart where the label hardly varies.
PACE: dict[str, tuple[float, float]] = {
    "walk": (0.85, 1.40),
    "walk-back": (0.58, 1.05),
    "walk-left": (0.70, 1.25),
    "walk-right": (0.70, 1.25),
    "walk-turn-left": (0.75, 1.25),
    "walk-turn-right": (0.75, 1.25),
    "run": (1.90, 3.20),
    "bye": (0.30, 1.20),
    "byebye": (0.45, 1.80),
    "wave-left-hand": (0.42, 1.60),
    "wave-right-hand": (0.42, 1.60),
    "wave-both-hands": (0.42, 1.60),
    "raise-up-left-hand": (0.55, 1.25),
    "raise-up-right-hand": (0.55, 1.25),
    "raise-up-both-hands": (0.55, 1.25),
}
# A fact is not added to a phrase that already speaks of the same thing.
_SAID: dict[str, str] = {
    "slow": r"slow|fast|quick|speed|sprint|hurry|pace|brisk|one foot",
    "fast": r"slow|fast|quick|speed|sprint|hurry|pace|brisk|stroll|amble|one foot",
    "meters": r"step|meter|few|street|room|path|place|then|corner|back and",
    "steps": r"step|meter|few|street|room|path|place|then|corner|back and",
    "right-hand": r"hand|arm",
    "left-hand": r"hand|arm",
    "both-hands": r"hand|arm",
    "above-head": r"head|high|overhead|air|sky|down|up|lower|drop|over",
}
_NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen",
)  # fmt: skip
_PLAIN: dict[str, tuple[str, ...]] = {
    "slow": (
        "slowly", "at a slow pace", "very slowly", "unhurriedly", "slow", ", taking {their} time",
        "in a slow manner",
    ),
    "fast": ("quickly", "fast", "at a fast pace", "rapidly", "in a hurry", "at a brisk pace"),
    "right-hand": ("with the right hand", "using {their} right hand", "with the right arm"),
    "left-hand": ("with the left hand", "using {their} left hand", "with the left arm"),
    "both-hands": ("with both hands", "using both hands", "with both arms"),
    "above-head": ("above the head", "high above the head", "over {their} head"),
}  # fmt: skip


def fact_words(fact: str, phrase: str = "") -> tuple[str, ...]:
    """Trailing words for a fact; empty for an unknown one or one that `phrase` tells already."""
    name, _, value = fact.partition(":")
    if name not in _SAID or re.search(_SAID[name], phrase):
        return ()
    if name in ("meters", "steps") and value.isdigit() and 0 < int(value) < len(_NUMBERS):
        number = _NUMBERS[int(value)]
        if name == "meters":
            unit = "meter" if value == "1" else "meters"
            return (f"for about {number} {unit}", f"for {value} {unit}", f", about {value} {unit}")
        return (f", taking about {number} steps", f"for about {number} steps", f"for {value} steps")
    return _PLAIN.get(name, ())


def attributes(joints: np.ndarray, content: str | None = None) -> tuple[str, ...]:
    """Facts of a clip (joints [T, 22, 3], metres, facing +Z at the start, 20 fps).

    Possible facts: "slow", "fast" (for the label), "meters:N", "steps:N", "right-hand",
    "left-hand", "both-hands", "above-head". Only those are given that matter for the label;
    without a label only those that need none.
    """
    entry = CONTENTS.get(content or "")
    family = entry.family if entry is not None else ""
    facts: list[str] = []
    if entry is not None and entry.label in PACE:
        slow, fast = PACE[entry.label]
        pace = _pace(joints, family)
        facts += ["slow"] if pace < slow else ["fast"] if pace > fast else []
    if family in ("locomotion", "turn", ""):
        facts += _travel(joints)
    if family in ("gesture", "") and (entry is None or not _says_hand(entry.title)):
        facts += _hands(joints)
    return tuple(facts)


def _says_hand(title: str) -> bool:
    return "hand" in title


def _pace(joints: np.ndarray, family: str) -> float:
    """Mean speed in m/s: of the pelvis over the ground, or of the faster wrist."""
    if family == "gesture":
        wrists = joints[:, [JOINTS["left_wrist"], JOINTS["right_wrist"]]]
        speed = np.linalg.norm(np.diff(wrists, axis=0), axis=2).mean(0).max()
    else:
        speed = np.linalg.norm(np.diff(joints[:, 0, [0, 2]], axis=0), axis=1).mean()
    return float(speed * FPS)


def _travel(joints: np.ndarray) -> list[str]:
    ground = joints[:, 0, [0, 2]]
    metres = float(np.linalg.norm(np.diff(ground, axis=0), axis=1).sum())
    straight = float(np.linalg.norm(ground[-1] - ground[0]))
    facts = []
    if straight > 0.9 * metres and 0.8 < metres < 12:
        facts.append(f"meters:{round(metres)}")
    steps = count_steps(joints)
    if 2 <= steps < len(_NUMBERS):
        facts.append(f"steps:{steps}")
    return facts


def count_steps(joints: np.ndarray) -> int:
    """Steps taken: how often the foot that is in front along the path changes, roughly."""
    ground = joints[:, 0, [0, 2]]
    if len(ground) < 5 or np.linalg.norm(ground[-1] - ground[0]) < 0.6:
        return 0
    heading = np.gradient(ground, axis=0)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-9
    apart = joints[:, JOINTS["left_ankle"]] - joints[:, JOINTS["right_ankle"]]
    lead = (apart[:, [0, 2]] * heading).sum(1)
    wide = np.sign(lead[np.abs(lead) > 0.12])
    return int((np.diff(wide) != 0).sum()) + (1 if len(wide) else 0)


def _hands(joints: np.ndarray) -> list[str]:
    """Which hand is the raised one, and whether it goes above the head."""
    head = joints[:, JOINTS["head"], 1]
    shoulder = joints[:, JOINTS["spine3"], 1]
    up = {
        side: float((joints[:, JOINTS[f"{side}_wrist"], 1] - shoulder).max())
        for side in ("left", "right")
    }
    over = max(
        float((joints[:, JOINTS[f"{side}_wrist"], 1] - head).max()) for side in ("left", "right")
    )
    left, right = up["left"] > 0.0, up["right"] > 0.0
    if not (left or right):
        return []
    facts = ["both-hands" if left and right else "left-hand" if left else "right-hand"]
    return [*facts, "above-head"] if over > 0.12 else facts
