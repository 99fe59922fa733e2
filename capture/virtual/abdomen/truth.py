"""What is truly there in the abdomen scene, and how good its picture is: A-, A or A+.

The quality is ``q = outline * lumen * size * sqrt(1 - shadow)``, from levels without speckle:

- outline: mean over the whole bladder outline of ``s((c - 8) / 3) * s((w - b - 6) / 3)``, ``c`` the wall's echo above
  clutter, noise and the display's black inside it (dB), ``w`` the wall's echo, ``b`` black; outside the sector 0
- lumen: ``s((0.30 - g) / 0.06)``, ``g`` the mean grey (0..1) of clutter and noise in the bladder
- size: ``s((a - 12) / 4)``, ``a`` the bladder's area in the sector in cm2
- shadow: share of the picture's samples that gas weakens by more than 10 dB

with ``s`` the logistic function; A+ from q = 0.60, A from q = 0.25. Every cause lowers q: gas, haze, repeats,
noise, a thicker wall, too little urine, too much or too little gain. Where the bladder is wider than the sector, what
brings more of its outline into view raises q instead. The constants are engineering choices, not fitted to people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capture.geometry import Rect
from capture.virtual.abdomen.anatomy import Bladder, wall_echo_db
from capture.virtual.abdomen.parameters import AbdomenParameters
from capture.virtual.abdomen.window import noise_db, window
from capture.virtual.probe.settings import ProbeSettings

BLADDER = 1
_GRID = (160, 96)
_PLUS, _AVERAGE = 0.60, 0.25


@dataclass(frozen=True)
class AbdomenQuality:
    """Physical quantities behind the class of a picture; see the module's docstring.

    Attributes
    ----------
    outline_visibility : 0..1, outline that can be seen, of the whole outline
    lumen_grey : 0..1, mean grey level of clutter and noise in the bladder
    lumen_cm2 : area of the bladder in the sector
    shadow_share : 0..1, picture that gas weakens by more than 10 dB
    quality : q, 0..1
    """

    outline_visibility: float
    lumen_grey: float
    lumen_cm2: float
    shadow_share: float
    quality: float

    @property
    def quality_class(self) -> str:
        """``A-``, ``A`` or ``A+``."""
        return "A+" if self.quality >= _PLUS else "A" if self.quality >= _AVERAGE else "A-"


@dataclass(frozen=True)
class AbdomenTruth:
    """Truth of one frame on the pixels of the sector's box.

    Attributes
    ----------
    box : the sector's rectangle on the screen
    labels : (box.height, box.width) uint8, 0 background, 1 bladder; 0 outside the sector
    quality : of the examination, the same for all its frames
    t_s : time of the frame
    """

    box: Rect
    labels: np.ndarray
    quality: AbdomenQuality
    t_s: float

    @property
    def quality_class(self) -> str:
        """``A-``, ``A`` or ``A+``."""
        return self.quality.quality_class

    def on_screen(self, height: int, width: int) -> np.ndarray:
        """Labels on the whole screen, (height, width) uint8."""
        screen = np.zeros((height, width), np.uint8)
        screen[self.box.slices()] = self.labels
        return screen


def display_gain_db(p: AbdomenParameters, probe: ProbeSettings) -> float:
    """Gain that shows pelvic tissue at the probe's ``median_grey``, and what the operator adds to it."""
    return (probe.median_grey / 255 - 1) * probe.dynamic_range_db + p.gain_db


def abdomen_quality(p: AbdomenParameters, probe: ProbeSettings, bladder: Bladder) -> AbdomenQuality:
    """Quality of an examination at rest, from mean levels on a grid of 160 x 96 samples."""
    radius = np.linspace(probe.face_mm, probe.face_mm + probe.depth_mm, _GRID[0])[:, None]
    angle = np.linspace(-probe.half_angle, probe.half_angle, _GRID[1])[None, :]
    seen = window(p, bladder, radius, angle, probe)
    noise = noise_db(p, radius, probe)
    disturbance = 10 * np.log10(10 ** (seen.clutter_db / 10) + 10 ** (noise / 10))
    black = -display_gain_db(p, probe) - probe.dynamic_range_db
    outline = _outline_visibility(probe, bladder, seen.gain_db, disturbance, black)
    area = radius * np.ones_like(angle)  # a sample's area grows with its range
    inside = bladder.distance_mm(radius * np.sin(angle), radius * np.cos(angle)) < 0
    grey = np.clip((disturbance - black) / probe.dynamic_range_db, 0, 1)
    lumen = float((grey * area)[inside].sum() / max(area[inside].sum(), 1e-6)) if inside.any() else 1.0
    cell = probe.depth_mm / (_GRID[0] - 1) * 2 * probe.half_angle / (_GRID[1] - 1) / 100
    size = float(area[inside].sum() * cell)
    shadow = float((area * _logistic((seen.gas_shadow_db - 10) / 1.5)).sum() / area.sum())
    quality = outline * float(_logistic((0.30 - lumen) / 0.06)) * float(_logistic((size - 12) / 4))
    return AbdomenQuality(outline, lumen, size, shadow, quality * float(np.sqrt(1 - shadow)))


def _outline_visibility(
    probe: ProbeSettings, bladder: Bladder, gain: np.ndarray, disturbance: np.ndarray, black: float
) -> float:
    x, z = bladder.outline_mm()
    wall = wall_echo_db(bladder, x, z) + _at(probe, gain, *bladder.outline_mm(outward_mm=1.0))
    inner = _at(probe, disturbance, *bladder.outline_mm(outward_mm=-5.0))
    behind = 10 * np.log10(10 ** (inner / 10) + 10 ** (black / 10))
    seen = _logistic((wall - behind - 8) / 3) * _logistic((wall - black - 6) / 3)
    radius, angle = np.hypot(x, z), np.arctan2(x, z)
    in_sector = (np.abs(angle) <= probe.half_angle) & (radius <= probe.face_mm + probe.depth_mm)
    return float((seen * in_sector).mean())


def _at(probe: ProbeSettings, polar: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Nearest samples of a map over the whole sector."""
    row = (np.hypot(x, z) - probe.face_mm) / probe.depth_mm * (polar.shape[0] - 1)
    column = (np.arctan2(x, z) / probe.half_angle + 1) / 2 * (polar.shape[1] - 1)
    rows = np.clip(np.rint(row), 0, polar.shape[0] - 1).astype(np.intp)
    return np.asarray(polar[rows, np.clip(np.rint(column), 0, polar.shape[1] - 1).astype(np.intp)])


def _logistic(value: np.ndarray | float) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(value, dtype=np.float64))))
