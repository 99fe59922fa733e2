"""Recorded ways of the virtual probe, and the text that describes a scanner."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.commands.live import with_virtual_options
from capture.errors import CaptureError, SettingsError
from capture.virtual.abdomen.scanner import AbdomenScanner
from capture.virtual.options import ScannerOptions, moved
from capture.virtual.probe.path import ProbePath, pose_at
from capture.virtual.probe.pose import ProbePose
from capture.virtual.probe.settings import ProbeSettings


def test_a_path_moves_evenly_between_its_steps(tmp_path: Path):
    file = tmp_path / "path.jsonl"
    file.write_text('{"t_s": 1, "tilt_deg": 0}\n\n{"t_s": 2, "tilt_deg": 10, "slide_x_mm": 4}\n')
    poses = ProbePath.load(file).poses(ProbePose(rotation_deg=60))
    assert pose_at(poses, 0.0) == ProbePose(rotation_deg=60)
    middle = pose_at(poses, 1.5)
    assert (middle.tilt_deg, middle.slide_x_mm, middle.rotation_deg) == (5.0, 2.0, 60.0)
    assert pose_at(poses, 9.0) == ProbePose(rotation_deg=60, tilt_deg=10, slide_x_mm=4)


def test_a_recorded_path_replays_exactly(tmp_path: Path):
    random = np.random.default_rng(3)
    poses = [(i / 30, ProbePose(slide_x_mm=float(random.normal()), tilt_deg=float(random.normal()))) for i in range(20)]
    ProbePath.recorded(poses).save(tmp_path / "path.jsonl")
    again = ProbePath.load(tmp_path / "path.jsonl").poses(ProbePose())
    assert again == poses
    assert [pose_at(again, t_s) for t_s, _ in poses] == [pose for _, pose in poses]


def test_another_window_is_reached_at_once():
    poses = [(0.0, ProbePose()), (1.0, ProbePose("parasternal", tilt_deg=10))]
    assert pose_at(poses, 0.9) == ProbePose()
    assert pose_at(poses, 1.0).window == "parasternal"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("tilt 5", "line 1 is no step"),
        ('{"tilt_deg": 5}', "line 1 is no step"),
        ("[1, 2]", "line 1 is no step"),
        ('{"t_s": 1, "yaw": 5}', "has no 'yaw'"),
        ('{"t_s": 1}\n{"t_s": 0.5}', "line 2 goes back in time"),
    ],
)
def test_a_damaged_path_is_told(tmp_path: Path, text: str, message: str):
    (tmp_path / "path.jsonl").write_text(text)
    with pytest.raises(CaptureError, match=message):
        ProbePath.load(tmp_path / "path.jsonl")


def test_a_missing_path_and_an_impossible_pose_are_told(tmp_path: Path):
    with pytest.raises(CaptureError, match="cannot be read"):
        ProbePath.load(tmp_path / "none.jsonl")
    (tmp_path / "path.jsonl").write_text(json.dumps({"t_s": 2, "tilt_deg": 400}))
    with pytest.raises(CaptureError, match=r"at 2 s: .*tilt_deg"):
        ProbePath.load(tmp_path / "path.jsonl").poses(ProbePose())


def test_options_say_and_read_the_same():
    text = (
        "seed=4,view=A2C,width=640,height=480,fps=25,slide_x=10,depth=150,mode=mmode,patient=easy,tgc=0/0/1/2/3/4/5/6"
    )
    options = ScannerOptions.parse(text)
    assert str(options) == text
    assert ScannerOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
    settings = options.probe_settings()
    assert settings.depth_mm == 150
    assert settings.knobs_db()[-1] == 6


def test_moves_add_to_the_pose_and_pressure_is_set():
    start = ProbePose(slide_x_mm=3, tilt_deg=2)
    assert moved(start, {"slide_x": 4, "pressure": 0.9}) == replace(start, slide_x_mm=7, pressure=0.9)


@pytest.mark.parametrize("text", ["tilt=steep", "yaw=3", "tgc=1/2", "depth=9000", "dynamic_range=1"])
def test_impossible_options(text: str):
    with pytest.raises(CaptureError, match=r"Give seed, view|Choose"):
        ScannerOptions.parse(text).probe_settings()


def test_the_view_names_walls_only_while_it_is_that_view():
    assert ScannerOptions().shown_view == "A4C"
    assert ScannerOptions(moves={"tilt": 8}).shown_view == "A4C"
    assert ScannerOptions(moves={"rotation": 60}).shown_view is None
    assert ScannerOptions(view="PLAX").shown_view is None
    assert ScannerOptions(mode="spectral").shown_view is None


def test_strips_and_the_abdomen_are_scenes_too():
    strip = ScannerOptions.parse("view=PLAX,mode=mmode,width=640,height=480")
    assert strip.screen().imaging == "mmode"
    assert strip.make_scene().screen == strip.screen()
    abdomen = ScannerOptions.parse("view=BLADDER,patient=A+,width=640,height=480")
    scene = abdomen.make_scene()
    assert isinstance(scene, AbdomenScanner)
    assert scene.quality.quality_class == "A+"
    assert scene.screen == abdomen.screen()
    assert not abdomen.steerable


@pytest.mark.parametrize("text", ["view=BLADDER,tilt=3", "view=BLADDER,gain=3", "view=BLADDER,mode=mmode"])
def test_the_abdomen_cannot_be_steered(text: str):
    with pytest.raises(CaptureError, match="Leave these options out"):
        ScannerOptions.parse(text).make_scene()


def test_frequency_sharpens_pulse_and_beam():
    low, high = ProbeSettings(frequency_mhz=1.6), ProbeSettings(frequency_mhz=3.2)
    assert low.pulse_mm == pytest.approx(2 * high.pulse_mm)
    assert low.beam_rad == pytest.approx(2 * high.beam_rad)


def test_command_line_options_steer_the_virtual_scanner_alone():
    assert with_virtual_options("virtual", "A4C", "difficult", "tilt=5", None) == (
        "virtual:view=A4C,patient=difficult,tilt=5"
    )
    assert with_virtual_options("virtual:seed=3,view=A2C", "A4C", "", "", None) == "virtual:seed=3,view=A2C"
    assert with_virtual_options("clip.mp4", "A4C", "", "", None) == "clip.mp4"
    with pytest.raises(SettingsError, match="virtual scanner"):
        with_virtual_options("clip.mp4", "", "easy", "", None)
