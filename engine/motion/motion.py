"""Motion: the one value everything that shows, scores, exports or stores a movement takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from engine.errors import StudioError
from engine.files import load_npz, npz_bytes, write_bytes
from engine.motion.features import joints_to_features
from engine.motion.kinematics import bone_lengths
from engine.motion.skeleton import (
    BONE_LENGTHS,
    FPS,
    JOINT_NAMES,
    MAX_FRAMES,
    MIN_FRAMES,
    N_JOINTS,
)

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_PROMPT = 10_000
LONGEST_SECONDS = 60.0  # of a sequence of prompts
FARTHEST = 100.0  # metres from the origin; ten seconds of sprinting are under that


@dataclass(frozen=True)
class Motion:
    """Joints float32 [T, 22, 3] in metres, Y up, starting at the XZ origin facing +Z.

    `seed` and `model` say how it was generated, where it was.
    """

    joints: np.ndarray
    prompt: str = ""
    seed: int | None = None
    model: str = ""
    fps: float = FPS

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.joints)

    @property
    def seconds(self) -> float:
        """Duration in seconds, counting every frame as one step."""
        return self.frames / self.fps

    @cached_property
    def features(self) -> np.ndarray:
        """HumanML3D features float32 [T - 1, 263], computed when first asked for."""
        return joints_to_features(self.joints)

    def validate(self, longest: int = MAX_FRAMES) -> None:
        """Raise StudioError unless this is a motion of a human body that the engine can take."""
        check_joints(self.joints, longest)
        if not (np.isfinite(self.fps) and abs(self.fps - FPS) < 1e-3):
            raise StudioError(
                f"The motion has {self.fps} frames per second; resample it to {FPS:g}."
            )

    def save(self, path: Path | str) -> None:
        """Write an npz without pickle: joints, fps, prompt, model, and seed where there is one."""
        write_bytes(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The bytes of the npz that `save` writes."""
        arrays = {
            "joints": np.asarray(self.joints, dtype=np.float32),
            "fps": np.array(float(self.fps)),
            "prompt": np.array(self.prompt),
            "model": np.array(self.model),
        }
        if self.seed is not None:
            # Seeds up to 2**64 are legal; numpy picks int64 or uint64 as needed.
            arrays["seed"] = np.array(self.seed)
        return npz_bytes(arrays)

    @classmethod
    def load(cls, path: Path | str, longest: int = MAX_FRAMES) -> Motion:
        """Read and validate what `save` wrote; only `joints` is required. Raises StudioError.

        `longest` is the most frames that are taken.
        """
        arrays = load_npz(path, max_bytes=MAX_FILE_BYTES)
        if "joints" not in arrays:
            raise StudioError(f"{path} is not a motion: it holds no array named 'joints'.")
        joints = arrays["joints"]
        if joints.dtype.kind not in "fiu":
            raise StudioError(f"{path}: 'joints' holds {joints.dtype}, not numbers.")
        seed = _scalar(arrays, "seed", "iu", None, path)
        motion = cls(
            joints=joints.astype(np.float32),
            prompt=str(_scalar(arrays, "prompt", "U", "", path)),
            seed=None if seed is None else int(seed),  # type: ignore[call-overload]
            model=str(_scalar(arrays, "model", "U", "", path)),
            fps=float(_scalar(arrays, "fps", "fiu", FPS, path)),  # type: ignore[arg-type]
        )
        try:
            motion.validate(longest)
        except StudioError as error:
            raise StudioError(f"{path}: {error}") from error
        return motion


def check_joints(joints: np.ndarray, longest: int = MAX_FRAMES) -> None:
    """Raise StudioError unless joints are [20..longest, 22, 3], finite, of human proportions."""
    if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, 3):
        shape = list(joints.shape)
        raise StudioError(f"A motion has joints of shape [frames, {N_JOINTS}, 3], not {shape}.")
    if not MIN_FRAMES <= len(joints) <= longest:
        raise StudioError(
            f"The motion has {len(joints)} frames; it must have {MIN_FRAMES} to {longest} "
            f"({MIN_FRAMES / FPS:g} to {longest / FPS:g} seconds)."
        )
    if not np.isfinite(joints).all():
        frame = int(np.argwhere(~np.isfinite(joints))[0, 0])
        raise StudioError(f"The motion contains NaN or infinite values, first in frame {frame}.")
    if np.abs(joints).max() > FARTHEST:
        raise StudioError(f"A joint is over {FARTHEST:g} m from the origin; are the units metres?")
    lengths = np.median(bone_lengths(joints), axis=0)[1:]
    ratio = lengths / BONE_LENGTHS[1:]
    worst = int(np.argmax(np.abs(np.log(np.maximum(ratio, 1e-9)))))
    if not 0.25 < ratio[worst] < 4.0:
        raise StudioError(
            f"The bone to {JOINT_NAMES[worst + 1]} is {lengths[worst]:.3g} m long; a human's is "
            f"about {BONE_LENGTHS[worst + 1]:.2f} m. Check units and joint order."
        )


def _scalar(
    arrays: dict[str, np.ndarray], name: str, kinds: str, default: object, path: Path | str
) -> object:
    if name not in arrays:
        return default
    value = arrays[name]
    if value.ndim != 0 or value.dtype.kind not in kinds or value.nbytes > 4 * MAX_PROMPT:
        raise StudioError(f"{path}: '{name}' is not a single value of the expected kind.")
    return value.item()
