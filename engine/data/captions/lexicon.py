"""The words the grammar knows, and how well a prompt is covered by them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from engine.data.captions.frames import NOUN_FRAMES, SUBJECTS, VERB_FRAMES
from engine.data.captions.labels import CONTENTS
from engine.data.captions.noise import CHAT, MISSPELLED
from engine.data.captions.phrases import clauses, phrases, tables
from engine.data.captions.verbs import conjugate
from engine.data.captions.words_style import STYLE_RUNS, STYLE_WALKS, STYLE_WORDS

_TOKEN = re.compile(r"[a-z0-9']+")
_FUNCTION = """
a an the this that these those some any one and or but then than as at by for from in into
of off on onto out over to under up down with without while who whom which what when where how
if so is are was were be been being am do does did done doing has have had having can could
will would shall should may might must let lets make makes made making get gets got getting
go goes going went i you he she it we they me him her us them my your his its our their mine
not no nor just very really quite bit little lot more most much many again also after before
first next finally once twice time times same now here there please plz pls show shows see
want wants need give animate animation motion video clip generate create imagine picture
looks look looking seems seem like way manner kind mood person people someone somebody man
woman guy human figure character individual subject dude lady boy girl avatar actor model
mannequin stick himself herself themselves yourself itself start starts starting
begin begins beginning keep keeps keeping meter meters metre metres second seconds step steps
slowly quickly fast slow quick quietly about around along back forth away all own ur gonna
wanna thru
two three four five six seven eight nine ten each other another few several something thing
u r n w sb 2 4
"""
_FUNCTION_WORDS = frozenset(_FUNCTION.split())
_MENDED = {wrong: right for right, all_ in MISSPELLED.items() for wrong in all_}


def tokens(text: str) -> list[str]:
    """Lower-case words of a prompt; hyphens split words."""
    return _TOKEN.findall(text.lower().replace("-", " "))


@lru_cache(maxsize=1)
def _lemmas() -> dict[str, str]:
    """Every form of every verb in the tables, to its base."""
    found: dict[str, str] = {}
    verbs = set(re.findall(r"([a-z]+)\*", " ".join(tables().values())))
    for table in (STYLE_WALKS, STYLE_RUNS):
        verbs |= set(re.findall(r"([a-z]+)\*", " ".join(table.values())))
    for verb in sorted(verbs):
        for form in ("s", "ing", "past"):
            found[conjugate(verb, form)] = verb
        found[verb] = verb
    for wrong, right in (_MENDED | {short: full for full, short in CHAT.items()}).items():
        found.setdefault(wrong, found.get(right, right))
    return found


def lemma(word: str) -> str:
    """The base of a word as the tables know it; unknown words lose a plural s."""
    known = _lemmas().get(word)
    if known is not None:
        return known
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def content_words(text: str) -> list[str]:
    """Lemmas of a prompt without function words."""
    return [lemma(word) for word in tokens(text) if word not in _FUNCTION_WORDS]


@lru_cache(maxsize=1)
def vocabularies() -> dict[str, frozenset[str]]:
    """The words that belong to each content label."""
    return {
        label: frozenset(
            word for p in (*phrases(label), *clauses(label)) for word in content_words(p.text)
        )
        for label in CONTENTS
    }


@lru_cache(maxsize=1)
def manner_words() -> frozenset[str]:
    """Words of styles, subjects and sentence frames: known, but no action."""
    rows: Iterable[str] = [row for style in STYLE_WORDS.values() for row in style.values()]
    text = " ".join([*rows, *STYLE_WALKS.values(), SUBJECTS, VERB_FRAMES, NOUN_FRAMES])
    return frozenset(content_words(re.sub(r"\{\w+\}|[*~|]", " ", text)))


@lru_cache(maxsize=1)
def rarity() -> dict[str, float]:
    """How telling a word is: high when few labels use it; 0.3 at least."""
    used = Counter(word for words in vocabularies().values() for word in words)
    scale = math.log(len(CONTENTS))
    return {word: max(0.3, math.log(len(CONTENTS) / n) / scale) for word, n in used.items()}


@lru_cache(maxsize=1)
def _typo_targets() -> tuple[str, ...]:
    """What a misspelt word may be meant as: verbs, style words, and words of several labels.

    A noun of one label is left out: "juggle" is not a misspelt "jungle".
    """
    once = Counter(word for words in vocabularies().values() for word in words)
    shared = {word for word, n in once.items() if n > 2}
    return tuple(sorted(w for w in shared | manner_words() | set(_lemmas()) if len(w) > 3))


@lru_cache(maxsize=4096)
def recognise(word: str) -> tuple[str, float]:
    """The known word meant by a lemma and how sure that is; ("", 0) for an unknown one."""
    known = rarity()
    if word in known or word in manner_words():
        return word, 1.0
    if len(word) < 4:
        return "", 0.0
    allowed = 1 if len(word) < 8 else 2
    best, least = "", (allowed + 1, False)
    for other in _typo_targets():
        if other[0] != word[0] or abs(len(other) - len(word)) > allowed:
            continue
        # of two equally near words the longer: letters are dropped more often than added
        apart = (edits(word, other, allowed), len(other) <= len(word))
        if apart[0] <= allowed and apart < least:
            best, least = other, apart
    return (_lemmas().get(best, best), 0.8) if best else ("", 0.0)


def corrected(text: str) -> str:
    """The prompt in lower case with common misspellings mended, for the text encoder."""
    return _TOKEN.sub(lambda match: _MENDED.get(match[0], match[0]), text.lower())


def edits(a: str, b: str, most: int) -> int:
    """Letters to drop, add, change or swap to turn `a` into `b`; `most + 1` when more."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            cost = min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            new.append(cost)
        if min(new) > most:
            return most + 1
        before, row = row, new
    return row[-1]


def coverage(text: str) -> dict[str, float]:
    """Share 0..1 of the telling words of a prompt that each content label knows."""
    weights: list[tuple[str, float, float]] = []  # word, weight, sureness
    for word in content_words(text):
        meant, sure = recognise(word)
        if not meant:
            weights.append(("", 1.0, 0.0))
        elif meant in rarity():
            weights.append((meant, rarity()[meant], sure))
        else:
            weights.append(("*", 0.15, sure))
    total = sum(weight for _, weight, _ in weights)
    if not any(word not in ("", "*") for word, _, _ in weights):
        return dict.fromkeys(CONTENTS, 0.0)
    return {
        label: sum(
            weight * sure for word, weight, sure in weights if word == "*" or word in vocabulary
        )
        / total
        for label, vocabulary in vocabularies().items()
    }


def joint_coverage(text: str) -> float:
    """Coverage by the best two labels together, for prompts that name two actions."""
    parts = re.split(r"\b(?:then|while|and|after|before|as)\b|[,.;]", text.lower())
    parts = [part for part in parts if content_words(part)]
    if len(parts) < 2:
        return 0.0
    lengths = [len(content_words(part)) for part in parts]
    best = [max(coverage(part).values()) for part in parts]
    return sum(b * n for b, n in zip(best, lengths, strict=True)) / sum(lengths)
