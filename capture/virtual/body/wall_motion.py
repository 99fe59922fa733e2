"""How strongly each wall of the left ventricle takes part in a beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.errors import CaptureError

WALLS = ("anterolateral", "anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral")
LEVELS = ("basal", "mid", "apical")
HIGHEST = 1.3
_LEVEL_S = (0.17, 0.5, 0.83)  # middle of the apical, mid and basal level along the long axis, 0 apex, 1 base


def wall_at(azimuth_deg: float) -> str:
    """Name of the wall at a left-ventricular azimuth (AHA model with six walls; Cerqueira 2002, 60 degrees each)."""
    return WALLS[round(azimuth_deg / 60) % 6]


@dataclass(frozen=True)
class WallMotion:
    """Amplitude of inward motion and thickening, 0 akinetic, 1 normal, at most 1.3; rows basal, mid, apical.

    Attributes
    ----------
    amplitudes : 3 x 6, in the order of ``LEVELS`` and ``WALLS``

    Raises
    ------
    CaptureError
        For an amplitude outside 0..1.3, or a table of another size.
    """

    amplitudes: tuple[tuple[float, ...], ...] = ((1.0,) * 6,) * 3

    def __post_init__(self) -> None:
        values = [value for row in self.amplitudes for value in row]
        if [len(row) for row in self.amplitudes] != [6, 6, 6] or not all(0 <= value <= HIGHEST for value in values):
            raise CaptureError("Wall motion needs 3 levels x 6 walls of amplitudes 0..1.3. Correct the table.")

    @classmethod
    def of(cls, **walls: float) -> WallMotion:
        """Normal motion, but for named walls at all levels, or for ``apical_anterior=0.2`` at one.

        Raises
        ------
        CaptureError
            For an unknown wall.
        """
        table = [[1.0] * 6 for _ in LEVELS]
        for name, value in walls.items():
            level, _, wall = name.rpartition("_")
            if wall not in WALLS or level not in ("", *LEVELS):
                raise CaptureError(f"There is no wall {name!r}. Choose of {', '.join(WALLS)}, or basal_... and so on.")
            for row in range(3) if not level else (LEVELS.index(level),):
                table[row][WALLS.index(wall)] = value
        return cls(tuple(tuple(row) for row in table))

    @property
    def normal(self) -> bool:
        """Every wall moves normally."""
        return all(value == 1.0 for row in self.amplitudes for value in row)

    def at(self, s: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
        """Amplitude at places along the axis and azimuths given by ``cosine`` and ``sine``; float32, same shape.

        A trigonometric polynomial passes through the six walls; levels are joined by straight lines.
        """
        turns = np.exp(1j * np.arange(4)[:, None] * np.radians(60) * np.arange(6)) / 6
        turn = np.asarray(cosine, np.float64) + 1j * sine
        powers = [np.ones_like(turn), turn, turn * turn, turn * turn * turn]
        rows = []
        for row in self.amplitudes:
            weights = (turns @ np.array(row)) * np.array([1.0, 2.0, 2.0, 1.0])
            rows.append(sum((np.conj(w) * p).real for w, p in zip(weights, powers, strict=True)))
        basal, mid, apical = rows
        share = np.interp(s, _LEVEL_S, (0.0, 1.0, 2.0)).astype(np.float32)
        lower = apical + np.minimum(share, 1) * (mid - apical)
        value = lower + np.maximum(share - 1, 0) * (basal - mid)
        return np.asarray(np.clip(value, 0, HIGHEST), np.float32)
