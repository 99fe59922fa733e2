"""What is truly there in a frame of the virtual scanner: labels, view, and what echoes lose on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from capture.geometry import Rect
from capture.virtual.acoustics.beam_grid import undeformed
from capture.virtual.body.anatomy import AO, LA, LV, MYO, label_map
from capture.virtual.probe.plane_truth import PlaneTruth, plane_truth

if TYPE_CHECKING:
    from capture.virtual.scanner import VirtualScanner


@dataclass(frozen=True, eq=False)
class CauseLevels:
    """Where quality goes, dB on the pixels of the sector's box, (box.height, box.width) float32.

    Attributes
    ----------
    echo_db : the tissue's mean echo as it would be without losses, against the septum's
    shadow_db : lost behind ribs and lung, by poor contact, and in a given shadow; 0 or more
    depth_loss_db : lost with depth and towards the edges; may be negative where gain is higher than needed
    clutter_db, noise_db : level of reverberation with haze, and of electronic noise
    """

    echo_db: np.ndarray
    shadow_db: np.ndarray
    depth_loss_db: np.ndarray
    clutter_db: np.ndarray
    noise_db: np.ndarray


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """Truth of one frame on the pixels of the sector's box.

    Attributes
    ----------
    box : the sector's rectangle on the screen
    labels : (box.height, box.width) uint8, 0 background, 1 LV, 2 MYO, 3 LA, 4 AO; 0 outside the sector
    signal_to_clutter_db : (box.height, box.width) float32, the tissue's mean echo above clutter plus noise there
    causes : what makes up ``signal_to_clutter_db``
    visibility : share of each structure's pixels whose echo stands 6 dB above clutter and noise, or for the cavities
        whose clutter and noise stay 6 dB below the septum's echo; by label, NaN when none of it is in the sector
    plane : which view it is, and how well it is met
    volume_ml : of the left ventricle
    t_s : time after the first R peak
    """

    box: Rect
    labels: np.ndarray
    signal_to_clutter_db: np.ndarray
    causes: CauseLevels
    visibility: dict[int, float]
    plane: PlaneTruth
    volume_ml: float
    t_s: float

    def on_screen(self, height: int, width: int) -> np.ndarray:
        """Labels on the whole screen, (height, width) uint8."""
        screen = np.zeros((height, width), np.uint8)
        screen[self.box.slices()] = self.labels
        return screen


def ground_truth(scanner: VirtualScanner, frame_index: int) -> GroundTruth:
    """Truth of one frame at the scanner's present pose; labels are exact for each pixel."""
    t_s = frame_index / scanner.fps
    labels = exact_labels(scanner, t_s)
    causes = _causes(scanner, t_s)
    disturbance_db = 10 * np.log10(10 ** (causes.clutter_db / 10) + 10 ** (causes.noise_db / 10))
    received_db = causes.echo_db - causes.shadow_db - causes.depth_loss_db
    difference = (received_db - disturbance_db).astype(np.float32)
    return GroundTruth(
        scanner.console.converter.box,
        labels,
        difference,
        causes,
        _visibility(labels, difference, disturbance_db),
        plane_truth(scanner.heart, scanner.tissue.chambers, scanner.pose, scanner.heart.state(t_s)),
        scanner.heart.volume_ml(t_s),
        t_s,
    )


def exact_labels(scanner: VirtualScanner, t_s: float) -> np.ndarray:
    """Labels on the pixels of the sector's box, uint8; motion and shape are worked out for each pixel."""
    box, inside = scanner.console.converter.box, scanner.console.converter.mask > 0
    y, x = np.nonzero(inside)
    x_mm = (x + (box.x - scanner.sector.apex_x)) * scanner.spacing_mm
    z_mm = (y + (box.y - scanner.sector.apex_y)) * scanner.spacing_mm
    places = undeformed(scanner.grid.plane.points(x_mm, z_mm), scanner.pose)
    material = scanner.heart.material_position(places, scanner.heart.state(t_s))
    labels = np.zeros(inside.shape, np.uint8)
    labels[inside] = label_map(scanner.tissue.chambers, material)
    return labels


def _causes(scanner: VirtualScanner, t_s: float) -> CauseLevels:
    probe, window, grid = scanner.probe, scanner.degradations, scanner.grid
    _, echo, transmission = scanner.echoes_db(scanner.heart.state(t_s))
    shadow = window.shadow_loss_db(probe) - grid.spread(transmission)
    noise = np.broadcast_to(window.noise_level_db(probe)[:, None], shadow.shape)
    depth_loss = -scanner.window_gain_db() - window.shadow_loss_db(probe)
    polar = (grid.spread(echo), np.maximum(shadow, 0), depth_loss, window.clutter_db(probe), noise)
    row, column = scanner.console.converter.polar_position(scanner.sector, probe.ranges, probe.beams)
    return CauseLevels(*(_on_box(values, row, column) for values in polar))


def _on_box(polar: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """A polar map (ranges, beams) at each pixel of the box."""
    values = np.ascontiguousarray(polar, np.float32)
    return np.asarray(cv2.remap(values, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _visibility(labels: np.ndarray, difference_db: np.ndarray, disturbance_db: np.ndarray) -> dict[int, float]:
    shares = {}
    for label in (LV, MYO, LA, AO):
        here = labels == label
        seen = difference_db[here] > 6 if label == MYO else disturbance_db[here] < -6
        shares[label] = float(seen.mean()) if here.any() else float("nan")
    return shares
