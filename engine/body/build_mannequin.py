"""Makes assets/body/mannequin.npz: python -m engine.body.build_mannequin [FILE].

The shape is a distance field (shape.py), its skin is found by marching cubes, thinned with trimesh
to what a browser draws easily, put back onto the field, and given skin weights (skinning.py). Needs
scikit-image and fast-simplification, which nothing else here does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from engine.body.field import Group, distance, surface
from engine.body.shape import SOLE, build_groups
from engine.body.skinning import SMPL_JOINTS, SMPL_PARENTS, skin_weights, sparse
from engine.files import save_npz
from engine.motion.pose import rest_pose
from engine.motion.rotation import normalize
from engine.motion.skeleton import JOINTS

OUT = Path(__file__).resolve().parents[2] / "assets" / "body" / "mannequin.npz"
_STEP = 0.0045  # metres of the marching cubes: fingers are 17 mm thick
_FACES = 26_000
_CORNERS = np.array([-1.02, -1.05, -0.25]), np.array([1.02, 0.90, 0.30])


def smpl_rest() -> np.ndarray:
    """The T pose's joints with SMPL's two hand joints behind the wrists, [24, 3] metres."""
    rest = rest_pose()
    hands = [
        rest[JOINTS["left_wrist"]] + (0.085, -0.005, 0.0),
        rest[JOINTS["right_wrist"]] + (-0.085, -0.005, 0.0),
    ]
    return np.concatenate((rest, hands))


def build(step: float = _STEP, faces_wanted: int = _FACES) -> dict[str, np.ndarray]:
    """The mannequin's arrays as they are stored."""
    import trimesh

    groups = build_groups(rest_pose())
    raw, triangles = surface(groups, *_CORNERS, step)
    # Marching cubes may put several corners on one point, which thinning would tear open.
    mesh = trimesh.Trimesh(_relax(raw, triangles, 2), triangles, process=False)
    mesh = mesh.simplify_quadric_decimation(face_count=faces_wanted, aggression=4)
    vertices = project(groups, _relax(np.asarray(mesh.vertices), np.asarray(mesh.faces)))
    vertices = _unfold(groups, vertices, np.asarray(mesh.faces))
    mesh = trimesh.Trimesh(vertices, mesh.faces, process=True)
    if not mesh.is_watertight or mesh.body_count != 1:
        raise RuntimeError("The mannequin's skin is not one closed surface.")
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    weights = skin_weights(vertices, faces, rest_pose())
    indices, values = sparse(weights)
    levels = np.round(values * 65535).astype(np.uint16)
    return {
        "v_template": vertices.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "joints": smpl_rest().astype(np.float32),
        "parents": np.array(SMPL_PARENTS, dtype=np.int8),
        "weight_joints": indices,
        "weight_values": levels,
        "sole": np.array(SOLE),
    }


def gradient(groups: list[Group], points: np.ndarray) -> np.ndarray:
    """Direction [N, 3] out of the skin, by central differences."""
    steps = 5e-4 * np.eye(3)
    return normalize(
        np.stack([distance(groups, points + s) - distance(groups, points - s) for s in steps], -1)
    )


def project(groups: list[Group], points: np.ndarray, rounds: int = 3) -> np.ndarray:
    """Points [N, 3] moved onto the skin."""
    for _ in range(rounds):
        offset = np.clip(distance(groups, points), -0.004, 0.004)
        points = points - 0.9 * offset[:, None] * gradient(groups, points)
    return points


def _relax(vertices: np.ndarray, faces: np.ndarray, rounds: int = 6) -> np.ndarray:
    """Vertices spread evenly by a little smoothing (they are put back onto the skin after)."""
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    trimesh.smoothing.filter_taubin(mesh, lamb=0.5, nu=0.52, iterations=rounds)
    return np.asarray(mesh.vertices)


def _unfold(groups: list[Group], vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices of triangles that face inwards, drawn to their neighbours until none does."""
    for _ in range(40):
        corners = vertices[faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        out = gradient(groups, corners.mean(axis=1))
        bad = (normalize(across) * out).sum(-1) < 0.5
        if not bad.any():
            break
        touched = np.unique(faces[bad])
        near = np.isin(faces, touched).any(axis=1)
        total, count = np.zeros_like(vertices), np.zeros(len(vertices))
        for corner in range(3):
            np.add.at(total, faces[near, corner], corners[near].sum(axis=1))
            np.add.at(count, faces[near, corner], 3)
        vertices = vertices.copy()
        vertices[touched] = total[touched] / count[touched, None]
        vertices[touched] = project(groups, vertices[touched])
    return vertices


def main() -> None:
    """Write the file named on the command line, or the one that is shipped."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    arrays = build()
    out.parent.mkdir(parents=True, exist_ok=True)
    save_npz(out, arrays)
    size = out.stat().st_size / 1e6
    counts = f"{len(arrays['v_template'])} vertices, {len(arrays['faces'])} faces"
    print(f"{out}: {counts}, {SMPL_JOINTS} joints, {size:.2f} MB")


if __name__ == "__main__":
    main()
