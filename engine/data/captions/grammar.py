"""The caption grammar: subject x verb phrase x style x sentence frame, sampled or listed."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from engine.data.captions.facts import fact_words
from engine.data.captions.frames import CLAUSE_FRAMES, NOUN_FRAMES, VERB_FRAMES
from engine.data.captions.labels import canonical_style, content_of
from engine.data.captions.phrases import clauses, details, phrases
from engine.data.captions.polish import finish, tidy
from engine.data.captions.pools import (
    NOBODY,
    OBJECTIVE,
    POSSESSIVE,
    REFLEXIVE,
    YOU,
    Frame,
    Kind,
    Subject,
    frames,
    pick,
    subjects,
    weighted,
    who_from_noun,
    words,
)
from engine.data.captions.verbs import Form, Phrase, inflect


@dataclass(frozen=True)
class Manner:
    """How a style was rendered for one sentence; empty strings where a part is not used."""

    adj: str = ""
    adv: str = ""
    tail: str = ""
    lead: str = ""
    also: str = ""
    noun: str = ""
    rel: str = ""
    who: Subject | None = None


# parts of the sentence that say the style together, with weight; by voice of the frame
_MODES: dict[str, tuple[tuple[float, tuple[str, ...]], ...]] = {
    "s": (
        (6, ("adj",)), (5, ("adv",)), (4, ("tail",)), (3, ("who",)), (1, ("lead",)),
        (1, ("also",)), (2, ("adj", "tail")), (1, ("adj", "adv")), (1, ("who", "tail")),
        (1, ("who", "adv")), (1, ("adv", "also")), (1, ("adv", "tail")),
        (2, ("rel",)), (1, ("rel", "tail")), (1, ("rel", "adv")),
    ),
    "!": ((5, ("adv",)), (4, ("tail",)), (1, ("adv", "tail"))),
    "-": ((5, ("adv",)), (4, ("tail",)), (1, ("adv", "tail"))),
    "n": ((6, ("noun",)), (1, ("noun", "tail")), (1, ("tail",))),
}  # fmt: skip


def manner(
    style: str, voice: str, rng: np.random.Generator, kind: Kind, leads: bool = True
) -> Manner:
    """Draw how to say `style` in a sentence of this voice; neutral is mostly left unsaid."""
    if style == "neutral" and rng.random() > 0.08:
        return Manner()
    modes = [
        (weight, parts)
        for weight, parts in _MODES[voice]
        if all(words(style, part) for part in parts) and (leads or "lead" not in parts)
    ]
    if not modes:
        return Manner()
    parts = modes[weighted([weight for weight, _ in modes], rng)][1]
    said = {part: pick(words(style, part), rng, kind, 0.6).text for part in parts}
    who = who_from_noun(said.pop("who")) if "who" in said else None
    return Manner(who=who, **said)


UNFIT: dict[str, str] = {
    "feminine": r"\b(he|man|boy|guy|dude)$",
    "masculine": r"\b(she|woman|girl|lady)$",
    "elderly": r"\b(boy|girl)$",
    "old": r"\b(boy|girl)$",
}


def choose_subject(
    chosen: Manner, style: str, rng: np.random.Generator, kind: Kind, named: bool = False
) -> Subject:
    """Draw who acts; a style that sits in the noun ("an old man") brings its own subject.

    named: no pronoun, as in "there is ...".
    """
    if chosen.who is not None:
        return chosen.who
    described = bool(chosen.adj or chosen.rel) or named
    pool = tuple(s for s in subjects() if s.person or not described)
    # "a woman, in a manly way" and "an old boy" are not what the clips show
    unfit = UNFIT.get(style)
    if unfit is not None:
        pool = tuple(s for s in pool if not re.search(unfit, s.text))
    return pick(pool, rng, kind, 0.4)


def _fill_pronouns(text: str, who: Subject) -> str:
    plural = who.pronoun in ("they", "you")
    text = inflect(text, "base" if plural else "s")
    return (
        text.replace("{They}", who.pronoun.capitalize())
        .replace("{Their}", POSSESSIVE[who.pronoun].capitalize())
        .replace("{they}", who.pronoun)
        .replace("{their}", POSSESSIVE[who.pronoun])
        .replace("{themselves}", REFLEXIVE[who.pronoun])
        .replace("They is ", "They are ")
        .replace("They be ", "They are ")
    )


def verb_phrase(
    phrase: Phrase, form: Form, who: Subject, said: Manner, rng: np.random.Generator
) -> str:
    """The phrase in one verb form with adverb and trailing clause in place."""
    possessive = who.possessive if rng.random() < 0.45 else "the"
    text = phrase.text.replace("{themselves}", REFLEXIVE[who.pronoun])
    text = text.replace("{their}", POSSESSIVE[who.pronoun]).replace("{they}", who.pronoun)
    text = text.replace("{them}", OBJECTIVE[who.pronoun])
    text = inflect(text, form, possessive)
    if said.adv:
        ahead = " " not in said.adv and not phrase.clause and rng.random() < 0.6
        text = f"{said.adv} {text}" if ahead else f"{text} {said.adv}"
    if said.tail:
        tail = _fill_pronouns(said.tail, who)
        text = text + tail if tail.startswith(",") else f"{text} {tail}"
    return text


def agree(text: str, who: Subject) -> str:
    """Fill the slots of helping verbs so that they agree with the subject."""
    one = who.plural
    slots = {
        "{is}": "are" if one else "is",
        "{was}": "were" if one else "was",
        "{begins}": "begin" if one else "begins",
        "{performs}": "perform" if one else "performs",
        "{does_v}": "do" if one else "does",
        "{did_v}": "did",
        "{aux}": "do" if one else "does",
    }
    for slot, word in slots.items():
        text = text.replace(slot, word)
    return text


_FORMS: dict[str, Form] = {"{C}": "base", "{doing}": "ing", "{do}": "base", "{did}": "past"}


def build(
    phrase: Phrase,
    frame: Frame,
    style: str,
    rng: np.random.Generator,
    kind: Kind,
    facts: tuple[str, ...] = (),
    extra: tuple[Phrase, ...] = (),
) -> str:
    """One sentence from a phrase and a frame; style, subject, facts and details are drawn."""
    voice = "n" if phrase.noun else frame.voice
    said = manner(style, voice, rng, kind, leads=frame.text.startswith("{S}"))
    told = None if phrase.noun or phrase.clause else style_verb(phrase, style, rng, kind)
    if told is not None:
        phrase = told
        said = Manner() if rng.random() < 0.5 else said
    said = _with_fact(said, facts, phrase, rng)
    if frame.voice == "s":
        who = choose_subject(said, style, rng, kind, named="there is" in frame.text)
    else:
        who = YOU if frame.voice == "!" else NOBODY
    text = _fill_noun(frame.text, phrase, said, who) if phrase.noun else frame.text
    forms: dict[str, Form] = _FORMS | {"{does}": "base" if who.plural else "s"}
    for slot, form in forms.items():
        if slot in text:
            text = text.replace(slot, verb_phrase(phrase, form, who, said, rng))
    rel = f" {inflect(said.rel, 's').replace('who be ', 'who is ')}" if said.rel else ""
    text = agree(text, who).replace("{S}", who.text + rel).replace("{O}", who.objective + rel)
    text = text.replace("{adj}", said.adj)
    if said.lead:
        text = f"{_fill_pronouns(said.lead, who)}, {text}"
    if said.also:
        text = f"{text}. {_fill_pronouns(said.also, who)}."
    elif extra and frame.voice == "s" and text[-1] != "?" and rng.random() < 0.15:
        text = f"{text}. {_fill_pronouns(pick(extra, rng, kind).text, who)}."
    return tidy(text)


def style_verb(phrase: Phrase, style: str, rng: np.random.Generator, kind: Kind) -> Phrase | None:
    """Now and then the phrase with a verb that carries the style: "trudges" for "walks"."""
    gait = re.match(r"(walk|run)\*(?! (on tip|like|with|quiet|stealth|and |for |, ))", phrase.text)
    if gait is None or rng.random() > 0.3:
        return None
    choices = words(style, gait[1])
    if not choices:
        return None
    verb = pick(choices, rng, kind, 0.6).text
    return replace(phrase, text=verb + phrase.text[len(gait[1]) + 1 :])


def _fill_noun(text: str, phrase: Phrase, said: Manner, who: Subject) -> str:
    noun = inflect(phrase.text.replace("{adj}", said.noun), "base", "the")
    text = text.replace("{N}", noun)
    if not said.tail:
        return text
    tail = _fill_pronouns(said.tail, who)
    end = re.search(r"[?]|, please$", text)
    body, rest = (text[: end.start()], text[end.start() :]) if end else (text, "")
    return (body + tail if tail.startswith(",") else f"{body} {tail}") + rest


def _with_fact(
    said: Manner, facts: tuple[str, ...], phrase: Phrase, rng: np.random.Generator
) -> Manner:
    """Mention one measured fact where the sentence still has room for it."""
    if not facts or phrase.noun or phrase.clause or said.tail or said.also or rng.random() > 0.5:
        return said
    usable = [found for fact in facts if (found := fact_words(fact, phrase.text + said.adv))]
    if not usable:
        return said
    choices = usable[int(rng.integers(len(usable)))]
    return replace(said, tail=choices[int(rng.integers(len(choices)))])


@lru_cache(maxsize=4)
def _finite_frames() -> tuple[Frame, ...]:
    return tuple(f for f in frames(VERB_FRAMES) if "{doing}" not in f.text)


def frames_for(phrase: Phrase) -> tuple[Frame, ...]:
    """The sentence frames that suit a phrase."""
    if phrase.clause:
        return frames(CLAUSE_FRAMES)
    if phrase.noun:
        return frames(NOUN_FRAMES)
    return _finite_frames() if phrase.finite else frames(VERB_FRAMES)


def sample(
    content: str,
    style: str,
    rng: np.random.Generator,
    kind: Kind = "train",
    attributes: tuple[str, ...] = (),
) -> str:
    """One caption for a labelled clip.

    kind: "train" never uses the reserved phrases, subjects, frames and style words, "eval"
    always uses a reserved verb or noun phrase (and reserved other parts about half the time),
    "all" draws from everything. attributes: measured facts, see `attributes()`.
    Raises StudioError for an unknown content or style.
    """
    style = canonical_style(style)
    pool = phrases(content_of(content).label)
    nouns = tuple(p for p in pool if p.noun)
    verbs = tuple(p for p in pool if not p.noun)
    use_noun = bool(nouns) and rng.random() < 0.12
    use_noun &= kind != "eval" or any(p.reserved for p in nouns)
    whole = clauses(content)
    if whole and rng.random() < 0.1 and (kind != "eval" or any(p.reserved for p in whole)):
        phrase = pick(whole, rng, kind)
    else:
        phrase = pick(nouns if use_noun else verbs, rng, kind)
    frame = pick(frames_for(phrase), rng, kind, 0.5)
    extra = details(content)
    return finish(build(phrase, frame, style, rng, kind, attributes, extra), rng)


def sentences(
    content: str, style: str = "neutral", limit: int | None = None, kind: Kind = "train"
) -> list[str]:
    """Distinct captions in a fixed order: every phrase in every frame, subjects taking turns.

    Raises StudioError for an unknown content or style.
    """
    style = canonical_style(style)
    pool = (*phrases(content_of(content).label), *clauses(content))
    rng = np.random.default_rng(zlib.crc32(f"{content} {style}".encode()))
    usable = [p for p in pool if kind == "all" or p.reserved == (kind == "eval")]
    most = len(frames(VERB_FRAMES))
    found: dict[str, None] = {}
    for offset in range(most):
        for index, phrase in enumerate(usable):
            choices = [f for f in frames_for(phrase) if kind != "train" or not f.reserved]
            if offset >= len(choices):
                continue
            frame = choices[(offset + index) % len(choices)]
            found[build(phrase, frame, style, rng, kind)] = None
            if limit is not None and len(found) >= limit:
                return list(found)
    return list(found)
