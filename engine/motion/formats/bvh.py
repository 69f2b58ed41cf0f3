"""Reads BVH motion files, including those whose joints carry position channels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import StudioError
from engine.motion.formats.joints import JointTree
from engine.motion.rotation import euler_to_matrix

MAX_BYTES = 512 * 1024 * 1024
MAX_JOINTS = 1000


class Bvh(JointTree):
    """A BVH file; end sites are joints named `<parent>_end`."""


@dataclass
class _Header:
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[str]] = field(default_factory=list)


def read_bvh(source: Path | str | bytes) -> Bvh:
    """Read a BVH file (a path, or its bytes).

    Position channels replace the joint's OFFSET, also in joints below the root. Rotation
    channels apply in the order in which the file lists them. Raises StudioError when the file
    is not a complete BVH.
    """
    name, text = _load(source)
    head, mark, motion = text.partition("MOTION")
    if not mark:
        raise StudioError(f"{name} is not a BVH file: it has no MOTION section.")
    header = _parse_hierarchy(head.split(), name)
    frames, seconds, values = _split_motion(motion, name)
    width = sum(len(channels) for channels in header.channels)
    table = _numbers(values, name)
    if table.size != frames * width or frames < 1:
        raise StudioError(
            f"{name} is damaged: its header promises {frames} frames of {width} numbers, "
            f"the file holds {table.size} numbers."
        )
    if not np.isfinite(table).all():
        raise StudioError(f"{name} is damaged: it contains values that are not numbers.")
    return _assemble(header, table.reshape(frames, width), 1.0 / seconds)


def _load(source: Path | str | bytes) -> tuple[str, str]:
    if isinstance(source, bytes):
        name, data = "The BVH data", source
    else:
        name = Path(source).name
        try:
            if Path(source).stat().st_size > MAX_BYTES:
                raise StudioError(f"{name} is larger than {MAX_BYTES >> 20} MB; cut it first.")
            data = Path(source).read_bytes()
        except OSError as error:
            raise StudioError(f"{name} cannot be read ({error.strerror}).") from error
    return name, data.decode("latin-1")


def _parse_hierarchy(tokens: list[str], name: str) -> _Header:
    header = _Header()
    stack: list[int] = []
    opened = -1
    position = 0
    try:
        while position < len(tokens):
            word = tokens[position].upper()
            if word in {"ROOT", "JOINT", "END"}:
                joint = tokens[position + 1]
                if word == "END":
                    joint = f"{header.names[stack[-1]]}_end"
                opened = _open(header, joint, stack[-1] if stack else -1)
                position += 2
            elif word == "{":
                stack.append(opened)
                position += 1
            elif word == "}":
                stack.pop()
                position += 1
            elif word == "OFFSET":
                header.offsets[stack[-1]] = [float(x) for x in tokens[position + 1 : position + 4]]
                position += 4
            elif word == "CHANNELS":
                count = int(tokens[position + 1])
                header.channels[stack[-1]] = tokens[position + 2 : position + 2 + count]
                position += 2 + count
            else:
                position += 1
    except (IndexError, ValueError) as error:
        raise StudioError(f"{name} has a damaged HIERARCHY section: {error}.") from error
    if stack or not header.names or any(len(offset) != 3 for offset in header.offsets):
        raise StudioError(f"{name} has a damaged HIERARCHY section: braces or offsets are missing.")
    return header


def _open(header: _Header, joint: str, parent: int) -> int:
    if len(header.names) >= MAX_JOINTS:
        raise StudioError(f"The BVH skeleton has more than {MAX_JOINTS} joints.")
    header.names.append(joint)
    header.parents.append(parent)
    header.offsets.append([0.0, 0.0, 0.0])
    header.channels.append([])
    return len(header.names) - 1


def _split_motion(motion: str, name: str) -> tuple[int, float, str]:
    try:
        _, _, rest = motion.partition("Frames:")
        count, _, rest = rest.partition("Frame Time:")
        seconds, _, values = rest.lstrip().partition("\n")
        frames, step = int(count), float(seconds)
    except ValueError as error:
        raise StudioError(f"{name} has a damaged MOTION header: {error}.") from error
    if frames < 0 or not 1e-4 < step < 1.0:
        raise StudioError(f"{name} has {frames} frames of {step} s, which is no motion.")
    return frames, step, values


def _numbers(text: str, name: str) -> np.ndarray:
    with warnings.catch_warnings():
        # numpy warns and stops at the first word that is no number; here that is an error
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise StudioError(f"{name} is damaged: its MOTION lines hold text.") from error


def _assemble(header: _Header, table: np.ndarray, fps: float) -> Bvh:
    frames, joints = len(table), len(header.names)
    translations = np.empty((frames, joints, 3))
    translations[:] = np.asarray(header.offsets)
    rotations = np.empty((frames, joints, 3, 3))
    rotations[:] = np.eye(3)
    groups: dict[str, tuple[list[int], list[list[int]]]] = {}
    column = 0
    for joint, channels in enumerate(header.channels):
        turning: list[int] = []
        order = ""
        for offset, channel in enumerate(channels):
            axis, kind = channel[:1].upper(), channel[1:].lower()
            if axis not in "XYZ" or kind not in {"position", "rotation"}:
                raise StudioError(f"The BVH file has an unknown channel '{channel}'.")
            if kind == "position":
                translations[:, joint, "XYZ".index(axis)] = table[:, column + offset]
            else:
                turning.append(column + offset)
                order += axis
        if turning:
            members = groups.setdefault(order, ([], []))
            members[0].append(joint)
            members[1].append(turning)
        column += len(channels)
    # one vectorised pass per rotation order: almost every file has one or two
    for order, (members_joints, columns) in groups.items():
        rotations[:, members_joints] = euler_to_matrix(
            np.radians(table[:, np.asarray(columns)]), order
        )
    return Bvh(
        tuple(header.names), tuple(header.parents), np.asarray(header.offsets),
        translations, rotations, fps,
    )  # fmt: skip
