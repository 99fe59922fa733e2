"""A site's own threshold of the artifact gate in its profile: stored by one swap, brought back step by step."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from calibration.profile import GatePart, ScannerProfile, load_profile, save_profile
from calibration.site_gate import REMEMBERED, store_gate, undo_gate
from calibration.toml_file import TomlKind
from capture.errors import CalibrationError
from capture.geometry import Sector


def gate(tau: float) -> GatePart:
    return GatePart(family="echo", log_density=tau, share=5, model="artifact_echo@1.0")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "ward.toml"
    save_profile(ScannerProfile.of("Ward", Sector(320.0, 40.0, 8.0, 400.0, -0.65, 0.65), (480, 640)), path)
    return path


def test_undo_goes_back_step_by_step(profile: Path):
    store_gate(gate(-3.5), profile)
    store_gate(gate(-4.25), profile)
    found = load_profile(profile)
    assert (found.gate, found.name) == (gate(-4.25), "Ward")
    assert found.gates_before == ("", gate(-3.5))
    assert undo_gate(profile) == gate(-3.5) == load_profile(profile).gate
    assert undo_gate(profile) is None
    assert load_profile(profile).gate is None
    with pytest.raises(CalibrationError, match="nothing to undo"):
        undo_gate(profile)


def test_the_former_text_of_the_profile_is_kept(profile: Path):
    text = "# our own remark\n" + profile.read_text()
    profile.write_text(text)
    store_gate(gate(-3.0), profile)
    assert profile.with_name("ward.toml.bak").read_text() == text


def test_a_profile_that_cannot_be_written_stays(profile: Path, monkeypatch: pytest.MonkeyPatch):
    before = profile.read_text()

    def refuse(*_: object) -> None:
        raise CalibrationError("cannot save profile")

    monkeypatch.setattr(TomlKind, "write", refuse)
    with pytest.raises(CalibrationError):
        store_gate(gate(-3.0), profile)
    assert profile.read_text() == before


def test_no_more_than_some_former_thresholds_are_remembered(profile: Path):
    for number in range(REMEMBERED + 2):
        store_gate(gate(-number), profile)
    assert len(load_profile(profile).gates_before or ()) == REMEMBERED


@pytest.mark.parametrize("change", [{"log_density": float("nan")}, {"share": 0}, {"family": "heart"}, {"model": ""}])
def test_values_that_are_none_are_refused(change: dict):
    with pytest.raises(ValidationError):
        GatePart.model_validate(gate(-3.0).model_dump() | change)
