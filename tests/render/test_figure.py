"""The mannequin follows its joints rigidly and keeps its proportions."""

from __future__ import annotations

import numpy as np
import pytest

from engine.motion.skeleton import JOINTS
from engine.render.camera import cameras_for, follow_path
from engine.render.figure import FRAMES, Figure, pose_all
from engine.render.mesh import FigureMesh
from engine.render.parts import FLOOR_Y
from tests.render.poses import POSES, body, walk


@pytest.fixture(scope="module")
def figure():
    return Figure.for_joints(POSES["standing"][None])


@pytest.mark.parametrize("pose", POSES)
def test_bone_frames_are_rotations(pose):
    rotations = pose_all(POSES[pose][None])[0].rotations
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (len(FRAMES), 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-9)


@pytest.mark.parametrize("pose", POSES)
def test_limbs_lie_along_their_bones(figure, pose):
    joints = POSES[pose]
    moment = pose_all(joints[None])[0]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for frame, start, end, axis in (
            ("upper_arm", "shoulder", "elbow", (sign, 0, 0)),
            ("forearm", "elbow", "wrist", (sign, 0, 0)),
            ("thigh", "hip", "knee", (0, -1, 0)),
            ("shin", "knee", "ankle", (0, -1, 0)),
        ):
            rotation = moment.rotations[FRAMES.index(f"{side}_{frame}")]
            bone = joints[JOINTS[f"{side}_{end}"]] - joints[JOINTS[f"{side}_{start}"]]
            np.testing.assert_allclose(
                rotation @ np.array(axis), bone / np.linalg.norm(bone), atol=1e-6
            )


def test_mesh_is_closed_and_its_normals_point_outwards(figure):
    mesh = FigureMesh.of(figure)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-5)
    corners = mesh.vertices[mesh.faces]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(face, axis=1)
    smooth = mesh.normals[mesh.faces].mean(axis=1)
    agree = (face * smooth).sum(axis=1)[area > 1e-10] > 0
    assert agree.all()
    edges = np.sort(mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all()


@pytest.mark.parametrize("pose", POSES)
def test_posing_the_mesh_is_rigid_for_each_bone(figure, pose):
    vertices, normals = figure.mesh.posed(pose_all(POSES[pose][None])[0])
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)
    for run in figure.mesh.slices:
        rest, moved = figure.mesh.vertices[run], vertices[run]
        if len(rest):
            np.testing.assert_allclose(
                np.linalg.norm(moved - moved[0], axis=1), np.linalg.norm(rest - rest[0], axis=1),
                atol=1e-5,
            )  # fmt: skip


def test_a_standing_figure_has_a_persons_proportions(figure):
    vertices, _ = figure.mesh.posed(pose_all(POSES["standing"][None])[0])
    assert 1.6 < np.ptp(vertices[:, 1]) < 1.85
    # Soles on the drawn floor, neither through it nor above it by more than a centimetre.
    assert abs(vertices[:, 1].min() - FLOOR_Y) < 0.012
    assert 0.35 < np.ptp(vertices[:, 0]) < 0.75


def test_left_and_right_are_mirror_images(figure):
    vertices, _ = figure.mesh.posed(pose_all(body()[None] * [1, 1, 1])[0])
    runs = dict(zip(FRAMES, figure.mesh.slices, strict=True))
    for name in FRAMES:
        if name.startswith("left"):
            left, right = vertices[runs[name]], vertices[runs[name.replace("left", "right")]]
            assert len(left) == len(right)
            assert left[:, 0].mean() > 0 > right[:, 0].mean()


def test_toes_stay_flat_when_the_heel_lifts():
    raised = body(left_foot=(0.1, -1.0, 0.9))
    moment = pose_all(raised[None])[0]
    toes = moment.rotations[FRAMES.index("left_toes")]
    foot = moment.rotations[FRAMES.index("left_foot")]
    assert abs(toes[1, 2]) < 0.02
    assert foot[1, 2] < -0.3


def test_camera_follows_smoothly_and_keeps_the_walker_in_view():
    clip = walk(60).joints
    clip[:, :, 0] += np.sin(np.arange(60) * 1.3)[:, None] * 0.03  # a sway the camera ignores
    path = follow_path(clip, 20.0)
    assert np.abs(np.diff(path[:, 0])).max() < 0.004
    cameras = cameras_for([clip], (300, 480))[0]
    pixels = np.stack([c.project(j) for c, j in zip(cameras, clip, strict=True)])
    assert pixels[..., 0].min() > 10
    assert pixels[..., 0].max() < 290
    assert pixels[..., 1].min() > 10
    assert pixels[..., 1].max() < 480 * 0.88  # above the caption


def test_side_by_side_bodies_have_the_same_size():
    still, walker = POSES["standing"][None].repeat(60, 0), walk(60).joints
    a, b = cameras_for([still, walker], (400, 480))
    assert a[0].focal == b[0].focal
    height = [np.ptp(cameras[0].project(clip[0])[:, 1])
              for cameras, clip in ((a, still), (b, still + path_offset(walker)))]  # fmt: skip
    assert height[0] == pytest.approx(height[1], rel=0.02)


def path_offset(clip):
    """Where the walker's camera looks at first, as an offset for a still body."""
    x, z = follow_path(clip, 20.0)[0] - follow_path(POSES["standing"][None], 20.0)[0]
    return np.array([x, 0.0, z])
