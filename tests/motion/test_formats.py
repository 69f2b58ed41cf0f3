"""BVH and ASF/AMC readers on small hand-made files whose poses are known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import StudioError
from engine.motion.formats.asfamc import read_amc, read_asf
from engine.motion.formats.bvh import read_bvh

BVH = """HIERARCHY
ROOT Root
{
\tOFFSET 1.0 2.0 3.0
\tCHANNELS 3 Zrotation Xrotation Yrotation
\tJOINT Arm
\t{
\t\tOFFSET 5.0 0.0 0.0
\t\tCHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0.0 1.0 0.0
\t\t}
\t}
}
MOTION
Frames:\t2
Frame Time:\t0.0333333
0 0 0   7 0 0  0 0 0
90 0 0  7 0 0  90 0 0
"""


def test_bvh_position_channels_replace_the_offset():
    bvh = read_bvh(BVH.encode())
    assert bvh.names == ("Root", "Arm", "Arm_end")
    assert bvh.parents == (-1, 0, 1)
    assert bvh.frames == 2
    assert bvh.fps == pytest.approx(30, abs=1e-3)
    positions, _ = bvh.world()
    np.testing.assert_allclose(positions[0], [[1, 2, 3], [8, 2, 3], [8, 3, 3]], atol=1e-12)
    # both turned by 90 degrees about Z: the arm points up, its end back along -X of the arm
    np.testing.assert_allclose(positions[1], [[1, 2, 3], [1, 9, 3], [1, 8, 3]], atol=1e-12)


def test_bvh_rotations_apply_in_channel_order():
    turned = BVH.replace("90 0 0  7 0 0  90 0 0", "90 90 0  7 0 0  0 0 0")
    rotation = read_bvh(turned.encode()).world().rotation("Root")[1]
    about_z = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    about_x = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]])
    np.testing.assert_allclose(rotation, about_z @ about_x, atol=1e-12)


def test_bvh_reads_a_path_and_skips_and_thins_frames(tmp_path):
    path = tmp_path / "arm.bvh"
    path.write_text(BVH)
    world = read_bvh(path).world()
    assert len(world.skip(1).positions) == 1
    assert world.every(2).fps == pytest.approx(15, abs=1e-3)
    with pytest.raises(StudioError, match="Arm_end"):
        world.point("Leg")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MOTION", "MOVEMENT", "no MOTION"),
        ("Frames:\t2", "Frames:\t3", "promises 3 frames"),
        ("90 0 0  7", "90 nought 0  7", "text"),
        ("90 0 0  7", "90 nan 0  7", "not numbers"),
        ("Frame Time:\t0.0333333", "Frame Time:\t0", "no motion"),
        ("Frames:\t2", "Frames:\tmany", "damaged MOTION"),
        ("OFFSET 5.0 0.0 0.0", "OFFSET 5.0 left 0.0", "damaged HIERARCHY"),
        ("\t\tEnd Site\n\t\t{", "\t\tEnd Site\n", "HIERARCHY"),
        ("Xposition Yposition", "Xposition Wposition", "unknown channel"),
    ],
)
def test_damaged_bvh_is_refused_with_the_reason(old, new, message):
    with pytest.raises(StudioError, match=message):
        read_bvh(BVH.replace(old, new).encode())


def test_missing_file_is_named(tmp_path):
    with pytest.raises(StudioError, match="gone"):
        read_bvh(tmp_path / "gone.bvh")


ASF = """# a comment
:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -2 0
     length 4
     axis 0 0 90 XYZ
    dof rx ry rz
  end
  begin
     id 2
     name shin
     direction 0 -1 0
     length 3
     axis 0 0 0 XYZ
    dof rx
  end
:hierarchy
  begin
    root thigh
    thigh shin
  end
"""
AMC = """# é
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
thigh 0 0 0
shin 0
2
root 1 2 3 0 90 0
thigh 0 90 0
shin 90
"""


@pytest.fixture
def acclaim(tmp_path):
    (tmp_path / "a.asf").write_text(ASF)
    (tmp_path / "a.amc").write_text(AMC, encoding="latin-1")
    return tmp_path


def test_amc_positions_are_bone_ends(acclaim):
    motion = read_amc(acclaim / "a.amc", read_asf(acclaim / "a.asf"))
    positions, rotations = motion.world()
    assert motion.names == ("root", "thigh", "shin")
    assert motion.fps == 120
    np.testing.assert_allclose(positions[0], [[1, 2, 3], [1, -2, 3], [1, -5, 3]], atol=1e-12)
    # the thigh's own axis is turned by 90 degrees about Z, so its "ry" turns about -X
    about_y = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0.0]])
    about_minus_x = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0.0]])
    np.testing.assert_allclose(rotations[1, 1], about_y @ about_minus_x, atol=1e-12)
    thigh = about_y @ about_minus_x @ [0, -4, 0]
    np.testing.assert_allclose(positions[1, 1], np.add([1, 2, 3], thigh), atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shin 90\n", "", "lines"),
        ("shin 90", "shin ninety", "could not convert"),
        ("shin 90", "tail 90", "different bones"),
        ("shin 90", "shin inf", "not numbers"),
        ("1\nroot", "root", "no numbered frames"),
    ],
)
def test_damaged_amc_is_refused_with_the_reason(acclaim, old, new, message):
    (acclaim / "a.amc").write_text(AMC.replace(old, new), encoding="latin-1")
    with pytest.raises(StudioError, match=message):
        read_amc(acclaim / "a.amc", read_asf(acclaim / "a.asf"))


def test_amc_of_another_skeleton_is_refused(acclaim):
    (acclaim / "a.amc").write_text(AMC.replace("shin", "tail"), encoding="latin-1")
    with pytest.raises(StudioError, match="tail"):
        read_amc(acclaim / "a.amc", read_asf(acclaim / "a.asf"))


@pytest.mark.parametrize("cut", [":hierarchy", ":root", "length 4", "thigh shin"])
def test_incomplete_asf_is_refused(acclaim, cut):
    (acclaim / "a.asf").write_text(ASF.replace(cut, ""))
    with pytest.raises(StudioError, match="ASF"):
        read_asf(acclaim / "a.asf")
