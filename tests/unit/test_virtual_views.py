"""Planes, poses and views of the virtual scanner, and what moving the probe does to the picture and to its truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.body.anatomy import AO, LA, LV, MYO, Tissue
from capture.virtual.body.heart import Heart, HeartParameters
from capture.virtual.probe.plane import ImagePlane
from capture.virtual.probe.plane_truth import nearest_view, plane_truth
from capture.virtual.probe.pose import VIEWS, ProbePose, standard_pose
from capture.virtual.scanner import VirtualScanner

APICAL = ("A4C", "A2C", "ALAX")


@pytest.fixture(scope="module")
def heart() -> Heart:
    return Heart(HeartParameters.random(3))


@pytest.fixture
def scanner(shared_scanner: VirtualScanner) -> VirtualScanner:
    shared_scanner.set_pose(standard_pose("A4C", shared_scanner.heart))
    return shared_scanner


@pytest.fixture(scope="module")
def shared_scanner() -> VirtualScanner:
    return VirtualScanner(2, width=640, height=480, patient="average")


def test_plane_points_and_back() -> None:
    plane = standard_pose("PLAX", Heart(HeartParameters())).plane()
    x, z = np.meshgrid(np.linspace(-40, 40, 5), np.linspace(0, 120, 7))
    points = plane.points(x, z)
    assert points.shape == (7, 5, 3)
    assert points.dtype == np.float32
    back = plane.image_position(points + 3 * plane.normal)
    for found, given in zip(back, (x, z, np.full_like(x, 3.0)), strict=True):
        assert np.allclose(found, given, atol=1e-3)


def test_rotations_of_the_apical_window() -> None:
    for degrees in (0.0, 60.0, 120.0):
        plane = ProbePose(rotation_deg=degrees, pressure=0.0).plane()
        turn = np.radians(degrees)
        assert np.allclose(plane.lateral, [np.cos(turn), np.sin(turn), 0], atol=1e-6)
        assert np.allclose(plane.axial, [0, 0, 1])
        assert np.allclose(plane.origin, 0)


def test_rock_turns_in_the_plane_and_tilt_out_of_it() -> None:
    upright, rocked = ProbePose().plane(), ProbePose(rock_deg=10).plane()
    assert np.allclose(upright.normal, rocked.normal, atol=1e-6)
    assert rocked.axial @ upright.lateral == pytest.approx(np.sin(np.radians(10)), abs=1e-6)
    tilted = ProbePose(tilt_deg=10).plane()
    assert np.allclose(upright.lateral, tilted.lateral)
    assert tilted.normal @ upright.normal == pytest.approx(np.cos(np.radians(10)), abs=1e-6)


def test_impossible_poses_say_what_is_possible() -> None:
    with pytest.raises(CaptureError, match="-45 to 45"):
        ProbePose(rock_deg=90)
    with pytest.raises(CaptureError, match="parasternal"):
        ProbePose(window="back")
    with pytest.raises(CaptureError, match="A2C"):
        standard_pose("A3C", Heart(HeartParameters()))


@pytest.mark.parametrize("seed", [1, 3, 6])
def test_long_axis_planes_pass_the_apex_of_each_patient(seed: int) -> None:
    heart = Heart(HeartParameters.random(seed))
    base = heart.body(0.0, 0.0, heart.parameters.length)
    for view in (*APICAL, "PLAX", "SUBCOSTAL"):
        plane = standard_pose(view, heart).plane()
        assert np.abs(plane.image_position(np.stack([heart.apex, base]))[2]).max() < 0.1


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_nearest_to_itself(heart: Heart, view: str) -> None:
    found, angle, offset = nearest_view(heart, standard_pose(view, heart).plane())
    assert found == view
    assert angle < 0.1
    assert offset < (6 if view.startswith("PSAX") else 0.5)


def test_a_mirrored_plane_is_no_view(heart: Heart) -> None:
    plane = standard_pose("A4C", heart).plane()
    assert nearest_view(heart, ImagePlane(plane.origin, -plane.lateral, plane.axial))[0] is None


def test_walls_of_the_apical_views(heart: Heart) -> None:
    chambers = Tissue(heart, 3).chambers
    expected = {
        "A4C": ("inferoseptal", "anterolateral"),
        "A2C": ("inferior", "anterior"),
        "ALAX": ("inferolateral", "anteroseptal"),
    }
    for view, walls in expected.items():
        truth = plane_truth(heart, chambers, standard_pose(view, heart), heart.state(0.0))
        assert (truth.left_wall, truth.right_wall) == walls
        assert truth.foreshortening < 0.03
        assert truth.apex_offset_mm < 2.5
    across = plane_truth(heart, chambers, standard_pose("PSAX_MID", heart), heart.state(0.0))
    assert across.left_wall is None
    assert across.axis_angle_deg > 60


def test_sliding_off_the_apex_foreshortens(scanner: VirtualScanner) -> None:
    standard, found = scanner.pose, []
    for aside in (0.0, -6.0, -12.0, -18.0):
        scanner.set_pose(replace(standard, slide_y_mm=standard.slide_y_mm + aside))
        found.append((scanner.ground_truth(0).plane.foreshortening, (scanner.ground_truth(0).labels == LV).sum()))
    missed, area = zip(*found, strict=True)
    assert list(missed) == sorted(missed)
    assert missed[-1] > 0.15
    assert list(area) == sorted(area, reverse=True)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_can_be_seen(view: str) -> None:
    scanner = VirtualScanner(2, view, width=640, height=480, patient="easy")
    truth, picture = scanner.ground_truth(0), scanner.picture(0)
    assert truth.plane.view == view
    assert truth.plane.angle_deg < 15
    has = {label: bool((truth.labels == label).any()) for label in (LV, MYO, LA, AO)}
    assert has[AO] == (view in ("ALAX", "A5C", "PLAX", "PSAX_BASE"))
    assert has[LV] == has[MYO] == (view != "PSAX_BASE")
    assert has[LA] == (view not in ("PSAX_MID", "PSAX_APEX"))
    if has[LV]:
        assert np.median(picture[truth.labels == MYO]) > np.median(picture[truth.labels == LV]) + 25


def test_a_probe_over_a_rib_sees_little(scanner: VirtualScanner) -> None:
    before = scanner.ground_truth(0)
    scanner.set_pose(replace(scanner.pose, slide_y_mm=22.0))
    after = scanner.ground_truth(0)
    assert after.visibility[MYO] < before.visibility[MYO] - 0.4
    assert after.causes.shadow_db.mean() > before.causes.shadow_db.mean() + 8
    assert np.allclose(after.causes.noise_db, before.causes.noise_db)


def test_a_probe_towards_the_lung_loses_the_lateral_side_first(scanner: VirtualScanner) -> None:
    scanner.set_pose(replace(scanner.pose, slide_x_mm=22.0))
    shadow = scanner.ground_truth(0).causes.shadow_db
    middle = shadow.shape[1] // 2
    assert shadow[120:, middle + 60].mean() > shadow[120:, middle - 60].mean() + 6


def test_poor_contact_costs_signal(scanner: VirtualScanner) -> None:
    before = scanner.ground_truth(0).signal_to_clutter_db.mean()
    scanner.set_pose(replace(scanner.pose, pressure=0.02))
    assert scanner.ground_truth(0).signal_to_clutter_db.mean() < before - 4


def test_pressure_brings_the_probe_nearer(scanner: VirtualScanner) -> None:
    tops = []
    for pressure in (0.3, 1.0):
        scanner.set_pose(replace(scanner.pose, pressure=pressure))
        tops.append(np.nonzero(scanner.ground_truth(0).labels == LV)[0].min() * scanner.spacing_mm)
    assert 1.5 < tops[0] - tops[1] < 4.5


def test_moving_and_returning_gives_the_same_picture(scanner: VirtualScanner) -> None:
    standard = scanner.pose
    before = scanner.picture(5)
    scanner.set_pose(ProbePose(rotation_deg=40, tilt_deg=5))
    assert not np.array_equal(scanner.picture(5), before)
    scanner.set_pose(standard)
    assert np.array_equal(scanner.picture(5), before)


def test_speckle_stays_with_the_tissue_and_changes_out_of_the_plane(scanner: VirtualScanner) -> None:
    standard = scanner.pose
    septum = (slice(150, 330), slice(60, 200))
    first = scanner.level_db(0)[septum].ravel()
    alike = []
    for aside in (0.2, 1.0, 5.0):
        scanner.set_pose(replace(standard, slide_y_mm=standard.slide_y_mm + aside))
        fine = scanner.level_db(0)[septum].ravel()
        alike.append(float(np.corrcoef(first, fine)[0, 1]))
    assert alike[0] > 0.8
    assert alike == sorted(alike, reverse=True)
    assert alike[2] < 0.75


def test_a_pose_given_at_first_is_used_and_gain_stays() -> None:
    pose = ProbePose(rotation_deg=60.0)
    turned = VirtualScanner(1, width=640, height=480, pose=pose)
    straight = VirtualScanner(1, width=640, height=480)
    assert turned.pose == pose
    assert turned.gain_db == straight.gain_db
    straight.set_pose(pose)
    assert np.array_equal(turned.picture(3), straight.picture(3))
    fixed = VirtualScanner(1, width=640, height=480, gain_db=straight.gain_db + 6)
    assert fixed.picture(0).mean() > VirtualScanner(1, width=640, height=480).picture(0).mean() + 10
