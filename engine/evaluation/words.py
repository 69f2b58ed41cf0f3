"""Captions as the published evaluator reads them: word vectors and parts of speech."""

from __future__ import annotations

import pickletools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.backbones.t2m_evaluator import POS, WORD
from engine.errors import StudioError

MOST_WORDS = 20  # of a caption; its start and end come on top
MOST_BYTES = 256 * 2**20
PREFIX = "our_vab"
UNKNOWN = "unk"
CLASSES = (
    "VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV",
    "Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP", "Desc_VIP", "OTHER",
)  # fmt: skip
OTHER = CLASSES.index("OTHER")
# Words with a class of their own, whatever their part of speech: the evaluator was trained so.
_SPECIAL = {
    "Loc_VIP": "anticlockwise back backward clockwise counterclockwise curve down forward left "
               "right straight up",
    "Body_VIP": "arm chin eye face feet foot hand knee leg mouth shoulder thigh waist",
    "Obj_VIP": "ball baseball basketball car chair dumbbell floor handrail stair window",
    "Act_VIP": "balance bend bring climb dance flap hop jog jump kick kneel lean lift lower pick "
               "put raise rotate rub run shuffle sit spin spread squat stand stop stroll stumble "
               "swing throw turn walk wash",
    "Desc_VIP": "angrily angry careful carefully fast happily happy quickly sad sadly slow slowly",
}  # fmt: skip
SPECIAL = {word: CLASSES.index(name) for name, words in _SPECIAL.items() for word in words.split()}


@dataclass(frozen=True)
class Words:
    """Vectors [V, 300] of the words in `places`."""

    vectors: np.ndarray
    places: dict[str, int]

    @classmethod
    def read(cls, folder: Path) -> Words:
        """From the published our_vab_data.npy and our_vab_idx.pkl; StudioError if they are wrong.

        The pickle is not loaded: its words and numbers are read off its instructions.
        """
        data = folder / f"{PREFIX}_data.npy"
        try:
            vectors = np.load(data, allow_pickle=False).astype(np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise StudioError(
                f"{data} is not readable ({error}). Give the folder of the published word vectors."
            ) from error
        places = read_places(folder / f"{PREFIX}_idx.pkl")
        if vectors.ndim != 2 or vectors.shape[1] != WORD or not np.isfinite(vectors).all():
            raise StudioError(f"{data} holds no vectors of {WORD} numbers.")
        if UNKNOWN not in places or not all(0 <= one < len(vectors) for one in places.values()):
            raise StudioError(f"{folder} is incomplete: words and vectors do not belong together.")
        return cls(vectors, places)

    def token(self, token: str) -> tuple[np.ndarray, int]:
        """Vector [300] and class of a token such as "walk/VERB"."""
        word, _, tag = token.rpartition("/")
        if word not in self.places:
            return self.vectors[self.places[UNKNOWN]], OTHER
        kind = CLASSES.index(tag) if tag in CLASSES else OTHER
        return self.vectors[self.places[word]], SPECIAL.get(word, kind)

    def caption(self, tokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray, int]:
        """Vectors [22, 300], one-hot classes [22, 15] and length, start and end included."""
        kept = ["sos/OTHER", *tokens[:MOST_WORDS], "eos/OTHER"]
        length = len(kept)
        kept += ["unk/OTHER"] * (MOST_WORDS + 2 - length)
        found = [self.token(token) for token in kept]
        classes = np.zeros((len(kept), POS), np.float32)
        classes[np.arange(len(kept)), [kind for _, kind in found]] = 1.0
        return np.stack([vector for vector, _ in found]), classes, length


def read_places(path: Path) -> dict[str, int]:
    """The numbers of words in a pickled dictionary, without unpickling it."""
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise ValueError("it is too large")
        found: dict[str, int] = {}
        word: str | None = None
        for operation, value, _ in pickletools.genops(data):
            if operation.name in ("GLOBAL", "STACK_GLOBAL", "REDUCE", "INST", "OBJ", "NEWOBJ"):
                raise ValueError("it holds more than words and numbers")
            if isinstance(value, str) and "UNICODE" in operation.name:
                word = value
            elif word is not None and isinstance(value, int) and "INT" in operation.name:
                found[word], word = value, None
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise StudioError(f"{path} is not readable ({error}).") from error
    if not found:
        raise StudioError(f"{path} holds no words.")
    return found
