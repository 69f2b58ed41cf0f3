"""Motions as files named after their content: the same motion is stored once, and never changes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from engine.checks import shown
from engine.errors import StudioError
from engine.motion.motion import Motion

NAME = re.compile(r"[0-9a-f]{64}")


def content_hash(joints: np.ndarray) -> str:
    """SHA-256 of joints [T, 22, 3] as float32."""
    exact = np.ascontiguousarray(joints, dtype="<f4")
    return hashlib.sha256(str(exact.shape).encode() + exact.tobytes()).hexdigest()


class MotionFiles:
    """A folder of motions by content hash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where the motion of a hash lies; StudioError for what is no hash."""
        if not NAME.fullmatch(name):
            raise StudioError(f"{shown(name)!r} is no motion of the store.")
        return self.folder / name[:2] / f"{name}.npz"

    def add(self, motion: Motion) -> str:
        """Store a motion unless it is there; returns its hash. The file is whole or absent."""
        motion.validate()
        name = content_hash(motion.joints)
        path = self.path(name)
        if not path.is_file():
            motion.save(path)
        return name

    def get(self, name: str) -> Motion:
        """The motion exactly as it was stored; StudioError when it is gone or was changed."""
        path = self.path(name)
        if not path.is_file():
            raise StudioError(f"The motion {name[:12]} of the vote store is missing: {path}.")
        motion = Motion.load(path)
        if content_hash(motion.joints) != name:
            raise StudioError(f"{path} was changed: it is not the motion that was voted on.")
        return motion
