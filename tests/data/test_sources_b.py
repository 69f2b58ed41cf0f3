"""The registry, and the importers of the CMU evaluation set and DeepMimic."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data import sources
from engine.data.sources import cmu_eval, deepmimic
from engine.errors import StudioError
from engine.motion.canonical import facing_yaw
from engine.motion.kinematics import bone_lengths
from engine.motion.rotation import euler_to_matrix
from engine.motion.skeleton import BONE_LENGTHS, JOINTS
from tests.shared import SHARED, needs_shared

ANGLE = st.floats(-3.1, 3.1)


def test_every_source_is_found_and_describes_itself():
    published = {"bandai-namco", "cmu", "cmu-eval", "deepmimic", "hdm05", "xia", "humanml3d"}
    assert published | {"kit-ml"} == set(sources.names())
    for name in sources.names():
        source = sources.get(name)
        assert source.name == name
        assert len(source.licence) > 5


def test_the_guide_names_every_source():
    guide = (Path(__file__).parents[2] / "docs" / "add-a-dataset.md").read_text()
    assert [name for name in sources.names() if f"| `{name}` |" not in guide] == []


def test_a_new_source_is_one_new_file(tmp_path, monkeypatch):
    (tmp_path / "my_set.py").write_text(
        "class MySet:\n"
        "    name, licence = 'my-set', 'CC0'\n"
        "    def takes(self, root): return ['t']\n"
        "    def clips(self, root, take): return []\n"
    )
    (tmp_path / "_helper.py").write_text("raise RuntimeError")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    assert "my-set" in sources.names()
    assert "-helper" not in sources.names()
    assert sources.get("my-set").takes(tmp_path) == ["t"]


def test_a_module_without_a_source_is_named(tmp_path, monkeypatch):
    (tmp_path / "hollow_set.py").write_text("x = 1\n")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    with pytest.raises(StudioError, match="name = 'hollow-set'"):
        sources.get("hollow-set")


# --- CMU evaluation set ---------------------------------------------------------------------


@given(ANGLE, st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_root_repair_undoes_the_wrong_order(z, y, x):
    wrong = euler_to_matrix(np.array([[z, x, y]]), "ZXY")
    right = euler_to_matrix(np.array([[z, y, x]]), "ZYX")
    np.testing.assert_allclose(cmu_eval.repair_root(wrong), right, atol=1e-6)


def test_tables_that_are_no_motion_are_refused(tmp_path):
    path = tmp_path / "walking_1.txt"
    path.write_text("1,2,3\n4,5,6\n7,8,9\n")
    with pytest.raises(StudioError, match="117 are needed"):
        cmu_eval.read_expmap(path)
    path.write_text("a,b\n")
    with pytest.raises(StudioError, match="not a table"):
        cmu_eval.read_expmap(path)


def test_copies_of_cmu_takes_are_left_out_by_name(tmp_path):
    with pytest.raises(StudioError, match="take 13_26 of the source cmu"):
        cmu_eval.CmuEval().clips(tmp_path, "train/directing_traffic/directing_traffic_1.txt")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A few real files of both archives."""
    root = tmp_path_factory.mktemp("real")
    wanted = ("walking_22.txt", "walking_49.txt", "jumping_2.txt", "humanoid3d_walk.txt",
              "humanoid3d_sideflip.txt", "humanoid3d_dance_a.txt", "getup_faceup.txt",
              "sie_humanoid3d_punch_left00.txt", "sie_humanoid3d_run_left03.txt",
              "sie_humanoid3d_run_right10.txt", "humanoid3d_run.txt")  # fmt: skip
    for name in ("cmu-eval-expmap", "deepmimic"):
        with tarfile.open(SHARED / "data" / "raw" / f"{name}.tar.xz") as tar:
            members = [item for item in tar.getmembers() if item.name.endswith(wanted)]
            tar.extractall(root, members, filter="data")
    return root


def imported(source, root, ending):
    take = next(take for take in source.takes(root) if take.endswith(ending))
    return source.clips(root, take)[0]


@needs_shared
def test_real_evaluation_takes_stand_upright_while_they_turn(unpacked):
    for name in ("walking_22.txt", "walking_49.txt"):  # about-turns pass through yaw 90
        clip = imported(cmu_eval.CmuEval(), unpacked, name)
        assert clip.content == "walk-turn"
        assert np.ptp(np.unwrap(facing_yaw(clip.joints))) > np.radians(150)
        trunk = clip.joints[:, JOINTS["neck"]] - clip.joints[:, 0]
        lean = np.degrees(np.arccos(trunk[:, 1] / np.linalg.norm(trunk, axis=1)))
        assert lean.max() < 25
        np.testing.assert_allclose(
            bone_lengths(clip.joints), np.tile(BONE_LENGTHS, (len(clip.joints), 1)), atol=1e-6
        )


@needs_shared
def test_real_jumps_fall_with_gravity(unpacked):
    joints = imported(cmu_eval.CmuEval(), unpacked, "jumping_2.txt").joints
    toes = joints[:, [10, 11], 1].min(axis=1)
    flying = np.flatnonzero((toes[1:-1] > 0.08) & (toes[:-2] > 0.08) & (toes[2:] > 0.08)) + 1
    fall = (joints[flying + 1, 0, 1] - 2 * joints[flying, 0, 1] + joints[flying - 1, 0, 1]) * 400
    assert -12.5 < np.median(fall) < -7.5  # wrong frame rate would give -2.5 or -39


# --- DeepMimic ------------------------------------------------------------------------------


