"""A site's map beside its profile: stored by one swap, brought back, and never deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.cluster_map import load_map
from calibration.profile import ScannerProfile, load_profile, save_profile
from calibration.site_map import store_site_map, undo_site_map
from calibration.toml_file import TomlKind
from capture.errors import CalibrationError, DataError
from capture.geometry import Sector
from tests.support.make_mock_clusters import mock_map

SITE, OTHER = mock_map(latents=True), mock_map(latents=True, reverse=True)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "ward.toml"
    save_profile(ScannerProfile.of("Ward", Sector(320.0, 40.0, 8.0, 400.0, -0.65, 0.65), (480, 640)), path)
    return path


def test_a_profile_names_the_map_that_was_stored(profile: Path):
    path = store_site_map(SITE, profile, "echo")
    found = load_profile(profile)
    assert (path.name, found.cluster_map_beside(profile)) == ("ward_clusters_echo.npz", path)
    assert (found.name, found.exam) == ("Ward", None), "nothing else has changed"
    assert (load_map(path).points == SITE.points).all()


def test_undo_goes_back_step_by_step_and_deletes_nothing(profile: Path):
    (profile.parent / "own.npz").write_bytes(b"")
    first = store_site_map(SITE, profile, "echo")
    second = store_site_map(OTHER, profile, "echo")
    assert second.name == "ward_clusters_echo-2.npz"
    assert load_profile(profile).cluster_map == second.name
    assert undo_site_map(profile) == first.name
    assert load_profile(profile).cluster_map == first.name
    assert undo_site_map(profile) is None
    assert load_profile(profile).cluster_map is None
    with pytest.raises(CalibrationError, match="nothing to undo"):
        undo_site_map(profile)
    assert first.exists()
    assert second.exists()
    assert store_site_map(SITE, profile, "echo").name == "ward_clusters_echo-3.npz", "no map is written over"


def test_the_former_text_of_the_profile_is_kept(profile: Path):
    text = "# our own remark\n" + profile.read_text()
    profile.write_text(text)
    store_site_map(SITE, profile, "echo")
    assert profile.with_name("ward.toml.bak").read_text() == text


def test_a_damaged_map_in_use_can_be_undone(profile: Path):
    first = store_site_map(SITE, profile, "echo")
    store_site_map(OTHER, profile, "echo").write_bytes(b"damaged")
    assert undo_site_map(profile) == first.name


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damaged")])
def test_a_former_map_that_is_gone_or_damaged_leaves_the_profile_alone(profile: Path, damage):
    first = store_site_map(SITE, profile, "echo")
    store_site_map(OTHER, profile, "echo")
    damage(first)
    before = profile.read_text()
    with pytest.raises(DataError, match=first.name):
        undo_site_map(profile)
    assert profile.read_text() == before


def test_a_profile_that_cannot_be_written_stays_and_leaves_no_map(profile: Path, monkeypatch: pytest.MonkeyPatch):
    before = profile.read_text()

    def refuse(*_: object) -> None:
        raise CalibrationError("cannot save profile")

    monkeypatch.setattr(TomlKind, "write", refuse)
    with pytest.raises(CalibrationError):
        store_site_map(SITE, profile, "echo")
    assert profile.read_text() == before
    assert not list(profile.parent.glob("*.npz"))


def test_an_exam_that_the_profile_does_not_say_is_written_into_it(profile: Path):
    assert store_site_map(SITE, profile, "abdomen").name == "ward_clusters_abdomen.npz"
    assert load_profile(profile).exam == "abdomen"


@pytest.mark.parametrize("stem", ["GE Vivid (room 3)", "_écho", "..", "x" * 200])
def test_any_name_of_a_profile_gives_a_map_that_it_may_name(profile: Path, stem: str):
    odd = profile.rename(profile.with_name(f"{stem}.toml"))
    assert load_profile(odd).cluster_map_beside(odd) is None
    assert load_profile(odd).cluster_map_beside(odd) is None
    assert load_map(store_site_map(SITE, odd, "echo")).names == SITE.names


def test_no_more_than_some_former_maps_are_remembered(profile: Path):
    for _ in range(22):
        store_site_map(SITE, profile, "echo")
    assert len(load_profile(profile).cluster_maps_before or ()) == 20
