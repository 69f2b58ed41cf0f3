"""Body: a skinned person that `smplx` poses, be it the mannequin or a licensed SMPL file."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.body.arrays import KINDS, read_body
from engine.motion.formats.skin import Skin
from engine.motion.skeleton import N_JOINTS

_CHUNK = 32  # frames that are posed at once, to keep memory small
# smplx adds joints picked from SMPL's own vertices; they are left out here, so any vertex will do.
_EXTRA = (
    "nose", "reye", "leye", "rear", "lear", "LBigToe", "LSmallToe", "LHeel", "RBigToe",
    "RSmallToe", "RHeel",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Body:
    """A body of one shape. `arrays` are SMPL's under smplx's names, `betas` [B] its shape."""

    arrays: dict[str, np.ndarray]
    betas: np.ndarray
    name: str = "mannequin"

    @property
    def kind(self) -> str:
        """SMPL, SMPL+H or SMPL-X."""
        return KINDS[self.arrays["kintree_table"].shape[1]]

    @property
    def faces(self) -> np.ndarray:
        """Triangles [F, 3], counter-clockwise seen from outside."""
        return self.arrays["f"].astype(np.int64)

    @cached_property
    def vertices(self) -> np.ndarray:
        """The shaped skin [V, 3] in the T pose, metres."""
        shaped = np.asarray(self.arrays["shapedirs"], np.float64) @ self.betas
        return self.arrays["v_template"].astype(np.float64) + shaped

    @cached_property
    def rest(self) -> np.ndarray:
        """The first 22 joints [22, 3] of the T pose, metres, Y up, facing +Z."""
        return self.arrays["J_regressor"][:N_JOINTS] @ self.vertices

    @cached_property
    def weights(self) -> np.ndarray:
        """Skin weights [V, 22]; hands and face move with wrists and head."""
        weights = self.arrays["weights"].astype(np.float64)
        parents = self.arrays["kintree_table"][0].astype(np.int64)
        table = weights[:, :N_JOINTS].copy()
        for joint in range(N_JOINTS, weights.shape[1]):
            above = joint
            while above >= N_JOINTS:
                above = int(parents[above])
            table[:, above] += weights[:, joint]
        return table / table.sum(axis=1, keepdims=True)

    def skin(self) -> Skin:
        """The body as files of other programs carry it."""
        return Skin(self.vertices, self.faces, self.weights, self.rest)

    def shaped(self, betas: np.ndarray) -> Body:
        """The same body of another shape."""
        return Body(self.arrays, np.asarray(betas, np.float64), self.name)

    @cached_property
    def _model(self) -> Any:
        import smplx
        from smplx.utils import Struct

        # smplx prints a warning about ten shape coefficients, which is all that is used here.
        with contextlib.redirect_stdout(io.StringIO()):
            return smplx.SMPL(
                "", data_struct=Struct(**self.arrays), num_betas=len(self.betas),
                vertex_ids=dict.fromkeys(_EXTRA, 0), use_hands=False, create_betas=False,
                create_body_pose=False, create_global_orient=False, create_transl=False,
            )  # fmt: skip

    def pose(self, rotations: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Skin [T, V, 3] and joints [T, 22, 3] in metres, float32, posed by smplx.

        rotations [T, 22, 3, 3] are each relative to the parent's (the pelvis' is the world's);
        `root` [T, 3] is where the pelvis is. Hands and face stay at rest.
        """
        import torch

        count = self.arrays["kintree_table"].shape[1]
        turns = np.tile(np.eye(3, dtype=np.float32), (len(rotations), count, 1, 1))
        turns[:, :N_JOINTS] = rotations
        shift = torch.from_numpy((root - self.rest[0]).astype(np.float32))
        pose, betas = torch.from_numpy(turns), torch.from_numpy(self.betas.astype(np.float32))
        skins, joints = [], []
        with torch.no_grad():
            for start in range(0, len(rotations), _CHUNK):
                part = pose[start : start + _CHUNK]
                found = self._model(
                    betas=betas.expand(len(part), -1), global_orient=part[:, :1],
                    body_pose=part[:, 1:], transl=shift[start : start + _CHUNK], pose2rot=False,
                )  # fmt: skip
                skins.append(found.vertices.numpy())
                joints.append(found.joints[:, :N_JOINTS].numpy())
        return np.concatenate(skins), np.concatenate(joints)


@lru_cache(maxsize=4)
def _loaded(path: Path | None, changed: int) -> Body:
    arrays = read_body(path)
    shape = np.zeros(arrays["shapedirs"].shape[2])
    return Body(arrays, shape, "mannequin" if path is None else path.stem)


def load_body(path: Path | str | None = None) -> Body:
    """The mannequin, or the SMPL, SMPL+H or SMPL-X body of an npz file, in its mean shape.

    Raises StudioError for pickles and for what is no body.
    """
    if path is None:
        return _loaded(None, 0)
    file = Path(path)
    return _loaded(file, file.stat().st_mtime_ns if file.is_file() else 0)
