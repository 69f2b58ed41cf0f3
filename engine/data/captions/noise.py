"""A typing person: typos, capitals, dropped articles and text-speak, sides kept readable."""

from __future__ import annotations

import re

import numpy as np

# Misspellings people really make; for words that carry the meaning only these are used.
MISSPELLED: dict[str, tuple[str, ...]] = {
    "left": ("letf", "lef", "leftt", "lefft", "lft"),
    "right": ("rigth", "rihgt", "righ", "rightt", "rigt", "rght"),
    "both": ("boht", "bot", "bothe", "boths"),
    "forward": ("foward", "forwad", "forwrd", "froward", "foreward", "forwards"),
    "forwards": ("fowards", "forwads", "forwrds"),
    "backward": ("backwrd", "bakward", "backwad", "backwords", "backwars"),
    "backwards": ("backwrds", "bakwards", "backwads", "backwars"),
    "back": ("bakc", "bak", "backk"),
    "person": ("persn", "preson", "persom", "peson", "perosn"),
    "someone": ("somone", "some one", "somoene", "sombody"),
    "walk": ("wlak", "wak", "walkk"),
    "walks": ("wlaks", "waks", "walsk"),
    "walking": ("walkin", "walkng", "wlaking", "waking"),
    "runs": ("rusn", "runns"),
    "running": ("runing", "runnin", "runnning"),
    "waves": ("wawes", "wavs", "waevs"),
    "waving": ("wavin", "waiving", "wavng"),
    "raises": ("rases", "raies", "rises"),
    "raising": ("rasing", "raisng"),
    "tired": ("tierd", "tird", "tyred"),
    "exhausted": ("exausted", "exhuasted", "exhasted"),
    "energetic": ("energtic", "enegetic", "energitic"),
    "happy": ("hapy", "happpy", "hapyy"),
    "happily": ("happyly", "hapily"),
    "angry": ("angy", "agnry", "angrey"),
    "elderly": ("eldery", "eldrely"),
    "jumps": ("jups", "jumsp"),
    "kicks": ("kiks", "kciks"),
    "hand": ("hnad", "han", "handd"),
    "hands": ("hnads", "hansd", "handes"),
    "turns": ("turs", "trns", "tunrs"),
    "slowly": ("slowy", "slwoly", "sloly"),
    "quickly": ("quikly", "quickley", "qickly"),
    "goodbye": ("goodby", "good bye", "gudbye"),
    "squat": ("sqat", "squatt", "sqaut", "squt"),
    "squats": ("sqats", "sqauts", "squatts"),
    "kick": ("kik", "kcik", "kickk"),
    "jump": ("jupm", "jmp", "junp"),
    "bows": ("bwos", "bowss"),
    "bow": ("bwo", "boww"),
    "crawls": ("crawels", "crwals", "crals"),
    "punches": ("puches", "pucnhes", "punchs"),
    "dances": ("dacnes", "danses", "dnaces"),
    "climbs": ("clims", "clmibs", "climbes"),
    "stretches": ("streches", "strecthes"),
}
CHAT: dict[str, str] = {
    "please": "plz", "you": "u", "are": "r", "and": "n", "with": "w/", "to": "2", "someone": "sb",
    "for": "4", "see": "c", "because": "cuz", "want to": "wanna", "going to": "gonna",
}  # fmt: skip
_BRITISH: dict[str, str] = {
    "meters": "metres", "center": "centre", "practise": "practice", "color": "colour",
    "goodbye": "good-bye", "forward": "forwards", "toward": "towards", "energized": "energised",
    "gray": "grey", "counterclockwise": "anticlockwise", "backward": "backwards",
}  # fmt: skip
_KEYS: dict[str, str] = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok",
    "o": "ipl", "p": "ol", "a": "qsz", "s": "adw", "d": "sfe", "f": "dgr", "g": "fht", "h": "gjy",
    "j": "hku", "k": "jli", "l": "kop", "z": "xa", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng",
    "n": "bmh", "m": "nk",
}  # fmt: skip
# A free typo in these could turn the meaning round; they only take the misspellings above.
_KEEP = (
    "left right both back forward backward forwards backwards one two up down in out on off "
    "hand hands arm arms leg legs walk walks walking run runs running bow bows old sad not no "
    "clockwise counterclockwise anticlockwise leftward rightward left-handed right-handed "
    "shy young happy angry fast slow slowly quickly"
)
PROTECTED = frozenset(_KEEP.split())
_WORD = re.compile(r"[A-Za-z']+(?:-[A-Za-z]+)*")


