"""English verb forms, and the small markup of the phrase tables.

The tables are the text files in tables/, one block under each [label]. A line is a verb phrase:
`(a|b)` is a choice, `[a|b]` a choice that may also be left out, `verb*` a verb to conjugate,
`{the}` a place for "the" or "their/his/her/your". Line starts: `~` kept for evaluation,
`=` noun phrase, `>` a whole sentence in itself ("the left hand goes up"), `+` a true detail for
a second sentence, `@` only usable alone (never joined with another action), `#` comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Form = Literal["base", "s", "ing", "past"]

_PAST: dict[str, str] = {
    "be": "was", "begin": "began", "bend": "bent", "bring": "brought", "build": "built",
    "catch": "caught", "come": "came", "cut": "cut", "dig": "dug", "do": "did", "draw": "drew",
    "drink": "drank", "drive": "drove", "fall": "fell", "fight": "fought", "fling": "flung",
    "fly": "flew", "get": "got", "give": "gave", "go": "went", "hang": "hung", "have": "had",
    "hit": "hit", "hold": "held", "keep": "kept", "lay": "laid", "leap": "leapt", "let": "let",
    "lie": "lay", "lead": "led", "look": "looked", "lean": "leaned", "make": "made", "put": "put",
    "rise": "rose", "run": "ran", "say": "said", "set": "set", "shake": "shook", "shoot": "shot",
    "show": "showed", "sing": "sang", "sit": "sat", "spin": "spun", "spring": "sprang",
    "stand": "stood", "strike": "struck", "stride": "strode", "sweep": "swept", "swim": "swam",
    "swing": "swung", "take": "took", "tell": "told", "throw": "threw", "wake": "woke",
    "wring": "wrung", "creep": "crept", "feel": "felt", "shrink": "shrank", "beat": "beat",
    "sneak": "sneaked", "split": "split", "sling": "slung", "bow": "bowed",
    "bid": "bade", "break": "broke", "burst": "burst", "meet": "met", "pay": "paid", "see": "saw",
    "sink": "sank", "speed": "sped", "stick": "stuck", "tear": "tore", "tread": "trod",
    "steal": "stole", "withdraw": "withdrew", "slink": "slunk", "bear": "bore",
    "thrust": "thrust", "light": "lit", "wind": "wound", "leave": "departed", "find": "found",
}  # fmt: skip
_DOUBLES = (
    "run jog hop put sit get spin swim step clap nod bob rub drop flip jab grab skip strut squat "
    "slip tap trip scrub mop plod trot jam set hit cut stop wag let pat drag pop lug slam swat "
    "begin hug rap snap shrug plug nip zip whip quit scan dip bat sag dab wrap slap chop sip "
    "swig trap stir rub peg hum drum step strip thud plop "
    "backflip sideflip bop cup flag leg slog spar split tip trek control stab bid frontflip"
)
_DOUBLING = frozenset(_DOUBLES.split())
_VOWELS = "aeiou"


def conjugate(verb: str, form: Form) -> str:
    """The form of a base verb: "wave" -> wave / waves / waving / waved."""
    first, dash, verb = verb.rpartition("-")
    if form == "ing":
        verb = _gerund(verb)
    elif form == "s":
        verb = _third_person(verb)
    elif form == "past":
        verb = _PAST.get(verb) or _regular_past(verb)
    return first + dash + verb


def _stem(verb: str) -> str:
    return verb + verb[-1] if verb in _DOUBLING else verb


def _regular_past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if _ends_in_bare_y(verb) else _stem(verb) + "ed"


def _gerund(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and verb != "be" and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return _stem(verb) + "ing"


def _ends_in_bare_y(verb: str) -> bool:
    return verb.endswith("y") and verb[-2] not in _VOWELS


def _third_person(verb: str) -> str:
    irregular = {"be": "is", "have": "has"}
    if verb in irregular:
        return irregular[verb]
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    if _ends_in_bare_y(verb):
        return verb[:-1] + "ies"
    return verb + "s"


@dataclass(frozen=True)
class Phrase:
    """One line of a table after its choices were made."""

    text: str
    noun: bool = False
    reserved: bool = False
    alone: bool = False
    detail: bool = False
    clause: bool = False
    weight: float = 1.0

    @property
    def finite(self) -> bool:
        """Whether the phrase reads badly as a gerund ("keeping walking")."""
        return self.text.startswith(("keep*", "be*", "have*", "start*", "let*"))


_CHOICE = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
_VERB = re.compile(r"([a-z]+(?:-[a-z]+)*)\*")


def expand(text: str) -> Iterator[str]:
    """Every way to make the choices in a table line, inner choices first."""
    match = _CHOICE.search(text)
    if match is None:
        yield " ".join(text.split()).replace(" ,", ",")
        return
    options = match[1].split("|") if match[1] is not None else ["", *match[2].split("|")]
    for option in options:
        yield from expand(text[: match.start()] + option + text[match.end() :])


def parse(table: str) -> tuple[Phrase, ...]:
    """All phrases of a table block; raises ValueError for a verb phrase without a leading verb."""
    found: dict[str, Phrase] = {}
    for line in filter(None, map(str.strip, table.splitlines())):
        if line.startswith("#"):
            continue
        body = line.lstrip("~=@+>")
        marks = line[: len(line) - len(body)]
        texts = list(expand(body))
        weight = len(texts) ** -0.5  # a line with many choices must not drown the others
        for text in texts:
            if not {"=", "+", ">"} & set(marks) and _VERB.match(text) is None:
                raise ValueError(f"A verb phrase must start with its verb: {text!r}")
            phrase = Phrase(text, "=" in marks, "~" in marks, "@" in marks, weight=weight)
            phrase = replace(phrase, detail="+" in marks, clause=">" in marks)
            found.setdefault(text, phrase)
    return tuple(found.values())


def inflect(text: str, form: Form, possessive: str = "the") -> str:
    """Conjugate every marked verb of a phrase and fill `{the}`."""
    text = _VERB.sub(lambda match: conjugate(match[1], form), text)
    return text.replace("{the}", possessive)
