"""The tight crop of a sector, squashed to the square that the models eat, and the exact map back to the screen.

Pixel coordinates are (x, y) with (0, 0) at the centre of the top left pixel, on the screen and in the square alike, so
a square of ``size`` pixels over a crop of ``width`` columns obeys ``x_screen = x0 + (x + 0.5) * width / size - 0.5``.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from calibration.levels import Levels, grey_of
from capture.errors import CalibrationError
from capture.geometry import Rect, SectorShape

MODEL_SIZE = 256
_SMALLEST_SIDE = 8


class SectorCrop:
    """Crop of one sector on screens of one size.

    Parameters
    ----------
    sector : shape on the screen
    frame_height, frame_width : size of the screen in pixels
    size : side of the models' square
    mirrored : the scanner shows left and right swapped; the square then holds the picture the standard way round

    Raises
    ------
    CalibrationError
        When less than 8 x 8 pixels of the sector lie on the screen.
    """

    def __init__(
        self,
        sector: SectorShape,
        frame_height: int,
        frame_width: int,
        size: int = MODEL_SIZE,
        mirrored: bool = False,
    ) -> None:
        self.sector = sector
        self.frame_size = (frame_height, frame_width)
        self.size = size
        self.mirrored = mirrored
        self.rect = _clipped_bounds(sector, frame_height, frame_width)
        self._outside = cv2.bitwise_not(_mask_of(sector, self.rect))  # (h, w) 255 outside
        self._scale = np.array([self.rect.width / size, self.rect.height / size])
        self._origin = np.array([self.rect.x, self.rect.y], dtype=np.float64)

    @property
    def sector_in_crop(self) -> SectorShape:
        """The sector in pixels of the crop."""
        return self.sector.moved(-self.rect.x, -self.rect.y)

    @cached_property
    def sector_mask_model(self) -> np.ndarray:
        """Pixels of the square of which at least half lies inside the sector, (size, size) bool."""
        return np.asarray(self.square(cv2.bitwise_not(self._outside)) >= 128)

    def extract(self, pixels: np.ndarray, levels: Levels | None = None) -> np.ndarray:
        """What the models eat of a screen.

        Parameters
        ----------
        pixels : (H, W) or (H, W, 3) BGR uint8, of the size given at construction
        levels : black and white of the signal; None for full range

        Returns
        -------
        (size, size) uint8 grey, full range, 0 outside the sector; a new array.

        Raises
        ------
        CalibrationError
            When the screen has another size.
        """
        return self.square(self.crop(pixels, levels))

    def square(self, crop: np.ndarray, size: int | None = None) -> np.ndarray:
        """Squash what ``crop`` gave, (h, w) uint8 -> (size, size) uint8; None for this crop's own size.

        Networks that eat squares of several sizes share one crop of the screen.
        """
        return self._squash(crop, size or self.size)

    def crop(self, pixels: np.ndarray, levels: Levels | None = None) -> np.ndarray:
        """The crop before squashing, (h, w) uint8 grey, full range, 0 outside the sector; a new array."""
        if pixels.shape[:2] != self.frame_size:
            raise CalibrationError(
                f"the sector was found on a {self.frame_size[1]}x{self.frame_size[0]} screen and this frame is "
                f"{pixels.shape[1]}x{pixels.shape[0]}: find the sector again, or choose the profile for this size"
            )
        grey = grey_of(pixels[self.rect.slices()])
        if levels is not None:
            grey = levels.expand(grey)
        return np.asarray(cv2.subtract(grey, self._outside))  # saturates: 0 outside, unchanged inside

    def to_screen(self, points: np.ndarray) -> np.ndarray:
        """Screen positions of square positions, (K, 2) -> (K, 2) float64 (x, y)."""
        points = np.array(points, dtype=np.float64).reshape(-1, 2)
        if self.mirrored:
            points[:, 0] = self.size - 1 - points[:, 0]
        return np.asarray(self._origin + (points + 0.5) * self._scale - 0.5)

    def to_model(self, points: np.ndarray) -> np.ndarray:
        """Square positions of screen positions, (K, 2) -> (K, 2) float64 (x, y)."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        inside = (points - self._origin + 0.5) / self._scale - 0.5
        if self.mirrored:
            inside[:, 0] = self.size - 1 - inside[:, 0]
        return np.asarray(inside)

    def to_crop_grid(self, values: np.ndarray) -> np.ndarray:
        """A map over the square, over the pixels of the crop: (size, size) -> (h, w), same dtype.

        Integers and booleans are labels (nearest); floats are interpolated linearly.
        """
        values = np.ascontiguousarray(values[:, ::-1]) if self.mirrored else np.ascontiguousarray(values)
        if np.issubdtype(values.dtype, np.floating):
            method, source = cv2.INTER_LINEAR, values
        else:
            method, source = cv2.INTER_NEAREST_EXACT, values.astype(np.uint8)
        resized = cv2.resize(source, (self.rect.width, self.rect.height), interpolation=method)
        return np.array(resized, dtype=values.dtype)

    def to_screen_grid(self, values: np.ndarray) -> np.ndarray:
        """A map over the square, over the whole screen: (size, size) -> (H, W), same dtype, 0 outside the crop."""
        screen = np.zeros(self.frame_size, values.dtype)
        screen[self.rect.slices()] = self.to_crop_grid(values)
        return screen

    def mm_per_model_px(self, spacing_mm: float) -> tuple[float, float]:
        """Size in mm of a pixel of the square, (x, y), from that of a square screen pixel."""
        return float(self._scale[0] * spacing_mm), float(self._scale[1] * spacing_mm)

    def _squash(self, crop: np.ndarray, size: int) -> np.ndarray:
        """``squashed``, the standard way round; a new array."""
        crop = squashed(crop, size)
        return np.array(crop[:, ::-1] if self.mirrored else crop)


def squashed(crop: np.ndarray, size: int) -> np.ndarray:
    """(h, w) -> (size, size) uint8: averaged along a side that shrinks, linear along one that grows."""
    height, width = crop.shape
    over = size * _oversampling(width / size), size * _oversampling(height / size)
    if over != (width, height):
        crop = np.asarray(cv2.resize(crop, over, interpolation=cv2.INTER_LINEAR))
    if over != (size, size):
        crop = np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA))
    return crop


def _oversampling(ratio: float) -> int:
    """Samples per model pixel along one side, so that averaging them misses no screen pixel.

    Linear samples at most 2.2 pixels apart, averaged over whole model pixels, are an area average to within 2 grey
    levels rms in pure speckle, at a sixth of the time of INTER_AREA with a ratio that is no whole number.
    """
    if ratio <= 1:
        return 1
    return 2 * int(np.ceil(ratio / 4.4))


def _clipped_bounds(sector: SectorShape, height: int, width: int) -> Rect:
    if not np.isfinite(sector.outline()).all():
        raise CalibrationError(f"the sector has a value that is not a number ({sector}): find the sector again")
    rect = sector.bounds().clipped(height, width)
    if min(rect.width, rect.height) < _SMALLEST_SIDE:
        raise CalibrationError(
            f"the sector does not lie on the {width}x{height} screen: find the sector again, "
            "or choose the profile that belongs to this scanner and screen size"
        )
    return rect


def _mask_of(sector: SectorShape, rect: Rect) -> np.ndarray:
    inside = sector.moved(-rect.x, -rect.y).mask(rect.height, rect.width)
    return inside.astype(np.uint8) * np.uint8(255)
