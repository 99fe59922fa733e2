"""The crop, the square and the way back to the screen."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.crop import SectorCrop
from calibration.levels import LIMITED_RANGE, Levels
from capture.errors import CalibrationError
from capture.geometry import LinearField, Sector
from tests.support.stopwatch import cpu_ms

SECTOR = Sector(320.0, 20.0, 4.0, 400.0, -0.7, 0.7)


@given(
    x=st.floats(50, 590),
    y=st.floats(-40, 60),
    radius=st.floats(100, 500),
    half=st.floats(0.3, 0.8),
    size=st.sampled_from([128, 224, 256]),
    mirrored=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_round_trip_is_exact(x: float, y: float, radius: float, half: float, size: int, mirrored: bool) -> None:
    crop = SectorCrop(Sector(x, y, 2.0, radius, -half, half), 480, 640, size, mirrored)
    points = np.random.default_rng(0).uniform(-10, size + 10, (50, 2))
    assert np.abs(crop.to_model(crop.to_screen(points)) - points).max() < 1e-6
    corners = crop.to_screen(np.array([[-0.5, -0.5], [size - 0.5, size - 0.5]]))
    rect = crop.rect
    assert sorted(corners[:, 0]) == pytest.approx([rect.x - 0.5, rect.x + rect.width - 0.5])
    assert corners[:, 1] == pytest.approx([rect.y - 0.5, rect.y + rect.height - 0.5])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("scale", [0.35, 0.8, 1.3, 2.6])
def test_a_blob_lands_where_the_map_says(scale: float, mirrored: bool) -> None:
    sector = Sector(320 * scale, 20 * scale, 4 * scale, 400 * scale, -0.7, 0.7)
    height, width = round(480 * scale), round(640 * scale)
    crop = SectorCrop(sector, height, width, mirrored=mirrored)
    for x, y in ((320, 200), (250, 300), (400, 330)):
        cx, cy = x * scale, y * scale
        grid_y, grid_x = np.mgrid[0:height, 0:width]
        blob = 200 * np.exp(-((grid_x - cx) ** 2 + (grid_y - cy) ** 2) / (2 * (8 * scale) ** 2))
        square = crop.extract(blob.astype(np.uint8)).astype(float)
        my, mx = np.mgrid[0:256, 0:256]
        centre = np.array([[(square * mx).sum(), (square * my).sum()]]) / square.sum()
        assert crop.to_screen(centre)[0] == pytest.approx([cx, cy], abs=0.1 + 0.1 * scale)


def test_outside_is_black_and_limited_range_expands() -> None:
    screen = np.full((480, 640, 3), 16, np.uint8)
    screen[:, :, :] = 235
    crop = SectorCrop(SECTOR, 480, 640)
    square = crop.extract(screen, LIMITED_RANGE)
    assert square.shape == (256, 256)
    assert square.dtype == np.uint8
    assert square[128, 128] == 255
    assert square[250, 3] == 0
    assert (square[crop.sector_mask_model] >= 127).all()
    assert crop.extract(np.full((480, 640), 16, np.uint8), LIMITED_RANGE).max() == 0


def test_close_to_an_exact_area_average() -> None:
    random = np.random.default_rng(3)
    screen = cv2.GaussianBlur(random.integers(0, 256, (1080, 1920), dtype=np.uint8), (0, 0), 1.5)
    screen = cv2.normalize(screen, None, 0, 255, cv2.NORM_MINMAX)
    crop = SectorCrop(LinearField(400, 80, 1500, 980), 1080, 1920)
    exact = cv2.resize(crop.crop(screen), (256, 256), interpolation=cv2.INTER_AREA).astype(float)
    assert np.sqrt(np.mean((crop.extract(screen) - exact) ** 2)) < 2.5


def test_label_map_goes_back_to_its_pixels() -> None:
    crop = SectorCrop(SECTOR, 480, 640)
    labels = np.zeros((256, 256), np.uint8)
    labels[100:150, 60:120] = 3
    screen = crop.to_screen_grid(labels)
    assert screen.shape == (480, 640)
    assert set(np.unique(screen)) == {0, 3}
    rows, columns = np.nonzero(screen)
    low = crop.to_screen(np.array([[59.5, 99.5]]))[0]
    assert columns.min() == pytest.approx(low[0], abs=1)
    assert rows.min() == pytest.approx(low[1], abs=1)
    assert crop.to_screen_grid(labels.astype(np.float32)).dtype == np.float32
    assert crop.to_screen_grid(labels > 0).dtype == np.bool_


def test_mirrored_square_is_flipped() -> None:
    screen = np.random.default_rng(1).integers(0, 256, (480, 640), dtype=np.uint8)
    plain, mirrored = SectorCrop(SECTOR, 480, 640), SectorCrop(SECTOR, 480, 640, mirrored=True)
    assert (mirrored.extract(screen) == plain.extract(screen)[:, ::-1]).all()
    assert (mirrored.sector_mask_model == plain.sector_mask_model[:, ::-1]).all()
    labels = np.random.default_rng(2).integers(0, 4, (256, 256)).astype(np.uint8)
    assert (mirrored.to_screen_grid(labels) == plain.to_screen_grid(labels[:, ::-1])).all()


def test_model_pixel_size() -> None:
    crop = SectorCrop(LinearField(0, 0, 511, 255), 480, 640)
    assert crop.mm_per_model_px(0.3) == pytest.approx((0.6, 0.3))


def test_wrong_sizes_and_places_are_named() -> None:
    with pytest.raises(CalibrationError, match="does not lie on the 640x480 screen"):
        SectorCrop(SECTOR.moved(5000, 0), 480, 640)
    with pytest.raises(CalibrationError, match="not a number"):
        SectorCrop(Sector(float("nan"), 0, 1, 100, -1, 1), 480, 640)
    with pytest.raises(CalibrationError, match="640x480 screen and this frame is 800x600"):
        SectorCrop(SECTOR, 480, 640).extract(np.zeros((600, 800), np.uint8))
    with pytest.raises(ValueError, match="16 between"):
        Levels(100, 110)


def test_extract_is_cheap() -> None:
    crop = SectorCrop(Sector(960, 80, 5, 900, -0.6, 0.6), 1080, 1920)
    screen = np.zeros((1080, 1920, 3), np.uint8)
    assert cpu_ms(lambda: crop.extract(screen, LIMITED_RANGE), turns=29) < 1.5
