"""Xia et al. 2015, the published test clips in BVH: STYLE_CONTENT_NNN.bvh at 120 fps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from engine.data.sources._common import at_20_fps, file_of, files, net_turn, pieces, quiet_edges
from engine.data.sources.base import SourceClip
from engine.data.sources.cmu_eval import RIG
from engine.errors import StudioError
from engine.motion.formats.bvh import read_bvh
from engine.motion.retarget import retarget

# Content numbers are 1-based into the publisher's list. Sides in it cannot be trusted (a right
# punch is done with the left arm), so turns are told by measuring and sided blows are left out.
_LABELS = (
    "walk", "walk", "walk-turn", "walk-turn", "walk-turn", "walk-turn", "walk", "walk",
    "walk-turn", "walk-turn", "walk-turn", "walk-turn", "run", "run-turn", "run-turn",
    "jump", "jump",
)  # fmt: skip
_STYLES = {"childlike": "childish"}
_TURNED = 45.0  # degrees
_NAME = re.compile(r"^([a-z]+)_(\d{2})_(\d{3})$")


class Xia:
    """Stylised walking, running and jumping; one short take per file."""

    name = "xia"
    licence = "repository BSD-2 (deep-motion-editing), motion of Xia et al. 2015: research only"

    def takes(self, root: Path) -> list[str]:
        """List the stems of all files named STYLE_CONTENT_NNN."""
        return [stem for stem in files(root, ".bvh") if _NAME.match(stem)]

    def clips(self, root: Path, take: str) -> list[SourceClip]:
        """Import one take; StudioError for blows and transitions, whose labels are unreliable."""
        match = _NAME.match(take)
        if match is None:
            raise StudioError(f"{take} is not named STYLE_CONTENT_NNN.")
        number = int(match[2])
        if not 1 <= number <= len(_LABELS):
            raise StudioError("left out: labels of blows and transitions are wrong in this set.")
        motion = read_bvh(file_of(root, take, ".bvh"))
        joints = at_20_fps(retarget(motion.world(), RIG), motion.fps)
        content = _content(_LABELS[number - 1], joints)
        clip = SourceClip(take, joints, content, _STYLES.get(match[1], match[1]), group=take)
        return pieces(clip, quiet_edges(joints))


def _content(label: str, joints: np.ndarray) -> str:
    if not label.endswith("-turn"):
        return label
    turn = net_turn(joints)
    if abs(turn) < _TURNED:
        return label.removesuffix("-turn")
    return f"{label}-left" if turn > 0 else f"{label}-right"
