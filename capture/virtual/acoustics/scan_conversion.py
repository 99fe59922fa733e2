"""From beams to screen pixels: a polar image (ranges by beams) resampled into the rectangle of its sector."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from capture.geometry import Rect, Sector

_BAND_ROWS = 64


def _row_bands(height: int) -> list[slice]:
    return [slice(top, min(top + _BAND_ROWS, height)) for top in range(0, height, _BAND_ROWS)]


@dataclass(frozen=True, eq=False)
class _Band:
    """Some rows of the picture, as wide as the sector is there: a third of its box lies outside of it."""

    area: tuple[slice, slice]
    maps: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, rows: slice, mask: np.ndarray, column: np.ndarray, row: np.ndarray) -> _Band:
        columns = np.flatnonzero(mask[rows].any(axis=0))
        across = slice(int(columns[0]), int(columns[-1]) + 1) if len(columns) else slice(0, 1)
        xy, fraction = cv2.convertMaps(column[rows, across], row[rows, across], cv2.CV_16SC2)
        return cls((rows, across), (np.asarray(xy), np.asarray(fraction)))


class ScanConverter:
    """Scan conversion with maps that are computed once.

    Parameters
    ----------
    sector : where the picture stands on the screen
    ranges, beams : size of the polar image; the outermost rows and columns lie on the sector's outline
    screen_height, screen_width : the sector's rectangle is clipped to this screen

    Attributes
    ----------
    box : the rectangle that ``convert`` fills
    mask : (box.height, box.width) uint8, 255 inside the sector
    """

    def __init__(self, sector: Sector, ranges: int, beams: int, screen_height: int, screen_width: int) -> None:
        self.box: Rect = sector.bounds().clipped(screen_height, screen_width)
        self.mask: np.ndarray = self._inside(sector)
        row, column = self.polar_position(sector, ranges, beams)
        self._bands = [_Band.of(rows, self.mask, column, row) for rows in _row_bands(self.box.height)]

    def convert(self, polar: np.ndarray) -> np.ndarray:
        """Resample ``polar`` (ranges, beams) uint8; (box.height, box.width) uint8, 0 outside the sector."""
        picture = np.zeros_like(self.mask)
        for band in self._bands:
            part = cv2.remap(polar, *band.maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            cv2.bitwise_and(part, self.mask[band.area], dst=picture[band.area])
        return picture

    def polar_position(self, sector: Sector, ranges: int, beams: int) -> tuple[np.ndarray, np.ndarray]:
        """Row and column in the polar image of each pixel of the box, float32."""
        y, x = np.mgrid[0 : self.box.height, 0 : self.box.width].astype(np.float32)
        radius, angle = sector.polar(x + self.box.x, y + self.box.y)
        row = (radius - sector.radius_min_px) * ((ranges - 1) / (sector.radius_max_px - sector.radius_min_px))
        column = (angle - sector.angle_left) * ((beams - 1) / (sector.angle_right - sector.angle_left))
        return row.astype(np.float32), column.astype(np.float32)

    def _inside(self, sector: Sector) -> np.ndarray:
        local = sector.moved(-self.box.x, -self.box.y)
        inside: np.ndarray = local.mask(self.box.height, self.box.width).astype(np.uint8) * np.uint8(255)
        return inside
