"""Body files: SMPL, SMPL+H and SMPL-X as npz, and our own mannequin in the same arrays."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.body.skinning import SMPL_PARENTS, dense
from engine.errors import StudioError
from engine.files import load_npz
from engine.motion.skeleton import N_JOINTS

MANNEQUIN = Path(__file__).resolve().parents[2] / "assets" / "body" / "mannequin.npz"
KINDS = {24: "SMPL", 52: "SMPL+H", 55: "SMPL-X"}  # by number of joints
SHAPES = 10  # coefficients of the body's shape that are used
_NEEDED = ("v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f")
_MOST_VERTICES = 65_536
_NEAREST = 64  # vertices that a joint of the mannequin is the mean of
_HINT = (
    "It is a pickle, which can run any code when it is opened, so it is never read here. Turn it "
    "into an npz once; docs/bodies.md has the lines for it."
)


def read_body(path: Path | str | None) -> dict[str, np.ndarray]:
    """The arrays of a body file under smplx's names; the mannequin without a path.

    v_template [V, 3] metres, shapedirs [V, 3, up to 10], posedirs [V, 3, 9 (J - 1)],
    J_regressor [J, V], weights [V, J], kintree_table [2, J], f [F, 3]; J is 24, 52 or 55, the
    first 22 joints SMPL's. Raises StudioError for pickles and for what is no body.
    """
    if path is None:
        return dict(mannequin())
    file = Path(path)
    if file.suffix.lower() in (".pkl", ".pickle"):
        raise StudioError(f"{file.name} cannot be used as it is. {_HINT}")
    if file.suffix.lower() != ".npz":
        raise StudioError(f"{file} is no body file; SMPL, SMPL+H and SMPL-X are read as .npz.")
    arrays = load_npz(file, only=(*_NEEDED, "posedirs"))
    try:
        return _checked(arrays)
    except StudioError as error:
        raise StudioError(f"{file.name}: {error}") from error


@lru_cache(maxsize=1)
def mannequin() -> dict[str, np.ndarray]:
    """Our own body in SMPL's arrays: 24 joints, one shape, no pose correctives."""
    stored = load_npz(MANNEQUIN)
    vertices, joints = stored["v_template"].astype(np.float64), stored["joints"]
    weights = dense(stored["weight_joints"], stored["weight_values"].astype(np.float64) / 65535)
    count = len(vertices)
    return {
        "v_template": vertices,
        "shapedirs": np.zeros((count, 3, SHAPES), dtype=np.float32),
        "posedirs": _no_correctives(count, len(joints)),
        "J_regressor": regressor(vertices, joints.astype(np.float64)),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "kintree_table": np.stack((np.array(SMPL_PARENTS), np.arange(len(joints)))),
        "f": stored["faces"].astype(np.int64),
    }


def regressor(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Weights [J, V] that make each joint [J, 3] a mean of the vertices [V, 3] nearest to it.

    The smallest weights that sum to 1 and give the joint exactly.
    """
    table = np.zeros((len(joints), len(vertices)))
    for row, joint in enumerate(joints):
        near = np.argsort(((vertices - joint) ** 2).sum(axis=1), kind="stable")[:_NEAREST]
        system = np.vstack((vertices[near].T, np.ones(len(near))))
        table[row, near] = np.linalg.lstsq(system, np.append(joint, 1.0), rcond=None)[0]
    return table


def _no_correctives(vertices: int, joints: int) -> np.ndarray:
    return np.zeros((vertices, 3, 9 * (joints - 1)), dtype=np.float32)


def _checked(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with shapes that fit each other and only the shape coefficients used."""
    for name in _NEEDED:
        if name not in arrays:
            raise StudioError(f"This is no SMPL body: it has no array {name!r}.")
        array = arrays[name]
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise StudioError(f"This is no SMPL body: {name!r} holds no finite numbers.")
    count, joints = len(arrays["v_template"]), arrays["kintree_table"].shape[-1]
    if joints not in KINDS:
        raise StudioError(f"This is no SMPL body: it has {joints} joints, not 24, 52 or 55.")
    shapes = {
        "v_template": (count, 3), "J_regressor": (joints, count), "weights": (count, joints),
        "kintree_table": (2, joints),
    }  # fmt: skip
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise StudioError(f"{name!r} has shape {list(arrays[name].shape)}, not {list(shape)}.")
    if not N_JOINTS <= count <= _MOST_VERTICES:
        raise StudioError(f"A body of {count:,} vertices cannot be used.")
    directions, faces = arrays["shapedirs"], arrays["f"]
    if directions.shape[:2] != (count, 3) or directions.ndim != 3 or not directions.shape[2]:
        raise StudioError(f"'shapedirs' has shape {list(directions.shape)}.")
    if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces) or faces.max() >= count:
        raise StudioError("'f' are no triangles of the body's vertices.")
    parents = arrays["kintree_table"][0].astype(np.int64)
    if tuple(parents[1:N_JOINTS]) != SMPL_PARENTS[1:N_JOINTS]:
        raise StudioError("The first 22 joints are not SMPL's.")
    correctives = arrays.get("posedirs", _no_correctives(count, joints))
    if correctives.shape != (count, 3, 9 * (joints - 1)) or correctives.dtype.kind != "f":
        raise StudioError(f"'posedirs' has shape {list(correctives.shape)}.")
    return {**arrays, "shapedirs": directions[..., :SHAPES], "posedirs": correctives}
