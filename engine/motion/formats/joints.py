"""The value every mocap reader returns: a tree of joints with a local transform per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import StudioError


@dataclass(frozen=True)
class World:
    """Global pose of named joints: `positions` [T, J, 3], `rotations` [T, J, 3, 3].

    Units and frame are the file's. Iterating gives (positions, rotations).
    """

    names: tuple[str, ...]
    positions: np.ndarray
    rotations: np.ndarray
    fps: float

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter((self.positions, self.rotations))

    def index(self, name: str) -> int:
        """Column of joint `name`; StudioError lists what the file has instead."""
        try:
            return self.names.index(name)
        except ValueError:
            have = ", ".join(self.names)
            raise StudioError(f"The file has no joint '{name}'; it has: {have}.") from None

    def point(self, name: str) -> np.ndarray:
        """Global position of a joint, [T, 3]."""
        return self.positions[:, self.index(name)]

    def rotation(self, name: str) -> np.ndarray:
        """Global rotation of a joint, [T, 3, 3]."""
        return self.rotations[:, self.index(name)]

    def skip(self, frames: int) -> World:
        """Leave out the first `frames` frames."""
        return World(self.names, self.positions[frames:], self.rotations[frames:], self.fps)

    def every(self, step: int) -> World:
        """Keep each `step`-th frame."""
        return World(
            self.names, self.positions[::step], self.rotations[::step], self.fps / max(step, 1)
        )


@dataclass(frozen=True)
class JointTree:
    """Joints in parent-before-child order with local transforms per frame.

    `translations` [T, J, 3] in the file's unit are relative to the parent, `rotations`
    [T, J, 3, 3] local, `offsets` [J, 3] the rest offsets, `parents` [J] with -1 for roots.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    translations: np.ndarray
    rotations: np.ndarray
    fps: float

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.translations)

    def world(self) -> World:
        """Forward kinematics: global positions and rotations of all joints."""
        positions = np.empty_like(self.translations)
        rotations = np.empty_like(self.rotations)
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                positions[:, joint] = self.translations[:, joint]
                rotations[:, joint] = self.rotations[:, joint]
                continue
            turned = rotations[:, parent] @ self.translations[:, joint, :, None]
            positions[:, joint] = positions[:, parent] + turned[..., 0]
            rotations[:, joint] = rotations[:, parent] @ self.rotations[:, joint]
        return World(self.names, positions, rotations, self.fps)