def _misspell(word: str, rng: np.random.Generator) -> str:
    """One typo: a known misspelling, else a dropped, doubled, swapped or neighbouring letter."""
    known = MISSPELLED.get(word.lower())
    if known is not None and (word.lower() in PROTECTED or rng.random() < 0.6):
        return known[int(rng.integers(len(known)))]
    if word.lower() in PROTECTED or len(word) < 4 or "-" in word or "'" in word:
        return word
    place = int(rng.integers(1, len(word) - 1))  # people rarely miss the first or last letter
    before, here, after = word[:place], word[place], word[place + 1 :]
    kind = int(rng.integers(4))
    if kind == 0:
        return before + after
    if kind == 1:
        return before + here + here + after
    if kind == 2:
        return before + after[:1] + here + after[1:]
    near = _KEYS.get(here.lower(), here)
    return before + near[int(rng.integers(len(near)))] + after


def _typos(text: str, rng: np.random.Generator, share: float) -> str:
    """Put at least one typo into the text, in about `share` of its words."""
    spots = list(_WORD.finditer(text))
    if not spots:
        return text
    hit = {i for i in range(len(spots)) if rng.random() < share} or {int(rng.integers(len(spots)))}
    pieces, end = [], 0
    for index in sorted(hit):
        spot = spots[index]
        pieces += [text[end : spot.start()], _misspell(spot[0], rng)]
        end = spot.end()
    return "".join([*pieces, text[end:]])


def _replace_words(text: str, table: dict[str, str], share: float, rng: np.random.Generator) -> str:
    def change(match: re.Match[str]) -> str:
        word = table.get(match[0].lower())
        return word if word is not None and rng.random() < share else match[0]

    return _WORD.sub(change, text)


def _drop_articles(text: str) -> str:
    return re.sub(r"\b([Aa]n?|[Tt]he)\s+", "", text)


def _letter_case(text: str, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.15:
        return text.upper()
    if draw < 0.45:
        return text.lower()
    if draw < 0.65:
        return text[:1].upper() + text[1:]
    if draw < 0.70:
        return text.title()
    if draw < 0.75:  # the one word that matters, shouted
        return re.sub(r"\b(left|right|both|backwards?|fast|slowly)\b", _shout, text)
    return text


def _shout(match: re.Match[str]) -> str:
    return match[0].upper()


_ENDS = ("", "", "", ".", "!", "!!", "...", " .", "?", " pls", " plz", " please", " :)", ";", ",")


def rough(text: str, rng: np.random.Generator) -> str:
    """The same prompt as a hurried person would type it; the meaning stays readable.

    Sides and directions only take misspellings that stay nearest to the right word.
    """
    if not text.strip():
        return text
    if rng.random() < 0.25:
        text = _drop_articles(text)
    if rng.random() < 0.15:
        text = _replace_words(text, _BRITISH, 0.8, rng)
    if rng.random() < 0.12:
        text = _replace_words(text, CHAT, 0.6, rng)
    if rng.random() < 0.6:
        text = _typos(text, rng, 0.08 + 0.16 * rng.random())
    text = _letter_case(text, rng)
    if rng.random() < 0.4:
        text = text.rstrip(".!? ") + _ENDS[int(rng.integers(len(_ENDS)))]
    if rng.random() < 0.1:
        text = text.replace(",", "")
    if rng.random() < 0.05:
        text = text.replace(" ", "  ", 1)
    return text.strip() or text
