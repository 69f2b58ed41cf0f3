"""Bodies: the mannequin itself, and files of SMPL's family through the same code."""

from __future__ import annotations

import numpy as np
import pytest

from engine.body.arrays import KINDS, mannequin, read_body
from engine.body.fit import fit, fit_betas
from engine.body.skinning import SMPL_PARENTS
from engine.body.smpl import Body, load_body
from engine.errors import StudioError
from engine.files import save_npz
from engine.motion.formats.skin import bone_skin
from engine.motion.kinematics import bone_lengths, forward_kinematics
from engine.motion.pose import pose_from_joints, rest_pose
from engine.motion.skeleton import JOINTS, N_JOINTS, PARENTS
from tests.motion.bodies import walk, wave

FROM = np.array((0, *PARENTS[1:]))


def stick_body(joints: int = 24, shapes: int = 10, grow: float = 0.0) -> dict[str, np.ndarray]:
    """A small body of octahedra in the arrays of SMPL (24), SMPL+H (52) or SMPL-X (55)."""
    rest = rest_pose() * (1.0 + grow)
    skin = bone_skin(rest)
    count = len(skin.vertices)
    extra = [20 if k % 2 else 21 for k in range(joints - N_JOINTS)]
    parents = np.array([-1, *PARENTS[1:], *extra], dtype=np.int64)
    regressor = np.zeros((joints, count))
    for joint in range(joints):
        place = rest[joint] if joint < N_JOINTS else rest[extra[joint - N_JOINTS]]
        system = np.vstack((skin.vertices.T, np.ones(count)))
        regressor[joint] = np.linalg.lstsq(system, np.append(place, 1.0), rcond=None)[0]
    weights = np.zeros((count, joints), dtype=np.float32)
    weights[:, :N_JOINTS] = skin.weights
    weights[:, -1] = weights[:, extra[-1]]  # half of one hand hangs on a joint of its own
    weights[:, [extra[-1], -1]] *= 0.5
    directions = np.zeros((count, 3, shapes), dtype=np.float32)
    directions[..., 0] = 0.05 * skin.vertices
    directions[:, 1, 1] = 0.05 * skin.vertices[:, 1]
    return {
        "v_template": skin.vertices.astype(np.float32), "shapedirs": directions,
        "posedirs": np.zeros((count, 3, 9 * (joints - 1)), dtype=np.float32),
        "J_regressor": regressor, "weights": weights,
        "kintree_table": np.stack((parents % 2**32, np.arange(joints))).astype(np.uint32),
        "f": skin.faces.astype(np.uint32),
    }  # fmt: skip


def test_the_mannequin_is_a_whole_person_on_the_skeleton():
    import trimesh

    body = load_body()
    assert body.kind == "SMPL"
    assert len(body.vertices) >= 6_890
    assert np.abs(body.rest - rest_pose()).max() < 1e-5
    mesh = trimesh.Trimesh(body.vertices, body.faces, process=False)
    assert mesh.is_watertight
    assert mesh.body_count == 1
    assert 0.04 < mesh.volume < 0.09  # cubic metres: 40 to 90 kilograms
    height = np.ptp(body.vertices[:, 1])
    assert 1.5 < height < 1.8
    weights = mannequin()["weights"]
    assert ((weights > 0).sum(axis=1) <= 4).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    # The left of the body is where its left joints are, and symmetric to the right.
    left = body.vertices[body.weights[:, JOINTS["left_wrist"]] > 0.9]
    right = body.vertices[body.weights[:, JOINTS["right_wrist"]] > 0.9]
    assert left[:, 0].min() > 0.5
    assert right[:, 0].max() < -0.5
    assert abs(left[:, 0].max() + right[:, 0].min()) < 0.02


def test_smplx_poses_it_as_forward_kinematics_does():
    joints = pose_from_joints(wave(40), rest_pose()).joints
    moved = fit(joints, load_body())
    skin, found = moved.posed
    assert skin.shape == (40, len(moved.body.vertices), 3)
    assert np.linalg.norm(found - joints, axis=-1).max() < 1e-4
    own, _ = forward_kinematics(
        moved.rotations, moved.body.rest - moved.body.rest[FROM], PARENTS, moved.root
    )
    assert np.abs(own - found).max() < 1e-4


