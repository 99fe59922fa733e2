"""The frozen degradations: what level, place and seed do to a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from capture.geometry import Sector
from models.data.degradations import KINDS, LEVELS, RESERVED_KINDS, TRAINING_KINDS, Degrader, feathered
from models.data.polar import PolarGrid

HEIGHT, WIDTH = 300, 320
SECTOR = Sector(160.0, 4.0, 6.0, 290.0, -0.65, 0.65)


def speckle() -> np.ndarray:
    """A sector with a bright wall around a dark cavity, log-compressed speckle, (H, W) uint8."""
    rng = np.random.default_rng(11)
    field = rng.standard_normal((2, HEIGHT, WIDTH)).astype(np.float32)
    smooth = [np.asarray(cv2.GaussianBlur(part, (0, 0), sigmaX=2.0, sigmaY=1.3)) for part in field]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    radius = np.hypot((x - 160) / 60, (y - 160) / 90)
    level = np.where(radius < 0.7, 35.0, np.where(radius < 1.0, 150.0, 95.0))
    envelope = np.hypot(*smooth)
    grey = level + 18 * np.log(envelope / envelope.mean() + 1e-2)
    return np.clip(grey * SECTOR.mask(HEIGHT, WIDTH), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def degrader() -> Degrader:
    return Degrader(speckle(), SECTOR)


@pytest.fixture(scope="module")
def region() -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((x - 110) / 14) ** 2 + ((y - 170) / 24) ** 2 < 1


def change(degrader: Degrader, picture: np.ndarray) -> float:
    return float(np.abs(picture.astype(float) - degrader.image).mean())


def test_the_reserved_kinds_are_never_trained_on():
    assert set(RESERVED_KINDS) == {"reverberation", "dropout"}
    assert not set(RESERVED_KINDS) & set(TRAINING_KINDS)
    assert set(KINDS) == set(RESERVED_KINDS) | set(TRAINING_KINDS)
    assert len(KINDS) == 10
    assert LEVELS == (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_level_0_is_the_picture_itself(degrader: Degrader, region: np.ndarray, kind: str):
    for where in (None, region):
        picture = degrader.apply(kind, 0.0, where, 1)
        assert np.array_equal(picture, degrader.image)
        assert picture is not degrader.image


@pytest.mark.parametrize("kind", KINDS)
def test_the_change_grows_with_the_level(degrader: Degrader, region: np.ndarray, kind: str):
    for where in (None, region):
        changes = np.array(
            [[change(degrader, degrader.apply(kind, t, where, seed)) for t in LEVELS] for seed in range(4)]
        )
        assert (np.diff(changes) >= 0).all(), changes
        assert (np.diff(changes.mean(axis=0)) > 0).all(), changes
        assert changes[:, -1].min() > (0.3 if where is None else 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_far_from_the_region_stay(degrader: Degrader, region: np.ndarray, kind: str):
    picture = degrader.apply(kind, 1.0, region, 5)
    distance = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)
    far = distance > 0.06 * HEIGHT * 3.5  # the dilation, and the whole of the feathered edge
    assert far.mean() > 0.5
    assert np.array_equal(picture[far], degrader.image[far])
    assert change(degrader, picture) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_appears_outside_the_sector(degrader: Degrader, kind: str):
    picture = degrader.apply(kind, 1.0, None, 5)
    assert picture.dtype == np.uint8
    assert picture.shape == (HEIGHT, WIDTH)
    assert not picture[~degrader.inside].any()


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_gives_one_picture(degrader: Degrader, kind: str):
    first, again, other = (degrader.apply(kind, 0.75, None, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    is_random = kind in {"haze", "noise", "defocus", "dropout"}
    assert np.array_equal(first, other) != is_random


def test_the_figures_of_the_frozen_definition(degrader: Degrader):
    image = degrader.image.astype(np.float32)
    assert degrader.full("gain_low", 0.5, 0) == pytest.approx(np.maximum(image - 45, 0))
    assert degrader.full("gain_high", 1.0, 0) == pytest.approx(np.minimum(image + 110, 255))
    shadow = np.maximum(image - 40 * 0.5 * (1 + degrader.depth), 0)
    assert degrader.full("shadow", 0.5, 0) == pytest.approx(shadow)
    noise = degrader.full("noise", 1.0, 0) - image
    deep = degrader.depth > 0.95
    assert float(noise[deep & degrader.inside].std()) == pytest.approx(28, rel=0.1)
    coarse = degrader.full("low_resolution", 1.0, 0)
    assert np.abs(np.diff(coarse, axis=1)).mean() < 0.6 * np.abs(np.diff(image, axis=1)).mean()


def test_the_edge_of_a_region_is_dilated_and_feathered(region: np.ndarray):
    weight = feathered(region, HEIGHT)
    assert weight.min() >= 0
    assert weight.max() <= 1
    assert weight[170, 110] == pytest.approx(1, abs=1e-3)
    edge = 110 + 14 + round(0.06 * HEIGHT)
    assert weight[170, edge] == pytest.approx(0.5, abs=0.15)
    assert weight[170, edge + round(0.06 * HEIGHT) * 2] < 0.01


def test_shadow_is_darker_and_reverberation_brighter(degrader: Degrader):
    assert degrader.apply("shadow", 1.0, None, 0).mean() < degrader.image.mean() - 20
    assert degrader.apply("reverberation", 1.0, None, 0).mean() > degrader.image.mean()


def test_beam_space_there_and_back():
    smooth = np.asarray(cv2.GaussianBlur(speckle(), (0, 0), 3))
    grid = PolarGrid(SECTOR, HEIGHT, WIDTH)
    there = grid.to_polar(smooth)
    assert there.shape == (256, 192)
    inner = cv2.erode(SECTOR.mask(HEIGHT, WIDTH).astype(np.uint8), np.ones((9, 9))) > 0
    back = grid.to_image(there)
    assert np.abs(back.astype(float) - smooth)[inner].mean() < 1.0
    position = grid.beam_position()
    assert position[150, 160] == pytest.approx(0.5, abs=0.01)
    assert position[150, 100] < 0.5 < position[150, 220]
