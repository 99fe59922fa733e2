"""The pre-processing of US2QNet on the live path: fuzzy non-local filter and sharpening (US2QNet paper, section III).

The paper's equations 7-9 with their slips put right: each pixel becomes ``sum(w_j p_j) / sum(w_j)`` over the pixels
``j`` of a search square, where ``w_j = exp(-d_j^2 / (2 s^2))`` and ``d_j`` is the distance of the two windows of 5x5.
Speckle multiplies, so that windows are compared on the square root of the grey levels, where its strength depends
less on them; and by their running means (3x3 sums over means of 3x3 span 5x5 pixels), since the paper compares the
windows' statistics and single pixels are mostly noise. ``models.us2qnet.filter_figures`` measures the gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.errors import PictureError, SettingsError

SIDE = 224
"""Pixels on each side of the network's input (paper, section IV)."""

OFFSET = 20.0
"""Grey levels added under the root: keeps quantisation and noise of dark pixels from being blown up."""

SPREAD = 0.7
"""s of equation 9 over the noise of single pixels; chosen on CAMUS training pictures with speckle."""

MEAN_TAPS = (0.25, 0.5, 0.25)
"""Of the mean of 3x3 by which windows are compared, one axis."""

WINDOW_SUM = 3
"""Side of the sum over these means."""

SEARCH = 5
"""Side of the search square in the product: 7 filters .1 dB better (card) and takes half as long again."""

WINDOW = len(MEAN_TAPS) + WINDOW_SUM - 1
"""Side in pixels of what is compared: 5, as in the paper."""

NOISE_KERNEL = ((1.0, -2.0, 1.0), (-2.0, 4.0, -2.0), (1.0, -2.0, 1.0))
"""Blind to planes and to edges along an axis (Immerkaer 1996); white noise comes out 6 times stronger."""

LEAST_LEVEL = 8.0
"""Grey level below which a pixel says nothing of speckle: the black around the sector."""

TRIM = 3.0
"""Responses above so many times their mean are edges."""

MEAN_TO_SIGMA = 1 / (6 * 0.7653)
"""From the trimmed mean of a half-normal's size to its sigma, through ``NOISE_KERNEL``."""

LEAST_SIGMA = 0.02
"""As small as the noise of rounding to whole grey levels."""

LEAST_EXPONENT = -60.0
"""Weights below exp(-60) change nothing beside the centre's 1, but denormal numbers would cost four times the time."""

SHARPENING = ((0.0, -1.0, 0.0), (-1.0, 5.0, -1.0), (0.0, -1.0, 0.0))
"""4-neighbour Laplacian sharpening (paper, section III)."""

_MEAN_TAPS = np.array(MEAN_TAPS, np.float32)
_SUM_TAPS = np.ones(WINDOW_SUM, np.float32)
_NOISE_KERNEL = np.array(NOISE_KERNEL, np.float32)
_SHARPENING = np.array(SHARPENING, np.float32)


def check_search(search: int) -> int:
    """The side of the search square, when it is one.

    Raises
    ------
    SettingsError
        Unless it is an odd whole number, 3 or more.
    """
    if isinstance(search, bool) or not isinstance(search, int) or search < 3 or search % 2 == 0:
        raise SettingsError(f"the search size of the fuzzy filter is {search!r}: give an odd number from 3, such as 7")
    return search


def check_sigma(sigma: float | None) -> float | None:
    """A given noise level, when it is one; None stands for an estimate from each picture.

    Raises
    ------
    SettingsError
        Unless it is None or a finite number above 0.
    """
    if sigma is not None and not (np.isfinite(sigma) and sigma > 0):
        raise SettingsError(f"the noise level of the fuzzy filter is {sigma!r}: give a number above 0, or leave it out")
    return sigma


def half_shifts(search: int) -> list[tuple[int, int]]:
    """Every (dy, dx) of a search square of which the opposite is not listed; without (0, 0)."""
    reach = search // 2
    return [(dy, dx) for dy in range(reach + 1) for dx in range(-reach, reach + 1) if (dy, dx) > (0, 0)]


def prepare(picture: np.ndarray) -> np.ndarray:
    """Any ultrasound picture as the plain input of the network, without filter.

    Parameters
    ----------
    picture : (H, W) grey or (H, W, 3) BGR, uint8

    Returns
    -------
    (224, 224) float32 in 0..1, squashed to the square: area means where both sides shrink, else linear.

    Raises
    ------
    PictureError
        When it is of another type or shape, smaller than 2x2, or all of one colour.
    """
    _check_form(picture)
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if grey.min() == grey.max():
        raise PictureError("the picture is all of one colour: there is nothing to judge; check cable, gain and crop")
    shrinks = min(grey.shape) >= SIDE
    resized = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.multiply(resized, np.float32(1 / 255), dtype=np.float32)


