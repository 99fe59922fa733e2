"""What ``sonogauge score`` takes from the paths it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.batch.inputs import find_inputs
from capture.errors import SettingsError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_folder_gives_pictures_and_videos_below_it_in_natural_order(tmp_path: Path):
    touch(tmp_path, "im10.png", "im2.PNG", "IM1.jpg", "clip.mp4", "notes.txt", "deep/a.tif", "deep/b.mkv")
    found = find_inputs([tmp_path])
    assert [item.name for item in found] == ["clip.mp4", "deep/a.tif", "deep/b.mkv", "IM1.jpg", "im2.PNG", "im10.png"]
    assert [item.is_still for item in found] == [False, True, False, True, True, True]


def test_digits_that_are_no_decimal_number_do_not_break_the_order(tmp_path: Path):
    touch(tmp_path, "2²3.png", "10².png")
    assert [item.name for item in find_inputs([tmp_path])] == ["2²3.png", "10².png"]


def test_hidden_files_are_left_alone(tmp_path: Path):
    touch(tmp_path, "a.png", "._a.png", ".cache/b.png")
    assert [item.name for item in find_inputs([tmp_path])] == ["a.png"]


def test_a_named_file_is_taken_whatever_its_ending_in_the_order_given(tmp_path: Path):
    touch(tmp_path, "b.png", "a.dat")
    found = find_inputs([tmp_path / "b.png", tmp_path / "a.dat"])
    assert [(item.name, item.is_still) for item in found] == [("b.png", True), ("a.dat", False)]


def test_a_missing_path_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"gone\.png does not exist"):
        find_inputs([touch(tmp_path, "a.png") / "a.png", tmp_path / "gone.png"])


def test_a_folder_without_pictures_is_named(tmp_path: Path):
    with pytest.raises(SettingsError, match="holds no picture or video"):
        find_inputs([touch(tmp_path, "notes.txt")])
