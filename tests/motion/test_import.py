"""Files read as motions: this program's own, foreign skeletons, and everything that is wrong."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import StudioError
from engine.motion.canonical import facing_yaw
from engine.motion.export import FILES, Options, export_bytes
from engine.motion.export_take import Take
from engine.motion.formats import load
from engine.motion.formats.bvh_write import write_bvh
from engine.motion.formats.glb_write import JSON_CHUNK, write_glb
from engine.motion.formats.load import Loaded, load_motion
from engine.motion.formats.names import MIXAMO, UNREAL, find_joints
from engine.motion.formats.smpl_pose import Z_UP
from engine.motion.kinematics import bone_directions
from engine.motion.motion import Motion
from engine.motion.pose import Pose, pose_from_joints, rest_pose
from engine.motion.skeleton import JOINT_NAMES, JOINTS
from tests.motion.bodies import walk, wave

WALK = Motion(walk(24, turn=0.5).astype(np.float32))
WAVE = Motion(wave(60).astype(np.float32))
DATA = {name: export_bytes(WALK, name, Options()) for name in FILES if name not in ("mp4", "gif")}
SUFFIX = {name: Path(f"file{FILES[name]}").suffix for name in DATA}
LIMBS = [JOINTS[f"{side}_{name}"] for side in ("left", "right")
         for name in ("knee", "ankle", "elbow", "wrist")]  # fmt: skip


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Loaded]:
    """Read bytes as a file with this suffix."""

    def reading(data: bytes, suffix: str, **options: Any) -> Loaded:
        path = tmp_path / f"file{suffix}"
        path.write_bytes(data)
        return load_motion(path, **options)

    return reading


@pytest.mark.parametrize("names", ["smpl", "mixamo"])
@pytest.mark.parametrize("fps", [20, 60])
@pytest.mark.parametrize("format", ["bvh", "glb", "amass", "smplx", "csv", "npz"])
def test_what_was_written_is_read(read, format, fps, names):
    data = export_bytes(WAVE, format, Options(fps=fps, names=names))
    loaded = read(data, SUFFIX[format])
    assert loaded.fps == pytest.approx(fps, rel=1e-4)
    assert loaded.motion.joints.shape == WAVE.joints.shape
    assert np.linalg.norm(loaded.motion.joints - WAVE.joints, axis=-1).max() < 1e-3
    loaded.motion.validate()


@pytest.mark.parametrize("format", ["amass", "smplx"])
def test_the_up_axis_is_the_files_or_the_callers(read, format):
    data = export_bytes(WAVE, format, Options(y_up=True))
    assert np.abs(read(data, ".npz").motion.joints - WAVE.joints).max() < 1e-3
    with np.load(io.BytesIO(data)) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "up_axis"}
    silent = io.BytesIO()
    np.savez(silent, **arrays)
    assert (
        np.abs(read(silent.getvalue(), ".npz", y_up=True).motion.joints - WAVE.joints).max() < 1e-3
    )
    lying = read(silent.getvalue(), ".npz").motion.joints
    assert np.ptp(lying[0, :, 1]) < 0.8, "read as Z up, somebody lies"


def test_files_of_other_programs_with_fewer_or_more_arrays(read):
    poses = np.zeros((60, 72))
    for rate in ("mocap_framerate", "mocap_frame_rate", "fps"):
        buffer = io.BytesIO()
        np.savez(buffer, poses=poses, trans=np.zeros((60, 3)), betas=np.zeros(10), **{rate: 30})
        loaded = read(buffer.getvalue(), ".npz", y_up=True)
        assert loaded.fps == 30
        assert loaded.motion.frames == 40
    standing = loaded.motion.joints[0]
    assert standing[JOINTS["head"], 1] > 1.3
    assert standing[JOINTS["left_wrist"], 0] > 0.5
    buffer = io.BytesIO()
    np.savez(buffer, global_orient=poses[:, :3], body_pose=poses[:, 3:66], trans=np.zeros((60, 3)),
             mocap_frame_rate=20.0)  # fmt: skip
    assert read(buffer.getvalue(), ".npz", y_up=True).motion.frames == 60


def other_body() -> np.ndarray:
    """A T pose [22, 3] of other proportions: level hips, long legs, short arms, broad shoulders."""
    rest = rest_pose()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rest[JOINTS[f"{side}_hip"]] = (0.11 * sign, -0.02, 0.0)
        rest[JOINTS[f"{side}_knee"]] = (0.11 * sign, -0.55, 0.0)
        rest[JOINTS[f"{side}_ankle"]] = (0.11 * sign, -1.05, 0.0)
        rest[JOINTS[f"{side}_foot"]] = (0.11 * sign, -1.10, 0.18)
        rest[JOINTS[f"{side}_collar"]] = rest[JOINTS["spine3"]] + (0.04 * sign, 0.15, 0.0)
        rest[JOINTS[f"{side}_shoulder"]] = rest[JOINTS[f"{side}_collar"]] + (0.2 * sign, 0, 0)
        rest[JOINTS[f"{side}_elbow"]] = rest[JOINTS[f"{side}_shoulder"]] + (0.22 * sign, 0, 0)
        rest[JOINTS[f"{side}_wrist"]] = rest[JOINTS[f"{side}_elbow"]] + (0.2 * sign, 0, 0)
    return rest


def foreign(motion: Motion) -> Take:
    """A motion performed by the other body."""
    pose: Pose = pose_from_joints(motion.joints, other_body())
    offsets = np.broadcast_to(pose.offsets, pose.joints.shape).copy()
    offsets[:, 0] = pose.root
    return Take(pose.rotations, offsets, pose.joints, pose.rest, 20.0)


def check_wave(joints: np.ndarray) -> None:
    """The wave on the target skeleton: limbs point where they did, it stands, it faces +Z."""
    Motion(joints).validate()
    cosine = (bone_directions(joints) * bone_directions(WAVE.joints)).sum(-1)[:, LIMBS]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 12
    middle = joints[len(joints) // 2]
    assert middle[JOINTS["left_wrist"], 1] > middle[JOINTS["head"], 1]
    assert abs(float(facing_yaw(joints[0].astype(float)))) < 0.01
    assert abs(float(joints[..., 1].min())) < 0.05
    for side in ("left", "right"):
        assert middle[JOINTS[f"{side}_foot"], 2] > middle[JOINTS[f"{side}_ankle"], 2] + 0.05


@pytest.mark.parametrize("names", ["smpl", "mixamo"])
def test_a_foreign_bvh_is_retargeted(read, names):
    check_wave(read(write_bvh(foreign(WAVE), names), ".bvh").motion.joints)


def test_a_foreign_bvh_with_z_up(read):
    take = foreign(WAVE)
    rotations = Z_UP @ take.rotations @ Z_UP.T
    turned = Take(rotations, take.translations @ Z_UP.T, take.joints, take.rest @ Z_UP.T, 20.0)
    check_wave(read(write_bvh(turned), ".bvh").motion.joints)


def glb_document(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data, 12)
    return json.loads(data[20 : 20 + length]), data[20 + length :]


def glb_file(document: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), JSON_CHUNK)
    return head + text + rest


def test_a_foreign_glb_under_a_scaled_and_turned_armature(read):
    document, rest = glb_document(write_glb(foreign(WAVE), "mixamo"))
    half = np.sqrt(0.5)
    document["nodes"][0] |= {"scale": [0.3, 0.3, 0.3], "rotation": [0, half, 0, half]}
    check_wave(read(glb_file(document, rest), ".glb").motion.joints)
    for node, name in zip(document["nodes"][1:23], UNREAL, strict=True):
        node["name"] = name
    check_wave(read(glb_file(document, rest), ".glb").motion.joints)


def test_a_glb_with_step_and_cubic_keys(read):
    """The same motion as CUBICSPLINE without tangents holds its keys; STEP holds them exactly."""
    document, rest = glb_document(DATA["glb"])
    for sampler in document["animations"][0]["samplers"]:
        sampler["interpolation"] = "STEP"
    joints = read(glb_file(document, rest), ".glb").motion.joints
    moved = np.linalg.norm(np.diff(WALK.joints, axis=0), axis=-1).max()
    assert np.abs(joints - WALK.joints).max() <= moved + 1e-6
    binary = bytearray(rest[8:])
    for sampler in document["animations"][0]["samplers"]:
        sampler["interpolation"] = "CUBICSPLINE"
        accessor = document["accessors"][sampler["output"]]
        view = document["bufferViews"][accessor["bufferView"]]
        start, size = view["byteOffset"], view["byteLength"]
        keys = np.frombuffer(bytes(binary[start : start + size]), "<f4").reshape(24, 1, -1)
        spline = np.concatenate((0 * keys, keys, 0 * keys), axis=1)
        view |= {"byteOffset": len(binary), "byteLength": spline.nbytes}
        accessor["count"] = 3 * 24
        binary += spline.tobytes()
    document["buffers"][0]["byteLength"] = len(binary)
    body = struct.pack("<II", len(binary), 0x004E4942) + bytes(binary)
    joints = read(glb_file(document, body), ".glb").motion.joints
    assert np.linalg.norm(joints - WALK.joints, axis=-1).max() < 1e-3


def test_names_are_found_whatever_their_case_and_prefix():
    for scheme in (JOINT_NAMES, MIXAMO, UNREAL):
        assert find_joints(scheme) == JOINTS
        assert find_joints([name.upper() for name in scheme]) == JOINTS
    assert find_joints([name.replace("mixamorig:", "mixamorig1:") for name in MIXAMO]) == JOINTS
    assert find_joints([name.replace(":", "") for name in MIXAMO]) == JOINTS
    assert find_joints(["Armature|LeftUpLeg", "rig:Hips"]) == {"left_hip": 0, "pelvis": 1}
    assert find_joints(["Bone", "Bone.001", ""]) == {}


def test_a_part_of_a_long_file(read):
    long = Motion(walk(196, turn=0.2).astype(np.float32))
    for format in ("bvh", "glb", "csv", "npz"):
        loaded = read(export_bytes(long, format, Options()), SUFFIX[format], start=3.0)
        assert loaded.seconds == pytest.approx(9.8, abs=0.01)
        assert loaded.motion.frames == 136
        assert np.abs(loaded.motion.joints[0, 0, [0, 2]]).max() < 1e-5
        assert abs(float(facing_yaw(loaded.motion.joints[0].astype(float)))) < 1e-3
        step = np.linalg.norm(np.diff(loaded.motion.joints[:, 0], axis=0), axis=-1)
        there = np.linalg.norm(np.diff(long.joints[60:, 0], axis=0), axis=-1)
        np.testing.assert_allclose(step, there, atol=1e-3)


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, joints=np.array([{"a": 1}], dtype=object))
    return buffer.getvalue()


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("joints.npy", bytes(300 * 2**20))
    return buffer.getvalue()


def circle() -> bytes:
    document, rest = glb_document(DATA["glb"])
    document["nodes"][22]["children"] = [1]
    return glb_file(document, rest)


def elsewhere() -> bytes:
    document, rest = glb_document(DATA["glb"])
    document["buffers"][0]["uri"] = "file:///etc/passwd"
    return glb_file(document, rest)


def upside_down() -> bytes:
    take = foreign(WAVE)
    return write_bvh(Take(take.rotations, take.translations, take.joints, 0.0 * take.rest, 20.0))


JOINT_TABLE = WALK.joints
WRONG = {
    "kind": (b"", ".fbx", "of no kind that is read"),
    "empty bvh": (b"", ".bvh", "no MOTION section"),
    "empty glb": (b"", ".glb", "damaged or incomplete"),
    "empty npz": (b"", ".npz", "not a readable npz"),
    "empty csv": (b"", ".csv", "lacks 'pelvis'"),
    "empty npy": (b"", ".npy", "not a readable npy"),
    "pickle": (pickled(), ".npz", "not a readable npz"),
    "other arrays": (npz(a=np.zeros(3)), ".npz", "holds no motion"),
    "shape": (npz(joints=np.zeros((30, 21, 3)), fps=20), ".npz", r"\[30, 21, 3\]"),
    "text": (npz(joints=np.full((30, 22, 3), "x"), fps=20), ".npz", "not numbers"),
    "nan": (npz(joints=np.full((30, 22, 3), np.nan), fps=20), ".npz", "no numbers"),
    "rate": (npz(joints=JOINT_TABLE, fps=0.0), ".npz", "no frame rate"),
    "units": (npz(joints=JOINT_TABLE * 100, fps=20), ".npz", "m long; a human's|units metres"),
    "order": (npz(joints=JOINT_TABLE[:, ::-1], fps=20), ".npz", "Check units and joint order"),
    "short": (npz(joints=JOINT_TABLE[:10], fps=20), ".npz", "at least 1 are needed"),
    "no rate": (npz(poses=np.zeros((30, 72)), trans=np.zeros((30, 3))), ".npz", "frame rate"),
    "no place": (npz(poses=np.zeros((30, 72)), fps=20), ".npz", "no array 'trans'"),
    "narrow": (npz(poses=np.zeros((30, 60)), fps=20), ".npz", "66 or more"),
    "mismatch": (npz(poses=np.zeros((30, 72)), trans=np.zeros((9, 3)), fps=20), ".npz", "9 places"),
    "animal": (DATA["bvh"].replace(b"left_knee", b"tail"), ".bvh", "no human skeleton"),
    "cut bvh": (DATA["bvh"][:-5000], ".bvh", "is damaged"),
    "cut glb": (DATA["glb"][:-5000], ".glb", "cut off"),
    "circle": (circle(), ".glb", "circle"),
    "elsewhere": (elsewhere(), ".glb", "in other files"),
    "rest pose": (upside_down(), ".bvh", "not a person standing upright"),
    "csv words": (DATA["csv"].replace(b"0.05,", b"soon,"), ".csv", "no number"),
    "csv times": (DATA["csv"].replace(b"\n3,0.15", b"\n3,0.95"), ".csv", "not evenly spaced"),
    "csv column": (DATA["csv"].replace(b"head_x", b"hat_x"), ".csv", "lacks|no column"),
    "npy": (b"\x93NUMPY", ".npy", "not a readable npy"),
    "bomb": (zip_bomb(), ".npz", "unpacks to"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(WRONG))
def test_what_is_wrong_is_said(read, case):
    data, suffix, sentence = WRONG[case]
    with pytest.raises(StudioError, match=sentence) as caught:
        read(data, suffix)
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


def test_large_files_are_not_even_read(read, monkeypatch):
    monkeypatch.setattr(load, "MAX_FILE_BYTES", 1000)
    for name, data in DATA.items():
        with pytest.raises(StudioError, match="Cut it first"):
            read(data, SUFFIX[name])


def test_paths_that_are_no_files(tmp_path):
    for path in (tmp_path / "no.bvh", tmp_path, Path("\0.bvh"), tmp_path / ("x" * 300 + ".glb")):
        with pytest.raises(StudioError):
            load_motion(path)


@pytest.mark.parametrize("start", [-1.0, float("nan"), float("inf"), 1e300])
def test_starts_that_make_no_sense(read, start):
    for name in ("bvh", "glb", "npz", "csv"):
        with pytest.raises(StudioError):
            read(DATA[name], SUFFIX[name], start=start)
