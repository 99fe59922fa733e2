"""The regional assessor on stand-in models."""

import json

import cv2
import numpy as np
import pytest

from calibration.profile import ScannerProfile
from capture.errors import ModelError, SettingsError
from capture.frame import Frame, SourceInfo, VideoMode
from capture.geometry import Sector
from models.runtime.assessor import RegionalAssessor
from models.runtime.causes import Told
from models.runtime.contract import CAUSES, REGION_NAMES, Assessor, Verdict
from models.runtime.labels import strongest_class
from tests.support.make_mock_models import (
    SCORES,
    dense_bytes,
    heart_labels,
    quality_bytes,
    reading_bytes,
    segmentation_bytes,
    write_mock_models,
    write_weights,
)

SIZE = (540, 960)
SECTOR = Sector(480, 20, 4, 490, -0.65, 0.65)
INFO = SourceInfo("test", "test", VideoMode(SIZE[1], SIZE[0]), sector=SECTOR, spacing_mm=0.3, view="A4C")


def screen(index=0, level=90):
    rng = np.random.default_rng(index)
    speckle = np.clip(rng.rayleigh(level, SIZE), 0, 255)
    return Frame((speckle * SECTOR.mask(*SIZE)).astype(np.uint8), index, round(index / 30 * 1e9), "test")


