"""Reads Acclaim skeletons (.asf) and their motions (.amc)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import StudioError
from engine.motion.formats.joints import JointTree
from engine.motion.rotation import euler_to_matrix

AMC_FPS = 120.0  # the format does not say; every published CMU and HDM05 take is 120 fps
UNIT_METRES = 0.0254 / 0.45  # inches over the files' `length 0.45`


@dataclass(frozen=True)
class Asf:
    """A skeleton: bones in parent-before-child order, the first one is `root` without length."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    ends: np.ndarray  # [J, 3] direction * length, in the file's unit
    axes: np.ndarray  # [J, 3, 3] local axis frame C
    dofs: tuple[tuple[str, ...], ...]  # "rx", "tz" ... in the order of the motion file


class Amc(JointTree):
    """A motion; the position of a name is the END of that bone, as is its rotation."""


def read_asf(path: Path | str) -> Asf:
    """Read a skeleton; raises StudioError when it is not one."""
    lines = _lines(path)
    sections = _sections(lines)
    try:
        bones = _bones(sections[":bonedata"])
        root_dofs, root_axis = _root(sections[":root"])
        parents = _hierarchy(sections[":hierarchy"])
        return _order(bones, parents, root_dofs, root_axis)
    except (KeyError, IndexError, ValueError) as error:
        raise StudioError(f"{Path(path).name} is not a complete ASF skeleton: {error}.") from error


def read_amc(path: Path | str, asf: Asf, fps: float = AMC_FPS) -> Amc:
    """Read a motion of skeleton `asf`; raises StudioError when the file does not fit it.

    Angles are degrees; a bone turns by C R C^T in its parent's frame, with R = Rz Ry Rx.
    """
    name = Path(path).name
    layout, table = _frames(_lines(path), name)
    columns: dict[str, slice] = {}
    column = 0
    for bone, count in layout:
        columns[bone] = slice(column, column + count)
        column += count
    translations = np.empty((len(table), len(asf.names), 3))
    translations[:] = asf.ends
    rotations = np.empty((len(table), len(asf.names), 3, 3))
    for joint, bone in enumerate(asf.names):
        values = np.zeros((len(table), 6))
        if bone in columns:
            given = table[:, columns[bone]]
            if given.shape[1] != len(asf.dofs[joint]):
                raise StudioError(f"{name} does not fit the skeleton: '{bone}' has other channels.")
            for index, dof in enumerate(asf.dofs[joint]):
                values[:, ("tx", "ty", "tz", "rx", "ry", "rz").index(dof)] = given[:, index]
        turn = euler_to_matrix(np.radians(values[:, [5, 4, 3]]), "ZYX")
        rotations[:, joint] = asf.axes[joint] @ turn @ asf.axes[joint].T
        translations[:, joint] += values[:, :3]
    unknown = set(columns) - set(asf.names)
    if unknown:
        raise StudioError(f"{name} moves bones the skeleton lacks: {', '.join(sorted(unknown))}.")
    return _bone_ends(asf, translations, rotations, fps)


def _bone_ends(asf: Asf, ends: np.ndarray, rotations: np.ndarray, fps: float) -> Amc:
    # A bone's end moves with its own rotation, so the local translation is already turned by it.
    translations = np.einsum("tjab,tjb->tja", rotations, ends)
    translations[:, 0] = ends[:, 0]
    return Amc(asf.names, asf.parents, asf.ends, translations, rotations, fps)


def _lines(path: Path | str) -> list[str]:
    try:
        # the HDM05 files hold a Latin-1 character in their first comment
        text = Path(path).read_text(encoding="latin-1")
    except OSError as error:
        raise StudioError(f"{Path(path).name} cannot be read ({error.strerror}).") from error
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _sections(lines: list[str]) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    current: list[list[str]] = []
    for line in lines:
        words = line.split()
        if words[0].startswith(":"):
            current = sections.setdefault(words[0].lower(), [])
        else:
            current.append(words)
    return sections


