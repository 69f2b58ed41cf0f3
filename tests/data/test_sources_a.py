"""Importers of Bandai-Namco, CMU and HDM05 on made-up takes: cutting, labels, joining."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.sources import _common as common
from engine.data.sources import bandai_namco, hdm05
from engine.data.sources.bandai_namco import BandaiNamco, check_label
from engine.data.sources.base import SourceClip
from engine.data.sources.cmu import crowd_captions, shows
from engine.errors import StudioError
from engine.motion.canonical import facing_yaw, rotate_yaw
from engine.motion.kinematics import bone_lengths, place_bones, to_skeleton
from engine.motion.retarget import MEAN_DIRECTIONS, POINTS, SIDES, TARGET_LEG
from engine.motion.rotation import quat_to_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINTS


def walk(frames=60, turn=0.0, speed=1.0, fps=20.0) -> np.ndarray:
    """A stiff body that glides forward and turns evenly by `turn` degrees."""
    yaw = np.radians(np.linspace(0, turn, frames))
    body = place_bones(np.array([0, 0.95, 0.0]), MEAN_DIRECTIONS)
    path = np.cumsum(np.stack([np.sin(yaw), 0 * yaw, np.cos(yaw)], 1) * speed / fps, axis=0)
    return np.stack([rotate_yaw(body, angle) for angle in yaw]) + path[:, None]


def write_bandai(path, joints) -> None:
    """A BVH of the Bandai rig with the given pose at 30 fps: every joint hangs on joint_Root."""
    from scipy.spatial.transform import Rotation

    rig = bandai_namco.RIG
    scale = 0.01 * TARGET_LEG / (0.5 * BONE_LENGTHS[[4, 5, 7, 8]].sum())
    yaw = np.stack([quat_to_matrix(np.array([np.cos(a / 2), 0, np.sin(a / 2), 0]))
                    for a in facing_yaw(joints)])  # fmt: skip
    names: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for joint in (f"{s}_{p}" for s in SIDES for p in POINTS):
        names[rig.points[joint]] = (joints[:, JOINTS[joint]] / scale, yaw)
    origin = joints[:, JOINTS["spine3"]]
    for part in (rig.pelvis, rig.spine, rig.chest, rig.neck):
        turned = yaw @ quat_to_matrix(np.array(part.calibration)).T
        names[part.joint] = (origin / scale, turned)
    lines = ["HIERARCHY", "ROOT joint_Root", "{", "OFFSET 0 0 0", "CHANNELS 0"]
    for name in names:
        lines += [f"JOINT {name}", "{", "OFFSET 9 9 9", "CHANNELS 6 Xposition Yposition Zposition "
                  "Zrotation Xrotation Yrotation", "}"]  # fmt: skip
    lines += ["}", "MOTION", f"Frames: {len(joints)}", "Frame Time: 0.0333333"]
    angles = {n: Rotation.from_matrix(r).as_euler("ZXY", degrees=True)
              for n, (_, r) in names.items()}  # fmt: skip
    lines += [
        " ".join(f"{v:.6f}" for n in names for v in (*names[n][0][t], *angles[n][t]))
        for t in range(len(joints))
    ]
    path.write_text("\n".join(lines))


def test_bandai_take_becomes_the_pose_it_was(tmp_path):
    joints = walk(60, fps=30)
    write_bandai(tmp_path / "dataset-2_walk_normal_001.bvh", joints)
    source = BandaiNamco()
    assert source.takes(tmp_path) == ["dataset-2_walk_normal_001"]
    (clip,) = source.clips(tmp_path, "dataset-2_walk_normal_001")
    assert (clip.content, clip.style, clip.group) == ("walk", "neutral", clip.id)
    assert len(clip.joints) == 40  # 59 steps at 30 fps are 39 steps at 20
    np.testing.assert_allclose(bone_lengths(clip.joints), np.tile(BONE_LENGTHS, (40, 1)), atol=1e-9)
    limbs = [JOINTS[f"{s}_{p}"] for s in SIDES for p in ("hip", "knee", "ankle")]
    shape = (joints - joints[:, :1])[0, limbs]
    np.testing.assert_allclose((clip.joints - clip.joints[:, :1])[20, limbs], shape, atol=2e-3)
    assert clip.joints[-1, 0, 2] - clip.joints[0, 0, 2] == pytest.approx(39 / 20, rel=0.01)


def test_bandai_wrong_label_is_corrected(tmp_path):
    take = "dataset-2_walk-turn-left_masculine_006"
    write_bandai(tmp_path / f"{take}.bvh", walk(90, turn=-88, fps=30))
    (clip,) = BandaiNamco().clips(tmp_path, take)
    assert (clip.content, clip.style) == ("walk-turn-right", "masculine")


def test_bandai_mislabelled_short_and_known_useless_takes_are_refused(tmp_path):
    write_bandai(tmp_path / "dataset-2_walk-turn-left_normal_001.bvh", walk(90, turn=-88))
    write_bandai(tmp_path / "dataset-2_walk_normal_002.bvh", walk(24))
    source = BandaiNamco()
    for take, message in (
        ("dataset-2_walk-turn-left_normal_001", "turns -8"),
        ("dataset-2_walk_normal_002", "less than a second"),
        ("dataset-1_byebye_not-confident_001", "7 cm"),
        ("dataset-2_walk_normal_003", "holds no file"),
    ):
        with pytest.raises(StudioError, match=message):
            source.clips(tmp_path, take)


def test_bandai_long_take_is_cut_in_equal_pieces(tmp_path):
    take = "dataset-2_walk_elderly_001"
    write_bandai(tmp_path / f"{take}.bvh", walk(450, fps=30))
    clips = BandaiNamco().clips(tmp_path, take)
    assert [clip.id for clip in clips] == [f"{take}_01", f"{take}_02"]
    assert [len(clip.joints) for clip in clips] == [150, 150]
    assert {clip.group for clip in clips} == {take}
    for clip in clips:
        np.testing.assert_allclose(clip.joints[0, 0, [0, 2]], 0, atol=1e-9)
        assert abs(facing_yaw(clip.joints)[0]) < 1e-6


@pytest.mark.parametrize(
    ("content", "joints"),
    [
        ("walk-turn-right", walk(turn=80)),
        ("walk", walk(speed=0.0)),
        ("walk-back", walk()),
        ("run", walk(speed=-2.0)),
    ],
)
def test_clips_that_contradict_their_label_are_noticed(content, joints):
    with pytest.raises(StudioError, match=content):
        check_label(SourceClip("x", joints, content))


def test_the_wrong_hand_is_noticed():
    joints = walk(speed=0.0)
    joints[:, JOINTS["left_wrist"], 1] += 0.5
    check_label(SourceClip("x", joints, "wave-left-hand"))
    with pytest.raises(StudioError, match="other hand"):
        check_label(SourceClip("x", joints, "wave-right-hand"))


def test_every_named_part_of_a_take_fits_a_clip():
    for take, parts in bandai_namco.USE.items():
        for first, last in parts:
            assert 20 <= last - first <= 196, take


def test_even_and_quiet_cuts_cover_the_take():
    assert common.even_edges(0, 196) == [(0, 196)]
    assert common.even_edges(10, 410) == [(10, 143), (143, 277), (277, 410)]
    joints = np.zeros((300, 22, 3))
    joints[:, :, 0] = np.sin(np.arange(300) * 0.9)[:, None]
    joints[160:172] = joints[160]
    edges = common.quiet_edges(joints)
    assert edges[0][0] == 0
    assert edges[1][1] == 300
    assert 160 <= edges[0][1] <= 172
    assert edges[0][1] == edges[1][0]
    assert max(last - first for first, last in common.quiet_edges(np.zeros((1900, 22, 3)))) <= 196


def test_glitches_split_a_take():
    joints = walk(200)
    assert common.steady_spans(joints, 40) == [(0, 200)]
    joints[120, JOINTS["left_wrist"]] += 2.0
    spans = common.steady_spans(joints, 40)
    assert len(spans) == 2
    assert spans[0][0] == 0
    assert spans[0][1] <= 119
    assert spans[1][0] >= 122
    assert spans[1][1] == 200
    assert common.steady_spans(joints, 100) == [spans[0]]


def test_standing_before_and_after_is_trimmed():
    joints = np.concatenate([np.repeat(walk(1), 50, axis=0), walk(60, speed=2.0)])
    joints = np.concatenate([joints, np.repeat(joints[-1:], 70, axis=0)])
    start, end = common.trim_still(joints, 0, len(joints))
    assert 38 <= start <= 40
    assert 119 <= end <= 121


def test_sunken_bodies_are_lifted_smoothly():
    joints = walk(100, speed=0.0)
    floor = common.standing_floor(joints)
    assert common.lift_sunken(joints, floor) is joints
    arms = [JOINTS["left_wrist"], JOINTS["right_wrist"]]
    joints[40:60, arms, 1] -= np.hanning(20)[:, None] * 1.0
    assert common.standing_floor(joints) == pytest.approx(floor)
    lifted = common.lift_sunken(joints, floor)
    assert joints[..., 1].min() < floor - 0.05
    assert lifted[..., 1].min() > floor - 0.02
    assert np.abs(np.diff(lifted[:, 0, 1], n=2)).max() < 0.02
    np.testing.assert_allclose(lifted[:30], joints[:30])
    np.testing.assert_allclose(bone_lengths(lifted), bone_lengths(joints), atol=1e-9)


def test_loop_closes_without_a_jump():
    time = np.linspace(0, 2 * np.pi, 121)[:, None, None]
    body = walk(121, speed=0.0, fps=120)
    arms = [JOINTS["left_wrist"], JOINTS["right_wrist"]]
    body[:, arms] += 0.2 * np.concatenate([np.sin(time), np.cos(time), 0 * time], axis=2)
    body[:, :, 2] += np.linspace(0, 0.05, 121)[:, None]  # ends 5 cm from where it began
    twice = hdm05.loop(body, 2)
    assert len(twice) == 241
    steps = np.linalg.norm(np.diff(twice, axis=0), axis=-1)
    once = np.linalg.norm(np.diff(to_skeleton(body), axis=0), axis=-1)
    assert steps.max() < 1.2 * once.max()
    np.testing.assert_allclose(twice[-1, 0], twice[0, 0], atol=1e-9)


def test_every_cmu_rule_tells_doing_from_standing():
    still = walk(60, speed=0.0)
    for content in ("ballet", "climb", "jump", "kick-ball", "pick-up", "reach-up", "run", "walk"):
        assert not shows(content, still), content
    assert shows("walk", walk(60, speed=1.2))
    assert shows("laugh", still)


def test_cmu_reads_the_crowds_captions_when_they_lie_beside(tmp_path):
    (tmp_path / "kitml-annotations.json").write_text(
        '{"1": {"path": "CMU/07/07_01_poses", "annotations": '
        '[{"text": "A person walks.", "start": 0, "end": 2}]}}'
    )
    assert crowd_captions(tmp_path) == {"07_01": ["A person walks."]}
    assert crowd_captions(tmp_path / "none") == {}
