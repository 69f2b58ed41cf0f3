"""Exported files as programs of others read them: joints, names, sides, axes, rates."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import bvhio
import numpy as np
import pygltflib
import pytest
import smplx
import torch
import trimesh
from scipy.spatial.transform import Rotation

from engine.commands.export import skate
from engine.errors import StudioError
from engine.motion.export import FILES, Options, export_bytes
from engine.motion.export_take import Take, at_rate, make_take
from engine.motion.features import joints_to_features
from engine.motion.formats.bvh_write import ORDERS, euler_angles
from engine.motion.formats.names import MIXAMO, NAMES
from engine.motion.formats.skin import Skin, bone_skin
from engine.motion.kinematics import to_skeleton
from engine.motion.motion import Motion
from engine.motion.pose import rest_pose
from engine.motion.skeleton import JOINT_NAMES, JOINTS, PARENTS
from tests.motion.bodies import stand, walk, wave

MILLIMETRE = 1e-3


def wobbly(frames: int = 40) -> np.ndarray:
    """A walk whose hips and shoulders shift against pelvis and chest, as generated ones do."""
    joints = walk(frames, turn=0.6)
    noise = np.random.default_rng(0).normal(0.0, 0.006, (frames, 22, 3))
    return to_skeleton(joints + np.cumsum(noise, axis=0) * 0.3)


BODIES = {"walk": walk(40, turn=0.9), "wave": wave(60), "wobbly": wobbly()}


@pytest.fixture(params=sorted(BODIES))
def motion(request: pytest.FixtureRequest) -> Motion:
    return Motion(BODIES[request.param].astype(np.float32), prompt=request.param)


def worst(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest distance of a joint in metres."""
    assert found.shape == wanted.shape
    return float(np.linalg.norm(found - wanted, axis=-1).max())


def read_by_bvhio(data: bytes, folder: Path, names: tuple[str, ...]) -> np.ndarray:
    """Joints [T, 22, 3] in metres by name, as the library bvhio poses them."""
    path = folder / "motion.bvh"
    path.write_bytes(data)
    frames = bvhio.readAsBvh(str(path)).FrameCount
    root = bvhio.readAsHierarchy(str(path))
    joints = []
    for frame in range(frames):
        root.loadPose(frame)
        places = {joint.Name: np.array(joint.PositionWorld) for joint, _, _ in root.layout()}
        joints.append([places[name] for name in names])
    return np.array(joints) / 100.0


class Gltf:
    """A GLB as pygltflib parses it, posed by the specification's rules and scipy's rotations."""

    def __init__(self, data: bytes) -> None:
        self.file = pygltflib.GLTF2.load_from_bytes(data)
        self.nodes = self.file.nodes
        self.names = [node.name for node in self.nodes]
        self.parents = {c: k for k, node in enumerate(self.nodes) for c in node.children or []}
        tracks: dict[tuple[int, str], np.ndarray] = {}
        animation = self.file.animations[0]
        for channel in animation.channels:
            sampler = animation.samplers[channel.sampler]
            tracks[channel.target.node, channel.target.path] = self.array(sampler.output)
            self.times = self.array(sampler.input)[:, 0]
        self.tracks = tracks

    def array(self, number: int) -> np.ndarray:
        accessor = self.file.accessors[number]
        view = self.file.bufferViews[accessor.bufferView]
        dtype = {5126: "<f4", 5121: "u1", 5123: "<u2", 5125: "<u4"}[accessor.componentType]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor.type]
        blob = self.file.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
        array = np.frombuffer(blob, dtype).reshape(accessor.count, width)
        assert array.max(axis=0).tolist() == pytest.approx(accessor.max)
        return array

    def world(self, node: int, frame: int | None) -> np.ndarray:
        """World matrix [4, 4] of a node at a frame of the animation, or at rest."""
        local = np.eye(4)
        for path, default in (("translation", [0, 0, 0]), ("rotation", [0, 0, 0, 1])):
            value = getattr(self.nodes[node], path) or default
            if frame is not None and (node, path) in self.tracks:
                value = self.tracks[node, path][frame]
            if path == "translation":
                local[:3, 3] = value
            else:
                local[:3, :3] = Rotation.from_quat(value).as_matrix()
        parent = self.parents.get(node)
        return local if parent is None else self.world(parent, frame) @ local

    def joints(self, frame: int | None, names: tuple[str, ...]) -> np.ndarray:
        return np.array([self.world(self.names.index(n), frame)[:3, 3] for n in names])

    def skinned(self, frame: int) -> np.ndarray:
        """Vertices [V, 3] as a viewer shows them at a frame."""
        skin, primitive = self.file.skins[0], self.file.meshes[0].primitives[0]
        bind = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).swapaxes(-1, -2)
        pose = np.stack([self.world(node, frame) for node in skin.joints]) @ bind
        points = self.array(primitive.attributes.POSITION)
        indices = self.array(primitive.attributes.JOINTS_0)
        weights = self.array(primitive.attributes.WEIGHTS_0)
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
        homogeneous = np.concatenate((points, np.ones((len(points), 1))), axis=1)
        return np.einsum("vk,vkab,vb->va", weights, pose[indices], homogeneous)[:, :3]


