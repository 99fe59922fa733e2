"""Volume of the left ventricle and ejection fraction from one apical view."""

from __future__ import annotations

import numpy as np

from models.runtime.contract import STRUCTURE_VALUES
from models.runtime.regions import clean_labels, find_landmarks

DISKS = 20


def single_plane_volume(label_map: np.ndarray, unit_xy: tuple[float, float]) -> float:
    """Volume by the modified Simpson rule with 20 disks (Lang et al. 2015), from one plane.

    The long axis runs from the middle of the annulus to the endocardial apex; each disk is as wide as the cavity's area
    in its slice. One plane alone, since biplane disks need both views at a known scale, which CAMUS lacks for A2C.

    Parameters
    ----------
    label_map : (H, W) uint8, values of ``STRUCTURE_VALUES``
    unit_xy : size of a pixel (x, y); in mm for a volume in ml, in any unit of the right ratio for a ratio of volumes

    Returns
    -------
    In ml, or thousandths of the unit's cube.

    Raises
    ------
    RegionFailure
        When the ventricle has no recognisable base and apex.
    """
    labels = clean_labels(label_map)
    marks = find_landmarks(labels, unit_xy)
    unit = np.asarray(unit_xy, float)
    base = 0.5 * (marks.annulus_left + marks.annulus_right) * unit
    axis = marks.apex * unit - base
    length = float(np.hypot(*axis))
    y, x = np.nonzero(labels == STRUCTURE_VALUES["LV"])
    along = (np.column_stack([x, y]) * unit - base) @ axis / length
    disk = np.clip((along / length * DISKS).astype(int), 0, DISKS - 1)  # what bulges beyond an end counts to that end
    height = length / DISKS
    width = np.bincount(disk, minlength=DISKS) * unit.prod() / height
    return float(np.pi / 4 * (width**2).sum() * height / 1000)


def ejection_fraction(
    labels: tuple[np.ndarray, np.ndarray], units: tuple[tuple[float, float], tuple[float, float]]
) -> float:
    """Ejection fraction in percent from the label maps of end-diastole and end-systole; see ``single_plane_volume``.

    Raises
    ------
    RegionFailure
        When one of the two has no recognisable ventricle.
    """
    full, empty = (single_plane_volume(label, unit) for label, unit in zip(labels, units, strict=True))
    return 100 * (1 - empty / full)
