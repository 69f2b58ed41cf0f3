"""How near a prompt is to what the model was trained on, with the nearest known phrases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.data.captions import lexicon
from engine.data.captions.labels import CONTENTS
from engine.data.captions.phrases import phrases
from engine.data.captions.polish import tidy
from engine.data.captions.pools import words
from engine.data.captions.verbs import inflect
from engine.errors import StudioError
from engine.files import load_npz, save_npz

Embed = Callable[[list[str]], np.ndarray]  # N texts -> unit vectors [N, D]

PER_LABEL = 10
_MANY_TAKES = ("walk", "walk-turn-left", "walk-turn-right", "run", "wave-left-hand",
    "wave-right-hand", "wave-both-hands", "raise-up-left-hand", "raise-up-right-hand",
    "raise-up-both-hands", "bow", "bye", "byebye", "walk-back", "walk-left", "walk-right",
    "guide", "dash", "squat", "hop", "kick-left-front", "kick-right-front", "lie-down",
    "deposit-floor", "grab-high", "sneak", "jog-left-circle", "jog-right-circle",
    "elbow-to-knee", "arm-circles-backward", "throw-basketball", "jump", "sit")  # fmt: skip
# Actions with enough takes that the model knows them; the others are at most "roughly" known.
COMMON: frozenset[str] = frozenset(_MANY_TAKES)
STYLED = ("walk", "run", "wave-right-hand", "raise-up-left-hand", "bow", "walk-turn-left")
KNOWN, ROUGH = 0.66, 0.33
RARE = 0.04  # between two equally near phrases, the one of the better known action


@dataclass(frozen=True)
class Familiarity:
    """score 0..1; level "well known", "roughly" or "unknown"; nearest first."""

    score: float
    level: str
    nearest: list[tuple[str, str, str, float]]  # phrase, content, style, similarity


@dataclass(frozen=True)
class FamiliarityIndex:
    """Known phrases with their embeddings; immutable, safe to share between threads."""

    texts: tuple[str, ...]
    contents: tuple[str, ...]
    styles: tuple[str, ...]
    vectors: np.ndarray  # float32 [N, D], unit rows
    weights: np.ndarray  # logistic regression over (cosine, words known, 1)

    @classmethod
    def build(cls, embed: Embed, path: Path | str | None = None) -> FamiliarityIndex:
        """Embed the known phrases, calibrate the score, and write the index to `path`."""
        rows = known_phrases()
        texts, contents, styles = zip(*rows, strict=True)
        vectors = _compact(embed(list(texts)))
        raw = cls(texts, contents, styles, _unit(*vectors), np.zeros(3))
        index = cls(texts, contents, styles, raw.vectors, _calibrate(raw, embed))
        if path is not None:
            arrays = {
                "texts": np.array(texts), "contents": np.array(contents),
                "styles": np.array(styles), "vectors": vectors[0], "scale": vectors[1],
                "weights": index.weights, "fingerprint": np.array(fingerprint(rows)),
            }  # fmt: skip
            save_npz(path, arrays)
        return index

    @classmethod
    def load(cls, path: Path | str) -> FamiliarityIndex:
        """Read an index; raises StudioError when it is absent or damaged."""
        data = load_npz(path)
        try:
            texts, contents, styles = (
                tuple(map(str, data[key])) for key in ("texts", "contents", "styles")
            )
            stamp = str(data["fingerprint"])
            vectors = _unit(data["vectors"], data["scale"])
            index = cls(texts, contents, styles, vectors, data["weights"])
        except (KeyError, TypeError, ValueError) as error:
            raise StudioError(f"{path} is no familiarity index; build it again.") from error
        if stamp != fingerprint(list(zip(texts, contents, styles, strict=True))):
            raise StudioError(f"{path} is damaged: its phrases do not match their fingerprint.")
        return index

    def near(self, text: str, embed: Embed) -> Familiarity:
        """How familiar a prompt is, with up to five known phrases of different actions."""
        if not text.strip():
            return Familiarity(0.0, "unknown", [])
        return self.near_vector(text, embed([lexicon.corrected(text)])[0])

    def near_vector(self, text: str, vector: np.ndarray) -> Familiarity:
        """The same for a prompt whose embedding [D], best of `lexicon.corrected`, is at hand."""
        cosine = self.vectors @ np.asarray(vector, dtype=np.float32)
        known = lexicon.coverage(text)
        # MiniLM hardly tells forward from backward or left from right; the words do.
        blend = 0.5 * cosine + 0.5 * np.array([known[label] for label in self.contents])
        blend -= [0.0 if label in COMMON else RARE for label in self.contents]
        nearest: dict[str, tuple[str, str, str, float]] = {}
        for i in np.argsort(-blend, kind="stable")[:200]:
            entry = (self.texts[i], self.contents[i], self.styles[i], round(float(blend[i]), 3))
            nearest.setdefault(self.contents[i], entry)
            if len(nearest) == 5:
                break
        score = float(_score(self._evidence(text, cosine), self.weights))
        best = next(iter(nearest))
        level = "unknown" if score < ROUGH else "roughly" if score < KNOWN else "well known"
        if level == "well known" and best not in COMMON:
            level = "roughly"
        return Familiarity(score, level, list(nearest.values()))

    def _evidence(self, text: str, cosine: np.ndarray) -> np.ndarray:
        words_known = max(*lexicon.coverage(text).values(), lexicon.joint_coverage(text))
        return np.array([float(cosine.max()), words_known, 1.0])


def known_phrases() -> list[tuple[str, str, str]]:
    """What the index holds, as (text, content, style): each label plainly, some with styles."""
    from engine.data.captions.labels import STYLES

    rows = []
    for label in CONTENTS:
        if label.endswith("-mirrored"):
            continue
        verbs = [p.text for p in phrases(label) if not p.noun and not p.detail]
        stride = max(len(verbs) // PER_LABEL, 1)
        for verb in verbs[::stride][:PER_LABEL]:
            rows.append((_plain(verb, ""), label, "neutral"))
    for style in STYLES:
        if style != "neutral":
            for place, label in enumerate(STYLED):
                adjectives = words(style, "adj")
                adjective = adjectives[place % len(adjectives)].text
                rows.append((_plain(phrases(label)[0].text, adjective), label, style))
    return list(dict.fromkeys(rows))


def fingerprint(rows: Sequence[tuple[str, ...]]) -> str:
    """A short hash of the phrases an index was built from."""
    return hashlib.sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()[:16]


def _plain(verb: str, adjective: str) -> str:
    for slot, word in {"{themselves}": "themselves", "{their}": "their", "{they}": "they",
                       "{them}": "them"}.items():  # fmt: skip
        verb = verb.replace(slot, word)
    return tidy(f"a {adjective} person {inflect(verb, 's')}")


def _compact(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 rows and their float16 scale: half of float16 and as exact as is needed here."""
    scale = np.abs(vectors).max(axis=1, keepdims=True) / 127.0
    return np.round(vectors / scale).astype(np.int8), scale.astype(np.float16)