def _bones(lines: list[list[str]]) -> dict[str, dict[str, list[str]]]:
    bones: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for words in lines:
        if words[0] == "begin":
            current = {}
        elif words[0] == "end":
            bones[current["name"][0]] = current
        else:
            current[words[0]] = words[1:]
    return bones


def _root(lines: list[list[str]]) -> tuple[tuple[str, ...], np.ndarray]:
    fields = {words[0]: words[1:] for words in lines}
    axis = _axis(fields["orientation"], fields["axis"][0])
    return tuple(word.lower() for word in fields["order"]), axis


def _axis(angles: list[str], order: str) -> np.ndarray:
    # "XYZ" here means X first, about fixed axes: Rz @ Ry @ Rx
    degrees = np.array([float(angle) for angle in angles])
    return euler_to_matrix(np.radians(degrees[::-1]), order.upper()[::-1])


def _hierarchy(lines: list[list[str]]) -> dict[str, str]:
    parents: dict[str, str] = {}
    for words in lines:
        if words[0] not in {"begin", "end"}:
            parents.update(dict.fromkeys(words[1:], words[0]))
    return parents


def _order(
    bones: dict[str, dict[str, list[str]]],
    parents: dict[str, str],
    root_dofs: tuple[str, ...],
    root_axis: np.ndarray,
) -> Asf:
    names, ends, axes, dofs = ["root"], [np.zeros(3)], [root_axis], [root_dofs]
    waiting = list(bones)
    while waiting:
        ready = [bone for bone in waiting if parents[bone] in names]
        if not ready:
            raise ValueError(f"bones without a parent: {waiting}")
        for bone in ready:
            fields = bones[bone]
            direction = np.array([float(x) for x in fields["direction"]])
            length = np.linalg.norm(direction)
            if length == 0:
                raise ValueError(f"{bone} has no direction")
            names.append(bone)
            ends.append(direction / length * float(fields["length"][0]))
            axes.append(_axis(fields["axis"][:3], fields["axis"][3]))
            dofs.append(tuple(dof.lower() for dof in fields.get("dof", [])))
        waiting = [bone for bone in waiting if bone not in ready]
    index = tuple(-1 if name == "root" else names.index(parents[name]) for name in names)
    return Asf(tuple(names), index, np.array(ends), np.array(axes), tuple(dofs))


def _frames(lines: list[str], name: str) -> tuple[list[tuple[str, int]], np.ndarray]:
    body = [line for line in lines if not line.startswith(":")]
    starts = [index for index, line in enumerate(body[:400]) if line.strip().isdigit()]
    if not starts or starts[0] != 0:
        raise StudioError(f"{name} is not an AMC motion: it has no numbered frames.")
    height = starts[1] if len(starts) > 1 else len(body)
    if len(body) % height:
        raise StudioError(f"{name} is damaged: its frames do not all have {height} lines.")
    layout = [(words[0], len(words) - 1) for words in map(str.split, body[1:height])]
    width = sum(count + 1 for _, count in layout) + 1
    words = " ".join(body).split()
    frames = len(body) // height
    if len(words) != frames * width:
        raise StudioError(f"{name} is damaged: some frames lack numbers.")
    grid = np.array(words, dtype=object).reshape(frames, width)
    keep: list[int] = []
    labels: list[tuple[int, str]] = []
    column = 1
    for bone, count in layout:
        labels.append((column, bone))
        keep.extend(range(column + 1, column + 1 + count))
        column += count + 1
    if any((grid[:, column] != bone).any() for column, bone in labels):
        raise StudioError(f"{name} is damaged: its frames list different bones.")
    try:
        table = grid[:, np.array(keep, dtype=int)].astype(np.float64)
    except ValueError as error:
        raise StudioError(f"{name} is damaged: {error}.") from error
    if not np.isfinite(table).all():
        raise StudioError(f"{name} is damaged: it contains values that are not numbers.")
    return layout, table
