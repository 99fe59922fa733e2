"""The virtual heart in three dimensions: volume, motion, regional wall motion, chambers and named patients."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.body.anatomy import AO, LA, LV, MYO, Kind, Tissue, label_map
from capture.virtual.body.chambers import Chambers
from capture.virtual.body.heart import Heart, HeartParameters
from capture.virtual.body.patient import PATIENTS, named_patient
from capture.virtual.body.wall_motion import WALLS, WallMotion, wall_at
from capture.virtual.probe.pose import standard_pose


@pytest.fixture(scope="module")
def heart() -> Heart:
    return Heart(HeartParameters())


def _box(step_mm: float) -> np.ndarray:
    """Places around the whole heart, (..., 3) float32."""
    ticks = [np.arange(*limits, step_mm, dtype=np.float32) for limits in ((-70, 70), (-60, 60), (5, 160))]
    return np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1)


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_volume_curve_beats(seed: int) -> None:
    heart = Heart(HeartParameters.random(seed))
    t_s = np.linspace(0, 3 * heart.period_s, 120, endpoint=False)
    volume = np.array([heart.volume_ml(float(t)) for t in t_s])
    assert np.allclose(volume[:40], volume[40:80])
    assert t_s[int(np.argmin(volume[:40]))] == pytest.approx(heart.end_systole_s(), abs=0.05)
    assert 1 - volume.min() / volume.max() == pytest.approx(heart.parameters.ejection_fraction, abs=0.01)
    assert 40 < volume.max() < 220


@pytest.mark.parametrize("phase", ["diastole", "systole"])
def test_volume_is_that_of_the_labels(heart: Heart, phase: str) -> None:
    t_s = 0.0 if phase == "diastole" else heart.end_systole_s()
    places, state = _box(2.0), heart.state(t_s)
    labels = label_map(Chambers(heart), heart.material_position(places, state))
    assert (labels == LV).sum() * 8 / 1000 == pytest.approx(heart.volume_ml(t_s), rel=0.04)


def test_muscle_keeps_its_volume(heart: Heart) -> None:
    places, chambers = _box(2.0), Chambers(heart)
    count = [
        (label_map(chambers, heart.material_position(places, heart.state(t))) == MYO).sum()
        for t in (0.0, heart.end_systole_s())
    ]
    assert count[1] == pytest.approx(count[0], rel=0.06)


def test_motion_is_nothing_at_end_diastole_without_breath() -> None:
    heart = Heart(replace(HeartParameters(), breath_mm=0.0))
    places = _box(8.0)
    state = replace(heart.state(0.0), ejected=0.0)
    assert np.allclose(heart.material_position(places, state), places, atol=0.02)


def test_motion_is_continuous(heart: Heart) -> None:
    x, z = np.meshgrid(np.arange(-60, 70, 0.5, dtype=np.float32), np.arange(5, 150, 0.5, dtype=np.float32))
    for y in (0.0, 9.0):
        places = np.stack([x, np.full_like(x, y), z], axis=-1)
        moved = heart.material_position(places, heart.state(heart.end_systole_s()))
        assert max(np.abs(np.diff(moved, axis=axis)).max() for axis in (0, 1)) < 2.5


def test_breathing_moves_the_heart_and_not_the_chest_wall() -> None:
    heart = Heart(replace(HeartParameters(), breath_mm=4.0))
    state = replace(heart.state(1.0), ejected=0.0)
    skin = np.array([[0, 0, 6], [10, 5, 11]], np.float32)
    assert np.allclose(heart.material_position(skin, state), skin, atol=0.02)
    middle = heart.body(0.0, 0.0, 40.0)[None]
    assert np.allclose(middle - heart.material_position(middle, state), state.breath_mm, atol=0.05)


def test_an_infarcted_wall_stays_and_the_others_move() -> None:
    heart = Heart(replace(HeartParameters(), wall_motion=WallMotion.of(anterior=0.0), breath_mm=0.0, torsion_deg=0.0))
    state = heart.state(heart.end_systole_s())
    inward = {}
    for wall in ("anterior", "inferior"):
        azimuth = np.radians(60.0 * WALLS.index(wall))
        radii = np.arange(5, 40, 0.1)
        line = heart.body(radii * np.cos(azimuth), radii * np.sin(azimuth), 30.0)
        cavity = [Chambers(heart).at(m).lv < 0 for m in (line, heart.material_position(line, state))]
        inward[wall] = 0.1 * (int(cavity[0].sum()) - int(cavity[1].sum()))
    assert inward["anterior"] < 2.0
    assert inward["inferior"] > 4.0
    assert heart.measured_ejection_fraction() < heart.parameters.ejection_fraction - 0.05


def test_wall_motion_meets_its_walls_and_refuses_nonsense() -> None:
    motion = WallMotion.of(mid_anterior=0.2, apical_inferior=1.2)
    angle = np.radians([60.0, 240.0])
    values = motion.at(np.array([0.5, 0.17]), np.cos(angle), np.sin(angle))
    assert values == pytest.approx([0.2, 1.2], abs=1e-5)
    assert WallMotion().normal
    assert not motion.normal
    with pytest.raises(CaptureError, match="anteroseptal"):
        WallMotion.of(front=0.5)
    with pytest.raises(CaptureError, match=r"0\.\.1\.3"):
        WallMotion.of(anterior=2.0)


def test_walls_are_named_by_azimuth() -> None:
    assert [wall_at(angle) for angle in (0, 60, 120, 180, 240, 300, 359)] == [*WALLS, "anterolateral"]


def test_the_twist_is_largest_at_the_apex(heart: Heart) -> None:
    state = replace(heart.state(heart.end_systole_s()), breath_mm=(0.0, 0.0, 0.0))
    turned = []
    for share in (0.15, 0.9):
        place = heart.body(14.0, 0.0, share * heart.parameters.length)[None]
        u, v, _ = heart.local(heart.material_position(place, state))
        turned.append(-np.degrees(np.arctan2(v, u))[0])
    assert turned[0] > 3
    assert turned[1] < 0.5


@pytest.mark.parametrize("view", ["A4C", "ALAX"])
def test_labels_are_exclusive_and_whole(heart: Heart, view: str) -> None:
    x, z = np.meshgrid(np.arange(-60, 70, 1.0), np.arange(5, 150, 1.0))
    labels = label_map(Chambers(heart), standard_pose(view, heart).plane().points(x, z))
    assert set(np.unique(labels)) == ({0, LV, MYO, LA} if view == "A4C" else {0, LV, MYO, LA, AO})
    count, _ = cv2.connectedComponents((labels == MYO).astype(np.uint8))
    assert count == 2


@pytest.mark.parametrize("name", PATIENTS)
def test_named_patients(name: str) -> None:
    patient = named_patient(name, 4)
    heart = Heart(patient.heart)
    assert patient == named_patient(name, 4)
    assert 0.1 < heart.measured_ejection_fraction() < 0.75
    places = _box(4.0)
    labels = label_map(Chambers(heart), heart.material_position(places, heart.state(0.0)))
    assert set(np.unique(labels)) == {0, LV, MYO, LA, AO}


def test_traits_are_what_the_names_say() -> None:
    ejection = {name: Heart(named_patient(name, 3).heart).measured_ejection_fraction() for name in PATIENTS}
    assert ejection["dilated"] < ejection["infarct"] < ejection["average"]
    assert named_patient("hypertrophic", 3).heart.septum > named_patient("easy", 3).heart.septum + 5
    haze = [named_patient(name, 3).degradations.haze_db for name in ("easy", "average", "difficult")]
    assert haze == sorted(haze)
    with pytest.raises(CaptureError, match="easy"):
        named_patient("nobody", 1)


def test_every_kind_of_structure_is_around_the_heart(heart: Heart) -> None:
    tissue = Tissue(heart, 1)
    places = _box(4.0)
    kinds = tissue.kinds(places)
    assert set(np.unique(kinds)) == {int(kind) for kind in Kind}
    labels = label_map(tissue.chambers, places)
    assert np.array_equal(labels[labels > 0], kinds[labels > 0])