def _unit(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    vectors = rows.astype(np.float32) * scale.astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _score(evidence: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-(evidence @ weights)))


def _calibrate(index: FamiliarityIndex, embed: Embed) -> np.ndarray:
    """Fit the score: reserved paraphrases of known actions against prompts nobody trained on."""
    from engine.data.captions.grammar import sample
    from engine.data.captions.noise import rough
    from engine.data.captions.phrases import unknown_prompts

    rng = np.random.default_rng(0)
    known = []
    for label in CONTENTS:
        known += [sample(label, "neutral", rng, "eval"), sample(label, "tired", rng, "all")]
        known.append(rough(sample(label, "neutral", rng, "all"), rng))
    strange = list(unknown_prompts())
    vectors = embed([lexicon.corrected(text) for text in known + strange])
    evidence = np.stack([
        index._evidence(text, index.vectors @ vector)
        for text, vector in zip(known + strange, vectors, strict=True)
    ])  # fmt: skip
    target = np.array([1.0] * len(known) + [0.0] * len(strange))
    share = np.where(target == 1.0, 0.5 / len(known), 0.5 / len(strange))
    weights = np.zeros(3)
    for _ in range(30):  # Newton's method, lightly regularised
        p = _score(evidence, weights)
        gradient = evidence.T @ (share * (p - target)) + 1e-3 * weights
        curve = (evidence * (share * p * (1 - p))[:, None]).T @ evidence + 1e-3 * np.eye(3)
        weights -= np.linalg.solve(curve, gradient)
    return weights