def _check_form(picture: np.ndarray) -> None:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        kind = getattr(picture, "dtype", type(picture).__name__)
        raise PictureError(f"the picture is of type {kind}: give grey or BGR levels as a uint8 array")
    if picture.ndim not in {2, 3} or (picture.ndim == 3 and picture.shape[2] != 3):
        raise PictureError(f"the picture has shape {picture.shape}: give (H, W) grey or (H, W, 3) BGR")
    if min(picture.shape[:2]) < 2:
        raise PictureError(f"the picture is of {picture.shape[1]}x{picture.shape[0]} pixels: give at least 2x2")


def sharpen(picture: np.ndarray) -> np.ndarray:
    """4-neighbour sharpening of (H, W) float32 in 0..1, clipped to that range; reflected at the borders."""
    out = cv2.filter2D(picture, -1, _SHARPENING, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(out, 0, 1, out=out)


def noise_sigma(picture: np.ndarray) -> float:
    """Strength of a picture's pixel-wise noise on the scale ``2 sqrt(grey + 20)``, grey in 0..255.

    For speckle it is near ``relative deviation x sqrt(grey)``. The mean size of what ``NOISE_KERNEL`` leaves of the
    pixels that are not black, once more without what is more than three times as large: edges hardly count. The
    picture's own texture is smoother than single pixels and hardly counts either.

    Parameters
    ----------
    picture : (H, W) float32 in 0..1, at least 3x3

    Returns
    -------
    At least ``LEAST_SIGMA``, which is also the answer for a black picture.
    """
    return _noise_of(stabilised(picture), picture)


def stabilised(picture: np.ndarray) -> np.ndarray:
    """``2 sqrt(255 p + 20)`` of a float32 picture in 0..1: the scale on which windows are compared."""
    out = cv2.addWeighted(picture, 4 * 255, picture, 0, 4 * OFFSET)
    return np.asarray(cv2.sqrt(out, dst=out))


def _noise_of(stable: np.ndarray, picture: np.ndarray) -> float:
    size = np.abs(cv2.filter2D(stable, -1, _NOISE_KERNEL)[1:-1, 1:-1])
    lit = picture[1:-1, 1:-1] >= LEAST_LEVEL / 255
    first = cv2.mean(size, lit.view(np.uint8))[0]
    small = lit & (size <= TRIM * first)
    return max(cv2.mean(size, small.view(np.uint8))[0] * MEAN_TO_SIGMA, LEAST_SIGMA)


@dataclass(frozen=True, eq=False)
class _Shift:
    """Views of the filter's buffers for one shift s and its opposite.

    ``here`` and ``there`` are the means at x and x + s wherever x or x + s lies in the picture, one pixel wider on
    each side; ``difference`` and ``weight`` take w(x, x + s); ``ahead`` is w at x, ``behind`` w at x - s (both H, W);
    ``pixel_ahead`` is the picture at x + s, ``pixel_behind`` at x - s.
    """

    here: np.ndarray
    there: np.ndarray
    difference: np.ndarray
    weight: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray
    pixel_ahead: np.ndarray
    pixel_behind: np.ndarray


class FuzzyFilter:
    """The fuzzy non-local filter; holds its buffers, so that one object serves one thread.

    A weight is the same from x to x + s and back: half of the shifts are enough. Borders are reflected.

    Parameters
    ----------
    search : side of the search square in pixels, odd, 3 or more; the paper does not tell its own
    sigma : noise on the scale of ``noise_sigma``; None estimates it from each picture
    shape : height and width of every picture, in pixels

    Raises
    ------
    SettingsError
        When an option is none.
    """

    def __init__(self, search: int = SEARCH, sigma: float | None = None, shape: tuple[int, int] = (SIDE, SIDE)) -> None:
        self.search = check_search(search)
        self.sigma = check_sigma(sigma)
        self.shape = shape
        reach = search // 2
        if min(shape) < reach + 3:
            raise SettingsError(f"pictures of {shape} are too small for search size {search}: choose a smaller one")
        self._margin = reach + 2
        height, width = (side + 2 * self._margin for side in shape)
        self._padded = np.empty((height, width), np.float32)
        self._mean = np.empty((height, width), np.float32)
        self._scratch = np.empty((2, height * width), np.float32)
        self._sum = np.empty(shape, np.float32)
        self._total = np.empty(shape, np.float32)
        self._shifts = [self._views(dy, dx) for dy, dx in half_shifts(search)]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Filter one picture.

        Parameters
        ----------
        picture : ``shape``, float32 in 0..1 or uint8

        Returns
        -------
        ``shape`` float32 in 0..1, an array of its own.

        Raises
        ------
        PictureError
            When type or shape is another, or a value is not finite or beyond 0..1.
        """
        picture = self._checked(picture)
        self._compare_by(picture)
        np.copyto(self._sum, picture)
        self._total.fill(1)  # a window is like itself: weight 1
        for shift in self._shifts:
            self._add(shift)
        return np.asarray(cv2.divide(self._sum, self._total))

    def preprocess(self, picture: np.ndarray) -> np.ndarray:
        """Filter, then ``sharpen``: what the paper's network sees. As ``__call__``."""
        return sharpen(self(picture))

    def _checked(self, picture: np.ndarray) -> np.ndarray:
        if not isinstance(picture, np.ndarray) or picture.dtype not in {np.dtype(np.uint8), np.dtype(np.float32)}:
            kind = getattr(picture, "dtype", type(picture).__name__)
            raise PictureError(f"the fuzzy filter got a picture of type {kind}: give uint8, or float32 in 0..1")
        if picture.shape != self.shape:
            raise PictureError(f"the fuzzy filter is made for {self.shape}, got {picture.shape}: use prepare() first")
        if picture.dtype == np.uint8:
            return np.asarray(np.multiply(picture, np.float32(1 / 255), dtype=np.float32))
        if not (picture.min() >= 0 and picture.max() <= 1):  # NaN answers no to both
            raise PictureError("the picture holds values that are not numbers in 0..1: scale it, or repair its source")
        return np.asarray(picture, order="C")

    def _compare_by(self, picture: np.ndarray) -> None:
        """Fill the means of windows, scaled so that ``exp`` of minus their squared differences is the weight."""
        m = self._margin
        cv2.copyMakeBorder(picture, m, m, m, m, cv2.BORDER_REFLECT_101, dst=self._padded)
        stable = stabilised(self._padded)
        sigma = self.sigma or _noise_of(stable[m:-m, m:-m], picture)
        scale = 1 / (SPREAD * sigma * WINDOW_SUM * np.sqrt(2))  # d^2 is the mean over the 3x3 sum
        taps = np.asarray(_MEAN_TAPS * scale, np.float32)
        cv2.sepFilter2D(stable, -1, taps, _MEAN_TAPS, dst=self._mean)

    def _views(self, dy: int, dx: int) -> _Shift:
        height, width = self.shape
        m, left = self._margin, max(dx, 0)
        rows, columns = height + dy, width + abs(dx)
        top, start = m - dy - 1, m - left - 1
        size = (rows + 2) * (columns + 2)
        difference, weight = (flat[:size].reshape(rows + 2, columns + 2) for flat in self._scratch)
        inner = weight[1:-1, 1:-1]
        right = left - dx  # of the columns at x - s
        return _Shift(
            here=self._mean[top : top + rows + 2, start : start + columns + 2],
            there=self._mean[top + dy : top + dy + rows + 2, start + dx : start + dx + columns + 2],
            difference=difference,
            weight=weight,
            ahead=inner[dy:, left : left + width],
            behind=inner[:height, right : right + width],
            pixel_ahead=self._padded[m + dy : m + dy + height, m + dx : m + dx + width],
            pixel_behind=self._padded[m - dy : m - dy + height, m - dx : m - dx + width],
        )

    def _add(self, shift: _Shift) -> None:
        cv2.subtract(shift.here, shift.there, dst=shift.difference)
        cv2.multiply(shift.difference, shift.difference, dst=shift.difference)
        cv2.sepFilter2D(shift.difference, -1, _SUM_TAPS, -_SUM_TAPS, dst=shift.weight)
        np.maximum(shift.weight, LEAST_EXPONENT, out=shift.weight)
        cv2.exp(shift.weight, dst=shift.weight)
        cv2.accumulateProduct(shift.ahead, shift.pixel_ahead, self._sum)
        cv2.accumulate(shift.ahead, self._total)
        cv2.accumulateProduct(shift.behind, shift.pixel_behind, self._sum)
        cv2.accumulate(shift.behind, self._total)
