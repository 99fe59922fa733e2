"""Which pixels of a screen are picture and which are background: the evidence that sector detection rests on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.levels import grey_of

WORK_SIDE = 640
_FLAT_STEP = 2  # grey levels between neighbours in a background, noise of a capture card included
_DARKEST = 24  # grey level of a black bar at most, limited range and capture noise included
_LEAST_PICTURE = 0.02  # share of the screen that a picture above a strip covers
_COLOUR_STEP = 60  # channels further apart than this are graphics, not a grey picture


@dataclass(frozen=True)
class Background:
    """Flat level around a picture.

    Attributes
    ----------
    level : grey level
    noise : largest difference from it that noise explains, in grey levels
    """

    level: int
    noise: float


@dataclass(frozen=True)
class Foreground:
    """Evidence on a working copy whose longest side is at most ``WORK_SIDE``.

    Attributes
    ----------
    density : (h, w) float32, share of each working pixel's screen pixels that differ from the background, 0..1
    known : (h, w) float32, 0 where coloured graphics hide what is below, else 1
    body : (h, w) bool, the largest picture-like component without its holes
    scale : working pixels per screen pixel, (x, y)
    """

    density: np.ndarray
    known: np.ndarray
    body: np.ndarray
    scale: tuple[float, float]


def find_foreground(pixels: np.ndarray) -> list[Foreground]:
    """Separate picture from background on one screen, (H, W) or (H, W, 3) BGR uint8.

    Returns
    -------
    One or two readings: any difference from the background counts (finds dark flanks), or only a clear one
    (survives the ringing of compression). One when both say the same.
    """
    grey = grey_of(pixels)
    height, width = grey.shape
    factor = min(1.0, WORK_SIDE / max(height, width))
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    active = _active(grey)
    background = find_background(grey[active])
    if background is None:
        full = np.ones((size[1], size[0]), np.float32)
        return [Foreground(full, full, full > 0, (size[0] / width, size[1] / height))]
    known = 1 - _shrunk(_graphics(pixels, size), size).astype(np.float32) / 255
    distance = np.zeros_like(grey)
    distance[active] = _distance(grey[active], background.level)
    for rows in _bars(grey[active], background.level):
        distance[active][rows] = 0
    readings = []
    for threshold in _thresholds(distance, background):
        different = cv2.threshold(distance, threshold, 255, cv2.THRESH_BINARY)[1]
        density = _shrunk(different, size).astype(np.float32) / 255
        components = _components(density)
        strip = _strip_below(components, density.shape)
        if strip is not None:
            density[strip:] = 0
            components = _components(density)
        body = _largest(components, density.shape)
        readings.append(Foreground(density, known, body, (size[0] / width, size[1] / height)))
    return readings[:1] if _same(readings[0].body, readings[1].body) else readings


def loose_foreground(reading: Foreground) -> Foreground:
    """All that differs from the background as one convex body, for dim pictures that fall apart into islands."""
    solid = (cv2.blur(reading.density, (5, 5)) > 0.2).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    islands = [contour for contour in contours if cv2.contourArea(contour) >= 12]
    body = np.zeros(solid.shape, np.uint8)
    if islands:
        cv2.fillConvexPoly(body, cv2.convexHull(np.vstack(islands)), 1)
    return Foreground(body.astype(np.float32), reading.known, body > 0, reading.scale)


def _active(grey: np.ndarray) -> tuple[slice, slice]:
    """The scanner's own picture (rows, columns): everything but black bars around a screen that is not black."""
    whole = slice(0, grey.shape[0]), slice(0, grey.shape[1])
    rows, columns = (_between_bars(grey.max(axis=axis), grey.min(axis=axis)) for axis in (1, 0))
    if (rows, columns) == whole:
        return whole
    inner = find_background(grey[rows, columns])
    bar = int(grey[0, 0])
    return (rows, columns) if inner is not None and abs(inner.level - bar) > 2 * _FLAT_STEP else whole


def _between_bars(highest: np.ndarray, lowest: np.ndarray) -> slice:
    """What lies between dark flat lines at both ends, given the range of grey levels in each line."""
    dark = (highest <= _DARKEST) & (highest - lowest <= 2 * _FLAT_STEP)
    light = np.flatnonzero(~dark)
    if not len(light):
        return slice(0, len(dark))
    before, after = int(light[0]), len(dark) - 1 - int(light[-1])
    both = min(before, after) > 0 and light[-1] - light[0] > len(dark) // 3
    return slice(before, len(dark) - after) if both else slice(0, len(dark))


def find_background(grey: np.ndarray) -> Background | None:
    """Flat surroundings of the picture, from the middle 80 % of rows; None when almost nothing is flat."""
    margin = grey.shape[0] // 10
    middle = grey[margin : grey.shape[0] - margin]
    right = cv2.absdiff(middle[:-1, 1:], middle[:-1, :-1])
    down = cv2.absdiff(middle[1:, :-1], middle[:-1, :-1])
    flat = cv2.max(right, down) <= _FLAT_STEP
    counts = np.bincount(middle[:-1, :-1][flat], minlength=256).astype(np.float64)
    near = np.convolve(counts, np.ones(5), "same")
    peak = int(np.argmax(near))
    if near[peak] < 0.015 * flat.size:
        return None
    return _at_the_sides(middle, peak)


