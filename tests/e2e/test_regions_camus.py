"""Region division over all CAMUS label maps; skipped where the data are not at hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.errors import DataError
from models.data.camus import CamusSample, read_split
from models.runtime.regions import RegionDivision, RegionFailure, divide

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
WHOLE = np.ones((256, 256), bool)


def samples() -> list[CamusSample]:
    try:
        return read_split(DATA, "train") + read_split(DATA, "val")
    except DataError as error:
        pytest.skip(f"no CAMUS here: {error}")


def divided(sample: CamusSample) -> RegionDivision:
    label = sample.label()
    spacing = sample.spacing_mm or 1.0
    unit = label.shape[1] / 256 * spacing, label.shape[0] / 256 * spacing
    small = cv2.resize(label, (256, 256), interpolation=cv2.INTER_NEAREST)
    return divide(small, unit, WHOLE, spacing_known=sample.spacing_mm is not None)


@pytest.mark.slow
def test_nearly_every_heart_is_divided_plausibly():
    causes: dict[str, str] = {}
    everything = samples()
    for sample in everything:
        try:
            check(divided(sample), sample)
        except RegionFailure as failure:
            causes[sample.stem] = str(failure)
    assert len(causes) <= 0.005 * len(everything), causes


def check(result: RegionDivision, sample: CamusSample) -> None:
    sizes = np.array([result.mask(index).sum() for index in range(6)])
    assert ((result.wall_map > 0) == (result.labels == 2)).all(), sample.stem
    assert sizes.min() > 0.04 * sizes.sum(), sample.stem
    assert sizes.max() < 0.45 * sizes.sum(), sample.stem
    marks = result.landmarks
    assert (np.diff(marks.inner_index) > 0).all(), sample.stem
    assert (np.diff(marks.outer_index) > 0).all(), sample.stem
    assert marks.annulus_left[0] < marks.annulus_right[0], sample.stem
    assert marks.apex[1] < min(marks.annulus_left[1], marks.annulus_right[1]), sample.stem
    for index in range(6):
        parts = cv2.connectedComponentsWithStats(result.mask(index).astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
        assert parts.max() > 0.97 * parts.sum(), sample.stem
    if sample.spacing_mm is not None:
        assert 35 < marks.length < 125, sample.stem
