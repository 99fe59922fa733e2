"""Log density of the gate's latent plane on a grid: for the window's contours, and for the mean latent of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from capture.errors import DataError

CELLS = 128


@dataclass(frozen=True, eq=False)
class DensityGrid:
    """A square around the origin.

    Attributes
    ----------
    reach : the square runs from ``-reach`` to ``reach`` along both axes
    values : (n, n) float32 log densities, row for the second coordinate, column for the first

    Raises
    ------
    DataError
        When it is no grid of finite numbers.
    """

    reach: float
    values: np.ndarray

    def __post_init__(self) -> None:
        shape = self.values.shape
        if len(shape) != 2 or shape[0] != shape[1] or min(shape) < 2 or not self.reach > 0:
            raise DataError(f"a density of {shape} values over {self.reach} is no grid: release the gate again")
        if not np.isfinite(self.values).all():
            raise DataError("a density grid holds values that are not finite: release the gate again")

    @staticmethod
    def axis(reach: float, cells: int = CELLS) -> np.ndarray:
        """Coordinates of the columns, and of the rows, (n,) float32."""
        return np.linspace(-reach, reach, cells, dtype=np.float32)

    def at(self, latents: np.ndarray) -> np.ndarray:
        """Log density of latents (N, 2), (N,) float64, linear between the grid's points; beyond its edge that there."""
        points = np.asarray(latents, np.float32).reshape(-1, 2)
        place = (points + self.reach) * ((len(self.values) - 1) / (2 * self.reach))
        x, y = np.ascontiguousarray(place[:, :1]), np.ascontiguousarray(place[:, 1:])
        found = cv2.remap(self.values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found[:, 0], np.float64)

    def as_plain(self) -> dict[str, Any]:
        """For the parameters of a map of reference points."""
        return {"reach": self.reach, "values": np.round(self.values.astype(np.float64), 2).tolist()}

    @classmethod
    def of(cls, plain: Any) -> DensityGrid:
        """What ``as_plain`` gave.

        Raises
        ------
        DataError
            When it is something else.
        """
        try:
            return cls(float(plain["reach"]), np.asarray(plain["values"], np.float32))
        except (TypeError, KeyError, ValueError) as error:
            raise DataError(f"no density grid ({error}): release the gate again") from error