@pytest.mark.parametrize(("names", "order"), [("smpl", "ZXY"), ("mixamo", "XYZ")])
def test_another_library_reads_the_bvh(motion, tmp_path, names, order):
    data = export_bytes(motion, "bvh", Options(names=names, order=order))
    assert worst(read_by_bvhio(data, tmp_path, NAMES[names]), motion.joints) < MILLIMETRE


@pytest.mark.parametrize("order", ORDERS)
def test_every_rotation_order_means_the_same(tmp_path, order):
    motion = Motion(BODIES["wobbly"].astype(np.float32))
    data = export_bytes(motion, "bvh", Options(order=order))
    assert f"CHANNELS 3 {order[0]}rotation {order[1]}rotation".encode() in data
    assert worst(read_by_bvhio(data, tmp_path, JOINT_NAMES), motion.joints) < MILLIMETRE


def test_rigid_motion_has_rotations_only_below_the_root(tmp_path):
    data = export_bytes(Motion(BODIES["walk"].astype(np.float32)), "bvh", Options())
    assert data.count(b"CHANNELS 6") == 1
    sliding = export_bytes(Motion(BODIES["wobbly"].astype(np.float32)), "bvh", Options())
    assert 1 < sliding.count(b"CHANNELS 6") <= 7


@pytest.mark.parametrize("order", ORDERS)
def test_angles_neither_leap_nor_lie(order):
    turning = np.linspace(0, 4 * np.pi, 80)
    tilted = Rotation.from_euler("ZXY", np.stack((0.3 * turning, 0.2 * turning, turning), -1))
    matrices = tilted.as_matrix()[:, None]
    angles = euler_angles(matrices, order)
    again = Rotation.from_euler(order, angles[:, 0], degrees=True).as_matrix()
    np.testing.assert_allclose(again, matrices[:, 0], atol=1e-6)
    flat = Rotation.from_matrix(matrices[:, 0]).as_euler(order, degrees=True)
    assert np.abs(np.diff(angles[:, 0], axis=0)).max() <= np.abs(np.diff(flat, axis=0)).max()
    assert np.abs(np.diff(angles[:, 0], axis=0)).max() < 175


@pytest.mark.parametrize("names", sorted(NAMES))
def test_another_library_reads_the_glb(motion, names):
    gltf = Gltf(export_bytes(motion, "glb", Options(names=names)))
    found = np.stack([gltf.joints(frame, NAMES[names]) for frame in range(motion.frames)])
    assert worst(found, motion.joints) < MILLIMETRE
    np.testing.assert_allclose(gltf.times, np.arange(motion.frames) / 20, atol=1e-5)


