"""Black and white of a video signal."""

import numpy as np
import pytest
from real_images import a4c_frames, stills

from calibration.levels import FULL_RANGE, LIMITED_RANGE, Levels, detect_levels
from capture.virtual.screen.console import random_parameters, random_screen


@pytest.mark.parametrize("seed", range(12))
def test_screens(seed: int) -> None:
    expected = LIMITED_RANGE if random_parameters(seed).limited_range else FULL_RANGE
    assert detect_levels([random_screen(seed)[0]]) == expected


def test_real_pictures_are_full_range() -> None:
    assert all(detect_levels([image]) == FULL_RANGE for image in stills("camus/val/images/*.png", 10))
    assert detect_levels(a4c_frames(60)) == FULL_RANGE


def test_table() -> None:
    lut = LIMITED_RANGE.lut
    assert (lut[:17] == 0).all()
    assert (lut[235:] == 255).all()
    assert (np.diff(lut.astype(int)) >= 0).all()
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert FULL_RANGE.expand(picture) is picture
    assert (LIMITED_RANGE.expand(picture) == lut[picture]).all()


def test_nothing_known_changes_nothing() -> None:
    assert detect_levels([]) == FULL_RANGE
    with pytest.raises(ValueError, match="levels need"):
        Levels(200, 100)
