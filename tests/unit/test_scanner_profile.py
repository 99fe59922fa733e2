"""Scanner profiles: round trip, bounds, broken files."""

import random
from pathlib import Path

import numpy as np
import pytest

from calibration.levels import LIMITED_RANGE
from calibration.profile import MIGRATIONS, ScannerProfile, list_profiles, load_profile, save_profile
from capture.errors import CalibrationError
from capture.geometry import LinearField, Sector

SECTOR = Sector(960.25, 81.5, 4.0, 900.0, -0.65, 0.66)


def profile() -> ScannerProfile:
    return ScannerProfile.of("Ward 3", SECTOR, (1080, 1920), LIMITED_RANGE, spacing_mm=0.17, mirrored=True)


@pytest.mark.parametrize("shape", [SECTOR, LinearField(300.5, 100.0, 1500.0, 900.25)])
def test_round_trip(tmp_path: Path, shape: Sector | LinearField) -> None:
    path = tmp_path / "deep" / "er" / "ward.toml"
    before = ScannerProfile.of("Ward 3 \u00e4", shape, (1080, 1920), LIMITED_RANGE, spacing_mm=0.17, mirrored=True)
    save_profile(before, path)
    after = load_profile(path)
    assert after == before
    assert after.shape == shape
    assert after.signal_levels == LIMITED_RANGE
    assert after.crop().mirrored
    assert [entry.name for entry in path.parent.iterdir()] == ["ward.toml"]


def test_unknown_spacing_stays_unknown(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    save_profile(ScannerProfile.of("x", SECTOR, (1080, 1920)), path)
    assert load_profile(path).spacing_mm is None


def test_numbers_of_numpy_are_saved(tmp_path: Path) -> None:
    shape = Sector(*(np.float64(value) for value in (960, 80, 4, 900, -0.6, 0.6)))
    save_profile(ScannerProfile.of("x", shape, (1080, 1920)), tmp_path / "p.toml")
    assert load_profile(tmp_path / "p.toml").shape == Sector(960, 80, 4, 900, -0.6, 0.6)


@pytest.mark.parametrize(
    ("line", "changed", "complaint"),
    [
        ("width = 1920", "width = 3", "width: .*32"),
        ("width = 1920", 'width = "wide"', "width: .*integer"),
        ("mirrored = true", "mirrored = 7", "mirrored: .*boolean"),
        ("spacing_mm = 0.17", "spacing_mm = -1.0", "spacing_mm: .*greater"),
        ("spacing_mm = 0.17", "spacing_mm = nan", "spacing_mm: .*"),
        ("spacing_mm = 0.17", "colour = 3", "colour: .*not permitted"),
        ('name = "Ward 3"', 'name = ""', "name: .*at least 1"),
        ("angle_left = -0.65", "angle_left = 0.9", "field.sector: .*angle_left must be smaller"),
        ("apex_x = 960.25", "apex_x = 19000.0", "must lie on the 1920x1080 screen"),
        ("apex_x = 960.25", "apex_x = inf", "field.sector.apex_x: .*"),
        ("white = 235", "white = 20", "white must be at least 16"),
        ('kind = "sector"', 'kind = "blob"', "field: .*tag"),
        ("schema_version = 1", "schema_version = 99", "newer than this program"),
        ("schema_version = 1", "", "schema_version must be"),
        ("schema_version = 1", "schema_version = 1 1", "no TOML"),
    ],
)
def test_each_problem_names_file_field_and_rule(tmp_path: Path, line: str, changed: str, complaint: str) -> None:
    path = tmp_path / "ward.toml"
    save_profile(profile(), path)
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, changed))
    with pytest.raises(CalibrationError, match=complaint) as caught:
        load_profile(path)
    assert str(path) in str(caught.value)