def test_the_glb_rests_in_a_standing_t_pose():
    gltf = Gltf(export_bytes(Motion(BODIES["wave"].astype(np.float32)), "glb", Options()))
    rest = dict(zip(JOINT_NAMES, gltf.joints(None, JOINT_NAMES), strict=True))
    assert min(place[1] for place in rest.values()) == pytest.approx(0, abs=1e-6)
    assert rest["head"][1] > 1.3
    assert rest["left_wrist"][0] > 0.6
    assert rest["right_wrist"][0] < -0.6
    assert rest["left_foot"][2] > rest["left_ankle"][2] + 0.1
    assert abs(rest["left_wrist"][1] - rest["left_shoulder"][1]) < 1e-6


def test_the_skin_follows_the_joints():
    """A bone's surface ends at its joint, in every pose; trimesh reads the same surface."""
    motion = Motion(BODIES["walk"].astype(np.float32))
    data = export_bytes(motion, "glb", Options())
    gltf = Gltf(data)
    for frame in (0, 17, 39):
        surface = gltf.skinned(frame)
        for joint in range(1, 22):
            corners = surface[24 * (joint - 1) : 24 * joint]
            assert np.linalg.norm(corners - motion.joints[frame, joint], axis=1).min() < MILLIMETRE
    scene = trimesh.load(io.BytesIO(data), file_type="glb")
    (mesh,) = scene.geometry.values()
    assert mesh.volume > 0, "faces point outwards"
    assert 1.3 < mesh.extents[1] < 1.9
    assert mesh.bounds[0, 1] == pytest.approx(0, abs=1e-6)


def test_a_body_of_other_proportions_can_be_given():
    rest = rest_pose() * 1.1
    body = bone_skin(rest)
    gltf = Gltf(export_bytes(Motion(BODIES["walk"].astype(np.float32)), "glb", Options(skin=body)))
    assert len(gltf.skinned(3)) == len(body.vertices)
    wrong = Skin(body.vertices, body.faces + len(body.vertices), body.weights, rest)
    with pytest.raises(StudioError, match="do not fit"):
        export_bytes(Motion(BODIES["walk"].astype(np.float32)), "glb", Options(skin=wrong))


