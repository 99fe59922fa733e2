"""Score maps: the straight line from each method's own metric to the raters' scale of 1 to 5.

The line runs from rating to metric, metric = slope * rating + intercept, as the regional quality paper fits and
publishes it (section 3.2); a metric becomes a rating through its inverse.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from calibration.toml_file import TomlKind
from capture.errors import CalibrationError

SCHEMA_VERSION = 1
LOWEST, HIGHEST = 1.0, 5.0
_FLAT = 1e-9  # a line that explains less than this share of the metric's range is rounding error
_FILE = TomlKind("score map", "correct the file or fit it again")

Finite = Annotated[float, Field(allow_inf_nan=False)]
MethodName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinearMap(_Part):
    """metric = slope * rating + intercept."""

    slope: Finite = Field(description="change of the metric per step of the rating; not 0, negative when it falls")
    intercept: Finite = Field(description="metric at the rating 0")

    @field_validator("slope")
    @classmethod
    def _not_flat(cls, slope: float) -> float:
        if abs(slope) < 1e-12:
            raise ValueError("must not be 0: a flat line has no inverse")
        return slope

    def unclipped(self, metric: np.ndarray) -> np.ndarray:
        """Rating of each metric, not held to 1..5: any shape, float64; NaN stays NaN."""
        return np.asarray((np.asarray(metric, np.float64) - self.intercept) / self.slope)

    def rating(self, metric: np.ndarray) -> np.ndarray:
        """Rating 1..5 of each metric: any shape, float64; NaN stays NaN."""
        return np.asarray(np.clip(self.unclipped(metric), LOWEST, HIGHEST))


class ScoreMap(_Part):
    """The lines of all methods that were fitted together."""

    schema_version: int = Field(default=SCHEMA_VERSION, ge=1, description="version of this file's layout")
    source: str = Field(min_length=1, max_length=200, description="what the lines were fitted on")
    methods: dict[MethodName, LinearMap] = Field(min_length=1, description="line of each method, by its short name")

    def line(self, method: str) -> LinearMap:
        """The line of one method.

        Raises
        ------
        CalibrationError
            When the map has none for it.
        """
        if method not in self.methods:
            known = ", ".join(sorted(self.methods))
            raise CalibrationError(f"the score map has no line for {method!r} (it has {known}): fit one, or choose one")
        return self.methods[method]

    def rating(self, method: str, values: np.ndarray) -> np.ndarray:
        """Rating 1..5 of a method's metrics: any shape, float64; NaN stays NaN.

        Raises
        ------
        CalibrationError
            When the map has no line for the method.
        """
        return self.line(method).rating(values)


PUBLISHED = ScoreMap(
    source="public library of the regional quality paper (arXiv 2408.00591), metrics matched to N(127, 32)",
    methods={
        "gcnr_paper": LinearMap(slope=0.03123, intercept=0.71817),
        "cnr": LinearMap(slope=0.21145, intercept=0.48587),
        "cr": LinearMap(slope=0.03724, intercept=1.04730),
        "intensity": LinearMap(slope=5.11751, intercept=150.53709),
    },
)
"""The published lines of the pixel metrics. The gCNR is the paper's form, 1 - 0.5 * overlap."""


def fit_line(metric: np.ndarray, rating: np.ndarray) -> LinearMap:
    """Least-squares line of metric on rating.

    Parameters
    ----------
    metric : (K,) real, NaN where nothing was measured
    rating : (K,) real in 1..5, NaN where nobody rated; pairs with a NaN are left out

    Raises
    ------
    CalibrationError
        When the arrays do not pair up, a value is infinite or a rating outside 1..5, fewer than three pairs or fewer
        than two different ratings are left, or the metric does not change with the rating.
    """
    x, y = _pairs(metric, rating)
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean()) / (centred @ centred))
    if abs(slope) * np.ptp(x) <= _FLAT * max(np.ptp(y), np.abs(y).max()):
        raise CalibrationError(f"the metric does not change with the rating over {x.size} pairs: it gives no score")
    return LinearMap(slope=slope, intercept=float(y.mean() - slope * x.mean()))


def _pairs(metric: np.ndarray, rating: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratings and metrics of the complete pairs, each (K,) float64."""
    x, y = np.asarray(rating, np.float64), np.asarray(metric, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise CalibrationError(f"{y.shape} metrics and {x.shape} ratings do not pair up: give one rating per metric")
    complete = ~(np.isnan(x) | np.isnan(y))
    x, y = x[complete], y[complete]
    if not np.isfinite(y).all() or ((x < LOWEST) | (x > HIGHEST)).any():
        raise CalibrationError("a metric is infinite or a rating outside 1..5: leave such pairs out")
    if x.size < 3 or np.ptp(x) == 0:
        raise CalibrationError(
            f"{x.size} pairs with {np.unique(x).size} different ratings do not make a line: rate more pictures"
        )
    return x, y


def load_score_map(path: Path) -> ScoreMap:
    """Read a score map.

    Raises
    ------
    CalibrationError
        When the file is missing, no TOML, too new or breaks a rule; names file, field and rule.
    """
    path = Path(path)
    values = _FILE.read(path)
    _FILE.version(values, path, SCHEMA_VERSION)
    try:
        return ScoreMap.model_validate(values)
    except ValidationError as error:
        raise _FILE.invalid(path, error) from error


def save_score_map(score_map: ScoreMap, path: Path) -> None:
    """Write a score map: aside, then swapped in.

    Raises
    ------
    CalibrationError
        When the folder cannot be written to.
    """
    _FILE.write(Path(path), score_map.model_dump())
