"""The numbers inside a GLB file: accessors, and animation tracks read at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import StudioError
from engine.motion.rotation import slerp

_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_PATHS = {"translation": 3, "rotation": 4, "scale": 3}
MAX_VALUES = 16_000_000


class Accessors:
    """Typed arrays in the binary chunk."""

    def __init__(self, document: dict[str, Any], binary: bytes) -> None:
        self._accessors = document.get("accessors", [])
        self._views = document.get("bufferViews", [])
        self._binary = binary
        buffers = document.get("buffers", [])
        if any("uri" in buffer for buffer in buffers):
            raise StudioError("The GLB file keeps data in other files; export it in one piece.")

    def read(self, number: int) -> np.ndarray:
        """Values [count, components] as float64; normalised integers become -1..1 or 0..1."""
        accessor = self._accessors[number]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise StudioError("The GLB file uses sparse accessors, which are not read.")
        dtype = np.dtype(_TYPES[accessor["componentType"]])
        width, count = _WIDTHS[accessor["type"]], int(accessor["count"])
        if not 0 < count * width <= MAX_VALUES:
            raise StudioError(f"The GLB file has an array of {count:,} values.")
        view = self._views[accessor["bufferView"]]
        start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        stride = int(view.get("byteStride", width * dtype.itemsize))
        end = start + (count - 1) * stride + width * dtype.itemsize
        if min(start, stride) < 0 or end > len(self._binary):
            raise StudioError("The GLB file is cut off: an array lies outside it.")
        values = np.ndarray(
            (count, width), dtype, self._binary, start, (stride, dtype.itemsize)
        ).astype(np.float64)
        if accessor.get("normalized"):
            values = np.maximum(values / np.iinfo(dtype).max, -1.0)
        if not np.isfinite(values).all():
            raise StudioError("The GLB file contains values that are not numbers.")
        return values


@dataclass(frozen=True)
class Track:
    """Keys of one node's translation, rotation or scale."""

    times: np.ndarray  # [K] seconds, rising
    values: np.ndarray  # [K, C], or [K, 3, C] with tangents for CUBICSPLINE
    interpolation: str
    rotates: bool

    def at(self, times: np.ndarray) -> np.ndarray:
        """Values [T, C] at `times` [T]; before the first and after the last key they hold."""
        after = np.clip(np.searchsorted(self.times, times, side="right"), 1, len(self.times) - 1)
        if len(self.times) == 1:
            after = np.zeros_like(after)
        before = np.maximum(after - 1, 0)
        step = self.times[after] - self.times[before]
        share = np.clip((times - self.times[before]) / np.where(step > 0, step, 1.0), 0.0, 1.0)
        if self.interpolation == "CUBICSPLINE":
            return self._cubic(before, after, step[:, None], share[:, None])
        if self.interpolation == "STEP":
            return self.values[np.where(share >= 1.0, after, before)]
        start, end = self.values[before], self.values[after]
        if self.rotates:
            return slerp(start, end, share)
        return start + share[:, None] * (end - start)

    def _cubic(
        self, before: np.ndarray, after: np.ndarray, step: np.ndarray, s: np.ndarray
    ) -> np.ndarray:
        """Hermite spline, glTF 2.0 specification, appendix C.5."""
        start, leaving = self.values[before, 1], step * self.values[before, 2]
        end, arriving = self.values[after, 1], step * self.values[after, 0]
        square, cube = s * s, s * s * s
        return (
            (2 * cube - 3 * square + 1) * start
            + (cube - 2 * square + s) * leaving
            + (3 * square - 2 * cube) * end
            + (cube - square) * arriving
        )


def read_track(accessors: Accessors, sampler: dict[str, Any], path: str) -> Track:
    """One sampler's keys; StudioError when they do not fit each other."""
    times = accessors.read(sampler["input"])[:, 0]
    values = accessors.read(sampler["output"])
    kind = str(sampler.get("interpolation", "LINEAR"))
    if kind == "CUBICSPLINE" and len(values) == 3 * len(times):
        values = values.reshape(len(times), 3, -1)
    fits = len(values) == len(times) and values.shape[-1] == _PATHS[path]
    if not fits or (np.diff(times) <= 0).any():
        raise StudioError("The GLB file's animation keys do not fit its times.")
    return Track(times, values, kind, path == "rotation")
