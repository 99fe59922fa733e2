"""Labelled virtual samples: what is in them belongs together, and depends on seed and number alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.acoustics.quality import CAUSES
from capture.virtual.body.anatomy import AO, BACKGROUND, LA, LV, MYO
from capture.virtual.generator.draw import PATIENT_SAMPLES, draw_sample
from capture.virtual.generator.sample import SampleMaker
from capture.virtual.generator.truth import OTHER_VIEW, LabelledSample, as_experts
from models.data.virtual_dataset import sector_mask
from models.data.virtual_labels import region_truth
from models.runtime.contract import REGION_NAMES

LONG_AXES = {"A4C": 1.0, "A2C": 1.0, "ALAX": 1.0}


@pytest.fixture(scope="module")
def samples() -> list[LabelledSample]:
    maker = SampleMaker(3, LONG_AXES)
    return [maker.make(index) for index in range(0, 64, 4)]


def test_maps_have_the_models_grid(samples):
    for sample in samples:
        maps = (sample.image, sample.labels, sample.coherence, sample.rating, *sample.severity.values())
        assert all(values.shape == (256, 256) for values in maps)
        assert sample.image.dtype == sample.labels.dtype == np.uint8
        assert tuple(sample.severity) == CAUSES
        inside = sample.inside
        assert not sample.image[~inside].any()
        assert sample.coherence.min() >= 0
        assert sample.coherence.max() <= 1
        assert 1 <= sample.rating[inside].min() <= sample.rating[inside].max() <= 5
        assert all(values.min() >= 0 and values.max() <= 1 for values in sample.severity.values())


def test_labels_agree_with_the_picture(samples):
    darker = [
        sample.image[(sample.labels == LV) & sample.inside].mean()
        < sample.image[(sample.labels == MYO) & sample.inside].mean()
        for sample in samples
        if sample.view != OTHER_VIEW
    ]
    assert len(darker) >= 8
    assert np.mean(darker) >= 0.85


def test_labels_share_the_true_area_of_the_cavity(samples):
    """In long-axis planes the cavity's area is that of its volume: 5/6 area-length within a wide margin."""
    for sample in samples:
        if sample.view == OTHER_VIEW or sample.plane.foreshortening > 0.08:
            continue
        area = (sample.labels == LV).sum() * sample.spacing_mm[0] * sample.spacing_mm[1]
        rows = np.flatnonzero((sample.labels == LV).any(axis=1))
        length = (rows[-1] - rows[0] + 1) * sample.spacing_mm[1]
        if rows[0] == 0:
            continue
        assert 0.6 < 8 * area**2 / (3 * np.pi * length) / 1000 / sample.volume_ml < 1.7


def test_the_wall_goes_on_beyond_the_mitral_ring_as_experts_draw_it(samples):
    beyond_mm = []
    for sample in samples:
        rows = [np.flatnonzero((sample.labels == label).any(axis=1)) for label in (LV, MYO)]
        if sample.view in ("A4C", "A2C") and sample.plane.foreshortening < 0.1 and rows[0][-1] < 235:
            beyond_mm.append((rows[1][-1] - rows[0][-1]) * sample.spacing_mm[1])
    assert len(beyond_mm) >= 4
    assert 2.5 < np.median(beyond_mm) < 9


def test_a_sample_depends_on_its_seed_and_number_alone():
    number = 3 * PATIENT_SAMPLES + 2
    maker = SampleMaker(5)
    maker.make(number - 1)
    after_another, alone = maker.make(number), SampleMaker(5).make(number)
    for name in ("image", "labels", "coherence", "rating"):
        assert np.array_equal(getattr(after_another, name), getattr(alone, name))
    assert after_another.to_json() == alone.to_json()
    assert not np.array_equal(SampleMaker(6).make(number).image, alone.image)


def test_neighbours_share_a_patient_and_nothing_that_is_random_in_a_picture():
    first, second, other = (draw_sample(1, index) for index in (0, 1, PATIENT_SAMPLES))
    assert first.patient == second.patient != other.patient
    assert first.rng_seed != second.rng_seed
    assert first.beat != second.beat


def test_views_follow_their_shares():
    drawn = [draw_sample(2, index, {"A4C": 3.0, "ALAX": 1.0}).view for index in range(200)]
    assert set(drawn) == {"A4C", "ALAX"}
    assert drawn.count("A4C") / 200 == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize("shares", [{}, {"A3C": 1.0}, {"A4C": 0.0}, {"A4C": -1.0}])
def test_views_that_cannot_be_drawn_are_refused(shares):
    with pytest.raises(CaptureError, match="Choose of A4C"):
        draw_sample(1, 0, shares)


def test_a_record_is_plain_json(samples):
    for sample in samples:
        record = json.loads(json.dumps(sample.to_json(), allow_nan=False))
        assert record["view"] == sample.view
        assert record["spacing_mm"] == pytest.approx(sample.spacing_mm)
        assert record["plane"]["foreshortening"] == pytest.approx(sample.plane.foreshortening)
        sector = record["sector"]
        mask = sector_mask(sector["first_mm"], sector["last_mm"], np.radians(sector["half_angle_deg"]))
        assert np.mean(mask != sample.inside) < 1e-4


def test_experts_close_the_atrium_and_draw_no_aorta_in_four_chambers():
    labels = np.zeros((256, 256), np.uint8)
    labels[100:180, 100:160] = LA
    labels[120:150, 100:115] = AO
    drawn = as_experts(labels.copy(), "A4C")
    assert not (drawn == AO).any()
    assert (drawn[100:180, 100:160] == LA).all()
    assert (drawn[:99] == BACKGROUND).all()
    assert np.array_equal(as_experts(labels.copy(), "ALAX"), labels)


def test_regions_get_the_mean_of_the_dense_truth(samples):
    judged = [(sample, region_truth(sample)) for sample in samples if sample.view != OTHER_VIEW]
    found = [(sample, truth) for sample, truth in judged if truth.failure is None]
    assert len(found) >= 0.7 * len(judged)
    for _, truth in found:
        assert len(truth.rating) == len(truth.outside_share) == len(REGION_NAMES)
        assert all(rating is None or 1 <= rating <= 5 for rating in truth.rating)
        assert truth.severity is not None
        assert all(len(values) == len(REGION_NAMES) for values in truth.severity.values())
    sample, truth = found[0]
    flat = region_truth(replace(sample, rating=np.full((256, 256), 4.0, np.float32)))
    assert all(rating is None or rating == pytest.approx(4.0) for rating in flat.rating)


def test_what_has_no_regions_keeps_the_cause(samples):
    sample = next(sample for sample in samples if sample.view != OTHER_VIEW)
    empty = replace(sample, labels=np.zeros((256, 256), np.uint8))
    assert region_truth(empty).to_json() == {"failure": "no left ventricle found (0 pixels)"}
    assert region_truth(replace(sample, view=OTHER_VIEW)).failure == "not an apical long-axis view"