def frame(seconds, x=0.0, yaw=0.0, knee=0.0):
    """One pose standing at `x`, turned by `yaw`."""
    values = [seconds, x, 0.9, 0.0]
    for name, _, _, count in deepmimic.SKELETON:
        turned = [np.cos(yaw / 2), 0.0, np.sin(yaw / 2), 0.0]
        upright = turned if name == "root" else [1.0, 0.0, 0.0, 0.0]
        values += upright if count == 4 else [knee] * count
    return values


def motion(tmp_path, frames, name="humanoid3d_walk.txt"):
    path = tmp_path / name
    path.write_text(json.dumps({"Loop": "wrap", "Frames": frames}))
    return path


def test_uneven_durations_become_20_fps(tmp_path):
    seconds = [0.1, 0.05, 0.2, 0.05, 0.1, 0.0]
    starts = np.concatenate(([0.0], np.cumsum(seconds[:-1])))
    frames = [frame(s, x=2.0 * t) for s, t in zip(seconds, starts, strict=True)]
    times, values = deepmimic.read_frames(motion(tmp_path, frames))
    sampled = deepmimic.sample(times, values)
    assert len(sampled) == 11
    np.testing.assert_allclose(sampled[:, 0], np.arange(11) * 0.1, atol=1e-9)


def test_cycles_go_on_where_they_end_and_close_their_gap(tmp_path):
    knees = [0.0, -0.5, -0.6, -0.3, 0.06]  # does not quite come back to 0
    frames = [frame(0.25, x=0.3 * n, knee=k) for n, k in enumerate(knees)]
    times, values = deepmimic.repeat(*deepmimic.read_frames(motion(tmp_path, frames)), 3)
    assert (len(times), times[-1]) == (13, 3.0)
    np.testing.assert_allclose(values[:, 0], 0.3 * np.arange(13), atol=1e-9)
    knee = 3 + sum(joint[3] for joint in deepmimic.SKELETON[:4])
    np.testing.assert_allclose(values[[0, 4, 8, 12], knee], 0.0, atol=1e-9)


def test_cycles_that_turn_far_turn_on_and_small_turns_are_straightened(tmp_path):
    for end, after in ((np.pi / 2, np.pi), (0.1, 0.0)):
        frames = [frame(0.25, x=0.5 * n, yaw=end * n / 4) for n in range(5)]
        _, values = deepmimic.repeat(*deepmimic.read_frames(motion(tmp_path, frames)), 2)
        yaw = 2 * np.arctan2(values[-1, 5], values[-1, 3])
        assert abs(yaw - after) < 1e-6
        step = values[-1, [0, 2]] - values[4, [0, 2]]
        heading = (2.0, 0.0) if end < 1 else (0.0, -2.0)  # a left turn about Y leads to -Z
        np.testing.assert_allclose(step, heading, atol=1e-6)


@pytest.mark.parametrize(
    ("action", "twin"),
    [
        ("run_forward05", "run_forward04"), ("run_forward04", ""), ("run_right07", "run_left00"),
        ("run_right14", "run_left07"), ("run_right00", "run_left08"), ("run_left03", ""),
        ("run", ""),
    ],
)  # fmt: skip
def test_mirrored_twins_are_recognised(action, twin):
    assert deepmimic.mirror_twin(action).endswith(twin)
    assert bool(deepmimic.mirror_twin(action)) == bool(twin)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([[0.1] * 10] * 5, "shape"),
        ([frame(0.0)] * 5, "lasts no time"),
        ([frame(0.1)] * 2, "shape"),
        ("none", "format"),
    ],
)
def test_odd_motions_are_refused(tmp_path, frames, message):
    with pytest.raises(StudioError, match=message):
        deepmimic.read_frames(motion(tmp_path, frames))


@needs_shared
def test_real_clips_show_what_their_label_says(unpacked):
    source = deepmimic.DeepMimic()
    walk = imported(source, unpacked, "humanoid3d_walk.txt").joints
    assert walk[-1, 0, 2] > 3.0  # four cycles straight ahead
    assert abs(walk[-1, 0, 0]) < 0.5
    dance = imported(source, unpacked, "dance_a.txt").joints
    assert np.unwrap(facing_yaw(dance))[-1] < -2 * np.pi  # turns right again and again
    flip = imported(source, unpacked, "sideflip.txt").joints
    assert (flip[:, JOINTS["head"], 1] < flip[:, 0, 1]).any()
    up = imported(source, unpacked, "getup_faceup.txt").joints
    assert up[0, 0, 1] < 0.3
    assert up[-1, 0, 1] > 0.85
    for joints in (flip, up):
        assert joints[-1, [10, 11], 1].min() < 0.05  # stands on the floor, not above it
        assert joints[..., 1].min() > -0.03


@needs_shared
def test_the_left_punch_is_a_right_punch(unpacked):
    clip = imported(deepmimic.DeepMimic(), unpacked, "punch_left00.txt")
    assert clip.content == "punch-right-hand"
    reach = [
        np.linalg.norm(clip.joints[:, wrist] - clip.joints[:, 0], axis=1).max()
        for wrist in (20, 21)
    ]
    assert reach[1] > reach[0]


@needs_shared
def test_real_twins_short_clips_and_turns(unpacked):
    source = deepmimic.DeepMimic()
    with pytest.raises(StudioError, match="run_left03"):
        imported(source, unpacked, "run_right10.txt")
    with pytest.raises(StudioError, match="only 16 frames"):
        imported(source, unpacked, "humanoid3d_run.txt")
    left = imported(source, unpacked, "run_left03.txt")
    assert left.content == "run-turn-left"
    assert np.unwrap(facing_yaw(left.joints))[-1] > np.radians(45)
