"""What is truly there in a frame of the virtual scanner: labels, and how far echoes stand above clutter and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.geometry import Rect
from capture.virtual.anatomy import LA, LV, MYO, label_map

if TYPE_CHECKING:
    from capture.virtual.scanner import VirtualScanner


@dataclass(frozen=True)
class GroundTruth:
    """Truth of one frame on the pixels of the sector's box.

    Attributes
    ----------
    box : the sector's rectangle on the screen
    labels : (box.height, box.width) uint8, 0 background, 1 LV, 2 MYO, 3 LA; 0 outside the sector
    signal_to_clutter_db : (box.height, box.width) float32, the tissue's mean echo above clutter plus noise there
    visibility : share of each structure's pixels whose echo stands 6 dB above clutter and noise, or for the cavities
        whose clutter and noise stay 6 dB below the septum's echo; by label, NaN when none of it is in the sector
    volume_ml : of the left ventricle
    t_s : time after the first R peak
    """

    box: Rect
    labels: np.ndarray
    signal_to_clutter_db: np.ndarray
    visibility: dict[int, float]
    volume_ml: float
    t_s: float

    def on_screen(self, height: int, width: int) -> np.ndarray:
        """Labels on the whole screen, (height, width) uint8."""
        screen = np.zeros((height, width), np.uint8)
        screen[self.box.slices()] = self.labels
        return screen


def ground_truth(scanner: VirtualScanner, frame_index: int) -> GroundTruth:
    """Truth of one frame; exact motion, no coarse grid (about 0.5 s at 1920x1080)."""
    t_s = frame_index / scanner.fps
    box, inside = scanner.console.converter.box, scanner.console.converter.mask > 0
    y, x = np.mgrid[0 : box.height, 0 : box.width].astype(np.float32)
    x_mm = (x + (box.x - scanner.sector.apex_x)) * scanner.spacing_mm
    z_mm = (y + (box.y - scanner.sector.apex_y)) * scanner.spacing_mm
    x0, z0 = scanner.heart.material_position(x_mm, z_mm, scanner.heart.state(t_s))
    labels = label_map(scanner.heart, x0, z0) * inside
    echo_db, disturbance_db = _levels(scanner, x0, z0)
    visibility = _visibility(labels, echo_db, disturbance_db)
    difference = (echo_db - disturbance_db).astype(np.float32)
    return GroundTruth(box, labels, difference, visibility, scanner.heart.volume_ml(t_s), t_s)


def _levels(scanner: VirtualScanner, x0: np.ndarray, z0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean echo of the tissue after shadows, and clutter plus noise; dB on the box."""
    probe, window = scanner.probe, scanner.degradations
    noise = window.noise_level_db(probe)[:, None]
    disturbance = 10 * np.log10(10 ** (window.clutter_db(probe) / 10) + 10 ** (noise / 10))
    echo = scanner.tissue.sample(x0, z0) + _on_box(scanner, window.gain_db(probe))
    return echo, _on_box(scanner, disturbance)


def _on_box(scanner: VirtualScanner, polar: np.ndarray) -> np.ndarray:
    """Nearest sample of a polar map (ranges, beams) for each pixel of the box."""
    row, column = scanner.console.converter.polar_position(scanner.sector, *polar.shape)
    rows = np.clip(np.rint(row), 0, polar.shape[0] - 1).astype(np.intp)
    columns = np.clip(np.rint(column), 0, polar.shape[1] - 1).astype(np.intp)
    return np.asarray(polar[rows, columns])


def _visibility(labels: np.ndarray, echo_db: np.ndarray, disturbance_db: np.ndarray) -> dict[int, float]:
    shares = {}
    for label in (LV, MYO, LA):
        here = labels == label
        seen = echo_db[here] - disturbance_db[here] > 6 if label == MYO else disturbance_db[here] < -6
        shares[label] = float(seen.mean()) if here.any() else float("nan")
    return shares
