"""Why regions are bad, and the sentence that says so."""

import numpy as np
import pytest

from models.runtime.causes import SHOWN_CAUSES, Told, advice_of, frame_causes, region_causes
from models.runtime.contract import CAUSES, REGION_NAMES
from models.runtime.dense import CAUSE_CHANNELS

NOTHING_OUTSIDE = (0.0,) * 8
EVERY = Told(SHOWN_CAUSES, 0.25)


def severity(**regions):
    """Severity (7, 8): ``cause={"region": value}``."""
    values = np.zeros((len(CAUSE_CHANNELS), 8), np.float32)
    for cause, found in regions.items():
        for name, value in found.items():
            values[CAUSE_CHANNELS.index(cause), REGION_NAMES.index(name)] = value
    return values


def advice(causes, view="A4C", length_share=0.5):
    return advice_of(causes, view, length_share)


def test_a_region_names_its_strongest_cause_from_a_quarter_on():
    found = region_causes(
        severity(shadow={"mid_left": 0.6}, noise={"mid_left": 0.3, "basal_left": 0.2}), NOTHING_OUTSIDE, EVERY
    )
    assert found[REGION_NAMES.index("mid_left")] == "shadow"
    assert found[REGION_NAMES.index("basal_left")] is None


def test_only_what_is_told_well_is_named():
    values = severity(shadow={"mid_left": 0.9}, noise={"mid_left": 0.5})
    assert region_causes(values, NOTHING_OUTSIDE, Told(("noise",), 0.4))[REGION_NAMES.index("mid_left")] == "noise"
    assert frame_causes(values, NOTHING_OUTSIDE, 0.0, 0.5, Told(("noise",), 0.6)) == ()


def test_processing_explains_but_is_not_shown():
    values = severity(processing=dict.fromkeys(REGION_NAMES, 1.0))
    assert region_causes(values, NOTHING_OUTSIDE, EVERY) == (None,) * 8
    assert frame_causes(values, NOTHING_OUTSIDE, 0.0, 0.5, EVERY) == ()


def test_causes_come_with_the_strongest_first():
    values = severity(haze={"apical_left": 0.5, "apical_right": 0.5}, defocus={"mid_right": 0.9, "basal_right": 0.8})
    causes = frame_causes(values, NOTHING_OUTSIDE, 0.0, 0.5, EVERY)
    assert [cause.name for cause in causes] == ["defocus", "haze"]
    assert causes[0].strength == pytest.approx(0.85)
    assert causes[1].regions == ("apical_left", "apical_right")
    assert {cause.name for cause in causes} <= set(CAUSES)


@pytest.mark.parametrize(
    ("values", "view", "sentence"),
    [
        ({"gain_high": dict.fromkeys(REGION_NAMES, 0.8)}, "A4C", "Gain too high: turn it down"),
        (
            {"shadow": {"mid_right": 0.8, "basal_right": 0.9}},
            "A4C",
            "Anterolateral wall in shadow: move the probe to a window between the ribs",
        ),
        ({"defocus": {"apical_left": 0.8, "apical_right": 0.9}}, None, "Apex blurred: set the focus there"),
        ({"noise": {"annulus_left": 0.8}}, "A2C", "Noise over annulus: less depth or a lower frequency"),
        ({"shadow": {"mid_left": 0.8}}, None, "Left wall in shadow: move the probe to a window between the ribs"),
    ],
)
def test_one_plain_sentence_with_the_walls_own_name(values, view, sentence):
    assert advice(frame_causes(severity(**values), NOTHING_OUTSIDE, 0.0, 0.5, EVERY), view) == sentence


def test_geometry_speaks_too():
    outside = (*NOTHING_OUTSIDE[:3], 0.8, *NOTHING_OUTSIDE[4:])
    causes = frame_causes(severity(), outside, 0.7, 0.2, EVERY)
    assert [cause.name for cause in causes] == ["depth", "outside", "foreshortened"]
    assert advice(causes, length_share=0.2) == "Depth too large: the ventricle is small in the picture"
    assert advice(causes, length_share=0.9) == "Depth too small: the heart does not fit"
    assert advice(causes[1:]) == "Apex outside the sector: tilt or rock towards it, or widen the sector"
    assert advice(causes[2:]) == "Apex foreshortened: slide one rib space down"


def test_a_good_frame_has_nothing_to_say():
    assert advice(frame_causes(severity(), NOTHING_OUTSIDE, 0.1, 0.5, EVERY)) == ""


def test_what_is_not_judged_is_no_cause():
    values = np.full((len(CAUSE_CHANNELS), 8), np.nan, np.float32)
    assert frame_causes(values, NOTHING_OUTSIDE, 0.0, 0.5, EVERY) == ()
    assert region_causes(values, NOTHING_OUTSIDE, EVERY) == (None,) * 8
