"""What each take of CMU subjects 01-14 shows, as label and own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.files import read_json


@dataclass(frozen=True)
class CmuTake:
    """One take: label, style, and sentences that are true for every part of it."""

    content: str
    style: str = "neutral"
    captions: tuple[str, ...] = ()


_SLOW = ("a person walks forward slowly", "someone strolls along at a slow pace")
_STRIDE = ("a person walks with long strides", "someone takes very big steps")
_BRISK = ("a person walks briskly", "someone walks fast")

# takes -> (label, own captions that say more than the label does)
_RANGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("01_01", "hop", ("a person makes forward jumps with both feet",)),
    ("01_02-01_14", "climb", ("a person climbs on playground equipment",)),
    ("02_01 02_02", "walk", ()),
    ("02_03", "run", ("a person jogs",)),
    ("02_04", "balance", ("a person jumps and balances",)),
    ("02_05", "punch", ("a person punches and strikes",)),
    ("02_06", "pick-up", ("a person bends over, scoops something up and lifts it high",)),
    ("02_07 02_08 02_09", "swordplay", ("someone fights with an imaginary sword",)),
    ("02_10", "wash-self", ("a person washes themselves as in a shower",)),
    ("03_01 03_02 03_03 03_04", "walk-uneven", ()),
    ("05_01 06_01", "walk", ()),
    ("05_02-05_20", "ballet", ()),
    ("06_02-06_05", "dribble", ("a person dribbles a basketball forward",)),
    ("06_06 06_07", "dribble-back", ()),
    ("06_08 06_09", "dribble-sideways", ()),
    ("06_10", "dribble", ("a basketball player dribbles around to the left",)),
    ("06_11 06_12", "dribble", ("a basketball player dribbles around to the right",)),
    ("06_13", "dribble", ("someone dribbles low and fast",)),
    ("06_14 06_15", "dribble-shoot", ()),
    ("07_01-07_03 07_06-07_10", "walk", ()),
    ("07_04 07_05", "walk", _SLOW),
    ("07_11", "walk", _STRIDE),
    ("07_12", "walk", _BRISK),
    ("08_01-08_03 08_06 08_08-08_10", "walk", ()),
    ("08_04", "walk", _SLOW),
    ("08_05", "walk", (*_STRIDE, *_BRISK)),
    ("08_07", "walk", _STRIDE),
    ("08_11", "walk", ("a person walks slowly with long strides",)),
    ("09_01-09_11", "run", ()),
    ("09_12", "walk-around", ()),
    ("10_01-10_03 10_05 10_06 11_01", "kick-ball", ()),
    ("10_04", "walk", ()),
    ("12_01-12_03", "walk", ()),
    ("12_04", "tai-chi", ()),
    ("13_01-13_03 14_27 14_28", "sit", ("a person sits on a high stool",)),
    ("13_04-13_06", "sit", ("someone sits on a low stool",)),
    ("13_07 13_08 14_05", "drink", ("a person opens a bottle and drinks from it",)),
    ("13_09 14_04 14_37", "drink", ("a person takes a drink from a bottle",)),
    ("13_10 13_12 14_07-14_09", "reach-up", ()),
    ("13_11 13_13 13_19 13_32", "jump-forward", ()),
    ("13_14-13_16 14_17-14_19", "laugh", ()),
    ("13_17 13_18 14_01-14_03", "box", ()),
    ("13_20-13_22 14_10-14_12", "wash-window", ()),
    ("13_23-13_25 14_16", "sweep", ()),
    ("13_26-13_28 14_24-14_26", "direct-traffic", ()),
    ("13_29-13_31 14_06 14_14 14_20", "exercise", ()),
    ("13_33 13_34 14_33-14_35", "climb-ladder", ()),
    ("13_35-13_38 14_21-14_23", "climb-steps", ()),
    ("13_39-13_42", "jump", ()),
    ("14_13 14_15", "mop", ()),
    ("14_29", "sit", ("a person sits on a stool and swings the legs",)),
    ("14_30", "sit", ("someone sits with one ankle on the other knee",)),
    ("14_31 14_32 14_36", "sit", ("a person sits on a low stool",)),
)


def _expand(spec: str) -> list[str]:
    names = []
    for part in spec.split():
        first, _, last = part.partition("-")
        subject, start = first.split("_")
        end = last.split("_")[1] if last else start
        names += [f"{subject}_{take:02d}" for take in range(int(start), int(end) + 1)]
    return names


CMU_TAKES: dict[str, CmuTake] = {
    take: CmuTake(label, "neutral", captions)
    for spec, label, captions in _RANGES
    for take in _expand(spec)
}

_KIT_PATH = re.compile(r"^CMU/\d+/(\d\d_\d\d)_poses$")
_ADVERTISEMENT = re.compile(r"https?:|<a |href|\bwww\.", re.IGNORECASE)


def kit_captions(json_path: Path | str) -> dict[str, list[tuple[str, float, float]]]:
    """Crowd captions of the CMU takes in a KIT-ML annotation file, as {take: [(text, start, end)]}.

    Times are seconds of the original take. Entries for mirrored twins are left out, and so are
    advertisements. Raises StudioError when the file cannot be read.
    """
    found: dict[str, list[tuple[str, float, float]]] = {}
    for entry in read_json(json_path).values():
        match = _KIT_PATH.match(str(entry.get("path", "")))
        if match is None:
            continue
        for note in entry.get("annotations", ()):
            text = " ".join(str(note["text"]).split())
            if text and not _ADVERTISEMENT.search(text):
                caption = (text, float(note["start"]), float(note["end"]))
                found.setdefault(match[1], []).append(caption)
    return found