def test_a_broken_file_costs_only_itself(tmp_path: Path) -> None:
    save_profile(profile(), tmp_path / "good.toml")
    (tmp_path / "bad.toml").write_text("width = [")
    (tmp_path / "huge.toml").write_bytes(b"#" * 100_000)
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    (tmp_path / "folder.toml").mkdir()
    found = list_profiles(tmp_path)
    assert [path.name for path in found.profiles] == ["good.toml"]
    assert sorted(path.name for path in found.problems) == ["bad.toml", "binary.toml", "folder.toml", "huge.toml"]
    assert all(path.name in str(error) for path, error in found.problems.items())
    assert list_profiles(tmp_path / "absent").profiles == {}


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ward.toml"
    save_profile(profile(), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("calibration.toml_file.os.replace", full)
    with pytest.raises(CalibrationError, match="No space left"):
        save_profile(ScannerProfile.of("other", SECTOR, (1080, 1920)), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["ward.toml"]


def test_older_layouts_are_carried_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ward.toml"
    save_profile(profile(), path)
    path.write_text(path.read_text().replace('name = "Ward 3"', 'title = "Ward 3"'))
    monkeypatch.setattr("calibration.profile.SCHEMA_VERSION", 2)

    def rename(data: dict) -> dict:
        data = dict(data)
        data["name"] = data.pop("title")
        return data

    monkeypatch.setitem(MIGRATIONS, 1, rename)
    assert load_profile(path).name == "Ward 3"


def test_findings_out_of_bounds_are_named() -> None:
    with pytest.raises(CalibrationError, match="'x': spacing_mm"):
        ScannerProfile.of("x", SECTOR, (1080, 1920), spacing_mm=99.0)
    with pytest.raises(CalibrationError, match="must lie on the 640x480 screen"):
        ScannerProfile.of("x", SECTOR.moved(3000, 0), (480, 640))
    with pytest.raises(CalibrationError, match=r"field|apex_x"):
        ScannerProfile.of("x", Sector(1e9, 0, 1, 2, -1, 1), (480, 640))


def test_fields_carry_help() -> None:
    for part in ScannerProfile.model_json_schema()["$defs"].values():
        assert all("description" in field or "const" in field for field in part["properties"].values())


def test_mutated_files_load_or_complain(tmp_path: Path) -> None:
    """400 random changes of a good file: a valid profile or a CalibrationError, nothing else."""
    path = tmp_path / "ward.toml"
    save_profile(profile(), path)
    good = path.read_bytes()
    chance = random.Random(7)
    outcomes = {"loaded": 0, "refused": 0}
    for _ in range(400):
        path.write_bytes(mutated(good, chance))
        outcomes[outcome_of(path)] += 1
    assert outcomes["refused"] > 100


def outcome_of(path: Path) -> str:
    try:
        load_profile(path).crop()
    except CalibrationError:
        return "refused"
    return "loaded"


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed))
        kind = chance.randrange(4)
        if kind == 0:
            changed[place] = chance.randrange(256)
        elif kind == 1:
            changed[place] = ord(chance.choice('0123456789.-e="[]{}\n_'))
        elif kind == 2:
            del changed[place : place + chance.randint(1, 20)]
        else:
            changed[place:place] = changed[max(place - 10, 0) : place]
        if not changed:
            return b""
    return bytes(changed)


def test_a_profile_names_exam_and_cluster_map_beside_it(tmp_path: Path):
    path = tmp_path / "ge.toml"
    chosen = profile().model_copy(update={"exam": "abdomen", "cluster_map": "ge-clusters.npz"})
    save_profile(chosen, path)
    again = load_profile(path)
    assert again == chosen
    assert again.cluster_map_beside(path) == tmp_path / "ge-clusters.npz", "a missing one costs only itself"
    assert profile().cluster_map_beside(path) is None


@pytest.mark.parametrize(
    ("field", "value"), [("exam", "brain"), ("cluster_map", "../map.npz"), ("cluster_map", "m.pkl")]
)
def test_exams_and_map_names_that_are_none_are_told(tmp_path: Path, field: str, value: str):
    path = tmp_path / "ge.toml"
    save_profile(profile().model_copy(update={field: value}), path)
    with pytest.raises(CalibrationError, match=field):
        load_profile(path)
