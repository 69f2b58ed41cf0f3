"""Captions: labels, a caption grammar, mirroring of words, typing noise, CMU take table."""

from engine.data.captions.cmu import CMU_TAKES, CmuTake, kit_captions
from engine.data.captions.facts import attributes
from engine.data.captions.grammar import sample, sentences
from engine.data.captions.joining import then, while_
from engine.data.captions.labels import (
    CONTENTS,
    STYLES,
    Content,
    canonical_style,
    content_of,
    mirror_label,
)
from engine.data.captions.noise import rough
from engine.data.captions.swap import names_a_side, swap_left_right

__all__ = [
    "CMU_TAKES",
    "CONTENTS",
    "STYLES",
    "CmuTake",
    "Content",
    "attributes",
    "canonical_style",
    "content_of",
    "kit_captions",
    "mirror_label",
    "names_a_side",
    "rough",
    "sample",
    "sentences",
    "swap_left_right",
    "then",
    "while_",
]
