"""Known frames in another scanner's look."""

from __future__ import annotations

import numpy as np
import pytest

from models.artifact.looks import other_look

SIDE = 96
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
INSIDE = np.abs(COLUMNS - (SIDE - 1) / 2) <= ROWS / 2
SPECKLE = np.clip(np.random.default_rng(0).rayleigh(60, (SIDE, SIDE)), 0, 255)
SQUARE = (SPECKLE * INSIDE).astype(np.uint8)


@pytest.mark.parametrize("seed", range(20))
def test_a_look_changes_the_picture_within_its_sector(seed: int):
    looked = other_look(SQUARE, INSIDE, np.random.default_rng(seed))
    assert (looked.dtype, looked.shape) == (np.uint8, SQUARE.shape)
    assert not looked[~INSIDE].any()
    change = np.abs(looked.astype(float) - SQUARE)[INSIDE].mean()
    assert 2 < change < 80
    assert 0.4 < looked[INSIDE].mean() / SQUARE[INSIDE].mean() < 2.2, "neither blown out nor gone"


def test_the_same_seed_gives_the_same_look_and_the_picture_stays_as_it_is():
    before = SQUARE.copy()
    first, again, other = (other_look(SQUARE, INSIDE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(SQUARE, before)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