def _at_the_sides(middle: np.ndarray, peak: int) -> Background:
    """Level and noise where the picture seldom reaches, the outer columns; without noise when none of it is there."""
    margin = max(middle.shape[1] // 32, 2)
    sides = np.concatenate([middle[:, :margin].ravel(), middle[:, -margin:].ravel()])
    counts = np.bincount(sides, minlength=256).astype(np.float64)
    levels = np.arange(max(peak - 4, 0), min(peak + 5, 256))
    share = counts[levels]
    if share.sum() < 100:
        return Background(peak, 0.0)
    level = int(levels[np.argmax(share)])
    noise = 3 * np.sqrt(np.average((levels - level) ** 2, weights=share))
    return Background(level, float(noise) if noise > 0.5 else 0.0)


def _thresholds(distance: np.ndarray, background: Background) -> tuple[float, float]:
    """Differences that count, low and high, in grey levels."""
    low = float(np.clip(background.noise, 2.0, 4.0))
    sample = distance[::4, ::4]
    content = sample[sample > max(low, 3)]
    high = 0.2 * float(np.percentile(content, 75)) if content.size else 2.0
    return low, float(np.clip(high, low + 1, 24))


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.count_nonzero(a & b) >= 0.99 * np.count_nonzero(a | b))


def _bars(grey: np.ndarray, background: int) -> tuple[slice, slice]:
    """Rows of header and footer: of one level, not the background's, along most of their length."""
    height = grey.shape[0]
    limit = height // 8
    top = _bar_rows(grey[:limit], background)
    bottom = _bar_rows(grey[height - limit :][::-1], background)
    return slice(0, top), slice(height - bottom, height)


def _bar_rows(rows: np.ndarray, background: int) -> int:
    """How many of ``rows``, from the first, belong to a bar; a few rows of dense text inside it count."""
    thinned = rows[:, ::4]
    level = np.median(thinned, axis=1, keepdims=True)
    share = (np.abs(thinned - level) <= _FLAT_STEP).mean(axis=1)
    is_bar = (share > 0.6) & (np.abs(level[:, 0] - background) > 2 * _FLAT_STEP)
    return int(np.flatnonzero(is_bar)[-1]) + 1 if is_bar.any() else 0


def _distance(grey: np.ndarray, background: int) -> np.ndarray:
    table = np.abs(np.arange(256) - background).astype(np.uint8)
    return np.asarray(cv2.LUT(grey, table))


def _graphics(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """255 where colour says that a trace or marker is drawn over the screen; all 0 when colour is everywhere."""
    if pixels.ndim == 2:
        return np.zeros(pixels.shape, np.uint8)
    small = pixels if pixels.shape[1] == size[0] else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    blue, green, red = cv2.split(small)
    spread = cv2.subtract(cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red))
    coloured = cv2.threshold(spread, _COLOUR_STEP, 255, cv2.THRESH_BINARY)[1]
    if np.count_nonzero(coloured) > 0.03 * coloured.size:  # a tinted picture or colour flow, not a trace
        return np.zeros(coloured.shape, np.uint8)
    return np.asarray(cv2.dilate(coloured, np.ones((3, 3), np.uint8)), dtype=np.uint8)


def _shrunk(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if (mask.shape[1], mask.shape[0]) == size:
        return mask
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA))


def _components(density: np.ndarray) -> list[np.ndarray]:
    """Outlines of what is left after removal of thin things (text, rulers, traces) and of bars."""
    solid = (cv2.blur(density, (3, 3)) > 0.25).astype(np.uint8)
    unit = max(max(density.shape) / WORK_SIDE, 0.4)
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, _disc(5 * unit))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, _disc(11 * unit), borderType=cv2.BORDER_REPLICATE)
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [contour for contour in contours if not _is_bar(contour, density.shape)]


def _largest(components: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The largest component without its holes, (h, w) bool."""
    body = np.zeros(shape[:2], np.uint8)
    if components:
        cv2.drawContours(body, [max(components, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return np.asarray(body > 0)


def _strip_below(components: list[np.ndarray], shape: tuple[int, ...]) -> int | None:
    """First row of a spectrum or an M-mode strip: a wide rectangle in the lower part with a picture above it."""
    height, width = shape[:2]
    for component in components:
        _, top, across, down = cv2.boundingRect(component)
        wide = across > 0.5 * width and across > 1.8 * down and top > 0.3 * height
        if not wide or cv2.contourArea(component) < 0.9 * (across - 1) * (down - 1):
            continue
        above = [other for other in components if cv2.boundingRect(other)[1] + cv2.boundingRect(other)[3] <= top + 2]
        if any(cv2.contourArea(other) > _LEAST_PICTURE * height * width for other in above):
            return max(top - 2, 0)
    return None


def _is_bar(contour: np.ndarray, shape: tuple[int, ...]) -> bool:
    """A header or footer: flat and at the top or bottom of the screen."""
    _, y, width, height = cv2.boundingRect(contour)
    return height < 0.15 * shape[0] and width > 4 * height and (y <= 1 or y + height >= shape[0] - 1)


def _disc(diameter: float) -> np.ndarray:
    side = 2 * round(diameter / 2) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
