"""How steady the assessment of a real beating heart is: the released models on the real A4C clip, frame by frame."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from real_images import data_root

from app.engine.offline import assess_stream
from app.engine.smoothing import Smoother
from calibration.crop import SectorCrop
from capture.video_file import VideoFileSource
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import REGION_NAMES, Assessment
from models.runtime.plausibility import PlausibilityGate
from models.runtime.regions import RegionFailure, divide

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Assessment]:
    """Every frame of the clip as the live window would show it."""
    path = data_root() / "ntnu_e95_a4c" / "a4c.mp4"
    if not path.is_file():
        pytest.skip("no ntnu_e95_a4c/a4c.mp4 below the data folder: set SONOGAUGE_DATA to where the data sets are")
    cache: Path = tmp_path_factory.mktemp("cache")
    source = VideoFileSource(path, pace="fast")
    with RegionalAssessor(precision="int8", provider="cpu", keep_label_map=True, cache_dir=cache) as assessor:
        assessor.use_source(source.open())
        try:
            return [each.assessment for each in assess_stream(source, assessor, Smoother())]
        finally:
            source.close()


def test_regions_are_present(shown: list[Assessment]) -> None:
    for index, name in enumerate(REGION_NAMES):
        present = [a.is_judged and a.regions[index].score is not None for a in shown]
        assert np.mean(present) >= 0.95, name


def test_scores_change_little_from_frame_to_frame(shown: list[Assessment]) -> None:
    for index, name in enumerate(REGION_NAMES):
        steps = [_change(a, b, index) for a, b in pairwise(shown)]
        known = [step for step in steps if step is not None]
        assert known, name
        assert np.mean(known) <= 0.15, name


def _change(first: Assessment, second: Assessment, index: int) -> float | None:
    scores = [a.regions[index].score if a.is_judged else None for a in (first, second)]
    return None if None in scores else abs(scores[1] - scores[0])  # type: ignore[operator]


def test_no_label_flips_more_than_twice_a_second(shown: list[Assessment]) -> None:
    for index, name in enumerate(REGION_NAMES):
        labels = [(a.t_media_s, a.regions[index].label if a.is_judged else None) for a in shown]
        flips = [b[0] for a, b in pairwise(labels) if a[1] != b[1]]
        assert all(sum(1 for other in flips if flip <= other < flip + 1) <= 2 for flip in flips), name


def test_the_outlines_are_plausible(shown: list[Assessment]) -> None:
    gate, reasons = PlausibilityGate(), Counter[str]()
    for assessment in shown:
        reason = _refusal(gate, assessment)
        reasons.update([reason] if reason else [])
    assert reasons.total() <= 0.02 * len(shown), reasons


def _refusal(gate: PlausibilityGate, assessment: Assessment) -> str | None:
    assert assessment.crop is not None
    assert assessment.sector is not None
    assert assessment.label_map is not None
    crop = SectorCrop(assessment.sector, *assessment.frame_size)
    part = assessment.label_map[assessment.crop.slices()]
    labels = cv2.resize(part, (256, 256), interpolation=cv2.INTER_NEAREST)
    unit, inside = crop.mm_per_model_px(1.0), crop.sector_mask_model
    try:
        division = divide(labels, unit, inside, spacing_known=False)
    except RegionFailure as failure:
        return str(failure.reason)
    return gate.check(labels, division, inside, unit, round((assessment.t_media_s or 0.0) * 1e9))