def black():
    return Frame(np.zeros(SIZE, np.uint8), 0, 0, "test")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_mock_models(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def assessor_of(tmp_path):
    made = []

    def make(folder, info=INFO, **options):
        settings = {
            "provider": "cpu",
            "precision": "float32",
            "threads": 1,
            "cache_dir": tmp_path,
            "method": "dense",
            **options,
        }
        assessor = RegionalAssessor(folder, **settings)
        assessor.use_source(info)
        made.append(assessor)
        return assessor

    yield make
    for assessor in made:
        assessor.close()


def test_a_judged_frame_carries_all_of_the_contract(weights, assessor_of):
    assessor = assessor_of(weights)
    assert isinstance(assessor, RegionalAssessor)
    frame = screen(3)
    result = assessor.assess(frame)
    assert (result.verdict, result.reason) == (Verdict.OK, "")
    assert (result.frame_index, result.t_mono_ns, result.source_id) == (3, frame.t_mono_ns, "test")
    assert result.frame_size == SIZE
    assert tuple(region.name for region in result.regions) == REGION_NAMES
    assert [region.score_raw for region in result.regions] == pytest.approx(SCORES, abs=0.35)
    assert set(result.contours) == {"LV", "MYO", "LA"}
    assert (result.view, result.view_p) == ("A4C", pytest.approx(1, abs=0.01))
    assert not result.spacing_assumed
    assert set(result.model_ids) == {"segmentation", "regional_dense"}
    assert set(result.stages_ms) == {"sector", "crop", "network", "labels", "regions", "quality", "contours"}
    assert result.label_map is None


def test_the_end_to_end_method_scores_in_place_of_the_dense_map(weights, assessor_of):
    result = assessor_of(weights, method="end_to_end").assess(screen())
    assert [region.score_raw for region in result.regions] == pytest.approx(SCORES)
    assert [region.label for region in result.regions] == [4, 4, 2, 1, 3, 5, 3, 3]
    assert set(result.model_ids) == {"segmentation", "regional_dense", "regional_quality", "regional_reading"}


def test_an_unknown_method_is_refused(weights, assessor_of):
    with pytest.raises(SettingsError, match="end_to_end, dense"):
        assessor_of(weights, method="magic")


def test_another_view_cannot_be_judged_unless_the_user_has_fixed_it(tmp_path, assessor_of):
    assessor = assessor_of(write_mock_models(tmp_path / "w", view="other"))
    result = assessor.assess(screen())
    assert (result.verdict, result.reason) == (Verdict.CANNOT_JUDGE, "not an apical view of the heart")
    assert result.view is None
    assert result.contours == {}
    assessor.set_view("A4C")
    assert assessor.assess(screen()).verdict is Verdict.OK


def test_the_view_is_recognised_when_nobody_tells_it(tmp_path, assessor_of):
    result = assessor_of(write_mock_models(tmp_path / "w", view="ALAX"), info=None).assess(screen())
    assert result.view == "ALAX"
    assert result.view_p > 0.9


def test_causes_that_are_not_told_well_are_not_named(tmp_path, assessor_of):
    folder = write_mock_models(tmp_path / "w", causes={"haze": 0.8}, foreshortening=0.6)
    result = assessor_of(folder).assess(screen())
    assert [cause.name for cause in result.causes] == ["foreshortened"]
    assert {region.cause for region in result.regions} == {None}


def test_bad_regions_carry_their_cause_and_the_frame_a_sentence(tmp_path, assessor_of, monkeypatch):
    monkeypatch.setattr("models.runtime.heart.BY_SEVERITY", Told(CAUSES, 0.25))
    folder = write_mock_models(tmp_path / "w", causes={"haze": 0.8, "noise": 0.4}, foreshortening=0.6)
    result = assessor_of(folder).assess(screen())
    assert [cause.name for cause in result.causes] == ["haze", "foreshortened", "noise"]
    assert {cause.name for cause in result.causes} <= set(CAUSES)
    assert result.advice == "Haze over both walls: change the window, or ask to hold the breath"
    bad = {region.name for region in result.regions if region.cause == "haze"}
    assert bad == {region.name for region in result.regions if region.score < 3.5}


def test_a_clean_frame_has_no_cause(weights, assessor_of):
    result = assessor_of(weights).assess(screen())
    assert (result.causes, result.advice) == ((), "")
    assert {region.cause for region in result.regions} == {None}


def test_regions_lie_on_the_screen_where_the_crop_is(weights, assessor_of):
    result = assessor_of(weights).assess(screen())
    left, right = (np.vstack(result.regions[index].polygons).mean(axis=0) for index in (1, 4))
    assert left[0] < SECTOR.apex_x < right[0]
    for region in result.regions:
        for polygon in region.polygons:
            assert polygon.dtype == np.float32
            assert polygon[:, 0].min() >= result.crop.x - 1
            assert polygon[:, 1].max() <= result.crop.y + result.crop.height


def test_a_mirrored_scanner_swaps_the_sides_of_the_screen(weights, assessor_of):
    profile = ScannerProfile.of("test", SECTOR, SIZE, spacing_mm=0.3, mirrored=True)
    result = assessor_of(weights, info=None, profile=profile).assess(screen())
    left = np.vstack(result.regions[1].polygons).mean(axis=0)
    assert left[0] > SECTOR.apex_x
    assert not result.spacing_assumed


def test_unknown_spacing_is_flagged(weights, assessor_of):
    assert assessor_of(weights, info=None).assess(screen()).spacing_assumed


def test_a_view_that_is_set_wins_over_that_of_the_source(weights, assessor_of):
    assessor = assessor_of(weights)
    assessor.set_view("A2C")
    assert assessor.assess(screen()).view == "A2C"
    assessor.set_view(None)
    assert assessor.assess(screen()).view == "A4C"


def test_a_region_mostly_outside_gets_no_score(tmp_path, assessor_of):
    labels = np.roll(heart_labels(), 60, axis=1)  # the right wall leaves the sector
    result = assessor_of(write_mock_models(tmp_path / "w", labels=labels)).assess(screen())
    outside = [region for region in result.regions if region.outside_share > 0.5]
    assert outside
    assert all((region.label, region.score, region.score_raw) == (0, None, None) for region in outside)
    assert {region.cause for region in outside} == {"outside"}
    assert result.causes[0].name == "outside"
    assert result.regions[0].score is not None


def test_a_black_screen_cannot_be_judged(weights, assessor_of):
    result = assessor_of(weights, info=None).assess(black())
    assert result.verdict is Verdict.CANNOT_JUDGE
    assert "black" in result.reason
    assert result.regions == ()
    assert result.sector is None


def test_no_ventricle_cannot_be_judged_and_says_so(tmp_path, assessor_of):
    folder = write_mock_models(tmp_path / "w", labels=np.zeros((256, 256), np.uint8))
    result = assessor_of(folder).assess(screen())
    assert result.verdict is Verdict.CANNOT_JUDGE
    assert result.reason == "no left ventricle found"
    assert result.sector == SECTOR
    assert result.regions == ()


def test_nan_raises_with_the_model_id(tmp_path, assessor_of):
    assessor = assessor_of(write_mock_models(tmp_path / "w", nan_above=150))
    bright = Frame(np.full(SIZE, 255, np.uint8), 0, 0, "test")
    assessor.assess(screen(level=30))
    assessor.use_source(SourceInfo("t", "test", VideoMode(960, 540), sector=Sector(480, -900, 900, 1430, -0.3, 0.3)))
    with pytest.raises(ModelError, match="regional_dense@"):
        assessor.assess(bright)


@pytest.mark.parametrize("raw", [-3.0, 0.2, 9.0])
def test_scores_are_kept_on_the_scale(tmp_path, assessor_of, raw):
    result = assessor_of(write_mock_models(tmp_path / "w", scores=[raw] * 8)).assess(screen())
    assert {region.score for region in result.regions} == {1.0 if raw < 1 else 5.0}


def test_the_published_correction_is_applied(tmp_path, assessor_of):
    folder = write_mock_models(tmp_path / "w", scores=[2.0] * 8)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["models"]["regional_quality"]["correction"] = {"slope": 0.5, "intercept": 0.5}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert assessor_of(folder, method="end_to_end").assess(screen()).regions[0].score == pytest.approx(3.0)


def test_the_label_map_is_in_the_frames_own_grid(weights, assessor_of):
    result = assessor_of(weights, keep_label_map=True).assess(screen())
    assert result.label_map.shape == SIZE
    assert result.label_map.dtype == np.uint8
    rect = result.crop
    inside = cv2.resize(heart_labels(), (rect.width, rect.height), interpolation=cv2.INTER_NEAREST_EXACT)
    assert (result.label_map[rect.slices()] == inside).mean() > 0.99
    outside = result.label_map.copy()
    outside[rect.slices()] = 0
    assert not outside.any()


def test_the_label_map_is_made_whatever_the_verdict(weights, assessor_of):
    result = assessor_of(weights, info=None, keep_label_map=True).assess(black())
    assert result.verdict is Verdict.CANNOT_JUDGE
    assert result.label_map.shape == SIZE
    assert result.label_map.any()


def test_stills_and_streams_find_the_same_sector(weights, assessor_of):
    still = assessor_of(weights, info=None, per_frame=True).assess(screen())
    stream = assessor_of(weights, info=None).assess(screen())
    assert still.sector == stream.sector
    truth, found = SECTOR.mask(*SIZE), still.sector.mask(*SIZE)
    assert (truth & found).sum() / (truth | found).sum() > 0.97


def test_recordings_are_repeatable_and_live_sources_look_again_aside(weights, assessor_of):
    assessor = assessor_of(weights, info=None)
    assert assessor._tracker.background
    assessor.use_source(SourceInfo("file", "f", VideoMode(), is_live=False))
    assert not assessor._tracker.background


def test_it_is_an_assessor_and_closes_twice(weights, assessor_of):
    assessor: Assessor = assessor_of(weights)
    assert [model.name for model in assessor.models] == ["segmentation", "regional_dense"]
    assert all(model.provider == "CPUExecutionProvider" for model in assessor.models)
    assessor.forget_stream()
    assessor.close()
    assessor.close()
    with pytest.raises(ModelError, match="closed"):
        assessor.assess(screen())


def test_a_quality_model_without_eight_scores_is_refused(tmp_path, assessor_of):
    seven = {"float32": quality_bytes([3.0] * 7)}
    folder = write_weights(
        tmp_path / "w",
        {
            "segmentation": {"float32": segmentation_bytes()},
            "regional_dense": {"float32": dense_bytes()},
            "regional_quality": seven,
            "regional_reading": {"float32": reading_bytes()},
        },
    )
    with pytest.raises(ModelError, match="scores"):
        assessor_of(folder, method="end_to_end")


def test_strongest_class_agrees_with_argmax():
    logits = np.random.default_rng(0).normal(size=(5, 64, 48)).astype(np.float32)
    logits[2, :8] = logits[1, :8] = logits[0, :8] = 9  # ties go to the lower class
    assert (strongest_class(logits) == logits.argmax(axis=0)).all()