@pytest.mark.parametrize("joints", sorted(KINDS))
def test_every_kind_of_file_is_read_and_posed(tmp_path, joints):
    path = tmp_path / "body.npz"
    save_npz(path, stick_body(joints))
    body = load_body(path)
    assert body.kind == KINDS[joints]
    assert np.abs(body.rest - rest_pose()).max() < 1e-4
    moved = fit(walk(30), body)
    skin, found = moved.posed
    assert skin.shape == (30, len(body.vertices), 3)
    assert np.linalg.norm(found - walk(30), axis=-1).mean() < 0.015
    np.testing.assert_allclose(body.weights.sum(axis=1), 1.0, atol=1e-6)


def test_other_proportions_are_fitted_by_shape_and_refined(tmp_path):
    path = tmp_path / "tall.npz"
    save_npz(path, stick_body(grow=0.1))
    body, joints = load_body(path), pose_from_joints(wave(40), rest_pose()).joints
    lengths = np.median(bone_lengths(joints), axis=0)
    betas = fit_betas(body, lengths)
    shaped = body.shaped(betas)
    before = np.abs(np.linalg.norm(body.rest - body.rest[FROM], axis=-1) - lengths).max()
    after = np.abs(np.linalg.norm(shaped.rest - shaped.rest[FROM], axis=-1) - lengths).max()
    assert after < 0.2 * before

    def error(shape: bool, refine: int) -> float:
        moved = fit(joints, body, shape, refine)
        return float(np.sqrt(((moved.posed[1] - joints) ** 2).sum(-1).mean()))

    assert error(True, 0) < 0.005
    assert error(False, 30) < 0.95 * error(False, 0)


def test_a_body_of_one_shape_keeps_it():
    assert not fit_betas(load_body(), np.full(22, 0.5)).any()


WRONG = {
    "key": ({"weights": None}, "has no array 'weights'"),
    "joints": ({"kintree_table": np.zeros((2, 30), np.uint32)}, "30 joints, not 24, 52 or 55"),
    "tree": ({"kintree_table": np.zeros((2, 24), np.uint32)}, "not SMPL's"),
    "shape": ({"J_regressor": np.zeros((24, 5))}, r"shape \[24, 5\]"),
    "faces": ({"f": np.full((4, 3), 10**6)}, "no triangles"),
    "nan": ({"v_template": np.full((9, 3), np.nan)}, "no finite numbers"),
    "flat": ({"shapedirs": np.zeros((9, 3))}, "'shapedirs' has shape"),
    "correctives": ({"posedirs": np.zeros((9, 3, 8))}, "'posedirs' has shape"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_what_is_no_body_is_refused(tmp_path, case):
    changed, sentence = WRONG[case]
    arrays = {**stick_body(), **changed}
    path = tmp_path / "body.npz"
    save_npz(path, {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(StudioError, match=sentence):
        read_body(path)


def test_pickles_are_never_opened(tmp_path):
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch /tmp/opened'\ntR.")
    with pytest.raises(StudioError, match="never read here"):
        load_body(path)
    arrays = stick_body()
    named = tmp_path / "smplx.npz"
    # SMPL-X files also carry pickled dictionaries, which are not looked at.
    np.savez(named, **arrays, joint2num=np.array({"pelvis": 0}, dtype=object))  # type: ignore[arg-type]
    assert isinstance(load_body(named), Body)
    arrays["weights"] = np.array([{"a": 1}], dtype=object)
    np.savez(named, **arrays)  # type: ignore[arg-type]
    with pytest.raises(StudioError, match="not a readable npz"):
        read_body(named)
    with pytest.raises(StudioError, match="no body file"):
        load_body(tmp_path / "body.fbx")
    with pytest.raises(StudioError, match="does not exist"):
        load_body(tmp_path / "none.npz")


def test_parents_are_smpls():
    assert tuple(mannequin()["kintree_table"][0]) == SMPL_PARENTS