def sides(joints: np.ndarray) -> None:
    """A figure that waves with the left hand, facing +Z, by SMPL's order of joints."""
    middle = joints[len(joints) // 2]
    assert middle[JOINTS["left_wrist"], 1] > middle[JOINTS["head"], 1]
    assert middle[JOINTS["right_wrist"], 1] < middle[JOINTS["pelvis"], 1] + 0.1
    assert middle[JOINTS["left_hip"], 0] > 0 > middle[JOINTS["right_hip"], 0]
    for side in ("left", "right"):
        assert middle[JOINTS[f"{side}_foot"], 2] > middle[JOINTS[f"{side}_ankle"], 2] + 0.05


@pytest.mark.parametrize("names", sorted(NAMES))
def test_left_right_toes_hands_and_facing_by_name(tmp_path, names):
    motion = Motion(BODIES["wave"].astype(np.float32))
    options = Options(names=names)
    sides(read_by_bvhio(export_bytes(motion, "bvh", options), tmp_path, NAMES[names]))
    gltf = Gltf(export_bytes(motion, "glb", options))
    sides(np.stack([gltf.joints(frame, NAMES[names]) for frame in range(motion.frames)]))


def test_mixamo_names_stand_for_the_same_joints():
    pairs = dict(zip(JOINT_NAMES, MIXAMO, strict=True))
    for smpl, mixamo in pairs.items():
        side = smpl.split("_")[0].capitalize()
        assert (side in ("Left", "Right")) == mixamo.startswith(
            ("mixamorig:Left", "mixamorig:Right")
        )
        assert side not in ("Left", "Right") or side in mixamo
    assert pairs["left_foot"] == "mixamorig:LeftToeBase"
    assert pairs["left_ankle"] == "mixamorig:LeftFoot"
    assert pairs["right_wrist"] == "mixamorig:RightHand"
    assert pairs["left_shoulder"] == "mixamorig:LeftArm"


def smpl_body(rest: np.ndarray, folder: Path) -> smplx.SMPL:
    """A body model of the library smplx, whose 24 vertices are its joints."""
    joints = np.concatenate((rest, rest[[20, 21]] + [[0.1, 0, 0], [-0.1, 0, 0]]))
    path = folder / "SMPL_NEUTRAL.npz"
    np.savez(
        path,
        v_template=joints, shapedirs=np.zeros((24, 3, 10)), posedirs=np.zeros((24, 3, 207)),
        J_regressor=np.eye(24), weights=np.eye(24), f=np.array([[0, 1, 2]]),
        kintree_table=np.array([[2**32 - 1, *PARENTS[1:], 20, 21], range(24)]),
    )  # fmt: skip
    data = smplx.utils.Struct(**np.load(path))
    marks = dict.fromkeys(smplx.vertex_ids.vertex_ids["smplh"], 0)
    return smplx.SMPL(str(path), data_struct=data, batch_size=1, vertex_ids=marks)


def load(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return dict(archive)


@pytest.mark.parametrize("y_up", [False, True])
@pytest.mark.parametrize("format", ["amass", "smplx"])
def test_the_smplx_library_poses_the_same_joints(tmp_path, format, y_up):
    motion = Motion(BODIES["wave"].astype(np.float32))
    arrays = load(export_bytes(motion, format, Options(y_up=y_up)))
    body = smpl_body(arrays["rest_joints"], tmp_path)
    poses = torch.tensor(arrays["poses"][:, :66], dtype=torch.float32)
    hands = torch.zeros(len(poses), 6)
    with torch.no_grad():
        posed = body(
            global_orient=poses[:, :3], body_pose=torch.cat((poses[:, 3:], hands), dim=1),
            betas=torch.zeros(len(poses), 10),
            transl=torch.tensor(arrays["trans"], dtype=torch.float32),
        )  # fmt: skip
    joints = posed.joints[:, :22].numpy()
    if not y_up:  # Z up, facing -Y: as in Blender
        assert joints[0, JOINTS["left_foot"], 1] < joints[0, JOINTS["left_ankle"], 1] - 0.05
        joints = np.stack((joints[..., 0], joints[..., 2], -joints[..., 1]), axis=-1)
    assert worst(joints, motion.joints) < MILLIMETRE


def test_amass_arrays_are_those_of_amass():
    arrays = load(export_bytes(Motion(BODIES["walk"].astype(np.float32)), "amass", Options(fps=60)))
    assert arrays["poses"].shape == (118, 156)
    assert not arrays["poses"][:, 66:].any()
    assert arrays["trans"].shape == (118, 3)
    assert arrays["betas"].shape == (16,)
    assert arrays["dmpls"].shape == (118, 8)
    assert str(arrays["gender"]) == "neutral"
    assert float(arrays["mocap_framerate"]) == float(arrays["mocap_frame_rate"]) == 60


def test_smplx_parts_are_the_columns_of_poses():
    arrays = load(export_bytes(Motion(BODIES["wave"].astype(np.float32)), "smplx", Options()))
    names = ("root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand")
    parts = [arrays[name] for name in names]
    assert arrays["poses"].shape == (60, 165)
    assert np.array_equal(np.concatenate(parts, axis=1), arrays["poses"])
    assert [part.shape[1] for part in parts] == [3, 63, 3, 6, 90]
    assert str(arrays["surface_model_type"]) == "smplx"


def test_tables_hold_the_joints_to_the_last_bit(motion):
    arrays = load(export_bytes(motion, "npz", Options()))
    assert np.array_equal(arrays["joints"], motion.joints)
    assert arrays["names"].tolist() == list(JOINT_NAMES)
    table = np.genfromtxt(io.BytesIO(export_bytes(motion, "csv", Options())), delimiter=",",
                          names=True)  # fmt: skip
    for name, axis in itertools.product(JOINT_NAMES, "xyz"):
        column = table[f"{name}_{axis}"].astype(np.float32)
        assert np.array_equal(column, motion.joints[:, JOINTS[name], "xyz".index(axis)])
    np.testing.assert_allclose(table["time"], np.arange(motion.frames) / 20)


def test_features_are_humanml3ds(motion):
    features = np.load(io.BytesIO(export_bytes(motion, "features", Options())))
    np.testing.assert_allclose(features, joints_to_features(motion.joints), atol=1e-6)
    with pytest.raises(StudioError, match="20 frames a second"):
        export_bytes(motion, "features", Options(fps=30))


@pytest.mark.parametrize("fps", [30, 60])
def test_other_rates_pass_through_the_frames(motion, fps):
    native, take = make_take(motion), make_take(motion, fps)
    assert take.frames == int((motion.frames - 1) * fps / 20 + 1e-6) + 1
    step, back = (3, 1) if fps == 60 else (3, 2)
    shared = min(len(take.joints[::step]), len(native.joints[::back]))
    assert worst(take.joints[::step][:shared], native.joints[::back][:shared]) < 1e-6
    lengths = np.linalg.norm(take.joints - take.joints[:, [0, *PARENTS[1:]]], axis=-1)
    assert np.ptp(lengths[:, [4, 5, 7, 8, 16, 17, 18, 19, 20, 21]], axis=0).max() < 1e-6


def test_frames_between_are_where_the_movement_was():
    """Every other frame left out and restored: nearer than straight lines by far."""
    joints = walk(61, turn=0.5)
    full = make_take(Motion(joints.astype(np.float32)))
    half = Take(*(part[::2] for part in (full.rotations, full.translations, full.joints)),
                full.rest, 10.0)  # fmt: skip
    restored = at_rate(half, 20).joints[1:-1:2]
    straight = 0.5 * (joints[:-2:2] + joints[2::2])
    between = joints[1:-1:2]
    missed, missed_by_lines = (
        np.linalg.norm(found - between, axis=-1).mean() for found in (restored, straight)
    )
    assert missed < 0.25 * missed_by_lines


@pytest.mark.parametrize("rate", [0, 25, 1000, float("nan")])
def test_rates_that_are_not_offered(motion, rate):
    with pytest.raises(StudioError, match="choose 20, 30, 60"):
        make_take(motion, rate)


@pytest.mark.parametrize(
    ("format", "options", "sentence"),
    [
        ("fbx", Options(), "'fbx' is not offered"),
        ("bvh", Options(order="XXY"), "Rotation order 'XXY'"),
        ("bvh", Options(names="maya"), "Joint names 'maya'"),
        ("glb", Options(names=""), "Joint names ''"),
        ("mp4", Options(), "a video"),
    ],
)
def test_what_cannot_be_written_is_said(motion, format, options, sentence):
    with pytest.raises(StudioError, match=sentence):
        export_bytes(motion, format, options)


@pytest.mark.parametrize("format", sorted(set(FILES) - {"mp4", "gif"}))
def test_the_same_motion_gives_the_same_bytes(format):
    motion = Motion(BODIES["walk"].astype(np.float32))
    assert export_bytes(motion, format, Options()) == export_bytes(motion, format, Options())


def test_foot_lock_takes_most_of_a_slide_away():
    joints = stand(60)
    joints[..., 0] += 0.12 * np.sin(2 * np.pi * np.arange(60) / 20)[:, None]  # up to 0.75 m/s
    motion = Motion(joints.astype(np.float32))
    before, after = skate(motion, True)
    assert before > 0.3
    assert after < 0.5 * before
    assert skate(motion, False) == (before, before)
    held, free = (make_take(motion, 60, lock) for lock in (True, False))
    assert worst(held.joints, free.joints) > 0.01
